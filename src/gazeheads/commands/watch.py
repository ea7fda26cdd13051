"""`gazeheads watch`: one answer, and where heads looked at each word, as a page that opens anywhere."""

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any, Final

from gazeheads.commands.models import heads_of, loaded, say_what_it_knows, selected
from gazeheads.commands.options import MOST_PANELS, REQUIRED, path, regions, share, whole
from gazeheads.commands.output import Say, note, writable_folder
from gazeheads.errors import UsageError

PUSH: Final = "focus"
DURING: Final = "all"


def options(parser: ArgumentParser) -> None:
    """The options."""
    parser.add_argument(
        "images",
        type=path,
        nargs="+",
        metavar="IMAGE|FOLDER",
        help="one or more images, a clip (GIF, WebP), or a folder of p1.png ... pN.png",
    )
    share(parser, "model", "heads", "top", ask=REQUIRED)
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--panels",
        type=whole(1, MOST_PANELS),
        metavar="N",
        help="cut the image into N panels, and tell them apart",
    )
    share(where, "panel", box={"action": "append"})
    parser.add_argument(
        "--frames", type=whole(1), metavar="N", help="how many frames of a clip, evenly spaced (default: all)"
    )
    parser.add_argument(
        "--gaze", type=regions, metavar="K[,K...]", help="steer: look at region K (from 1), or at several in turn"
    )  # fmt: skip
    share(parser, "every", "push", "during")
    parser.add_argument(
        "--objects",
        default="rule",
        metavar="HOW",
        help='how to find the objects that the answer describes: rule, spacy:MODEL, or its words, as "a cat; the kite" '
        "(default: %(default)s)",
    )
    parser.add_argument(
        "--no-control", action="store_true", help="record no random-head control beside the gaze heads"
    )
    share(parser, seed=0, max_new_tokens=300, out={"default": Path("watch.html"), "metavar": "PAGE.html"})
    parser.add_argument("--png", action="store_true", help="also draw a figure, beside the page")


def run(args: Namespace, say: Say) -> dict[str, Any]:
    """Generate, record, write the page."""
    from gazeheads.watching.areas import areas
    from gazeheads.watching.from_files import SceneFiles, aimed
    from gazeheads.watching.phrases import RULE
    from gazeheads.watching.watch import watch

    goals, boxes = _goals(args), tuple(args.box)
    panels = args.panel[1] if args.panel else args.panels
    files = SceneFiles(args.images, args.ask, panels, boxes, args.frames)
    if args.out.suffix != ".html":
        raise UsageError(
            f"--out {args.out}: the page is HTML. Name a file that ends in .html; --png draws a figure beside it, and "
            "--json prints the numbers."
        )
    writable_folder(args.out.parent)
    model = loaded(args.model)
    heads = selected(heads_of(model, args.heads), args.top)
    found = files.encode(model)
    gaze = None
    if goals:
        every = args.every and int(args.every)
        targets = areas(found.scene, boxes)
        gaze = aimed(heads, targets, goals, every, args.push or PUSH, args.during or DURING)
    by_name = args.objects == RULE or args.objects.startswith("spacy:")
    watched = watch(
        model,
        found.scene,
        heads,
        gaze,
        boxes=boxes,
        control=not args.no_control,
        describes=args.objects if by_name else args.objects.split(";"),
        shown=found.shown,
        seed=args.seed,
        max_new_tokens=args.max_new_tokens,
    )
    written = [watched.save(args.out)]
    if args.png:
        written.append(watched.save(args.out.with_suffix(".png")))
    say_what_it_knows(args.model)
    if watched.answer.finish == "length":
        note(f"the answer was cut at {args.max_new_tokens} tokens (--max-new-tokens)")
    say(watched.answer.text)
    for file in written:
        say(f"{'page' if file.suffix == '.html' else 'figure'}: {file}")
    return {"files": [str(file) for file in written], **watched.to_json()}


def _goals(args: Namespace) -> list[int]:
    """The regions to look at, from 1. Raises `UsageError` where two options name some, or one fits nothing."""
    if args.panel and args.gaze:
        raise UsageError(
            "--panel K/N and --gaze both say where to look. Give one, or --panels N with --gaze."
        )
    goals = [args.panel[0]] if args.panel else args.gaze or []
    if args.every == "auto":
        raise UsageError("--every auto is measured by `gazeheads run`. Give a number of tokens.")
    if args.every is not None and len(goals) < 2:
        raise UsageError(f"--every {args.every} is the pace of several regions. Give --gaze K,K,...")
    for option in ("push", "during"):
        if getattr(args, option) is not None and not goals:
            raise UsageError(
                f"--{option} {getattr(args, option)} says how heads are steered; none are. Give --gaze K."
            )
    return goals
