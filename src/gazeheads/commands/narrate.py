"""`gazeheads narrate`: do the heads follow what the model describes? Staircases and numbers."""

import json
import shlex
import sys
from argparse import ArgumentParser, Namespace
from typing import Any

from gazeheads.commands.models import heads_of, loaded, selected
from gazeheads.commands.options import REQUIRED, share, whole
from gazeheads.commands.output import Bar, Say, writable_folder


def options(parser: ArgumentParser) -> None:
    """The options."""
    share(parser, "model", "heads", "top", data="doodles:12:test", seed=0)
    parser.add_argument(
        "--draws",
        type=whole(0, 10_000),
        default=20,
        metavar="N",
        help="random-head controls (default: %(default)s)",
    )
    parser.add_argument(
        "--orders",
        default="forward,reverse,stated",
        metavar="ORDER,...",
        help="in which orders to tell the panels, separated by commas (default: %(default)s)",
    )
    share(parser, judge="rules", out={"default": REQUIRED, "metavar": "DIR"})


def run(args: Namespace, say: Say) -> dict[str, Any]:
    """Generate, judge, count, write."""
    import numpy as np

    from gazeheads.data.sources import samples_of
    from gazeheads.evidence import narrations
    from gazeheads.files import write_whole
    from gazeheads.judging.kinds import judge_of
    from gazeheads.runs.narrate import narrate
    from gazeheads.runs.tracking import GAZE

    out = writable_folder(args.out)
    samples = samples_of(args.data, args.seed)
    judge = judge_of(args.judge, samples)
    model = loaded(args.model)
    heads = heads_of(model, args.heads)
    steered = selected(heads, args.top)
    draws = steered.controls(args.draws, args.seed) if args.draws else ()
    sets = {GAZE: steered} | {f"random-head control {n}": draw for n, draw in enumerate(draws, 1)}
    orders = [order.strip() for order in args.orders.split(",") if order.strip()]
    bar, told = Bar(), []
    bar("narrating", 0, len(samples) * len(orders))
    for each in narrate(model, samples, sets, judge, orders):
        told.append(each)
        bar("narrating", 1, len(samples) * len(orders))
    bar.close()
    found = narrations.numbers(told, np.random.default_rng(args.seed))
    facts = {
        "model": model.name,
        "data": f"{args.data}, seed {args.seed}",
        "strips": str(len(samples)),
        "heads": f"{len(steered)} of {heads.scores.size}",
        "judge": args.judge,
    }
    line = shlex.join(["gazeheads", *sys.argv[1:]])
    page = narrations.report(told, found, facts, line).write(out / "narrate.html")
    result = {"facts": facts, "command": line, **narrations.to_json(told, found)}
    write_whole(out / "narrate.json", json.dumps(result, ensure_ascii=False, indent=1) + "\n")
    for order, ways in found.items():
        gaze, among = ways["value-norm"][GAZE], [e for n, e in ways["value-norm"].items() if n != GAZE]
        shares = [each.on_panel.mean for each in among]
        beside = (
            f"; {len(shares)} random-head controls {min(shares):.1%} to {max(shares):.1%}" if shares else ""
        )
        say(f"{order:8} words on the described panel {gaze.on_panel}{beside}")
        say(f"{'':8} order {gaze.order.mean:.2f}, lag {gaze.lag:g} tokens (median)")
    say(f"page: {page} (and narrate.json)")
    return {"out": str(out), **result}
