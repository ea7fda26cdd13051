"""What every head attends to at the last prompt token, weighed in one way or several, in one forward pass."""

from collections.abc import Sequence

import torch

from gazeheads.attention.recording import Recorder
from gazeheads.attention.seam import attached
from gazeheads.gaze.record import Record, Weighting
from gazeheads.gaze.trace import Patterns
from gazeheads.heads.head import Head
from gazeheads.model.backbone import Backbone
from gazeheads.model.batches import as_scenes, batches
from gazeheads.model.decoding import collate
from gazeheads.model.scene import Scene


@torch.no_grad()
def last_rows(
    model: Backbone, scenes: Sequence[Scene], weighting: Sequence[Weighting], batch_size: int | None = None
) -> list[list[Patterns]]:
    """For each way to weigh, for each scene (layer, head, image token), float32: see `GazeModel.last_row`."""
    scenes = as_scenes(model, scenes, "model.last_row")
    heads = [Head(layer, head) for layer in range(model.n_layers) for head in range(model.n_heads)]
    every = [Record(heads, "heads", how) for how in weighting]
    found: list[list[Patterns]] = [[] for _ in every]
    for part in batches(len(scenes), batch_size):
        grids = [scene.grid for scene in scenes[part]]
        probes = [Recorder(grids, [record] * len(grids), model.n_layers, model.n_heads) for record in every]
        with attached(model.hf, *probes):
            collate(model.hf, model.family, scenes[part], model.pad).run(model.hf)
        for patterns, probe in zip(found, probes, strict=True):
            looks = probe.patterns([1] * len(grids))
            patterns += [look.reshape(model.n_layers, model.n_heads, -1) for look in looks]
    return found
