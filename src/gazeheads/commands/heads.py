"""`gazeheads heads FILE`: what a heads file holds, and how far its scores, and other files, agree."""

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from dataclasses import asdict
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gazeheads.commands.models import loaded
from gazeheads.commands.options import amount, path, share
from gazeheads.commands.output import Say, writable_folder

if TYPE_CHECKING:
    from gazeheads.discovery.agreement import Overlap
    from gazeheads.heads.heads import Heads

Row = tuple[str, str, str, "Overlap | None"]  # one ranking, another, how many heads of each, what they share


def options(parser: ArgumentParser) -> None:
    """The options."""
    parser.add_argument(
        "file",
        type=path,
        nargs="?",
        metavar="HEADS.json",
        help="heads file; without it, that of the bundled model",
    )
    share(parser, "model")
    parser.add_argument(
        "--list",
        type=amount,
        default=20,
        metavar="K",
        help="how many heads to list, or a share of all (default: %(default)s)",
    )
    parser.add_argument(
        "--by", metavar="SCORE", help="rank by this score of the file; without it, by the file's own"
    )
    parser.add_argument(
        "--compare",
        type=path,
        action="append",
        default=[],
        metavar="HEADS.json",
        help="another heads file; may be repeated",
    )
    parser.add_argument(
        "--plot", type=path, metavar="FIGURE", help="draw the scores of all heads: .png, .svg or .pdf"
    )


def run(args: Namespace, say: Say) -> dict[str, Any]:
    """Origin, ranking, overlaps."""
    from gazeheads.heads.head import counted
    from gazeheads.heads.heads import Heads
    from gazeheads.model.bundled import HEADS

    model = loaded(args.model) if args.model else None  # a plain list does not say of which it is
    held = Heads.load(args.file or HEADS, model)
    ranked = held.by(args.by) if args.by else held
    top = ranked.top(min(counted(args.list, held.scores.size, "--list"), len(ranked)))
    others = [(str(path), Heads.load(path, model)) for path in args.compare]
    rows = [*_scores(held), *(row for name, other in others for row in _files(held, name, other, args.by))]
    if args.plot:
        _plot(ranked, top, args.plot)
    for line in (*_describe(held), "", *_ranking(ranked, top), "", *_overlaps(rows)):
        say(line)
    return {
        "file": str(args.file or HEADS),
        "provenance": asdict(held.provenance),
        "draw": None if held.draw is None else asdict(held.draw),
        "heads": [str(head) for head in held],
        "selected": [str(head) for head in held.selected],
        "tuned": None if held.tuned is None else held.tuned.to_json(),
        "scores": [held.provenance.score, *held.others],
        "by": ranked.provenance.score,
        "top": [[str(head), ranked.score(head)] for head in top],
        "overlap": [
            {"one": one, "two": two, "of": of, **({} if found is None else asdict(found))}
            for one, two, of, found in rows
        ],
    }


def _scores(held: "Heads") -> Iterator[Row]:
    """Every two scores of the file, at the paper's shares of all heads."""
    from gazeheads.discovery.agreement import PAPERS_SHARES, top_overlap
    from gazeheads.heads.head import counted

    for one, two in combinations([held.provenance.score, *held.others], 2):
        for k in dict.fromkeys(counted(part, held.scores.size, "") for part in PAPERS_SHARES):
            yield one, two, f"top {k}", top_overlap(held.by(one), held.by(two), k)


def _files(held: "Heads", name: str, other: "Heads", by: str | None) -> Iterator[Row]:
    """This file and another one: the tops by one score (or the other's own score), and both sets as they stand."""
    from gazeheads.discovery.agreement import PAPERS_SHARES, overlap, top_overlap
    from gazeheads.heads.head import counted

    score = by or held.provenance.score
    mine, theirs = held.by(score), other.by(score) if score in other.others else other.all()
    for k in dict.fromkeys(counted(part, held.scores.size, "") for part in PAPERS_SHARES):
        yield score, f"{theirs.provenance.score} of {name}", f"top {k}", top_overlap(mine, theirs, k)
    if len(held) < len(held.all()) or len(other) < len(other.all()):
        both = overlap(held.heads, other.heads, held.scores.size)
        yield "this file", name, f"{len(held)} and {len(other)} heads", both


