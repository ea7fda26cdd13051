"""`gazeheads tune`: choose score, push and number of heads on dev samples, and write them into the heads file."""

import argparse
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gazeheads.commands import Bar, heads_of, loaded
from gazeheads.commands.running import common
from gazeheads.errors import UsageError

if TYPE_CHECKING:
    from gazeheads.heads.heads import Heads


def add(command: Callable[..., argparse.ArgumentParser]) -> None:
    """The options."""
    choose = command(
        "tune", tune, "choose score, push and number of heads on dev samples, into the heads file"
    )
    common(choose)
    choose.add_argument(
        "--data",
        default="doodles:16:dev",
        help="dev samples (default %(default)s)",
    )
    choose.add_argument("--experiment", default="this-panel", choices=["this-panel", "vqa"])
    choose.add_argument(
        "--scores", default="gaze", help="to choose from, comma-separated (default %(default)s)"
    )
    choose.add_argument("--pushes", default="focus", help="separated by semicolons (default %(default)s)")
    choose.add_argument("--judge", default="rules")
    choose.add_argument("--out", type=Path, help="heads file to write, if not the one that was read")


def tune(args: argparse.Namespace) -> dict[str, Any]:
    """Choose on dev samples."""
    from gazeheads.data.sources import samples_of
    from gazeheads.experiments.catalogue import experiment
    from gazeheads.experiments.redirect import Redirect
    from gazeheads.gaze.push import Push
    from gazeheads.heads.heads import Heads
    from gazeheads.judging.kinds import judge_of
    from gazeheads.runs.tune import tune as choose

    judge = judge_of(args.judge)
    scores = [score.strip() for score in args.scores.split(",") if score.strip()]
    pushes = [str(Push.parse(push)) for push in args.pushes.split(";") if push.strip()]
    base = experiment(args.experiment)
    assert isinstance(base, Redirect)
    if args.heads is None and args.out is None:
        raise UsageError("Nothing says where to write the choice. Give --heads FILE, or --out FILE.")
    samples = samples_of(args.data, args.seed)
    model = loaded(args.model)
    heads = heads_of(model, args.heads)
    _apart(heads, args.data, args.seed)
    bar, grid = Bar(), k_grid_of(heads)
    total = len(scores) * len(pushes) * len(grid) * sum(len(s.boxes) for s in samples)
    tuning = choose(
        model,
        heads,
        samples,
        judge,
        base=base,
        scores=scores,
        pushes=pushes,
        batch=args.batch,
        progress=lambda done: bar("tuning", done, total),
    )
    bar.close()
    tuned = tuning.tuned(args.data, args.seed)
    out = args.out or args.heads
    whole = replace(heads.all(), tuned=tuned)
    whole.save(out)
    if not args.json:
        for cell, found in tuning.accuracy.items():
            mark = "  <- chosen" if cell == tuning.chosen else ""
            print(f"{cell.score:20} {cell.push:12} K = {cell.k:4}  {found}{mark}")
        print(f"{tuned.rule}; written into {out}: {len(Heads.load(out).selected)} heads to steer")
    return {"out": str(out), "chosen": asdict(tuning.chosen), "standard_error": tuning.standard_error}


def k_grid_of(heads: "Heads") -> tuple[int, ...]:
    """The grid of K for this model."""
    from gazeheads.statistics import k_grid

    return k_grid(heads.scores.size)


def _apart(heads: "Heads", data: str, seed: int) -> None:
    """Raise `UsageError` where heads would be tuned on the samples on which they were found."""
    found = heads.provenance
    if (found.data, found.seed) == (data, seed):
        raise UsageError(
            f"These heads were found on {data} with seed {seed}; tuning needs samples of its own. Give another --seed."
        )
