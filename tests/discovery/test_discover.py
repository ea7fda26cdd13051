"""Discovery: the gaze score, and plant and find."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import tiny
import torch
from torch import Tensor
from transformers.models.qwen3_vl import modeling_qwen3_vl

from gazeheads.discovery import discover as discovery
from gazeheads.discovery.discover import discover
from gazeheads.errors import UsageError
from gazeheads.heads.head import Head
from gazeheads.model.last_row import last_rows
from gazeheads.model.model import GazeModel
from gazeheads.model.scene import Scene
from gazeheads.prompts import nth, panel_query
from gazeheads.regions.grid import Box

PANELS = 3


@pytest.fixture(scope="module")
def samples() -> list[tiny.FakeSample]:
    return [tiny.strip(PANELS, seed=seed) for seed in range(2)]


def test_the_score_is_the_mean_mass_on_the_asked_panel(
    model: GazeModel, samples: list[tiny.FakeSample]
) -> None:
    """Against transformers' own eager attention, with the arithmetic written out."""
    heads = discover(model, samples, data="strips", seed=4)
    model.hf.set_attn_implementation("eager")
    expected = np.zeros((len(samples), PANELS, PANELS, 3, 4))
    mass = np.zeros((3, 4))
    for s, sample in enumerate(samples):
        for k in range(PANELS):
            scene = model.encode(sample.image, panel_query(k + 1, PANELS))
            every = model.hf(**scene.tensors, output_attentions=True).attentions
            for layer in range(3):
                row = every[layer][0, :, -1].detach().numpy()[:, scene.grid.positions]
                columns = np.arange(len(scene.grid)) % (2 * PANELS)
                mass[layer] += row.sum(1)
                for j in range(PANELS):
                    expected[s, k, j, layer] = row[:, columns // 2 == j].sum(1)
    model.hf.set_attn_implementation("sdpa")
    scores = np.mean([[expected[s, k, k] for k in range(PANELS)] for s in range(len(samples))], axis=(0, 1))
    np.testing.assert_allclose(heads.scores, scores, atol=1e-5)
    assert heads.matrices is not None
    np.testing.assert_allclose(heads.matrices, expected.mean(0).transpose(2, 3, 0, 1), atol=1e-5)
    assert heads.image_mass is not None
    np.testing.assert_allclose(heads.image_mass, mass / (len(samples) * PANELS), atol=1e-5)
    assert len(heads) == 12
    assert heads.heads[0] == Head(*np.unravel_index(scores.argmax(), scores.shape))
    assert (heads.provenance.model, heads.provenance.data, heads.provenance.seed) == ("tiny", "strips", 4)
    assert (heads.provenance.samples, heads.provenance.score) == (2, "gaze")


@pytest.mark.parametrize("kv_heads", [2, 4])
@pytest.mark.parametrize("head", [Head(layer, head) for layer in range(3) for head in range(4)])
def test_plant_and_find(
    samples: list[tiny.FakeSample], monkeypatch: pytest.MonkeyPatch, head: Head, kv_heads: int
) -> None:
    """Make one head look at the asked panel without our seam; discovery ranks exactly that head first."""
    model = tiny.tiny_model(kv_heads=kv_heads)
    free = discover(model, samples, batch_size=1)
    plant = Plant(model, head)
    monkeypatch.setattr(modeling_qwen3_vl, "apply_rotary_pos_emb", plant.rotate)
    monkeypatch.setattr(discovery, "question_rows", plant.one_by_one)
    found = discover(model, samples, question=plant.ask, batch_size=1)
    assert plant.done == len(samples) * PANELS
    assert found.heads[0] == head
    assert found.score(head) > 0.95
    assert found.score(found.heads[1]) < 0.6
    assert found.by("norm-weighted").heads[0] == found.by("selectivity").heads[0] == head
    assert free.heads[0] != head or free.score(head) < 0.6
    for other in free:  # heads of the layers below it, and beside it, are as they were
        if other.layer <= head.layer and other != head:
            assert found.score(other) == pytest.approx(free.score(other), abs=1e-6)


class Plant:
    """Rewrites the queries and keys of one head, where the model turns them by their position.

    The query of the last prompt token becomes a direction u, and the keys of the asked panel's tokens get
    more of u. u is at right angles to the queries of the heads that share these keys, so those heads look
    where they looked.
    """

    def __init__(self, model: GazeModel, head: Head) -> None:
        self.head, self.layer, self.done = head, 0, 0
        self.panel, self.image_token = -1, model.hf.config.image_token_id
        self.panel_of: dict[str, int] = {}  # each question's
        self.inner = modeling_qwen3_vl.apply_rotary_pos_emb
        model.hf.model.language_model.register_forward_pre_hook(self.start)
        model.hf.model.register_forward_pre_hook(self.read, with_kwargs=True)

    def ask(self, panel: int, panels: int) -> str:
        self.panel_of[panel_query(panel, panels)] = panel - 1
        return panel_query(panel, panels)

    def one_by_one(self, model: GazeModel, asked: Any, weighting: Any) -> Any:
        """As `question_rows`, each prompt whole and by itself, since the plant knows no other."""

        def alone(scene: Scene) -> Any:
            self.panel = self.panel_of[scene.prompt]
            return [way[0] for way in last_rows(model, [scene], weighting)]

        rows = [[alone(scene) for scene in scenes] for scenes in asked]
        return [[[row[way] for row in scenes] for scenes in rows] for way in range(len(weighting))]

    def read(self, _: Any, args: Any, inputs: dict[str, Any]) -> None:
        start = int((inputs["input_ids"][0] == self.image_token).nonzero()[0])
        cells = np.arange(2 * 2 * PANELS)
        self.target = torch.tensor(start + cells[(cells % (2 * PANELS)) // 2 == self.panel])

    def start(self, *_: Any) -> None:
        self.layer = 0

    def rotate(self, query: Tensor, key: Tensor, *angles: Any, **more: Any) -> tuple[Tensor, Tensor]:
        query, key = self.inner(query, key, *angles, **more)
        if self.layer == self.head.layer:
            group = query.shape[1] // key.shape[1]
            mine = self.head.head // group
            last = query[0, :, -1]
            siblings = [h for h in range(mine * group, (mine + 1) * group) if h != self.head.head]
            u = torch.ones(last.shape[1])
            for sibling in siblings:
                u = u - (u @ last[sibling]) / (last[sibling] @ last[sibling]) * last[sibling]
            u = u / u.norm()
            query, key = query.clone(), key.clone()
            query[0, self.head.head, -1] = 20 * u
            key[0, mine, self.target] += 20 * u
            self.done += 1
        self.layer += 1
        return query, key


def test_boxes_are_needed(model: GazeModel, samples: list[tiny.FakeSample]) -> None:
    with pytest.raises(UsageError, match="without samples"):
        discover(model, [])
    with pytest.raises(UsageError, match="Sample 'strip-0' has no boxes"):
        discover(model, [replace(samples[0], boxes=())])


def test_questions_progress_and_unequal_pictures(model: GazeModel) -> None:
    asked: list[tuple[int, int]] = []
    done: list[int] = []

    def question(k: int, n: int) -> str:
        asked.append((k, n))
        return f"Which is the {nth(k)} of {n}?"

    mixed = [tiny.strip(2), tiny.strip(3)]
    heads = discover(model, mixed, question=question, batch_size=2, progress=done.append, coverage="centre")
    assert asked == [(1, 2), (2, 2), (1, 3), (2, 3), (3, 3)]
    assert done == [2, 3]
    assert heads.matrices is None
    assert heads.provenance.score == "gaze (centre rule)"


def test_batches_do_not_change_scores(model: GazeModel, samples: list[tiny.FakeSample]) -> None:
    one, many = discover(model, samples, batch_size=1), discover(model, samples, batch_size=6)
    np.testing.assert_allclose(one.scores, many.scores, atol=1e-6)


def test_a_small_box_is_scored_by_its_nearest_cell(model: GazeModel) -> None:
    sample = replace(tiny.strip(1), boxes=(Box(3, 3, 9, 9),))
    heads = discover(model, [sample])
    scene = model.encode(sample.image, panel_query(1, 1))
    (patterns,) = model.last_row([scene])
    np.testing.assert_allclose(heads.scores, patterns[:, :, 0], atol=1e-6)
