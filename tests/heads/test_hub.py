"""Publishing heads and fetching them, against a stand-in for the hub: the client's own calls, a folder for a server."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import create_autospec

import huggingface_hub
import numpy as np
import pytest
from huggingface_hub.errors import EntryNotFoundError, RepositoryNotFoundError

from gazeheads.errors import BadHeadsFile, HubError, WrongModel
from gazeheads.heads.head import Provenance
from gazeheads.heads.heads import Heads
from gazeheads.heads.hub import card

SCORES = np.linspace(0.99, 0.1, 12).reshape(3, 4)
HEADS = Heads.ranked(SCORES, Provenance("you/some-vlm", 3, 4, "abc123", "doodles:24:dev", 101, 24))
MODEL = SimpleNamespace(name="you/some-vlm", n_layers=3, n_heads=4)


class NotFound(RepositoryNotFoundError):
    def __init__(self) -> None:
        Exception.__init__(self, "404: no such repository\nmore lines")


class NoEntry(EntryNotFoundError):
    def __init__(self) -> None:
        Exception.__init__(self, "no such file")


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What lies on the stand-in, one folder for each repository."""
    api = create_autospec(huggingface_hub.HfApi)

    def create_repo(repo_id: str, private: bool, exist_ok: bool) -> None:
        (tmp_path / repo_id).mkdir(parents=True, exist_ok=exist_ok)

    def upload_folder(repo_id: str, folder_path: str, commit_message: str) -> Any:
        for file in Path(folder_path).iterdir():
            (tmp_path / repo_id / file.name).write_bytes(file.read_bytes())
        return SimpleNamespace(commit_url=f"https://example.org/{repo_id}/commit/1")

    def download(repo: str, name: str, *, revision: str | None = None) -> str:
        if not (tmp_path / repo).is_dir():
            raise NotFound
        if not (tmp_path / repo / name).is_file():
            raise NoEntry
        return str(tmp_path / repo / name)

    api.return_value.create_repo.side_effect = create_repo
    api.return_value.upload_folder.side_effect = upload_folder
    monkeypatch.setattr(huggingface_hub, "HfApi", api)
    fake = create_autospec(huggingface_hub.hf_hub_download, side_effect=download)
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", fake)
    return tmp_path


def test_heads_come_back_from_the_hub_as_they_went(hub: Path) -> None:
    selected = HEADS.top(3)
    assert selected.push_to_hub("you/heads").startswith("https://example.org/you/heads")
    assert sorted(path.name for path in (hub / "you/heads").iterdir()) == [
        "README.md",
        "heads-plain.json",
        "heads.json",
    ]
    assert Heads.from_hub("you/heads") == selected
    assert Heads.from_hub("you/heads", MODEL) == selected
    (hub / "you/heads/heads.json").unlink()
    plain = Heads.from_hub("you/heads", MODEL)
    assert list(plain) == list(selected)
    assert [plain.score(head) for head in plain] == [selected.score(head) for head in selected]
    with pytest.raises(BadHeadsFile, match="a plain list, which does not say of which model"):
        Heads.from_hub("you/heads")


def test_the_card_says_what_the_heads_are_and_where_they_come_from() -> None:
    page = card(HEADS, "you/heads")
    assert page.startswith('---\nlibrary_name: gazeheads\nbase_model: "you/some-vlm"\n')
    for said in (
        "# 12 attention heads of you/some-vlm",
        "| model | you/some-vlm at abc123 |",
        "| found on | doodles:24:dev (24 images, seed 101) |",
        "| L0H0 | 0.990 |\n| L0H1 | 0.909 |",
        "| and 2 more | |",
        'heads = gh.Heads.from_hub("you/heads", model)',
        "in layers 0 to 2",
    ):
        assert said in page
    assert "control draw" not in page
    drawn = card(HEADS.top(2).controls(1, seed=0)[0], "you/null")
    assert "*Random-head controls*, matched by layers: not gaze heads." in drawn


def test_what_the_hub_refuses_is_said(hub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(HubError, match=r"cannot be fetched from 'you/none': 404: no such repository\. Check"):
        Heads.from_hub("you/none")
    (hub / "you/empty").mkdir(parents=True)
    with pytest.raises(HubError, match=r"'you/empty': no such file\. Check .* must hold heads.json"):
        Heads.from_hub("you/empty")

    def offline(*_: Any, **__: Any) -> None:
        raise ConnectionError("no network")

    huggingface_hub.HfApi.return_value.create_repo.side_effect = offline  # type: ignore[attr-defined]
    with pytest.raises(
        HubError, match=r"not be published as 'you/heads': no network\. Check .*hf auth whoami"
    ):
        HEADS.push_to_hub("you/heads")


def test_a_plain_list_is_read_and_written(tmp_path: Path) -> None:
    path = tmp_path / "plain.json"
    HEADS.top(2).save(path, plain=True)
    assert json.loads(path.read_text()) == [
        {"layer": 0, "head": 0, "score": 0.99},
        {"layer": 0, "head": 1, "score": float(SCORES[0, 1])},
    ]
    heads = Heads.load(path, MODEL)
    assert list(heads) == list(HEADS.top(2))
    assert np.isnan(heads.scores).sum() == 10
    assert (heads.provenance.score, heads.provenance.data) == ("as published", str(path))


@pytest.mark.parametrize(
    ("text", "wording"),
    [
        ("[]", "the list is empty"),
        ('[{"layer": 0}]', "a row names no head"),
        ('[{"layer": -1, "head": 0, "score": 1}]', "-1 is no number of a layer"),
        ('[{"layer": 0, "head": 1.5, "score": 1}]', "1.5 is no number"),
        ('[{"layer": 0, "head": 1, "score": "high"}]', "'high' is no score"),
        ('[{"layer": 0, "head": 1, "score": 1}, {"layer": 0, "head": 1, "score": 1}]', "each head once"),
        ('["L0-H1"]', "does not hold a set of heads"),
    ],
)
def test_lists_that_are_none_are_refused(tmp_path: Path, text: str, wording: str) -> None:
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(BadHeadsFile, match=wording):
        Heads.load(tmp_path / "x.json", MODEL)


def test_heads_of_another_shape_are_refused(tmp_path: Path) -> None:
    other = SimpleNamespace(name="you/other", n_layers=28, n_heads=28)
    HEADS.save(tmp_path / "ours.json")
    with pytest.raises(WrongModel, match=r"of you/some-vlm, 3 layers x 4 heads; you/other has 28 x 28\. Run"):
        Heads.load(tmp_path / "ours.json", other)
    (tmp_path / "plain.json").write_text('[{"layer": 35, "head": 3, "score": 0.5}]')
    with pytest.raises(WrongModel, match="Head L35H3 was asked for; you/other has layers 0 to 27"):
        Heads.load(tmp_path / "plain.json", other)
