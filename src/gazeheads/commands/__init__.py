"""What the commands do: each takes its options, prints for people, and returns what `--json` prints."""

import argparse
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, ClassVar

from gazeheads.errors import UsageError

if TYPE_CHECKING:
    from tqdm import tqdm

    from gazeheads.heads.heads import Heads
    from gazeheads.model.model import GazeModel


class Bar:
    """A progress bar on stderr that starts anew with every stage."""

    newest: ClassVar["Bar | None"] = None

    def __init__(self) -> None:
        self.bar: tqdm[Any] | None = None
        self.stage = ""
        Bar.newest = self

    def __call__(self, stage: str, done: int, total: int) -> None:
        """`done` more of `total` units of this stage."""
        from tqdm import tqdm

        if self.bar is None or stage != self.stage:
            self.close()
            self.bar, self.stage = tqdm(total=total, desc=stage, file=sys.stderr), stage
        self.bar.update(done)

    def close(self) -> None:
        """Finish the bar."""
        if self.bar is not None:
            self.bar.close()

    @classmethod
    def end(cls) -> None:
        """Finish the bar that an error may have left open, so that the message gets a line of its own."""
        if cls.newest is not None:
            cls.newest.close()


def writable_folder(path: Path) -> Path:
    """The folder, made if it is not there. Raises `UsageError` if nothing can be written into it."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        probe = path / ".gazeheads-probe"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise UsageError(
            f"Output folder {path}: it cannot be made or written ({error.strerror}). Choose another one."
        ) from error
    return path


def loaded(path: str | None) -> "GazeModel":
    """The model, without the library's own progress bars."""
    from transformers.utils import logging

    from gazeheads.model.loading import load

    logging.disable_progress_bar()
    return load(path)


def say_what_it_knows(path: str | None) -> None:
    """A word of caution where a picture of one's own was shown to the bundled model."""
    if path is None:
        print(
            "note: the bundled model knows its own doodles only; on other pictures its words mean little",
            file=sys.stderr,
        )


def heads_of(model: "GazeModel", path: Path | None) -> "Heads":
    """All that is known of the model's heads: of the file, or what ships with the bundled model."""
    from gazeheads.heads.heads import Heads
    from gazeheads.model.bundled import HEADS

    if path is None and not model.is_bundled:
        raise UsageError(
            f"Heads of {model.name}: none were given, and only the bundled model brings its own. Find them with "
            "`gazeheads discover --model ... --out heads.json`, then pass --heads heads.json."
        )
    return Heads.load(path or HEADS, model)


def heads_for(model: "GazeModel", path: Path | None, top: int | float | None) -> "Heads":
    """The heads to steer: of the file, or those that ship with the bundled model. Without `top`: `Heads.selected`."""
    heads = heads_of(model, path)
    return heads.selected if top is None else heads.top(top)


def quickstart(args: argparse.Namespace) -> dict[str, Any]:
    """Discover, steer, control, report."""
    folder = writable_folder(args.out)
    from gazeheads.evidence import quick
    from gazeheads.runs.quickstart import quickstart

    bar = Bar()
    model = loaded(args.model)
    with TemporaryDirectory(prefix="gazeheads-") as runs:
        result = quickstart(model, Path(runs), args.full, bar)
        results = quick.results_of(result)
    bar.close()
    page = quick.write(result, results, folder)
    if not args.json:
        print(quick.text(result, results))
        print(f"\nreport: {page}")
    return quick.to_json(result, results)


def look(args: argparse.Namespace) -> dict[str, Any]:
    """One steered answer beside the unsteered one."""
    from gazeheads.commands.looking import check, look

    check(args.picture, args.ask, args.box, args.panel, args.min_tokens)
    model = loaded(args.model)
    heads = heads_for(model, args.heads, args.top)
    found = look(
        model, args.picture, args.ask, heads, box=args.box, panel=args.panel, min_tokens=args.min_tokens
    )
    say_what_it_knows(args.model)
    if args.panel and not args.picture.is_dir():
        print(f"note: the picture was cut into {args.panel[1]} panels of equal width", file=sys.stderr)
    if not args.json:
        print(f"unsteered           {found.unsteered}")
        print(f"looking at {found.target}: {found.steered}")
        print(f"attention of {found.heads} heads on the target: {found.before:.1%} -> {found.after:.1%}")
    return found.as_json()


def doodles(args: argparse.Namespace) -> dict[str, Any]:
    """Draw test strips into files: a folder of panels each."""
    from gazeheads.drawing.strips import doodles

    folders = []
    for i, sample in enumerate(doodles(args.n, args.seed), start=1):
        large = sample.resized(256, 32)
        folder = writable_folder(args.out / f"strip{i}")
        for k, box in enumerate(large.boxes, start=1):
            x0, y0, x1, y1 = (round(c) for c in box.corners)
            large.picture.crop((x0, y0, x1, y1)).save(folder / f"p{k}.png")
        (folder / "captions.txt").write_text("".join(f"{c[1]}\n" for c in large.captions))
        folders.append(str(folder))
    if not args.json:
        print("\n".join(folders))
    return {"folders": folders}


def doctor(args: argparse.Namespace) -> dict[str, Any]:
    """Whether a model fits, check by check."""
    from gazeheads.doctor.doctor import as_json, examine

    model = loaded(args.model)
    checks = []
    if not args.json:
        print(model)
    for check in examine(model):
        checks.append(check)
        if not args.json:
            print(f"{check.state:5} {check.name:11} {check.found}", flush=True)
    found = as_json(model, checks)
    if not args.json:
        print("This model fits." if found["fits"] else "This model does not fit: see FAIL above.")
    return found
