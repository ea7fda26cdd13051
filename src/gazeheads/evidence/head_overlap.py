"""Head sets by different scores: how many heads they share, against chance (PAPER sec. 6.3)."""

from collections.abc import Sequence
from itertools import combinations

from gazeheads.discovery.agreement import top_overlap
from gazeheads.evidence import labels as wording
from gazeheads.evidence.paper import figures_for
from gazeheads.heads.heads import Heads
from gazeheads.heads.scores import SCORES
from gazeheads.pages.report import Table

PAPERS_SIZES = (10, 100)
PAPERS_TOTAL = 1152  # heads of Qwen3-VL-8B, to which these sizes belong


def sizes(heads: Heads) -> tuple[int, ...]:
    """The paper's 10 and 100 of a model as large as its own, the same shares of a smaller one; each once."""
    total = heads.scores.size
    share = min(1.0, total / PAPERS_TOTAL)
    return tuple(sorted({max(1, round(k * share)) for k in PAPERS_SIZES}))


def scores_of(heads: Heads) -> list[str]:
    """The scores by which conditions choose heads, of those that the file holds."""
    held = {name.partition(" (")[0] for name in (heads.provenance.score, *heads.others)}
    return [score for score in SCORES if score in held]


def overlap(heads: Heads) -> Table | None:
    """Heads that two scores share, with what chance would give; None where there is one score alone."""
    scores, ks, total = scores_of(heads), sizes(heads), heads.scores.size
    if len(scores) < 2:
        return None
    paper = figures_for(heads.provenance.model)
    theirs = paper.overlap if paper else {}
    header = ["two scores"]
    for k in ks:
        header += [f"shared of top {k}", "by chance", "p", "Jaccard"]
    header += [f"paper: of top {k}" for k in PAPERS_SIZES] if theirs else []
    rows = []
    for pair in combinations(scores, 2):
        row = [" and ".join(wording.condition(score) for score in pair)]
        for k in ks:
            both = top_overlap(heads.by(pair[0]), heads.by(pair[1]), k)
            row += (
                ["–"] * 4
                if both is None
                else [str(both.shared), f"{both.expected:.1f}", f"{both.p:.2g}", f"{both.jaccard:.2f}"]
            )
        if theirs:
            row += [str(n) for n in theirs.get(pair, ("–", "–"))]
        rows.append(row)
    return Table(
        header,
        rows,
        f"Of {total} heads. By chance: what two sets drawn at random would share on average; p: how often such sets "
        "share as many or more. The paper compares "
        "the top 10 and the top 100 of 1,152 heads; in a smaller model the same shares are taken.",
    )


def matrix(heads: Heads, k: int) -> tuple[Sequence[str], list[list[int]]]:
    """The scores that rank at least k heads, and how many heads each two of their top k share."""
    scores = [score for score in scores_of(heads) if len(heads.by(score)) >= k]
    tops = {score: set(heads.by(score).top(k)) for score in scores}
    return scores, [[len(tops[one] & tops[other]) for other in scores] for one in scores]
