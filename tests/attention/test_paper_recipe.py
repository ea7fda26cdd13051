"""The paper's recipe, plus and minus 10,000 nats in eager attention, is two pushes, by the dtype it runs in."""

from typing import Any

import pytest
import tiny
import torch
from torch import Tensor
from transformers.models.qwen3_vl import modeling_qwen3_vl

from gazeheads.gaze.gaze import Gaze
from gazeheads.gaze.push import Push
from gazeheads.gaze.record import Record
from gazeheads.heads.head import Head
from gazeheads.regions.region import Region


class Recipe:
    """Their recipe: eager attention, +10,000 on the target's image tokens and -10,000 on the others, in the mask."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, region: Region, heads: list[int]) -> None:
        self.pattern: Tensor | None = None
        inner = modeling_qwen3_vl.eager_attention_forward
        positions = torch.tensor(region.grid.positions)
        inside = torch.tensor(region.weights > 0)

        def eager(
            module: Any, query: Tensor, key: Tensor, value: Tensor, attention_mask: Any, **more: Any
        ) -> Any:
            if getattr(module, "layer_idx", None) != 0:
                return inner(module, query, key, value, attention_mask, **more)
            mask = attention_mask.expand(-1, query.shape[1], -1, -1).clone()
            for head in heads:
                mask[:, head, :, positions[inside]] += torch.tensor(10_000).to(mask)
                mask[:, head, :, positions[~inside]] -= torch.tensor(10_000).to(mask)
            output, pattern = inner(module, query, key, value, mask, **more)
            self.pattern = pattern[0, heads, -1][:, positions].float()
            return output, pattern

        monkeypatch.setattr(modeling_qwen3_vl, "eager_attention_forward", eager)


@pytest.mark.parametrize(("dtype", "atol"), [(torch.bfloat16, 2e-3), (torch.float32, 2e-3)])
def test_the_papers_recipe_is_uniform_in_bfloat16_and_focus_in_float32(
    monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype, atol: float
) -> None:
    model = tiny.tiny_model()
    model.hf.to(dtype)
    sample = tiny.strip(3, seed=3)
    scene = model.encode(sample.image, "What is it?", panels=sample.boxes)
    region, heads = scene.box(0, 0, 96, 64, coverage="centre"), [Head(0, 1), Head(0, 2)]
    push = Push.paper(str(dtype))
    seen = {}
    for name in ("focus", "uniform"):
        gaze = Gaze(heads, region, name)
        answer = model.generate(scene, gaze, record=Record(heads, keep="heads"), max_new_tokens=1)
        assert answer.trace is not None
        seen[name] = torch.tensor(answer.trace.attention[:, 0])
    recipe = Recipe(monkeypatch, region, [1, 2])
    model.hf.set_attn_implementation("eager")
    with torch.no_grad():
        model.hf(**scene.tensors)
    assert recipe.pattern is not None
    torch.testing.assert_close(recipe.pattern, seen[push.mode], atol=atol, rtol=0)
    (other,) = {"focus", "uniform"} - {push.mode}
    assert (recipe.pattern - seen[other]).abs().amax(-1).min() > 0.1


def test_in_float16_the_recipe_is_neither() -> None:
    """Near 10,000 float16 has steps of 8: logits 3 apart are alike, logits 12 apart are not."""
    logits = torch.tensor([0.0, 3.0, 12.0], dtype=torch.float16) + torch.tensor(10_000, dtype=torch.float16)
    assert logits[0] == logits[1] != logits[2]
