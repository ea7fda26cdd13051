"""The one loop that produces tokens: prefill, then one cached step for each token.

On a model of the bundled size it gives the tokens of `hf.generate` in 0.8 of its CPU time (72 rows, 24
tokens, six rows to an image), because it encodes an image that several rows share once. It takes explicit
positions (models that keep them between calls get them wrong), and it can be read token by token.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor
from transformers import DynamicCache

from gazeheads.families import ROW_INPUTS, Family
from gazeheads.model.usable import must_be_evaluated, must_fit, not_finite


@dataclass(eq=False)
class Batch:
    """Prompts side by side, padded on the left.

    rows: input ids, attention mask and the like, (row, token). features: the images, encoded. positions:
    (axis, row, token). following: (axis, row) position of the first generated token.
    """

    rows: dict[str, Tensor]
    features: dict[str, Any]
    positions: Tensor
    following: Tensor

    @property
    def position_ids(self) -> Tensor:
        """As models take them: (row, token) where there is one axis, (axis, row, token) where there are several."""
        return self.positions if len(self.positions) > 1 else self.positions[0]

    def next_ids(self, produced: int) -> Tensor:
        """The same of the tokens that follow after `produced` generated ones."""
        following = (self.following + produced)[..., None]
        return following if len(following) > 1 else following[0]

    def run(self, hf: Any, cache: DynamicCache | None = None, last_only: bool = False) -> Tensor:
        """(row, 1, vocabulary) the logits behind the prompts: the one forward pass over them. cache: is written to.

        last_only: `cache` holds all but the last token of each, which alone is run.
        """
        rows, ids = self.rows | self.features, self.position_ids
        if last_only:
            rows, ids = {name: self.rows[name] for name in ("input_ids", "attention_mask")}, ids[..., -1:]
            rows["input_ids"] = rows["input_ids"][:, -1:]
        keep = {"past_key_values": cache, "use_cache": cache is not None, "logits_to_keep": 1}
        logits: Tensor = hf(**rows, position_ids=ids, **keep).logits
        return logits


def new_cache(hf: Any) -> DynamicCache:
    """An empty cache for this model."""
    return DynamicCache(config=hf.config.get_text_config())


class Prompt(Protocol):
    """A scene, or the beginning of one."""

    @property
    def tensors(self) -> Mapping[str, Tensor]:
        """Row inputs (1, token), and pixels."""
        ...

    @property
    def positions(self) -> Tensor:
        """(axis, 1, token)."""
        ...

    @property
    def image_key(self) -> str:
        """Equal for the same images."""
        ...

    @property
    def n_prompt(self) -> int:
        """Its length in tokens."""
        ...


def collate(hf: Any, family: Family, scenes: Sequence[Prompt], pad: int, with_images: bool = True) -> Batch:
    """A batch of scenes, every distinct image encoded once. with_images=False: a cache holds them already."""
    must_be_evaluated(hf)
    longest = max(scene.n_prompt for scene in scenes)

    def padded(rows: Sequence[Tensor], value: int) -> Tensor:
        return torch.cat(
            [torch.nn.functional.pad(x, (longest - x.shape[-1], 0), value=value) for x in rows], dim=-2
        )

    rows = {
        name: padded([scene.tensors[name] for scene in scenes], pad if name == "input_ids" else 0)
        for name in ROW_INPUTS
        if name in scenes[0].tensors
    }
    distinct = {scene.image_key: scene.tensors for scene in scenes}
    number = {key: i for i, key in enumerate(distinct)}
    shown = [number[scene.image_key] for scene in scenes]
    features = family.features(hf, list(distinct.values()), shown) if with_images else {}
    positions = padded([scene.positions for scene in scenes], 0)
    must_fit(hf, positions)
    # Text that follows continues from the highest position of any axis, the same on all axes.
    following = positions.amax((0, 2)) + 1
    return Batch(rows, features, positions, following.expand(len(positions), -1))


def produce(
    hf: Any, batch: Batch, max_new_tokens: int, sampler: "Chooses", cache: DynamicCache | None = None
) -> Iterator[Tensor]:
    """Yield the next token of every row, (row,), until all rows have ended or the budget is used.

    A row that has ended goes on with padding. Which rows end with a token is asked after it was yielded.
    cache: holds the prompt but for its last token (`prefill`), and is written to; None: the prompt is run.
    """
    must_fit(hf, batch.positions, max_new_tokens)
    mask = batch.rows["attention_mask"]
    running = mask.new_ones(len(mask)) > 0
    begun = cache is not None
    cache = cache if cache is not None else new_cache(hf)
    logits = batch.run(hf, cache, last_only=begun)
    for produced in range(1, max_new_tokens + 1):
        largest = logits[:, -1].float().amax(-1)  # NaN or infinite where any logit is, or all are -inf
        token = sampler.choose(logits[:, -1].float(), running)
        yield token
        running = running & ~sampler.ended(token)
        finite, on = torch.stack([largest.isfinite().all(), running.any()]).tolist()
        if not finite:
            raise not_finite(f"The logits of token {produced - 1}", hf)
        if produced == max_new_tokens or not on:
            return
        mask = torch.cat([mask, mask.new_ones(len(mask), 1)], dim=1)
        logits = hf(
            input_ids=token[:, None],
            attention_mask=mask,
            position_ids=batch.next_ids(produced - 1),
            past_key_values=cache,
            use_cache=True,
        ).logits


class Chooses(Protocol):
    """Chooses tokens, and says which rows have ended: `sampling.Sampler`."""

    def choose(self, logits: Tensor, running: Tensor) -> Tensor:
        """(row,) from float32 logits (row, vocabulary)."""
        ...

    def ended(self, token: Tensor) -> Tensor:
        """(row,) which rows end with this token."""
        ...
