"""Heads on the HuggingFace hub: a repository with `heads.json`, the plain list, and a card that says what they are.

Uses the caller's login (`hf auth login`), or a token. Nothing is sent or fetched unless asked for.
"""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from gazeheads.errors import HubError
from gazeheads.heads.file import write
from gazeheads.heads.head import Ranked

FILE, PLAIN, CARD = "heads.json", "heads-plain.json", "README.md"


def push(heads: Ranked, whole: Any, plain: Any, repo: str, private: bool, token: str | None) -> str:
    """Publish heads as `repo` ("name/of-it"), made if need be; the address. whole, plain: what the files hold."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    with TemporaryDirectory() as folder:
        write(Path(folder, FILE), whole)
        write(Path(folder, PLAIN), plain)
        Path(folder, CARD).write_text(card(heads, repo), encoding="utf-8")
        try:
            api = HfApi(token=token)
            api.create_repo(repo, private=private, exist_ok=True)
            message = f"{len(heads.heads)} gaze heads of {heads.provenance.model}"
            done = api.upload_folder(repo_id=repo, folder_path=folder, commit_message=message)
        except (HFValidationError, HfHubHTTPError, OSError) as error:
            raise HubError(
                f"Heads could not be published as {repo!r}: {_first_line(error)} Check the name, the network, and that "
                "`hf auth whoami` knows you."
            ) from error
    return str(done.commit_url)


def pull(repo: str, revision: str | None = None) -> str:
    """Where the heads file published as `repo`, or its plain list where nothing else is there, now lies."""
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError, HFValidationError

    try:
        try:
            return str(hf_hub_download(repo, FILE, revision=revision))
        except EntryNotFoundError:
            return str(hf_hub_download(repo, PLAIN, revision=revision))
    except (EntryNotFoundError, HFValidationError, HfHubHTTPError, OSError) as error:
        raise HubError(
            f"Heads cannot be fetched from {repo!r}: {_first_line(error)} Check the name, the revision and the "
            f"network; the repository must hold {FILE}."
        ) from error


def _first_line(error: Exception) -> str:
    line = (str(error).splitlines() or [type(error).__name__])[0].strip()
    return line if line.endswith(".") else line + "."


def card(heads: Ranked, repo: str) -> str:
    """The repository's README, written from the provenance alone."""
    page = Environment(
        loader=PackageLoader("gazeheads.pages"), undefined=StrictUndefined, keep_trailing_newline=True
    )
    layers = sorted({head.layer for head in heads.heads})
    return page.get_template("headcard.md").render(heads=heads, p=heads.provenance, layers=layers, repo=repo)
