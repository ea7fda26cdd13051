"""`gazeheads watch`: one answer, and where heads looked at each word, as a page that opens anywhere."""

import argparse
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from gazeheads.commands import heads_for, loaded, say_what_it_knows, writable_folder
from gazeheads.commands.arguments import amount, fraction, numbers
from gazeheads.errors import UsageError

PUSH: Final = "focus"
DURING: Final = "all"


def add(command: Callable[..., argparse.ArgumentParser]) -> None:
    """The options."""
    see = command("watch", watch, "where the heads look at each word of an answer, as one HTML page")
    see.add_argument(
        "pictures",
        type=Path,
        nargs="+",
        metavar="PICTURE|FOLDER",
        help="one or more pictures, a clip (GIF, WebP), or a folder of p1.png ... pN.png",
    )
    see.add_argument("--ask", required=True, metavar="QUESTION")
    see.add_argument("--model", help="folder or hub id of a checkpoint; the bundled model without")
    see.add_argument("--heads", type=Path, help="heads file; the bundled model brings its own")
    see.add_argument("--top", type=amount, help="how many heads, or a share of all, as in `gazeheads look`")
    where = see.add_mutually_exclusive_group()
    where.add_argument("--panels", type=int, metavar="N", help="tell N panels of equal width apart")
    where.add_argument(
        "--panel", type=fraction, metavar="K/N", help="N panels, and the gaze on the K-th from the left"
    )
    where.add_argument(
        "--box",
        type=placed,
        action="append",
        default=[],
        metavar="[P:]X0,Y0,X1,Y1",
        help="a region in pixels, of picture P (from 1); may be given several times",
    )
    see.add_argument("--frames", type=int, metavar="N", help="of a clip, evenly spaced (default: all)")
    see.add_argument(
        "--gaze", type=places, metavar="K[,K...]", help="steer: region K (from 1), or several in turn"
    )
    see.add_argument("--every", type=int, metavar="N", help="tokens for each region of a --gaze of several")
    see.add_argument("--push", help=f"with --gaze: focus, uniform, reweigh or bias(...) (default {PUSH})")
    see.add_argument(
        "--during", choices=["all", "answer", "decode"], help=f"with --gaze: which rows (default {DURING})"
    )
    see.add_argument(
        "--things",
        default="rule",
        help='what the answer describes: rule, spacy:MODEL, or its words, as "a cat; the kite" (default %(default)s)',
    )
    see.add_argument("--no-control", action="store_true", help="record no control set beside the gaze heads")
    see.add_argument("--seed", type=int, default=0, help="of the control set")
    see.add_argument("--max-new-tokens", type=int, default=300, metavar="N")
    see.add_argument("--out", type=Path, default=Path("watch.html"), help="the page (default %(default)s)")
    see.add_argument("--png", action="store_true", help="also a figure, beside the page")


def placed(text: str) -> tuple[int, tuple[float, float, float, float]]:
    """`x0,y0,x1,y1`, or `2:x0,y0,x1,y1` of picture 2; the picture from 0."""
    picture, colon, box = text.rpartition(":")
    if colon and not re.fullmatch("[1-9][0-9]*", picture):
        raise argparse.ArgumentTypeError(
            f"{text!r} is no box: write P:x0,y0,x1,y1, with P a picture from 1 on"
        )
    return int(picture or 1) - 1, numbers(box)


def places(text: str) -> list[int]:
    """`4` or `4,2,1`."""
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} names no regions: write K, or K,K,..., counted from 1"
        ) from None


def watch(args: argparse.Namespace) -> dict[str, Any]:
    """Generate, record, write the page."""
    from gazeheads.regions.grid import Box
    from gazeheads.watching.areas import areas
    from gazeheads.watching.from_files import aimed, asked, check
    from gazeheads.watching.phrases import RULE
    from gazeheads.watching.watch import watch as go

    panels = args.panel[1] if args.panel else args.panels
    goals = _goals(args)
    boxes: tuple[tuple[int, Box], ...] = tuple((image, Box(*corners)) for image, corners in args.box)
    check(args.pictures, args.ask, panels, boxes, args.frames)
    if args.out.suffix != ".html":
        raise UsageError(
            f"--out {args.out}: the page is HTML. Name a file that ends in .html; --png draws a figure beside it, and "
            "--json prints the numbers."
        )
    writable_folder(args.out.parent)
    model = loaded(args.model)
    heads = heads_for(model, args.heads, args.top)
    found = asked(model, args.pictures, args.ask, panels, boxes, args.frames)
    gaze = (
        aimed(heads, areas(found.scene, boxes), goals, args.every, args.push or PUSH, args.during or DURING)
        if goals
        else None
    )
    by_name = args.things == RULE or args.things.startswith("spacy:")
    watched = go(
        model,
        found.scene,
        heads,
        gaze,
        boxes=boxes,
        control=not args.no_control,
        describes=args.things if by_name else args.things.split(";"),
        shown=found.shown,
        seed=args.seed,
        max_new_tokens=args.max_new_tokens,
    )
    made = [watched.save(args.out)]
    if args.png:
        made.append(watched.save(args.out.with_suffix(".png")))
    say_what_it_knows(args.model)
    if watched.answer.finish == "length":
        print(f"note: the answer was cut at {args.max_new_tokens} tokens (--max-new-tokens)", file=sys.stderr)
    if not args.json:
        print(watched.answer.text)
        for path in made:
            print(f"{'page' if path.suffix == '.html' else 'figure'}: {path}")
    return {"files": [str(path) for path in made], **watched.to_json()}


def _goals(args: argparse.Namespace) -> list[int]:
    """The regions to look at, from 1. Raises `UsageError` where two options name some, or one fits nothing."""
    if args.panel and args.gaze:
        raise UsageError(
            "--panel K/N and --gaze both say where to look. Give one, or --panels N with --gaze."
        )
    goals = [args.panel[0]] if args.panel else args.gaze or []
    if args.every is not None and len(goals) < 2:
        raise UsageError(f"--every {args.every} is the pace of several regions. Give --gaze K,K,...")
    for option in ("push", "during"):
        if getattr(args, option) is not None and not goals:
            raise UsageError(
                f"--{option} {getattr(args, option)} says how heads are steered; none are. Give --gaze K."
            )
    return goals
