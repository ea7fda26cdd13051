"""`gazeheads discover`: measure a model's heads, and write a heads file."""

import argparse
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gazeheads.commands import Bar, loaded, writable_folder
from gazeheads.commands.running import values

if TYPE_CHECKING:
    from gazeheads.discovery.agreement import Stability
    from gazeheads.discovery.discover import Measured
    from gazeheads.heads.heads import Heads
    from gazeheads.model.model import GazeModel
    from gazeheads.sample import Sample

FEWEST = 4  # pictures whose halves can be compared


def add(command: Callable[..., argparse.ArgumentParser]) -> None:
    """The options."""
    find = command("discover", discover, "rank a model's heads by gaze score, and by other scores beside it")
    find.add_argument("--model", help="folder or hub id of a checkpoint; the bundled model without")
    find.add_argument(
        "--data",
        default="doodles:24",
        help="doodles:N[:SPLIT] (split dev unless given), comics:FOLDER, ... (default %(default)s)",
    )
    find.add_argument("--seed", type=int, default=0)
    find.add_argument(
        "--causal",
        metavar="SOURCE",
        help="measure on these captioned dev samples what pushing each head alone does; takes an answer for each head "
        "and region",
    )
    find.add_argument(
        "--groups",
        type=int,
        default=1,
        metavar="N",
        help="--causal: push heads N at a time, which is cheaper",
    )
    find.add_argument(
        "--processor", action="append", default=[], metavar="NAME=VALUE", help="as crop_to_patches=false"
    )
    find.add_argument("--out", type=Path, required=True, help="heads file to write")


def discover(args: argparse.Namespace) -> dict[str, Any]:
    """Rank the heads of a model."""
    writable_folder(args.out.parent)
    from gazeheads.data.sources import samples_of
    from gazeheads.discovery.causal import check
    from gazeheads.discovery.discover import measure

    settings = values(args.processor)
    samples = samples_of(args.data, args.seed)
    pushed = samples_of(args.causal, args.seed) if args.causal else []
    if args.causal:
        check(pushed)
    model = loaded(args.model)
    bar, total = Bar(), sum(len(s.boxes) for s in samples)
    measured = measure(
        model,
        samples,
        data=args.data,
        seed=args.seed,
        progress=lambda n: bar("finding heads", n, total),
        settings=settings,
    )
    heads = measured.heads()
    if args.causal:
        heads = _with_causal(model, heads, pushed, args, settings, bar)
    bar.close()
    stable = _stability(measured)
    heads = replace(heads, provenance=replace(heads.provenance, stability=_said(stable, len(samples))))
    heads.save(args.out)
    if not args.json:
        for head in heads.top(10):
            print(f"{head!s:8} {heads.score(head):.3f}")
        print(heads.provenance.stability)
        print(f"other scores in the file: {', '.join(heads.others)}")
        print(f"{len(heads)} heads ranked: {args.out}")
        print(
            f"Without --top the first {len(heads.selected)} of them are steered, the paper's 9%, until "
            "`gazeheads tune` chooses on dev samples."
        )
    return {
        "out": str(args.out),
        "top": [[str(h), heads.score(h)] for h in heads.top(10)],
        "lever": len(heads.selected),
        "scores": [heads.provenance.score, *heads.others],
        "stability": None if stable is None else asdict(stable),
    }


def _with_causal(
    model: "GazeModel",
    heads: "Heads",
    samples: "list[Sample]",
    args: argparse.Namespace,
    settings: dict[str, Any],
    bar: Bar,
) -> "Heads":
    """The heads with the causal score among the others, and a note of how it was measured."""
    from gazeheads.discovery.causal import answers, causal

    rounds = 1 if args.groups == 1 else 2
    total = answers(model, samples, args.groups, rounds)
    scores = causal(
        model,
        samples,
        group=args.groups,
        rounds=rounds,
        seed=args.seed,
        progress=lambda n: bar("pushing heads", n, total),
        settings=settings,
    )
    how = "heads one by one" if args.groups == 1 else f"{rounds} rounds of groups of {args.groups} heads"
    note = f"{args.causal}, seed {args.seed}, focus, {how}"
    return replace(
        heads,
        provenance=replace(heads.provenance, causal=note),
        others={**heads.others, "causal": scores},
    )


def _stability(measured: "Measured") -> "Stability | None":
    """Of the gaze score, at the paper's larger share of heads; None with too few pictures or regions."""
    from gazeheads.discovery.agreement import PAPERS_SHARES, stability
    from gazeheads.discovery.scores import gaze

    matrices = measured.matrices
    if len(matrices) < FEWEST or min(matrix.shape[2] for matrix in matrices) < 2:
        return None
    return stability(matrices, gaze, PAPERS_SHARES[1], seed=0)


def _said(stable: "Stability | None", pictures: int) -> str:
    if stable is None:
        return f"{pictures} pictures: too few, or with too few regions, to tell how stable the ranking is"
    found, null = stable.found, stable.null
    return (
        f"halves of the {pictures} pictures agree: Spearman {found.spearman[0]:.2f}, {found.top[0]:.0%} of the top "
        f"{stable.k}; with the asked regions shuffled {null.spearman[0]:.2f} and {null.top[0]:.0%}"
    )
