"""`gazeheads narrate`: do the heads follow what the model describes? Staircases and numbers."""

import argparse
import json
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gazeheads.commands import Bar, heads_of, loaded, writable_folder
from gazeheads.commands.arguments import amount


def add(command: Callable[..., argparse.ArgumentParser]) -> None:
    """The options."""
    tell = command("narrate", narrate, "do the heads follow what is described? staircases and numbers")
    tell.add_argument("--model", help="folder or hub id of a checkpoint; the bundled model without")
    tell.add_argument("--heads", type=Path, help="heads file; the bundled model brings its own")
    tell.add_argument("--top", type=amount, help="how many heads, or a share of all")
    tell.add_argument("--data", default="doodles:12:test", help="strips (default %(default)s)")
    tell.add_argument("--seed", type=int, default=0, help="of the data, and of control draws")
    tell.add_argument("--draws", type=int, default=20, help="control draws (default %(default)s)")
    tell.add_argument(
        "--orders", default="forward,reverse,stated", help="comma-separated (default %(default)s)"
    )
    tell.add_argument("--judge", default="rules", help="as in `gazeheads judge` (default %(default)s)")
    tell.add_argument("--out", type=Path, required=True, help="folder for narrate.html and narrate.json")


def narrate(args: argparse.Namespace) -> dict[str, Any]:
    """Generate, judge, count, write."""
    import numpy as np

    from gazeheads.data.sources import samples_of
    from gazeheads.evidence import narrations
    from gazeheads.files import write_whole
    from gazeheads.judging.kinds import judge_of
    from gazeheads.runs.narrate import narrate as go
    from gazeheads.runs.tracking import GAZE

    out = writable_folder(args.out)
    samples = samples_of(args.data, args.seed)
    judge = judge_of(args.judge, samples)
    model = loaded(args.model)
    heads = heads_of(model, args.heads)
    selected = heads.top(args.top) if args.top else heads.selected
    draws = selected.controls(args.draws, args.seed) if args.draws else ()
    sets = {GAZE: selected} | {f"control draw {n}": draw for n, draw in enumerate(draws, 1)}
    orders = [order.strip() for order in args.orders.split(",") if order.strip()]
    bar, told = Bar(), []
    bar("narrating", 0, len(samples) * len(orders))
    for each in go(model, samples, sets, judge, orders):
        told.append(each)
        bar("narrating", 1, len(samples) * len(orders))
    bar.close()
    found = narrations.numbers(told, np.random.default_rng(args.seed))
    facts = {
        "model": model.name,
        "data": f"{args.data}, seed {args.seed}",
        "strips": str(len(samples)),
        "heads": f"{len(selected)} of {heads.scores.size}",
        "judge": args.judge,
    }
    line = shlex.join(["gazeheads", *sys.argv[1:]])
    page = narrations.report(told, found, facts, line).write(out / "narrate.html")
    result = {"facts": facts, "command": line, **narrations.to_json(told, found)}
    write_whole(out / "narrate.json", json.dumps(result, ensure_ascii=False, indent=1) + "\n")
    if not args.json:
        for order, ways in found.items():
            gaze, among = ways["value-norm"][GAZE], [e for n, e in ways["value-norm"].items() if n != GAZE]
            shares = [each.on_panel.mean for each in among]
            beside = f"; {len(shares)} control draws {min(shares):.1%} to {max(shares):.1%}" if shares else ""
            print(f"{order:8} words on the described panel {gaze.on_panel}{beside}")
            print(f"{'':8} order {gaze.order.mean:.2f}, lag {gaze.lag:g} tokens (median)")
        print(f"page: {page} (and narrate.json)")
    return {"out": str(out), **result}
