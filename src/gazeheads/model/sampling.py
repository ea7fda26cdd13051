"""How tokens are chosen: greedily, unless the keywords of transformers' `generate` say otherwise.

    model.generate(scene, gaze, do_sample=True, temperature=0.7, generator=torch.Generator().manual_seed(0))
    model.generate(scene, gaze, num_beams=4)
    model.generate(scene, gaze, repetition_penalty=1.1, no_repeat_ngram_size=3)

A keyword that fights with steering, batches or the shape of our answers raises, with the reason. A checkpoint's own
generation settings are used only where they are asked for: `generation_config=model.hf.generation_config`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers import GenerationConfig, LogitsProcessorList, StoppingCriteriaList

from gazeheads.checks import number, several, shown, whole
from gazeheads.errors import UsageError
from gazeheads.model.generation import Finish
from gazeheads.plain import plain


def must_be_typed(given: dict[str, Any], callables: dict[str, Any]) -> None:
    """Raise `UsageError` for a value of a wrong type; numbers become plain ones, in place."""
    ends = given.get("eos_token_id")
    if ends is not None:
        ends = (
            several(ends, "eos_token_id= takes one or more", UsageError)
            if isinstance(ends, Iterable)
            else (ends,)
        )
        given["eos_token_id"] = [whole(end, "eos_token_id=", UsageError, 0) for end in ends]
    if (texts := given.get("stop_strings")) is not None:
        found = (
            (texts,) if isinstance(texts, str) else several(texts, "stop_strings= takes texts", UsageError)
        )
        if not found or not all(isinstance(text, str) and text for text in found):
            raise UsageError(
                f'stop_strings= takes one or more texts; found {shown(texts)}. Give "." or [".", "!"].'
            )
    if given.get("max_time") is not None:
        given["max_time"] = number(given["max_time"], "max_time=", UsageError)
    if "num_beams" in given:
        given["num_beams"] = whole(given["num_beams"], "num_beams=", UsageError, 1)
    for name, value in callables.items():
        functions = (
            (value,)
            if name == "prefix_allowed_tokens_fn"
            else several(value, f"{name}= takes a list", UsageError)
        )
        if not all(map(callable, functions)):
            raise UsageError(
                f"{name}={shown(value)} cannot be called. Give what transformers' generate takes there."
            )


def held(value: Any) -> Any:
    """What a number or an array of numpy or torch holds, in lists too; other values as they are."""
    if isinstance(value, list | tuple):
        return [held(each) for each in value]
    return value.tolist() if hasattr(value, "ndim") else value


CHOOSES = frozenset(
    "do_sample temperature top_k top_p top_h min_p typical_p epsilon_cutoff eta_cutoff repetition_penalty "
    "no_repeat_ngram_size bad_words_ids suppress_tokens begin_suppress_tokens sequence_bias forced_eos_token_id "
    "min_new_tokens exponential_decay_length_penalty renormalize_logits remove_invalid_values watermarking_config "
    "max_time stop_strings eos_token_id".split()
)

# These and the caches: transformers' own loop.
SEARCHES = frozenset("num_beams early_stopping length_penalty".split())

CACHES = frozenset("cache_implementation cache_config max_cache_len disable_compile compile_config".split())

CALLABLES = frozenset("logits_processor stopping_criteria prefix_allowed_tokens_fn".split())

NEUTRAL = frozenset(  # in a GenerationConfig, of no account
    "bos_token_id pad_token_id decoder_start_token_id transformers_version use_cache _from_model_config".split()
)

REFUSED = {
    "max_length": "it counts the prompt, too. Use max_new_tokens",
    "min_length": "it counts the prompt, too. Use min_new_tokens",
    "num_return_sequences": "one scene gives one answer. Give the scene several times",
    "streamer": "it would see no target. Use model.stream",
    "use_cache": "without a cache every token would be produced anew. Leave it out",
    "output_attentions": "SDPA has none. Use record=heads",
    "guidance_scale": "it runs the model a second time, and that run would be steered, too",
    "generation_config": "it is not a transformers.GenerationConfig",
}

SCENE = frozenset(
    "inputs input_ids inputs_embeds attention_mask position_ids past_key_values pixel_values".split()
)


@dataclass(frozen=True)
class SamplingSettings:
    """How to choose. config: all settings, for transformers. given: those that were asked for.

    generators: one for each row, or one for all rows together (then a row depends on its batch), or none: torch's own.
    """

    config: GenerationConfig
    given: dict[str, Any]
    callables: dict[str, Any]
    generators: tuple[torch.Generator, ...] = ()

    @property
    def searches(self) -> bool:
        """Whether the loop must be transformers' own: beams, and caches of other kinds."""
        return bool((SEARCHES | CACHES) & set(self.given))

    @property
    def ends(self) -> frozenset[int]:
        """The tokens that end an answer."""
        return frozenset(self.config.eos_token_id)

    def criteria(self, hf: Any, tokenizer: Any) -> StoppingCriteriaList:
        """All that ends an answer, as transformers makes it, but for end tokens and lengths, which are counted here."""
        alone = GenerationConfig(max_time=self.config.max_time, stop_strings=self.config.stop_strings)
        alone.max_length, alone._eos_token_tensor = None, None
        given = StoppingCriteriaList(self.callables.get("stopping_criteria", ()))
        made: StoppingCriteriaList = hf._get_stopping_criteria(alone, given, tokenizer)
        return made

    def settings(self) -> dict[str, Any]:
        """What was asked for, in plain values."""
        strategy = "sampling" if self.config.do_sample else "greedy"
        beams = f"beam search over {self.config.num_beams}, " if self.config.num_beams > 1 else ""
        asked = {name: plain(value) for name, value in self.given.items()}
        asked |= {name: str(value) for name, value in self.callables.items()}
        asked |= {"seeds": [each.initial_seed() for each in self.generators]} if self.generators else {}
        return {"decoding": beams + strategy, **asked}

    def of(self, part: slice, n_rows: int) -> "SamplingSettings":
        """The same for some of the rows."""
        own = self.generators[part] if len(self.generators) == n_rows else self.generators
        return SamplingSettings(self.config, self.given, self.callables, own)


