"""The command line. Results go to stdout, progress to stderr; what the user can mend is one line and exit code 2."""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from gazeheads import __version__
from gazeheads.errors import BadInput, GazeHeadsError

if TYPE_CHECKING:
    from tqdm import tqdm

    from gazeheads.heads import Heads
    from gazeheads.model import GazeModel

PAPERS_SHARE = 0.09  # the paper's top 100 of 1,152 heads


def numbers(text: str) -> tuple[float, float, float, float]:
    """`x0,y0,x1,y1`, in pixels."""
    parts = text.split(",")
    try:
        x0, y0, x1, y1 = (float(part) for part in parts)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no box: write x0,y0,x1,y1 in pixels") from None
    return x0, y0, x1, y1


def fraction(text: str) -> tuple[int, int]:
    """`4/6`: the fourth of six, one-based."""
    try:
        k, n = (int(part) for part in text.split("/"))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no panel: write K/N, for example 4/6") from None
    return k, n


def amount(text: str) -> int | float:
    """A number of heads (`8`) or a share of all heads (`0.09`)."""
    try:
        return int(text) if text.isdigit() else float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is neither a number of heads nor a share of them"
        ) from None


class Bar:
    """A progress bar on stderr that starts anew with every stage."""

    def __init__(self) -> None:
        self.bar: tqdm[Any] | None = None
        self.stage = ""

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


def writable_folder(path: Path) -> Path:
    """The folder, made if it is not there. Raises `BadInput` if nothing can be written into it."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        probe = path / ".gazeheads-probe"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise BadInput(
            f"Output folder {path}: it cannot be made or written ({error.strerror}). Choose another one."
        ) from error
    return path


def loaded(path: str | None) -> "GazeModel":
    """The model, without the library's own progress bars."""
    from transformers.utils import logging

    from gazeheads.loading import load

    logging.disable_progress_bar()
    return load(path)


def heads_for(model: "GazeModel", path: Path | None, top: int | float | None) -> "Heads":
    """The heads to steer: of the file, or those that ship with the bundled model.

    Without `top`: the whole file if it holds a part of the model's heads, the paper's 9% of them if it ranks all.
    """
    from gazeheads.doodle import HEADS
    from gazeheads.heads import Heads

    if path is None and not model.is_bundled:
        raise BadInput(
            f"Heads of {model.name}: none were given, and only the bundled model brings its own. Find them with "
            "`gazeheads discover --model ... --out heads.json`, then pass --heads heads.json."
        )
    heads = Heads.load(path or HEADS)
    if top is None:
        top = PAPERS_SHARE if len(heads) == heads.scores.size else len(heads)
    return heads.top(top)


def quickstart(args: argparse.Namespace) -> dict[str, Any]:
    """Discover, steer, control, report."""
    folder = writable_folder(args.out)
    from gazeheads import quickstart as job
    from gazeheads.quickreport import text, write

    bar = Bar()
    model = loaded(args.model)
    result = job.quickstart(model, args.full, bar)
    bar.close()
    page = write(result, folder)
    found = job.as_json(result)
    if not args.json:
        print(text(result))
        print(f"\nreport: {page}")
    return found


def look(args: argparse.Namespace) -> dict[str, Any]:
    """One steered answer beside the unsteered one."""
    from gazeheads.look import check, look

    check(args.picture, args.ask, args.box, args.panel)
    model = loaded(args.model)
    heads = heads_for(model, args.heads, args.top)
    found = look(model, args.picture, args.ask, heads, box=args.box, panel=args.panel)
    if args.model is None:
        print(
            "note: the bundled model knows its own doodles only; on other pictures its words mean little",
            file=sys.stderr,
        )
    if args.panel and not args.picture.is_dir():
        print(f"note: the picture was cut into {args.panel[1]} panels of equal width", file=sys.stderr)
    if not args.json:
        print(f"unsteered           {found.unsteered}")
        print(f"looking at the {found.target}: {found.steered}")
        print(f"attention of {found.heads} heads on the target: {found.before:.1%} -> {found.after:.1%}")
    return found.as_json()


