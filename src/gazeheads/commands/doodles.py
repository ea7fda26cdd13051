"""`gazeheads doodles`: strips to try things on, drawn into files."""

from argparse import ArgumentParser, Namespace
from typing import Any

from gazeheads.commands.options import REQUIRED, share, whole
from gazeheads.commands.output import Say, writable_folder


def options(parser: ArgumentParser) -> None:
    """The options."""
    parser.add_argument(
        "--n", type=whole(1, 100_000), default=1, metavar="N", help="how many strips (default: %(default)s)"
    )
    share(parser, seed=0, out={"default": REQUIRED, "metavar": "DIR"})


def run(args: Namespace, say: Say) -> dict[str, Any]:
    """A folder of panels for each strip, with the true captions beside them."""
    from gazeheads.drawing.strips import doodles

    folders = []
    for i, sample in enumerate(doodles(args.n, args.seed), start=1):
        large = sample.resized(256, 32)
        folder = writable_folder(args.out / f"strip{i}")
        for k, box in enumerate(large.boxes, start=1):
            x0, y0, x1, y1 = (round(c) for c in box.corners)
            large.image.crop((x0, y0, x1, y1)).save(folder / f"p{k}.png")
        (folder / "captions.txt").write_text("".join(f"{c[1]}\n" for c in large.captions))
        say(str(folder))
        folders.append(str(folder))
    return {"folders": folders}
