"""Find gaze heads: ask about each region in turn, and see which heads follow.

For each picture and each of its regions k, ask about region k and read the attention of the last prompt
token. With A[k, j] the mass that a head puts on region j under question k (not renormalised), its gaze score
is the mean over k of A[k, k], averaged over pictures (Gandikota & Bau 2026, arXiv 2606.14703, sec. 5.1).
Forward passes only.
"""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from gazeheads.errors import BadInput
from gazeheads.heads import Heads, Provenance
from gazeheads.model import GazeModel
from gazeheads.prompts import panel_query
from gazeheads.records import Sample
from gazeheads.regions import Coverage, Region

Floats = npt.NDArray[np.float64]
Progress = Callable[[int], object]


def discover(
    model: GazeModel,
    samples: Sequence[Sample],
    *,
    question: Callable[[int, int], str] = panel_query,
    coverage: Coverage = "area",
    batch_size: int = 32,
    data: str = "",
    seed: int | None = None,
    progress: Progress | None = None,
) -> Heads:
    """All heads of `model`, ranked by gaze score over `samples`, drawn at the size that suits it.

    question: from a region's number (from 1) and the number of regions, what to ask; by default the paper's
    question about a panel. coverage: how much of a token counts for a region ("centre" is the paper's rule).
    data, seed: noted in the provenance. progress: called after each batch with the number of questions in it.
    The result carries each head's mean mass on the picture and, where all pictures have equally many regions,
    its mean matrix A. A region smaller than a token counts as its nearest cell. Raises `BadInput` without
    samples or for one without boxes.
    """
    if not samples:
        raise BadInput("Discovery was asked for without samples. Give at least one picture with panel boxes.")
    for sample in samples:
        if not sample.boxes:
            raise BadInput(f"Sample {sample.id!r} has no boxes to ask about. Give each at least one.")
    samples = [model.fit(sample) for sample in samples]
    asked = [(number, k) for number, sample in enumerate(samples) for k in range(len(sample.boxes))]
    matrices: dict[int, Floats] = {}  # of each sample: (layer, head, asked, region)
    covered: dict[int, Floats] = {}  # of each sample: (image token, region)
    masses: list[Floats] = []
    for start in range(0, len(asked), batch_size):
        part = asked[start : start + batch_size]
        scenes = [
            model.encode(samples[number].picture, question(k + 1, len(samples[number].boxes)))
            for number, k in part
        ]
        for (number, k), scene, pattern in zip(part, scenes, model.last_row(scenes), strict=True):
            if k == 0:
                regions = [
                    Region.box(scene.grid, box, coverage=coverage, min_tokens=1)
                    for box in samples[number].boxes
                ]
                covered[number] = np.stack([region.weights for region in regions], axis=1)
                matrices[number] = np.zeros((*pattern.shape[:2], len(regions), len(regions)))
            matrices[number][:, :, k] = pattern.astype(np.float64) @ covered[number]
            masses.append(pattern.sum(-1, dtype=np.float64))
        if progress is not None:
            progress(len(part))
    every = list(matrices.values())
    scores = np.mean([np.diagonal(matrix, axis1=2, axis2=3).mean(-1) for matrix in every], axis=0)
    provenance = Provenance(
        model=model.name,
        n_layers=model.n_layers,
        n_heads=model.n_heads,
        revision=model.revision,
        data=data,
        seed=seed,
        samples=len(samples),
        score="gaze" if coverage == "area" else f"gaze ({coverage} rule)",
    )
    return Heads.ranked(
        scores,
        provenance,
        image_mass=np.mean(masses, axis=0),
        matrices=np.mean(every, axis=0) if len({matrix.shape for matrix in every}) == 1 else None,
    )