def discover(args: argparse.Namespace) -> dict[str, Any]:
    """Rank the heads of a model."""
    writable_folder(args.out.parent)
    from gazeheads.data.sources import samples_of
    from gazeheads.discovery import discover

    samples = samples_of(args.data, args.seed)
    model = loaded(args.model)
    bar, total = Bar(), sum(len(s.boxes) for s in samples)
    heads = discover(
        model, samples, data=args.data, seed=args.seed, progress=lambda n: bar("finding heads", n, total)
    )
    bar.close()
    heads.save(args.out)
    if not args.json:
        for head in heads.top(10):
            print(f"{head!s:8} {heads.score(head):.3f}")
        print(f"{len(heads)} heads ranked: {args.out}")
    return {"out": str(args.out), "top": [[str(h), heads.score(h)] for h in heads.top(10)]}


def doodles(args: argparse.Namespace) -> dict[str, Any]:
    """Draw test strips into files: a folder of panels each."""
    from gazeheads.data.doodles import doodles

    folders = []
    for i, sample in enumerate(doodles(args.n, args.seed), start=1):
        large = sample.fit(256, 32)
        folder = writable_folder(args.out / f"strip{i}")
        for k, box in enumerate(large.boxes, start=1):
            x0, y0, x1, y1 = (round(c) for c in box.corners)
            large.picture.crop((x0, y0, x1, y1)).save(folder / f"p{k}.png")
        (folder / "captions.txt").write_text("".join(f"{c[1]}\n" for c in large.captions))
        folders.append(str(folder))
    if not args.json:
        print("\n".join(folders))
    return {"folders": folders}


class OneLine(argparse.ArgumentParser):
    """A parser whose complaints are one line."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and leave with exit code 2."""
        self.exit(2, f"gazeheads: {message}. See `{self.prog} --help`.\n")


def parser() -> argparse.ArgumentParser:
    """All commands and their options."""
    top = OneLine(prog="gazeheads", description="Find, watch and steer the gaze heads of a VLM.")
    top.add_argument("--version", action="version", version=f"gazeheads {__version__}")
    commands = top.add_subparsers(dest="command", required=True, metavar="{quickstart,look,discover,doodles}")

    def command(
        name: str, run: Callable[[argparse.Namespace], dict[str, Any]], about: str
    ) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=about, description=about)
        sub.set_defaults(run=run)
        sub.add_argument("--json", action="store_true", help="print one JSON object instead of text")
        return sub

    quick = command("quickstart", quickstart, "find, steer, control, report: the main job, in about a minute")
    quick.add_argument("--out", type=Path, default=Path("gazeheads-quickstart"), help="folder of the report")
    quick.add_argument("--model", help="folder or hub id of a checkpoint; the bundled model without")
    quick.add_argument("--full", action="store_true", help="60 strips, the VQA prompt too, 20 control draws")

    one = command("look", look, "one steered answer beside the unsteered one")
    one.add_argument(
        "picture", type=Path, metavar="PICTURE|FOLDER", help="a picture, or a folder of p1.png ... pN.png"
    )
    one.add_argument("--ask", required=True, metavar="QUESTION")
    where = one.add_mutually_exclusive_group(required=True)
    where.add_argument("--panel", type=fraction, metavar="K/N", help="the K-th of N panels, from the left")
    where.add_argument("--box", type=numbers, metavar="X0,Y0,X1,Y1", help="pixels: left, top, right, bottom")
    one.add_argument("--model", help="folder or hub id of a checkpoint; the bundled model without")
    one.add_argument("--heads", type=Path, help="heads file; the bundled model brings its own")
    one.add_argument("--top", type=amount, help="how many heads: a number, or a share such as 0.09")

    find = command("discover", discover, "rank a model's heads by gaze score")
    find.add_argument("--model", help="folder or hub id of a checkpoint; the bundled model without")
    find.add_argument(
        "--data", default="doodles:24", help="doodles:N[:SPLIT] or comics:FOLDER (default %(default)s)"
    )
    find.add_argument("--seed", type=int, default=0)
    find.add_argument("--out", type=Path, required=True, help="heads file to write")
    draw = command("doodles", doodles, "draw doodle strips to try things on: a folder of panels each")
    draw.add_argument("--n", type=int, default=1, help="how many strips")
    draw.add_argument("--seed", type=int, default=0)
    draw.add_argument("--out", type=Path, required=True, help="folder to write them into")
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit code."""
    args = parser().parse_args(argv)
    try:
        found = args.run(args)
    except GazeHeadsError as error:
        print(f"gazeheads: {error}", file=sys.stderr)
        return 2
    if args.json:
        print(json.dumps(found))
    return 0
