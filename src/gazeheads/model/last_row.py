"""What every head attends to at the last prompt token, weighed in one way or several, in one forward pass."""

from collections.abc import Sequence

import torch

from gazeheads.attention.recording import Recorder
from gazeheads.attention.seam import attached
from gazeheads.checks import several, whole
from gazeheads.errors import UsageError
from gazeheads.gaze.record import Record, Weighting
from gazeheads.gaze.trace import Patterns
from gazeheads.heads.head import Head
from gazeheads.model.answer import fits
from gazeheads.model.backbone import Backbone
from gazeheads.model.decoding import collate
from gazeheads.model.scene import Scene


@torch.no_grad()
def last_rows(
    model: Backbone, scenes: Sequence[Scene], weighting: Sequence[Weighting], batch_size: int | None = None
) -> list[list[Patterns]]:
    """For each way to weigh, for each scene (layer, head, image token), float32: see `GazeModel.last_row`."""
    scenes = several(scenes, "model.last_row takes a list of scenes", UsageError)
    for scene in scenes:
        fits(model, scene, None)
    size = len(scenes) if batch_size is None else whole(batch_size, "batch_size=", UsageError, 1)
    heads = [Head(layer, head) for layer in range(model.n_layers) for head in range(model.n_heads)]
    every = [Record(heads, "heads", how) for how in weighting]
    found: list[list[Patterns]] = [[] for _ in every]
    for start in range(0, len(scenes), size or 1):
        part = scenes[start : start + size]
        grids = [scene.grid for scene in part]
        probes = [Recorder(grids, [record] * len(part), model.n_layers, model.n_heads) for record in every]
        batch = collate(model.hf, model.family, part, model.pad)
        with attached(model.hf, *probes):
            model.hf(
                **batch.rows,
                **batch.features,
                position_ids=batch.position_ids,
                use_cache=False,
                logits_to_keep=1,
            )
        for patterns, probe in zip(found, probes, strict=True):
            looks = probe.patterns([1] * len(part))
            patterns += [look.reshape(model.n_layers, model.n_heads, -1) for look in looks]
    return found