def choice(
    keywords: Mapping[str, Any], stop: Sequence[int], pad: int, max_new_tokens: int, n_rows: int
) -> SamplingSettings:
    """What these keywords of transformers' `generate` ask for. Raises `UsageError` for those that cannot be meant."""
    max_new_tokens = whole(max_new_tokens, "max_new_tokens=", UsageError)
    if max_new_tokens < 1:
        raise UsageError(f"max_new_tokens={max_new_tokens}: an answer has at least one token.")
    keywords = dict(keywords)
    generators = _generators(keywords.pop("generator", None), n_rows)
    base = keywords.pop("generation_config", None)
    given: dict[str, Any] = {}
    if base is not None:
        if not isinstance(base, GenerationConfig):
            raise refused("generation_config", base)
        neutral = GenerationConfig._get_default_generation_params()
        said = base.to_diff_dict().items()
        given = {k: v for k, v in said if k not in NEUTRAL and v not in (None, False) and v != neutral.get(k)}
    given |= {name: held(value) for name, value in keywords.items() if name not in CALLABLES}
    callables = {name: value for name, value in keywords.items() if name in CALLABLES and value is not None}
    for name, value in given.items():
        if name not in CHOOSES | SEARCHES | CACHES and not (name == "use_cache" and value is True):
            raise refused(name, value)
    given.pop("use_cache", None)
    must_be_typed(given, callables)
    config = GenerationConfig()
    defaults = config._get_default_generation_params()
    try:
        ends = given.get("eos_token_id") or list(stop)
        config.update(**{**defaults, **given, "eos_token_id": ends, "pad_token_id": pad})
        config.update(max_new_tokens=max_new_tokens)
        config.validate(strict=True)
    except (ValueError, TypeError) as error:
        raise UsageError(f"These settings cannot be meant together: {given}. {str(error).strip()}") from error
    if generators and not config.do_sample:
        raise UsageError(
            "generator= was given, but nothing is drawn: the choice is greedy. Add do_sample=True."
        )
    chosen = SamplingSettings(config, given, callables, generators)
    if generators and chosen.searches:
        raise UsageError(
            f"generator= cannot be used with {', '.join(sorted((SEARCHES | CACHES) & set(given)))}: transformers draws "
            "from torch's own generator there. Use torch.manual_seed, or plain sampling."
        )
    return chosen


