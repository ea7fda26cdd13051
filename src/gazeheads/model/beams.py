"""Beams, and caches of other kinds: what transformers' own loop does, steered as ours is."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import GenerationConfig, StoppingCriteria, StoppingCriteriaList

from gazeheads.errors import UsageError
from gazeheads.model.backbone import Backbone
from gazeheads.model.decoding import Batch
from gazeheads.model.generation import Finish
from gazeheads.model.loops import Listener
from gazeheads.model.sampling import SamplingSettings


class _Ends(StoppingCriteria):  # type: ignore[misc]
    """Hands every step to the listener, and ends the rows that it gives up or for which a criterion holds."""

    def __init__(self, listener: Listener, criteria: StoppingCriteriaList) -> None:
        self.listener, self.criteria = listener, criteria
        self.over: dict[int, tuple[int, Finish]] = {}  # row to the length of its text, and why it ended

    def __call__(self, input_ids: Tensor, scores: Any, **_: Any) -> Tensor:
        n_rows, length = input_ids.shape
        for row in self.listener.hear(input_ids[:, -1].tolist()):
            self.over.setdefault(row, (length, "loop"))
        if self.criteria:
            for row in self.criteria(input_ids, scores).nonzero()[:, 0].tolist():
                self.over.setdefault(row, (length, "stop"))
        return torch.tensor([row in self.over for row in range(n_rows)], device=input_ids.device)


def beam_search(
    model: Backbone, batch: Batch, how: SamplingSettings, listener: Listener
) -> tuple[list[list[int]], list[Finish], None]:
    """The tokens of each row, its end token included, and why it ended.

    Raises `UsageError` for what beams cannot do.
    """
    beams = how.config.num_beams > 1
    if beams and listener.on_loop != "ignore":
        raise UsageError(
            f'on_loop="{listener.on_loop}" was given with {how.config.num_beams} beams, of which any may loop and be '
            'given up. Use on_loop="ignore" and no_repeat_ngram_size, or no beams.'
        )
    config, callables = GenerationConfig.from_dict(how.config.to_dict()), dict(how.callables)
    # Or else transformers warns that both lengths were given.
    config.max_length, config.min_length = None, None
    criteria = StoppingCriteriaList(callables.pop("stopping_criteria", []))
    ends = _Ends(listener, StoppingCriteriaList())
    if not beams:  # or else rows change places, and nobody could say which of them ended
        ends.criteria = how.criteria(model.hf, model.processor.tokenizer)
        config.max_time, config.stop_strings = None, None
        criteria = StoppingCriteriaList([ends])
    # Plain positions follow from the attention mask; where axes differ, the model would have to remember them.
    places = {"position_ids": batch.positions} if len(batch.positions) > 1 else {}
    own = model.hf.generation_config
    model.hf.generation_config = GenerationConfig()  # what the checkpoint would mix in
    try:
        out = model.hf.generate(
            **batch.rows,
            **batch.features,
            **places,
            generation_config=config,
            stopping_criteria=criteria,
            tokenizer=model.processor.tokenizer,
            **callables,
        )
    finally:
        model.hf.generation_config = own
    n_prompt = batch.rows["input_ids"].shape[1]
    tokens: list[list[int]] = []
    finishes: list[Finish] = []
    for row, found in enumerate(out[:, n_prompt:].tolist()):
        end, why = _end(found, how)
        length, reason = ends.over.get(row, (0, why))
        # Behind its end a row is padded, maybe with an end token; at one token a loop counts first, then the end token.
        if length and (length - n_prompt, reason == "stop") <= (end, why != "eos"):
            end, why = length - n_prompt, reason
        tokens.append(found[:end])
        finishes.append(why)
    return tokens, finishes, None


def _end(found: Sequence[int], how: SamplingSettings) -> tuple[int, Finish]:
    """After how many of these tokens a row ended by itself, and why."""
    for n, token in enumerate(found, 1):
        if token in how.ends:
            return n, "eos"
    end = len(found)
    while end and how.config.num_beams > 1 and found[end - 1] == how.config.pad_token_id:
        end -= 1
    return end, "length" if end == how.config.max_new_tokens else "stop"
