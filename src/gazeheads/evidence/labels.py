"""How results are said to people: conditions by their full names, numbers in per cent."""

import math

from gazeheads.evidence.cells import Cell, Family
from gazeheads.evidence.results import family_of
from gazeheads.statistics import Estimate

CONDITIONS = {
    "none": "no steering",
    "gaze": "gaze heads",
    "image-heads": "Image Heads",
    "localization-heads": "Localization Heads",
    "selectivity": "heads by selectivity",
    "norm-weighted": "heads by norm-weighted gaze",
    "causal": "heads by causal effect",
    "follow": "heads that follow speech",
    "all": "all heads",
    "prompt": "no steering, region named in the question",
    "panel-query": "no steering, discovery question",
    "crop": "no steering, cropped to the region",
    "marker": "no steering, region framed in red",
    "controls": "control draws, same layers",
    "band": "control draws, the gaze heads' band of layers",
    "bottom5": "control draws, lowest 5% by score",
    "below-median": "control draws, below the median score",
    "lowest": "control draws, the lowest by score",
    "mass-matched": "control draws, same image mass",
    "wrong-region": "gaze heads, pointed at another region",
}
EXPERIMENTS = {
    "vqa": "Redirection: what happens in this strip?",
    "this-panel": "Redirection: what happens in this panel?",
    "k-sweep": "How many heads",
    "collapse": "Too many heads",
    "push-sweep": "How hard the push is",
    "scope": "Which rows are steered",
    "wordings": "Other wordings of the question",
    "layouts": "Panel counts and grids",
    "tour": "Switching the target while the model speaks",
    "tour-by-sentence": "Switching the target at the end of each sentence",
    "free-narration": "Free narration",
    "boxes": "Redirection: which object is this?",
    "masks": "Redirection: which object is this? By masks",
}


def condition(name: str) -> str:
    """A condition, or a family of draws, in words: "gaze heads, K = 8"."""
    kind, at, amount = (family_of(name) or name).partition("@")
    draw = f" {int(name.rpartition('/')[2]) + 1}" if family_of(name) else ""
    share = f", K = {float(amount):.0%}" if "." in amount else f", K = {amount}"
    return CONDITIONS.get(kind, kind) + draw + share * bool(at)


def family(found: Family) -> str:
    """A family with its number of draws: "20 control draws, same layers"."""
    said = condition(found.name)
    n = len(found.draws)
    if said.startswith("control draws"):
        return f"{n} control draw" + said.removeprefix("control draw").replace("s", "", int(n == 1))
    return f"{said} ({n} draw{'s' * (n > 1)})"


def experiment(name: str) -> str:
    """The heading of an experiment."""
    return EXPERIMENTS.get(name, name)


def percent(found: Estimate | None) -> str:
    """Mean and interval: "83.1 [79.2, 86.8]", "100.0 [all alike]"; "–" where nothing is known."""
    if found is None or not found.n:
        return "–"
    if math.isnan(found.low):
        return f"{100 * found.mean:.1f}"
    if (
        found.low == found.high
    ):  # every picture gave the same: resampling them cannot show what others would give
        return f"{100 * found.mean:.1f} [all alike]"
    return f"{100 * found.mean:.1f} [{100 * found.low:.1f}, {100 * found.high:.1f}]"


def points(found: Estimate) -> str:
    """A difference in percentage points, with its sign: "+66.0 [58.2, 73.1]"."""
    return ("+" if found.n and found.mean > 0 else "") + percent(found).replace("-", "−")


def number(found: Estimate | None, digits: int = 2) -> str:
    """A mean that is no share, with its interval: "0.87 [0.81, 0.92]"."""
    if found is None or not found.n:
        return "–"
    if math.isnan(found.low):
        return f"{found.mean:.{digits}f}".replace("-", "−")
    return f"{found.mean:.{digits}f} [{found.low:.{digits}f}, {found.high:.{digits}f}]".replace("-", "−")


def spread(values: list[float], scale: float = 100, digits: int = 1) -> str:
    """Mean, lowest and highest of control draws: "16.7 (10.0 to 21.3)"; of one draw the mean alone."""
    if not values:
        return "–"
    if len(values) == 1:
        return f"{scale * values[0]:.{digits}f}".replace("-", "−")
    mean, low, high = (scale * each for each in (sum(values) / len(values), min(values), max(values)))
    return f"{mean:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})".replace("-", "−")


def share(value: float) -> str:
    """Per cent with one digit."""
    return f"{100 * value:.1f}"


def mass(cells: list[Cell]) -> str:
    """Attention mass on the target without and with the push: "21 → 97"; "–" where nothing was steered."""
    known = [(c.before, c.after) for c in cells if c.before is not None and c.after is not None]
    if not known:
        return "–"
    before, after = (sum(each) / len(known) for each in zip(*known, strict=True))
    return f"{100 * before:.0f} → {100 * after:.0f}"


def theirs(value: float | None, digits: int = 1) -> str:
    """A figure of the paper; "–" where it gives none."""
    return "–" if value is None else f"{value:.{digits}f}".replace("-", "−")
