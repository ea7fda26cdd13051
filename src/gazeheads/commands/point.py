"""`gazeheads point`: a box around the object that a phrase names."""

from argparse import ArgumentParser, Namespace
from typing import Any

from gazeheads import prompts
from gazeheads.commands.models import heads_of, loaded, selected
from gazeheads.commands.options import number, path, question, share
from gazeheads.commands.output import Say, note, writable_folder


def options(parser: ArgumentParser) -> None:
    """The options."""
    parser.add_argument("image", type=path, metavar="IMAGE", help="an image")
    parser.add_argument(
        "--to", required=True, type=question, metavar="PHRASE", help='what to point to, as "the kite"'
    )
    share(parser, "model", "heads", "top", ask=prompts.LIST_OBJECTS, weighting="raw")
    parser.add_argument(
        "--force", action="store_true", help="if the model does not name it, force the phrase as its answer"
    )
    parser.add_argument(
        "--peak-share", type=number(0, 1), default=0.3, metavar="SHARE",
        help="the box holds cells with at least this share of the peak (default: %(default)s)",
    )  # fmt: skip
    share(parser, out={"metavar": "FIGURE.png"})


def run(args: Namespace, say: Say) -> dict[str, Any]:
    """The box, and a figure of it."""
    from gazeheads.data.pictures import open_picture
    from gazeheads.watching.point import point

    image = open_picture(args.image)
    if args.out:
        writable_folder(args.out.parent)
    model = loaded(args.model)
    heads = selected(heads_of(model, args.heads), args.top)
    found = point(
        model,
        image,
        args.to,
        heads,
        ask=args.ask,
        force=args.force,
        threshold=args.peak_share,
        weighting=args.weighting,
    )
    say(f"the model said: {found.answer.strip()}" + (" (the phrase was forced)" if found.forced else ""))
    if found.forced:
        note("a forced phrase gets a box whether or not the object is there (docs/scenes.md)")
    say(f"box {','.join(f'{edge:g}' for edge in found.box.corners)}; most at {found.x:g},{found.y:g}")
    if args.out:
        from gazeheads.figures import cell_map, new_figure, title

        width, height = image.size
        figure, (axes,) = new_figure(6, 6 * height / width + 0.4)
        cell_map(axes, image, found.grid.rects, found.weights, targets=[found.box.corners])
        title(axes, f"{found.heads} heads at “{found.phrase}”")
        figure.savefig(args.out, dpi=150)
        say(f"written: {args.out}")
    return {**found.to_json(), "out": str(args.out) if args.out else None}
