"""Find gaze heads: ask about each region in turn, and see which heads follow.

For each image and each of its regions k, ask about region k and read the attention of the last prompt token. With
A[k, j] the mass that a head puts on region j under question k (not renormalised), its gaze score is the mean over k of
A[k, k], averaged over images (Gandikota & Bau 2026, arXiv 2606.14703, sec. 5.1). Forward passes only. The same passes
give the other scores of `gazeheads.heads.scores` that take none of their own.

    heads = discover(model, samples)
    measured = measure(model, samples)      # what the scores are means of, image by image
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypedDict, Unpack

import numpy as np
import numpy.typing as npt

from gazeheads.checks import whole
from gazeheads.errors import UsageError
from gazeheads.heads.head import Provenance
from gazeheads.heads.heads import Heads
from gazeheads.heads.scores import SCORES, ImageMasses
from gazeheads.model.model import GazeModel
from gazeheads.model.questions import ask_again, question_rows
from gazeheads.model.scene import Scene
from gazeheads.prompts import panel_query
from gazeheads.regions.coverage import overview
from gazeheads.regions.region import Coverage, Region
from gazeheads.sample import Sample

Floats = npt.NDArray[np.float64]
Progress = Callable[[int], object]


@dataclass(frozen=True, eq=False)
class Measured:
    """What discovery saw, image by image; `heads()` ranks by it.

    images: of each sample what its questions showed. maps: by number of rows and columns, (layer, head, row, col) the
    attention map of an image, its mean over questions, summed over images.
    """

    provenance: Provenance
    images: tuple[ImageMasses, ...] = field(repr=False)
    maps: Mapping[tuple[int, int], Floats] = field(repr=False)

    @cached_property
    def by_sample(self) -> Mapping[str, Floats]:
        """(sample, layer, head) of each score that is a mean over images, by name."""
        return {
            name: np.array([score.of_image(seen) for seen in self.images])
            for name, score in SCORES.items()
            if score.of_image is not None
        }

    def heads(self) -> Heads:
        """All heads, ranked by gaze score, with the other scores beside it."""
        scores = {name: each.mean(0) for name, each in self.by_sample.items()}
        mass: Floats = np.concatenate([seen.image for seen in self.images]).mean(0)
        for name, score in SCORES.items():
            if score.of_maps is not None:
                scores[name] = score.of_maps([*self.maps.values()], mass)
        matrices = [seen.masses for seen in self.images]
        mean = np.mean(matrices, axis=0) if len({matrix.shape for matrix in matrices}) == 1 else None
        return Heads.ranked(
            scores.pop("gaze"), self.provenance, image_mass=mass, matrices=mean, others=scores
        )


class Discovery(TypedDict, total=False):
    """How heads are discovered: the keywords of `discover` and `measure`.

    question: from a region's number (from 1) and the number of regions, what to ask; by default the paper's question
    about a panel. coverage: how much of a token counts for a region ("centre" is the paper's rule). batch_size: so
    many questions at a time at most, but at least all of one image. data, seed: noted in the provenance. progress:
    called after each batch with the number of questions in it. settings: keywords of the processor, as for
    `model.encode`; noted in the provenance.
    """

    question: Callable[[int, int], str]
    coverage: Coverage
    batch_size: int
    data: str
    seed: int | None
    progress: Progress | None
    settings: Mapping[str, Any] | None


def discover(model: GazeModel, samples: Sequence[Sample], **how: Unpack[Discovery]) -> Heads:
    """All heads of `model`, ranked by gaze score over `samples`, drawn at the size that suits it.

    how: see `Discovery`. The result carries the scores of `gazeheads.heads.scores` that take no passes of their own,
    each head's mean mass on the image and, where all images have equally many regions, its mean matrix A. A region
    smaller than a token counts as its nearest cell. Raises `UsageError` without samples or for one without boxes.
    """
    return measure(model, samples, **how).heads()


def measure(
    model: GazeModel,
    samples: Sequence[Sample],
    *,
    question: Callable[[int, int], str] = panel_query,
    coverage: Coverage = "area",
    batch_size: int = 32,
    data: str = "",
    seed: int | None = None,
    progress: Progress | None = None,
    settings: Mapping[str, Any] | None = None,
) -> Measured:
    """What `discover` ranks by, which takes and raises the same.

    Attention maps are those of the first image where it is seen whole (not in tiles); where it is seen in tiles only,
    of the first tile.
    """
    if not samples:
        raise UsageError("Discovery was asked for without samples. Give at least one image with panel boxes.")
    for sample in samples:
        if not sample.boxes:
            raise UsageError(f"Sample {sample.id!r} has no boxes to ask about. Give each at least one.")
    samples = [model.resized(sample) for sample in samples]
    shape = model.n_layers, model.n_heads
    sizes = [len(sample.boxes) for sample in samples]
    matrices, weighted = ([np.zeros((*shape, n, n)) for n in sizes] for _ in range(2))
    masses = [np.zeros((n, *shape)) for n in sizes]
    maps: dict[tuple[int, int], Floats] = {}
    most = max(1, whole(batch_size, "batch_size=", UsageError, 1) // max(sizes))  # images at a time
    for start in range(0, len(samples), most):
        part = range(start, min(start + most, len(samples)))
        asked = [_scenes(model, samples[number], question, settings or {}) for number in part]
        raw, shares = question_rows(model, asked, ("raw", "value-norm-share"))
        for number, scenes, patterns, weighed in zip(part, asked, raw, shares, strict=True):
            grid = scenes[0].grid
            regions = [Region.box(grid, b, coverage=coverage, min_tokens=1) for b in samples[number].boxes]
            covered = np.stack([region.weights for region in regions], axis=1)  # (image token, region)
            view = overview(grid)
            size = grid.views[view].rows, grid.views[view].cols
            for k, (pattern, share) in enumerate(zip(patterns, weighed, strict=True)):
                matrices[number][:, :, k] = pattern.astype(np.float64) @ covered
                weighted[number][:, :, k] = share.astype(np.float64) @ covered
                masses[number][k] = pattern.sum(-1, dtype=np.float64)
                cells = pattern[:, :, grid.view_of == view].reshape(*shape, *size)
                maps[size] = maps.get(size, 0) + cells.astype(np.float64) / sizes[number]
        if progress is not None:
            progress(sum(map(len, asked)))
    provenance = Provenance(
        model=model.name,
        n_layers=model.n_layers,
        n_heads=model.n_heads,
        revision=model.revision,
        data=data,
        seed=seed,
        samples=len(samples),
        score="gaze" if coverage == "area" else f"gaze ({coverage} rule)",
        settings=", ".join(f"{name}={value}" for name, value in (settings or {}).items()),
    )
    return Measured(provenance, tuple(map(ImageMasses, matrices, weighted, masses)), maps)


def _scenes(
    model: GazeModel, sample: Sample, question: Callable[[int, int], str], settings: Mapping[str, Any]
) -> list[Scene]:
    """A scene for each region that is asked about; the image is processed once."""
    n = len(sample.boxes)
    first = model.encode(sample.image, question(1, n), **settings)
    return [first, *(ask_again(model, first, question(k, n)) for k in range(2, n + 1))]
