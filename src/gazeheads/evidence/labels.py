"""How results are said to people: conditions by their full names, numbers in per cent."""

import math

from gazeheads.evidence.cells import ConditionResult, ControlDraws
from gazeheads.experiments.conditions import CONDITIONS, amount_of, family_of, kind_of
from gazeheads.statistics import Estimate


def condition(name: str) -> str:
    """A condition, or a family of draws, in words: "gaze heads, K = 8", "random-head controls, same layers, draw 2"."""
    kind, amount = kind_of(name), amount_of(name)
    title = CONDITIONS[kind].title if kind in CONDITIONS else kind
    share = f", K = {float(amount):.0%}" if "." in amount else f", K = {amount}"
    draw = f", draw {int(name.rpartition('/')[2]) + 1}" if family_of(name) else ""
    return title + share * bool(amount) + draw


def family(draws: ControlDraws) -> str:
    """A family with its number of draws: "random-head controls, same layers (20 draws)"."""
    n = len(draws.draws)
    return f"{condition(draws.name)} ({n} draw{'s' * (n > 1)})"


def percent(found: Estimate | None) -> str:
    """Mean and interval: "83.1 [79.2, 86.8]", "100.0 [zero variance]"; "–" where nothing is known."""
    if found is None or not found.n:
        return "–"
    if math.isnan(found.low):
        return f"{100 * found.mean:.1f}"
    if (
        found.low == found.high
    ):  # every image gave the same: resampling them cannot show what others would give
        return f"{100 * found.mean:.1f} [zero variance]"
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
    """Mean, lowest and highest of random-head controls: "16.7 (10.0 to 21.3)"; of one draw the mean alone."""
    if not values:
        return "–"
    if len(values) == 1:
        return f"{scale * values[0]:.{digits}f}".replace("-", "−")
    mean, low, high = (scale * each for each in (sum(values) / len(values), min(values), max(values)))
    return f"{mean:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})".replace("-", "−")


def share(value: float) -> str:
    """Per cent with one digit."""
    return f"{100 * value:.1f}"


def mass(cells: list[ConditionResult]) -> str:
    """Attention mass on the target without and with the push: "21 → 97"; "–" where nothing was steered."""
    known = [(c.before, c.after) for c in cells if c.before is not None and c.after is not None]
    if not known:
        return "–"
    before, after = (sum(each) / len(known) for each in zip(*known, strict=True))
    return f"{100 * before:.0f} → {100 * after:.0f}"


def theirs(value: float | None, digits: int = 1) -> str:
    """A figure of the paper; "–" where it gives none."""
    return "–" if value is None else f"{value:.{digits}f}".replace("-", "−")
