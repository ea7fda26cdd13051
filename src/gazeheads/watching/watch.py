"""Generate once, gaze heads and a random-head control recorded side by side, and keep what it takes to look at it."""

from collections.abc import Sequence
from typing import Any

from PIL import Image

from gazeheads.errors import RecordError, UsageError
from gazeheads.gaze.gaze import Gaze
from gazeheads.gaze.live import Live
from gazeheads.gaze.record import Record
from gazeheads.gaze.schedule import Schedule
from gazeheads.heads.heads import Heads
from gazeheads.model.model import GazeModel
from gazeheads.model.scene import Scene
from gazeheads.regions.grid import Box
from gazeheads.regions.region import Region
from gazeheads.watching.areas import areas
from gazeheads.watching.looks import HeadSet
from gazeheads.watching.phrases import RULE, spans, things
from gazeheads.watching.watched import Watched


def watch(
    model: GazeModel,
    scene: Scene,
    heads: Heads | None = None,
    gaze: Gaze | None = None,
    *,
    boxes: Sequence[tuple[int, Box]] = (),
    control: Heads | bool = True,
    describes: str | Sequence[str] = RULE,
    shown: Sequence[Image.Image] = (),
    seed: int = 0,
    max_new_tokens: int = 300,
    **settings: Any,
) -> Watched:
    """Answer a scene and record where `heads` looked at every token, and a random-head control beside them.

    heads: those that ship with the bundled model unless given. gaze: steers; None: unsteered. boxes: the regions to
    tell apart, (image, box), where the scene has no panels (`areas`). control: heads to record beside them, True for a
    layer-matched draw by `seed`, False for none. describes: how to find the objects that the answer describes: "rule",
    "spacy:MODEL", or a list of texts (`phrases`). shown: sharper drawings of the same images, to show. settings: of
    `model.generate`.

    Raises `UsageError` where no heads are known, the answer holds no word, or an image to show has other proportions;
    `NoSuchDraw` where there is no such random-head control; `RecordError` for an object that the answer does not say.
    """
    heads = _heads(model, heads)
    drawings = _drawings(scene, shown)
    regions = areas(scene, boxes)
    sets = [("gaze heads", heads, f"{len(heads)} heads by {heads.provenance.score} score")]
    if control is not False:
        drawn = heads.controls(1, seed)[0] if control is True else control
        about = "other heads, as many in each layer" if control is True else f"{len(drawn)} other heads"
        sets.append(("random-head control", drawn, about))
    every = tuple(dict.fromkeys(head for _, members, _ in sets for head in members))
    answer = model.generate(
        scene,
        gaze,
        record=Record(every, "heads", value_norms=True),
        max_new_tokens=max_new_tokens,
        **settings,
    )
    trace = answer.trace
    assert trace is not None  # it was asked for
    if not answer.words:
        raise UsageError(
            f"{model.name} was asked {scene.prompt!r}; it answered {answer.text!r}, which holds no word, so there is "
            "nothing to watch. Ask something else, or allow more tokens."
        )
    found = (
        things(answer.token_texts, describes)
        if isinstance(describes, str)
        else spans(answer.token_texts, describes)
    )
    steered = "" if gaze is None else describe(gaze)
    parts = tuple(HeadSet(name, trace.select(members), about) for name, members, about in sets)
    return Watched(scene, answer, parts, regions, found, drawings, model.name, steered)


def _heads(model: GazeModel, heads: Heads | None) -> Heads:
    if heads is None and not model.is_bundled:
        raise UsageError(
            f"Heads of {model.name}: none were given, and only the bundled model brings its own. Find them with "
            "gazeheads.discover(model, samples)."
        )
    if heads is None:
        from gazeheads.model.bundled import HEADS

        heads = Heads.load(HEADS).selected
    if not len(heads):
        raise RecordError("No head was given to watch. Take heads.top(k).")
    return heads


def _drawings(scene: Scene, shown: Sequence[Image.Image]) -> tuple[Image.Image, ...]:
    """The images to show. Raises `UsageError` unless they fit those of the scene."""
    found = tuple(shown) or scene.images
    if len(found) != len(scene.grid.sizes):
        raise UsageError(
            f"{len(found)} images were given to show; the scene has {len(scene.grid.sizes)}. Give one for each, or "
            "encode the scene with model.encode, which keeps them."
        )
    for picture, (width, height) in zip(found, scene.grid.sizes, strict=True):
        if (
            abs(picture.width * height - picture.height * width)
            > max(picture.size) * max(width, height) / 100
        ):
            raise UsageError(
                f"An image of {picture.width} x {picture.height} px was given to show in place of one of {width} x "
                f"{height} px: another shape. Give a drawing of the same image at any scale."
            )
    return found


def describe(gaze: Gaze) -> str:
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
    return f"{len(gaze.heads)} heads at {where}; {gaze.push}, during {gaze.during!r}"