def _generators(given: Any, n_rows: int) -> tuple[torch.Generator, ...]:
    found = () if given is None else tuple(given) if isinstance(given, list | tuple) else (given,)
    if not all(isinstance(each, torch.Generator) for each in found) or len(found) not in (0, 1, n_rows):
        raise UsageError(
            f"generator= takes a torch.Generator, or one for each of {n_rows} rows; found {len(found)}: "
            f"{[type(each).__name__ for each in found]}."
        )
    return found


def refused(name: str, value: Any) -> UsageError:
    """The error for a keyword that does not pass."""
    if name in SCENE or name.startswith(("image_", "mm_")):
        why = "it is part of the scene. Use model.encode"
    elif name in REFUSED:
        why = REFUSED[name]
    elif name in GenerationConfig().to_dict():
        why = "it changes how tokens, rows or answers come about in a way that steering does not know. Leave it out"
    else:
        why = "transformers' generate knows no such setting. Look for a typing error"
    return UsageError(f"{name}={value!r} cannot be passed on: {why}.")


class Sampler:
    """Chooses the next token of every row, and says which rows have ended.

    prompt: (row, token) ids. Processors and criteria are transformers' own, built from the same settings. Raises
    `UsageError` for a value that they refuse.
    """

    def __init__(
        self, hf: Any, tokenizer: Any, how: SamplingSettings, prompt: Tensor, attention_mask: Tensor
    ) -> None:
        n_prompt = prompt.shape[1]
        self.how, self._ids = how, prompt
        try:
            config = GenerationConfig.from_dict(how.config.to_dict())
            config.max_length = n_prompt + config.max_new_tokens
            hf._prepare_special_tokens(config, True, device=prompt.device)
            self._processors: LogitsProcessorList = hf._get_logits_processor(
                config,
                n_prompt,
                prefix_allowed_tokens_fn=how.callables.get("prefix_allowed_tokens_fn"),
                logits_processor=LogitsProcessorList(how.callables.get("logits_processor", ())),
                device=prompt.device,
                model_kwargs={"attention_mask": attention_mask},
            )
            self._criteria = how.criteria(hf, tokenizer)
        # All of these say: no such value.
        except (ValueError, TypeError, AttributeError, RuntimeError) as error:
            raise UsageError(
                f"These settings cannot be meant: {how.given}. transformers says: "
                f"{str(error).strip().rstrip('.')}. Give values as its generate takes them."
            ) from error
        self.ends = how.ends
        self._ends = prompt.new_tensor(sorted(self.ends))
        self._pad = int(how.config.pad_token_id)
        # Of each row: after how many tokens it ended, and why.
        self.finished: list[tuple[int, Finish] | None] = [None] * len(prompt)
        self.first: Tensor | None = None  # (row, vocabulary) logits of token 0
        self._produced = 0

    def choose(self, logits: Tensor, running: Tensor) -> Tensor:
        """(row,) from float32 logits (row, vocabulary); rows that are not running get the padding token."""
        self.first = logits if self.first is None else self.first
        if self._processors:
            logits = self._processors(self._ids, logits)
        token = self._draw(logits.softmax(-1)) if self.how.config.do_sample else logits.argmax(-1)
        token = token.where(running, self._pad)
        if self._processors or self._criteria:
            self._ids = torch.cat([self._ids, token[:, None]], dim=1)
        return token

    def _draw(self, chances: Tensor) -> Tensor:
        own = self.how.generators
        if len(own) < 2:
            return torch.multinomial(chances, 1, generator=own[0] if own else None)[:, 0]
        return torch.cat(
            [torch.multinomial(row, 1, generator=each) for row, each in zip(chances, own, strict=True)]
        )

    def give_up(self, row: int) -> None:
        """End a row with the token that was chosen last, because it loops."""
        self.finished[row] = self.finished[row] or (self._produced + 1, "loop")

    def ended(self, token: Tensor) -> Tensor:
        """(row,) which rows end with this token, or ended before."""
        self._produced += 1
        over = torch.isin(token, self._ends)
        halted = self._criteria(self._ids, None) if self._criteria else torch.zeros_like(over)
        for row, (end, halt) in enumerate(zip(over.tolist(), halted.tolist(), strict=True)):
            if self.finished[row] is None and (end or halt):
                self.finished[row] = self._produced, "eos" if end else "stop"
        return token.new_tensor([found is not None for found in self.finished]) > 0
