"""All scores that rank heads: what each says of a head, what it needs, and how it is computed. Larger is better.

A[k, j] is the attention mass that a head puts on region j while it is asked about region k, by the rows of the last
prompt token (`gazeheads.discovery.discover`):

    gaze                mean over k of A[k, k] (Gandikota & Bau 2026, arXiv 2606.14703, sec. 5.1)
    norm-weighted       the same, of attention weighed by the length of each token's value vector (Kobayashi et al.
                        2020, arXiv 2004.10102), as a share of its sum over all tokens of the row, text too
    selectivity         mean over k of A[k, k] / sum over j of A[k, j]
    image-heads         mass on the image, z-scored within each layer (the Image Heads of MaskCD, as Gandikota & Bau
                        use them)
    localization-heads  minus the entropy of the spots of a head's mean map (Kang et al. 2025, arXiv 2503.06287, as
                        Gandikota & Bau use them)

These are means over the questions of an image, then over images, but for the last, which has one map for all. Two more
take forward passes of their own: `gazeheads.discovery.causal` and `gazeheads.discovery.follow`. NaN: the head is no
candidate.

A new score is a function here and a line of `SCORES`, or a line and a module of `gazeheads.discovery` with `check` and
`measure`. `discover`, `gazeheads heads`, conditions and help texts read the table.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from scipy import ndimage

Floats = npt.NDArray[np.float64]

NOTHING = 1e-6  # of a row's attention: less on all regions together, or between the heads of a layer, is none
FIRST_LAYER = 2  # localization heads: the layers below are left out


@dataclass(frozen=True, eq=False)
class ImageMasses:
    """Where heads looked under the questions about one image.

    masses: (layer, head, asked, region) attention mass. shares: the same of attention weighed by the values' norms, as
    shares of the row. image: (asked, layer, head) mass on the image.
    """

    masses: Floats = field(repr=False)
    shares: Floats = field(repr=False)
    image: Floats = field(repr=False)


@dataclass(frozen=True)
class Score:
    """One way to rank heads. title: what tables call these heads. range: of the score's values, in words.

    describe: what a head with a high score does. needs: what must be known of the samples. How it is computed:
    `of_image`, a mean over images; or `of_maps`, from the summed maps by size of grid and the mean mass on the image;
    or `module`, by passes of its own: `measure` of a module of `gazeheads.discovery`.
    """

    name: str
    title: str
    describe: str
    range: str
    needs: str = "regions that can be asked about"
    of_image: Callable[[ImageMasses], Floats] | None = None
    of_maps: Callable[[Sequence[Floats], Floats], Floats] | None = None
    module: str = ""


def gaze(matrix: Floats) -> Floats:
    """(layer, head) from (layer, head, asked, region): the mean mass on the region that was asked about."""
    found: Floats = np.diagonal(matrix, axis1=-2, axis2=-1).mean(-1)
    return found


def selectivity(matrix: Floats) -> Floats:
    """(layer, head) from (layer, head, asked, region): the mean share of the region that was asked about.

    A question under which a head puts less than a millionth of its attention on the regions counts as 0: a head that
    looks at none selects none.
    """
    asked, every = np.diagonal(matrix, axis1=-2, axis2=-1), matrix.sum(-1)
    shares = np.divide(asked, every, out=np.where(np.isnan(every), np.nan, 0.0), where=every >= NOTHING)
    found: Floats = shares.mean(-1)
    return found


def image_heads(mass: Floats) -> Floats:
    """(layer, head) from the mass on the image (question, layer, head): the mean z-score within each layer.

    In a layer whose heads all look at the image alike, to a millionth, every head has 0.
    """
    spread = mass.std(-1, keepdims=True)
    middle = mass - mass.mean(-1, keepdims=True)
    scored = np.divide(middle, spread, out=np.where(np.isnan(mass), np.nan, 0.0), where=spread >= NOTHING)
    found: Floats = scored.mean(0)
    return found


def localization_heads(maps: Sequence[Floats], mass: Floats) -> Floats:
    """(layer, head): minus the spatial entropy of each head's mean map; NaN where a head is no candidate.

    maps: (layer, head, row, col) summed attention maps, one for each size of grid. mass: (layer, head) mean mass on the
    image. Candidates have a mass from the elbow of all masses on, are in layers from 2 on, and their bottom row
    is not wholly above the map's mean (a sink at the image's end). Entropies are in nats; many heads may share 0, one
    spot, and are then ranked by layer and head.

    Grids of several sizes are brought to the smallest number of rows and of columns among them, each cell giving its
    mass to the cells that it overlaps: nothing is made up, and images of one size are not touched.
    """
    rows, cols = min(each.shape[2] for each in maps), min(each.shape[3] for each in maps)
    whole = np.sum([resized(each, rows, cols) for each in maps], axis=0)
    candidates = mass >= elbow(mass)
    candidates[:FIRST_LAYER] = False
    scores = np.full(mass.shape, np.nan)
    for layer, head in np.argwhere(candidates).tolist():
        attention = whole[layer, head]
        if not (attention[-1] > attention.mean()).all():
            scores[layer, head] = 0.0 - spatial_entropy(attention)
    return scores


def elbow(values: Floats) -> float:
    """The value at which the sorted values are farthest from the straight line between the least and the greatest.

    Entries that are NaN do not count; the first of several such values, from below; the least one where all are alike.
    """
    rising = np.sort(values[~np.isnan(values)])
    if not len(rising):
        return np.nan
    line = np.linspace(rising[0], rising[-1], len(rising))
    return float(rising[np.abs(rising - line).argmax()])


def spatial_entropy(attention: Floats) -> float:
    """In nats, over the shares of mass of the spots of a map (row, col): 0 for one spot; NaN without any.

    A spot is a set of neighbouring cells, also by their corners, that are all above the map's mean.
    """
    spots, count = ndimage.label(attention > attention.mean(), structure=np.ones((3, 3)))
    if not count:
        return np.nan
    masses = ndimage.sum_labels(attention, spots, np.arange(1, count + 1))
    shares = masses / masses.sum()
    return float(0.0 - (shares * np.log(shares)).sum())


def resized(maps: Floats, rows: int, cols: int) -> Floats:
    """(..., rows, cols) from maps (..., row, col) over the same image; the mass of every map stays what it is."""
    if maps.shape[-2:] == (rows, cols):
        return maps
    found: Floats = _shares(maps.shape[-2], rows) @ maps @ _shares(maps.shape[-1], cols).T
    return found


def _shares(old: int, new: int) -> Floats:
    """(new, old): which share of each old cell lies in each new one, both dividing the same length evenly."""
    starts, stops = np.arange(new)[:, None] * old / new, (np.arange(new)[:, None] + 1) * old / new
    cells = np.arange(old)
    shares: Floats = np.clip(np.minimum(stops, cells + 1) - np.maximum(starts, cells), 0, None)
    return shares


SCORES: dict[str, Score] = {
    score.name: score
    for score in (
        Score(
            "gaze",
            "gaze heads",
            "looks at the region that is asked about",
            "0 to 1, a share of its attention",
            of_image=lambda seen: gaze(seen.masses),
        ),
        Score(
            "image-heads",
            "Image Heads",
            "looks at the image, wherever, more than the other heads of its layer",
            "standard deviations within its layer",
            of_image=lambda seen: image_heads(seen.image),
        ),
        Score(
            "localization-heads",
            "Localization Heads",
            "looks at one spot, whichever",
            "at most 0: minus an entropy in nats",
            of_maps=lambda maps, mass: localization_heads(maps, mass),
        ),
        Score(
            "selectivity",
            "heads by selectivity",
            "prefers the region that is asked about, however little it looks",
            "0 to 1, a share of its attention to all regions",
            of_image=lambda seen: selectivity(seen.masses),
        ),
        Score(
            "norm-weighted",
            "heads by norm-weighted gaze",
            "reads the region that is asked about: attention times value norms",
            "0 to 1, a share of what it reads",
            of_image=lambda seen: gaze(seen.shares),
        ),
        Score(
            "causal",
            "heads by causal effect",
            "alone makes the caption of the region that it is steered to likelier",
            "nats, may be negative",
            needs="captions, of dev samples",
            module="causal",
        ),
        Score(
            "follow",
            "heads that follow the text",
            "looks at the object that is being named, in scenes and photographs",
            "0 to 1, a share of its attention",
            needs="named objects, of dev samples",
            module="follow",
        ),
    )
}
