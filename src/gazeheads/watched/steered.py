"""How an answer was steered, in words for its page and its figure."""

from gazeheads.gaze import Gaze
from gazeheads.live import Live
from gazeheads.regions import Region
from gazeheads.schedule import Schedule


def told(gaze: Gaze) -> str:
    """How many heads were pointed where and when, by which push, in which rows."""
    if isinstance(gaze.at, Schedule):
        stops = zip(gaze.at.stops, gaze.at.starts, strict=True)
        unit = gaze.at.unit
        where = ", ".join(f"{stop or 'nowhere'} from {unit} {start + 1}" for stop, start in stops)
        where += f", again every {gaze.at.period} {unit}s" * bool(gaze.at.period)
    elif isinstance(gaze.at, Region):
        where = str(gaze.at)
    else:
        where = "a live target" if isinstance(gaze.at, Live) else "a mix of regions"
    return f"{len(gaze.heads)} heads at {where}; {gaze.how}, during {gaze.during!r}"
