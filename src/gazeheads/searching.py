"""Beams, and caches of other kinds: what transformers' own loop does, steered as ours is."""

from typing import Any

import torch
from torch import Tensor
from transformers import GenerationConfig, StoppingCriteria, StoppingCriteriaList

from gazeheads.choosing import Choice
from gazeheads.decoding import Batch
from gazeheads.errors import BadInput
from gazeheads.generation import Finish
from gazeheads.listening import Listener


class _Hears(StoppingCriteria):  # type: ignore[misc]
    """Hands every step to the listener, and ends the rows that it gives up."""

    def __init__(self, listener: Listener) -> None:
        self.listener = listener
        self.gave_up: dict[int, int] = {}  # row to the length of its text

    def __call__(self, input_ids: Tensor, scores: Any, **_: Any) -> Tensor:
        for row in self.listener.hear(input_ids[:, -1].tolist()):
            self.gave_up.setdefault(row, input_ids.shape[1])
        return torch.tensor([row in self.gave_up for row in range(len(input_ids))], device=input_ids.device)


def searched(
    model: Any, batch: Batch, how: Choice, listener: Listener
) -> tuple[list[list[int]], list[Finish], None]:
    """The tokens of each row, its end token included, and why it ended. Raises `BadInput` for what beams cannot do."""
    beams = how.config.num_beams > 1
    if beams and listener.on_loop != "ignore":
        raise BadInput(
            f'on_loop="{listener.on_loop}" was given with {how.config.num_beams} beams, of which any may loop and be '
            'given up. Use on_loop="ignore" and no_repeat_ngram_size, or no beams.'
        )
    hears = _Hears(listener)
    callables = dict(how.callables)
    criteria = StoppingCriteriaList([*callables.pop("stopping_criteria", []), *([] if beams else [hears])])
    # Plain positions follow from the attention mask; where axes differ, the model would have to remember them.
    places = {"position_ids": batch.positions} if len(batch.positions) > 1 else {}
    own = model.hf.generation_config
    model.hf.generation_config = GenerationConfig()  # what the checkpoint would mix in
    try:
        out = model.hf.generate(
            **batch.rows,
            **batch.features,
            **places,
            generation_config=how.config,
            stopping_criteria=criteria,
            tokenizer=model.processor.tokenizer,
            **callables,
        )
    finally:
        model.hf.generation_config = own
    n_prompt = batch.rows["input_ids"].shape[1]
    ends = (
        {how.config.eos_token_id} if isinstance(how.config.eos_token_id, int) else {*how.config.eos_token_id}
    )
    tokens: list[list[int]] = []
    finishes: list[Finish] = []
    for row, found in enumerate(out[:, n_prompt:].tolist()):
        end = next((n for n, token in enumerate(found, 1) if token in ends), None)
        if row in hears.gave_up:
            end, why = hears.gave_up[row] - n_prompt, "loop"
        elif end is not None:
            why = "eos"
        else:
            end = len(found)
            while end and found[end - 1] == how.config.pad_token_id:
                end -= 1
            why = "length" if end == how.config.max_new_tokens else "stop"
        tokens.append(found[:end])
        finishes.append(why)  # type: ignore[arg-type]
    return tokens, finishes, None
