"""`gazeheads tune`: choose score, push and number of heads on dev samples, and write them into the heads file."""

from argparse import ArgumentParser, Namespace
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from gazeheads.commands.models import heads_of, loaded
from gazeheads.commands.options import share
from gazeheads.commands.output import Bar, Say
from gazeheads.errors import UsageError

if TYPE_CHECKING:
    from gazeheads.heads.heads import Heads


def options(parser: ArgumentParser) -> None:
    """The options."""
    from gazeheads.experiments.catalogue import REDIRECTIONS

    share(parser, "model", "heads", data="doodles:16:dev", seed=0, batch=64)
    parser.add_argument(
        "--experiment",
        default="this-panel",
        choices=list(REDIRECTIONS),
        help="what is asked (default: %(default)s)",
    )
    parser.add_argument(
        "--scores",
        default="gaze",
        metavar="SCORE,...",
        help="scores to choose from, separated by commas (default: %(default)s)",
    )
    parser.add_argument(
        "--pushes",
        default="focus",
        metavar="PUSH;...",
        help="pushes to choose from, separated by semicolons (default: %(default)s)",
    )
    share(parser, judge="rules", out={"metavar": "HEADS.json"})


def run(args: Namespace, say: Say) -> dict[str, Any]:
    """Choose on dev samples."""
    from gazeheads.data.sources import samples_of
    from gazeheads.experiments.catalogue import REDIRECTIONS
    from gazeheads.gaze.push import Push
    from gazeheads.heads.head import PUBLISHED
    from gazeheads.heads.heads import Heads
    from gazeheads.judging.kinds import judge_of
    from gazeheads.runs.tune import tune

    judge = judge_of(args.judge)
    scores = [score.strip() for score in args.scores.split(",") if score.strip()]
    pushes = [str(Push.parse(push)) for push in args.pushes.split(";") if push.strip()]
    base = REDIRECTIONS[args.experiment]
    if args.heads is None and args.out is None:
        raise UsageError("Nothing says where to write the choice. Give --heads FILE, or --out FILE.")
    samples = samples_of(args.data, args.seed)
    model = loaded(args.model)
    heads = heads_of(model, args.heads)
    if heads.provenance.score == PUBLISHED and args.out is None:
        raise UsageError(
            f"--heads {args.heads} is a list that others made. Keep the choice apart from it: give --out FILE."
        )
    _apart(heads, args.data, args.seed)
    bar, grid = Bar(), k_grid_of(heads)
    total = len(scores) * len(pushes) * len(grid) * sum(len(s.boxes) for s in samples)
    tuning = tune(
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
    for cell, accuracy in tuning.accuracy.items():
        mark = "  <- chosen" if cell == tuning.chosen else ""
        say(f"{cell.score:20} {cell.push:12} K = {cell.k:4}  {accuracy}{mark}")
    say(f"{tuned.rule}; written into {out}: {len(Heads.load(out).selected)} heads to steer")
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
