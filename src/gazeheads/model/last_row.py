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
from gazeheads.model.usable import must_be_finite


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
            for look in looks:
                _must_be_finite(model, look)
            patterns += [look.reshape(model.n_layers, model.n_heads, -1) for look in looks]
    return found


def _must_be_finite(model: Backbone, look: Patterns) -> None:
    """Raise `ModelError` for NaN, which is right in layers without attention alone."""
    layers = model.hf.get_decoder().layers
    for number, patterns in enumerate(look.reshape(model.n_layers, model.n_heads, -1)):
        if hasattr(layers[number], "self_attn"):
            must_be_finite(torch.from_numpy(patterns), f"The attention patterns of layer {number}", model.hf)
