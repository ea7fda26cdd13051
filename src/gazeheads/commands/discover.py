"""`gazeheads discover`: rank a model's heads, and write a heads file."""

from argparse import ArgumentParser, Namespace
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from gazeheads.commands.models import heads_of, loaded
from gazeheads.commands.options import REQUIRED, below, listing, share, whole
from gazeheads.commands.output import Bar, Say, writable_folder
from gazeheads.errors import UsageError

if TYPE_CHECKING:
    from gazeheads.discovery.agreement import Stability
    from gazeheads.discovery.discover import Measured
    from gazeheads.heads.scores import Score

FEWEST = 4  # images whose halves can be compared


def options(parser: ArgumentParser) -> None:
    """The options, and all scores below them."""
    from gazeheads.heads.scores import SCORES

    own = [name for name, score in SCORES.items() if score.module]
    share(parser, "model", data="doodles:24")
    parser.add_argument(
        "--score",
        choices=["gaze", *own],
        default="gaze",
        help=f"rank by gaze, with the scores of the same passes beside it; or add a score to --heads that takes passes "
        f"of its own: {', '.join(own)} (default: %(default)s)",
    )
    share(parser, "heads", "processor", "batch", seed=0)
    parser.add_argument(
        "--as-gaze",
        action="store_true",
        help="put the added score in the place of the gaze score: `gaze` then stands for these heads, and "
        "random-head controls are drawn beside them",
    )
    parser.add_argument(
        "--groups",
        type=whole(1),
        default=1,
        metavar="N",
        help="for --score causal: steer heads N at a time, which is cheaper (default: %(default)s)",
    )
    share(parser, out={"default": REQUIRED, "metavar": "HEADS.json"})
    below(
        parser,
        listing(
            "scores, and what a head with a high one does",
            {name: score.describe for name, score in SCORES.items()},
        ),
    )


def run(args: Namespace, say: Say) -> dict[str, Any]:
    """Rank the heads of a model, or add one more score to a ranking."""
    from gazeheads.heads.scores import SCORES

    writable_folder(args.out.parent)
    score = SCORES[args.score]
    return _add(args, say, score) if score.module else _rank(args, say)


def _rank(args: Namespace, say: Say) -> dict[str, Any]:
    """All heads by gaze score, the others beside it."""
    from gazeheads.data.sources import samples_of
    from gazeheads.discovery.discover import measure

    if args.as_gaze or args.heads or args.groups > 1:
        raise UsageError(
            "--heads, --as-gaze and --groups are for a score that is added to a heads file. Give --score, or leave "
            "them out."
        )
    samples = samples_of(args.data, args.seed)
    model = loaded(args.model)
    bar, total = Bar(), sum(len(s.boxes) for s in samples)
    measured = measure(
        model,
        samples,
        batch_size=args.batch or 32,
        data=args.data,
        seed=args.seed,
        progress=lambda n: bar("finding heads", n, total),
        settings=dict(args.processor),
    )
    bar.close()
    heads, stable = measured.heads(), _stability(measured)
    told = _describe(stable, len(samples))
    heads = replace(heads, provenance=replace(heads.provenance, stability=told))
    heads.save(args.out)
    for head in heads.top(10):
        say(f"{head!s:8} {heads.score(head):.3f}")
    say(told)
    say(f"other scores in the file: {', '.join(heads.others)}")
    say(f"{len(heads)} heads ranked: {args.out}")
    say(
        f"Without --top the first {len(heads.selected)} of them are steered, the paper's 9%, until `gazeheads tune` "
        "chooses on dev samples."
    )
    return {
        "out": str(args.out),
        "top": [[str(h), heads.score(h)] for h in heads.top(10)],
        "selected": len(heads.selected),
        "scores": [heads.provenance.score, *heads.others],
        "stability": None if stable is None else asdict(stable),
    }


def _add(args: Namespace, say: Say, score: "Score") -> dict[str, Any]:
    """A score with passes of its own, beside those of a heads file, or as its gaze score."""
    from gazeheads.data.sources import samples_of
    from gazeheads.discovery.passes import Passes, passes_of
    from gazeheads.heads.heads import Heads

    samples, passes = samples_of(args.data, args.seed), passes_of(score)
    passes.check(samples)
    model = loaded(args.model)
    held, bar = heads_of(model, args.heads), Bar()
    scores, how = passes.measure(
        model,
        samples,
        Passes(
            args.seed,
            args.groups,
            args.batch,
            dict(args.processor),
            lambda done, total: bar(f"measuring {score.name}", done, total),
        ),
    )
    bar.close()
    note = ", ".join(filter(None, [args.data, f"seed {args.seed}", how]))
    noted = replace(held.provenance, notes={**held.provenance.notes, score.name: note})
    if args.as_gaze:
        heads = Heads.ranked(scores, replace(noted, score=f"gaze ({score.name})"), held.image_mass)
    else:
        heads = replace(held, provenance=noted, others={**held.others, score.name: scores})
    heads.save(args.out)
    name = "gaze" if args.as_gaze else score.name
    ranked = heads.by(name)
    best = ranked.top(min(10, len(ranked)))
    for head in best:
        say(f"{head!s:8} {best.score(head):.3f}")
    say(f"written: {args.out}; `gazeheads run --conditions {name}` steers by it")
    return {"out": str(args.out), "top": [[str(head), best.score(head)] for head in best]}


def _stability(measured: "Measured") -> "Stability | None":
    """Of the gaze score, at the paper's larger share of heads; None with too few images or regions."""
    from gazeheads.discovery.agreement import PAPERS_SHARES, stability
    from gazeheads.heads.scores import gaze

    matrices = [seen.masses for seen in measured.images]
    if len(matrices) < FEWEST or min(matrix.shape[2] for matrix in matrices) < 2:
        return None
    return stability(matrices, gaze, PAPERS_SHARES[1], seed=0)


def _describe(stable: "Stability | None", images: int) -> str:
    if stable is None:
        return f"{images} images: too few, or with too few regions, to tell how stable the ranking is"
    found, null = stable.found, stable.null
    return (
        f"halves of the {images} images agree: Spearman {found.spearman[0]:.2f}, {found.top[0]:.0%} of the top "
        f"{stable.k}; with the asked regions shuffled {null.spearman[0]:.2f} and {null.top[0]:.0%}"
    )
