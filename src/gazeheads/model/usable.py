"""What must hold of a model and its numbers before anything is believed; each check says what to do."""

from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel

from gazeheads.errors import ModelError, SceneError

# Attributes under which wrappers keep the model: PEFT's method; torch.compile; DistributedDataParallel and the like.
WRAPS = ("get_base_model", "_orig_mod", "module")


def unwrapped(model: Any) -> Any:
    """The transformers model within PEFT's, torch.compile's or a parallel wrapper; adapters stay where they are.

    A wrapper hides what the model is asked for by name (`model.model.get_rope_index`), so it is taken off once, here.
    Raises `ModelError` for prompt learning, which adds tokens that no scene knows, and for what is no such model.
    """
    inner = model
    while not isinstance(inner, PreTrainedModel):
        for config in dict(getattr(inner, "peft_config", None) or {}).values():
            if getattr(config, "is_prompt_learning", False):
                raise ModelError(
                    f"The model is wrapped by {type(config).__name__}, which puts tokens of its own before the "
                    "prompt, so the place of image tokens is unknown. Use adapters on weights (LoRA), or merge it."
                )
        name = next((each for each in WRAPS if hasattr(inner, each)), None)
        if name is None:
            raise ModelError(
                f"A transformers model was asked for; found {type(model).__name__}. Give what from_pretrained returns, "
                "bare or within PEFT or torch.compile."
            )
        held = getattr(inner, name)
        inner = held() if name == "get_base_model" else held
    return inner


def must_be_evaluated(hf: Any) -> None:
    """Raise `ModelError` while any part of the model is in training mode: dropout would leave answers to chance."""
    training = next((name for name, part in hf.named_modules() if part.training), None)
    if training is not None:
        raise ModelError(
            f"{training or type(hf).__name__} is in training mode, so dropout may leave the answer to chance. Call "
            "model.hf.eval() first."
        )


def must_fit(hf: Any, positions: Tensor, more: int = 0) -> None:
    """Raise `SceneError` where a prompt, and so many tokens after it, need positions that the model does not have.

    positions: (axis, row, token). Image tokens of one row or column share a position in some families.
    """
    most = getattr(hf.config.get_text_config(), "max_position_embeddings", None)
    if most is None:
        return
    needed = int(positions.amax()) + 1
    if needed + more > most:
        answer = f" and {more} of an answer" if more else ""
        cure = (
            f"Ask for at most max_new_tokens={most - needed}, or a shorter prompt."
            if needed < most
            else "Shorten the prompt, or use a smaller image."
        )
        raise SceneError(
            f"A prompt of {needed:,} positions{answer} was asked for; the model has {most:,}. {cure}"
        )


def must_be_finite(numbers: Tensor, what: str, hf: Any) -> None:
    """Raise `ModelError` where numbers that the model gave are NaN or infinite."""
    if not bool(torch.isfinite(numbers).all()):
        raise not_finite(what, hf)


def not_finite(what: str, hf: Any) -> ModelError:
    """The error of numbers that are NaN or infinite."""
    dtype = str(hf.dtype).removeprefix("torch.")
    cure = (
        "its weights hold NaN or infinity: get the checkpoint again"
        if dtype == "float32"
        else f"{dtype} overflows, or its weights hold NaN: load it in float32 or bfloat16 (dtype=)"
    )
    return ModelError(f"{what} of this model are not finite numbers in {dtype}. Either {cure}.")


def end_tokens(hf: Any, processor: Any) -> list[int]:
    """The tokens that end an answer, smallest first: of the generation settings, the tokenizer, and the chat template.

    A model that ends a turn otherwise than a text would go on to the next turn else.
    """
    tokenizer = processor.tokenizer
    given = hf.generation_config.eos_token_id
    ends = {*(given if isinstance(given, list) else [given]), tokenizer.eos_token_id, _turn_end(processor)}
    return sorted(int(end) for end in ends if end is not None)


def _turn_end(processor: Any) -> int | None:
    """The special token that the chat template writes directly behind an answer; None where it writes none."""
    tokenizer, mark = processor.tokenizer, "An answer."
    turns = [
        {"role": "user", "content": [{"type": "text", "text": "A question."}]},
        {"role": "assistant", "content": [{"type": "text", "text": mark}]},
    ]
    try:
        text = processor.apply_chat_template(turns, tokenize=False)
    except Exception:  # templates raise what they like, where they want an image or other roles
        return None
    _, found, behind = text.rpartition(mark)
    ids = (
        tokenizer(behind.lstrip(), add_special_tokens=False)["input_ids"] if found and behind.strip() else []
    )
    return ids[0] if ids and ids[0] in tokenizer.all_special_ids else None