def _describe(held: "Heads") -> Iterator[str]:
    """Origin, other scores, and what is steered without --top."""
    p, tuned = held.provenance, held.tuned
    yield f"{p.model}{f' at {p.revision}' if p.revision else ''}: {p.n_layers} layers x {p.n_heads} heads"
    where = f"{p.samples} images of {p.data or 'a source that was not noted'}"
    yield (
        f"score {p.score}, on {where}{'' if p.seed is None else f', seed {p.seed}'}, by gazeheads {p.version}"
        + (f"; processor called with {p.settings}" if p.settings else "")
    )
    yield f"other scores: {', '.join(held.others) or 'none'}"
    for name, note in p.notes.items():
        yield f"{name} score: {note}"
    if held.draw:
        draw, mass = held.draw, held.draw.mass
        more = "" if mass is None else f", {mass:.0%} of the set's attention mass on the image"
        yield (
            f"a random-head control, not gaze heads: rule {draw.match}, {draw.moved} moved to another layer{more}"
        )
    if tuned:
        on = f"{tuned.data}{'' if tuned.seed is None else f', seed {tuned.seed}'}"
        what = f"K = {tuned.k} by {tuned.score}, push {tuned.push}, during {tuned.during}"
        yield f"tuned on {on}: {what}; {tuned.rule}"
        curve = (
            f"{k}: {100 * mean:.0f} [{100 * low:.0f}, {100 * high:.0f}]"
            for k, (mean, low, high) in tuned.curve.items()
        )
        yield f"dev accuracy by K, per cent: {', '.join(curve)}"
    yield f"holds {len(held)} of {held.scores.size} heads; steered without --top: {len(held.selected)}"


def _ranking(ranked: "Heads", top: "Heads") -> Iterator[str]:
    """The best heads with all their scores."""
    tables = {ranked.provenance.score: ranked.scores, **ranked.others}
    yield f"{'rank':>4}  head    " + "  ".join(f"{name:>18}" for name in tables)
    for rank, head in enumerate(top, start=1):
        cells = ("-" if np.isnan(table[head]) else f"{table[head]:.3f}" for table in tables.values())
        yield f"{rank:4}  {head!s:6}  " + "  ".join(f"{cell:>18}" for cell in cells)


def _overlaps(rows: list[Row]) -> Iterator[str]:
    """What rankings share, against sets drawn at random."""
    if not rows:
        yield "One score alone: there is nothing to compare it with. `gazeheads discover` measures others."
        return
    yield "shared heads (by chance; p: as many or more by chance; Jaccard)"
    for one, two, of, found in rows:
        what = f"{one} and {two}, {of}"
        if found is None:
            yield f"{what}: one of them ranks fewer heads"
        else:
            yield f"{what}: {found.shared} ({found.expected:.1f}; p = {found.p:.2g}; {found.jaccard:.2f})"


def _plot(ranked: "Heads", top: "Heads", path: Path) -> None:
    """The scores as a map, the listed heads framed."""
    from gazeheads import figures
    from gazeheads.errors import UsageError

    if path.suffix not in (".png", ".svg", ".pdf"):
        raise UsageError(f"--plot {path}: a figure of what format? End the name in .png, .svg or .pdf.")
    writable_folder(path.parent)
    layers, heads_ = ranked.shape
    figure, (axes,) = figures.new_figure(max(5.0, 2.2 + 0.22 * heads_), 1.2 + 0.22 * layers)
    figures.score_map(axes, ranked.scores, list(top), ranked.provenance.score)
    figures.title(axes, f"{ranked.provenance.model}, top {len(top)} framed")
    figure.savefig(path, dpi=150)
