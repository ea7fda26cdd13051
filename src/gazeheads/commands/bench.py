"""`gazeheads bench`: what discovery and steering cost here, beside the paper's recipe and the plain model."""

from argparse import ArgumentParser, Namespace
from typing import Any

from gazeheads.commands.models import loaded
from gazeheads.commands.options import share, whole
from gazeheads.commands.output import Say


def options(parser: ArgumentParser) -> None:
    """The options."""
    share(parser, "model")
    parser.add_argument(
        "--rounds", type=whole(1, 10_000), default=5, metavar="N", help="how often each pair is measured (5)"
    )
    parser.add_argument(
        "--tokens", type=whole(1, 10_000), default=40, metavar="N", help="tokens of each answer (40)"
    )


def run(args: Namespace, say: Say) -> dict[str, Any]:
    """Each comparison as soon as it is made."""
    from gazeheads.discovery.discover import discover
    from gazeheads.doctor.speed import measure
    from gazeheads.drawing.strips import doodles

    model = loaded(args.model)
    sample = model.resized(doodles(1, 0, "dev")[0])
    heads = list(discover(model, [sample]).top(0.1))
    say(f"{model}; {len(heads)} heads, median of {args.rounds} rounds (least to greatest)")
    rows = []
    for comparison in measure(model, sample, heads, args.rounds, args.tokens):
        rows.append(comparison.to_json())
        say(str(comparison))
    return {"model": model.name, "heads": len(heads), "comparisons": rows}
