"""How likely is an answer? The log-probabilities of its tokens, when they are forced on the model one after the other.

The prompt is run as in `decoding`, then all tokens of the answer at once over its cache: each is predicted from those
before it, under the gaze that would have steered it had the model said it. Logits are turned into log-probabilities in
float32 as the model gave them, without temperature, penalties or banned tokens.
"""

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float64
from torch import Tensor

from gazeheads.arrays import Floats
from gazeheads.attention.recording import Recorded, Recorder, records_for
from gazeheads.attention.seam import attached
from gazeheads.attention.steering import Steering
from gazeheads.checks import several, shown, whole
from gazeheads.errors import GazeError, NothingSteered, UsageError
from gazeheads.gaze.gaze import Gaze
from gazeheads.gaze.trace import GazeTrace
from gazeheads.model.backbone import Backbone
from gazeheads.model.batches import as_scenes, batches, gazes_for
from gazeheads.model.decoding import Batch, collate, new_cache
from gazeheads.model.scene import Scene
from gazeheads.text import spell

LogProbs = Float64[Floats, " token"]


def answer_tokens(model: Backbone, answer: str | Sequence[int]) -> tuple[int, ...]:
    """The token ids of an answer; ids stay as they are. No token is added, not even one that ends it.

    Raises `UsageError` if there is none.
    """
    if isinstance(answer, str):
        ids = model.processor.tokenizer(answer, add_special_tokens=False)["input_ids"]
    else:
        ids = several(answer, "An answer is a text, or a list of token ids", UsageError)
    tokens = tuple(whole(token, "A token id of an answer", UsageError, 0) for token in ids)
    if not tokens:
        raise UsageError(f"Answer {shown(answer)} has no token to be scored. Give one with a word in it.")
    return tokens


@torch.no_grad()
def answer_logprobs(
    model: Backbone,
    scenes: Sequence[Scene],
    answers: Sequence[str | Sequence[int]],
    gaze: Gaze | Sequence[Gaze | None] | None = None,
    batch_size: int = 64,
) -> list[LogProbs]:
    """For each scene (token,) the natural logarithm of the probability of each token of its answer, given those before.

    answers: texts, or token ids as in `Generation.token_ids`; one for each scene. gaze: one for all scenes, or one for
    each (None: unsteered). Within `model.attached(...)` that block's gazes act too. Every row is what it would be
    alone.

    Raises `UsageError` for an answer without a token, `GazeError` for a target that follows the text or a caller
    (only a running answer has one), `NothingSteered` if a gaze steered no attention row, and what `model.generate`
    raises.
    """
    scenes, tokens = _asked(model, scenes, answers)
    gazes = gazes_for(scenes, gaze)
    found: list[LogProbs] = []
    for part in batches(len(scenes), batch_size):
        found += _scored(model, scenes[part], tokens[part], gazes[part], part.start)
    return found


@torch.no_grad()
def answer_traces(
    model: Backbone,
    scenes: Sequence[Scene],
    answers: Sequence[str | Sequence[int]],
    record: Recorded,
    batch_size: int = 64,
) -> list[GazeTrace]:
    """Where heads look while an answer is forced: for each scene the trace, as if the model had said it unsteered.

    answers, batch_size: as in `answer_logprobs`. Raises `UsageError` for an answer without a token, and what
    `model.generate(record=...)` raises.
    """
    scenes, tokens = _asked(model, scenes, answers)
    records = records_for(record, len(scenes))
    found: list[GazeTrace] = []
    for part in batches(len(scenes), batch_size):
        grids = [scene.grid for scene in scenes[part]]
        recorder = Recorder(grids, records[part], model.n_layers, model.n_heads)
        with attached(model.hf, recorder):
            _logits(model, collate(model.hf, model.family, scenes[part], model.pad), tokens[part])
        traces = recorder.traces([spell(answer, model.decode) for answer in tokens[part]])
        found += [trace for trace in traces if trace is not None]
    return found


def _asked(model: Backbone, scenes: Any, answers: Any) -> tuple[tuple[Scene, ...], list[tuple[int, ...]]]:
    """Scenes of this model, and the tokens of the answer to each."""
    scenes = as_scenes(model, scenes, "Scoring")
    texts = several(answers, "Scoring takes a list of answers, one for each scene", UsageError)
    if len(scenes) != len(texts):
        raise UsageError(f"{len(scenes)} scenes were given with {len(texts)} answers. Give one for each.")
    return scenes, [answer_tokens(model, text) for text in texts]


def _scored(
    model: Backbone,
    scenes: Sequence[Scene],
    tokens: Sequence[tuple[int, ...]],
    gazes: Sequence[Gaze | None],
    first_row: int,
) -> list[LogProbs]:
    """One batch."""
    steering = Steering(gazes, model.n_layers, model.n_heads)
    if steering.follow:
        raise GazeError(
            "A live target, or one that follows sentences, was given for an answer that is scored as a whole; it needs "
            "one that is being made. Give a region, or a schedule by token."
        )
    batch = collate(model.hf, model.family, scenes, model.pad)
    with attached(model.hf, *([steering] if steering.layers else [])):
        logits = _logits(model, batch, tokens)
    for row, effect in enumerate(steering.effects([len(answer) for answer in tokens])):
        if effect is not None and not effect.rows_steered:
            raise NothingSteered(
                f"The gaze of row {first_row + row} steered nothing: of an answer of {len(tokens[row])} tokens "
                f"{effect.rows_blind} attention rows were due and none could see the target. Aim at another region, "
                'or steer from the prompt on: during="all".'
            )
    found = []
    for row, answer in zip(logits, tokens, strict=True):
        said = row[: len(answer)].float().log_softmax(-1)
        chosen = said.gather(-1, torch.tensor(answer, device=said.device)[:, None])[:, 0]
        found.append(chosen.cpu().double().numpy())
    return found


def _logits(model: Backbone, batch: Batch, tokens: Sequence[tuple[int, ...]]) -> Tensor:
    """(row, token, vocabulary) what produces each token of the answers; those of shorter rows are followed by more."""
    rows, longest = batch.rows, max(map(len, tokens))
    cache = new_cache(model.hf)
    first = batch.run(model.hf, cache)
    if longest == 1:
        return first
    said = [answer[:-1] for answer in tokens]
    ids = [[*answer, *[model.pad] * (longest - 1 - len(answer))] for answer in said]
    seen = [[n < len(answer) for n in range(longest - 1)] for answer in said]
    mask = rows["attention_mask"]
    rest: Tensor = model.hf(
        input_ids=rows["input_ids"].new_tensor(ids),
        attention_mask=torch.cat([mask, mask.new_tensor(seen)], dim=1),
        position_ids=torch.cat([batch.next_ids(n) for n in range(longest - 1)], dim=-1),
        past_key_values=cache,
        use_cache=True,
    ).logits
    return torch.cat([first, rest], dim=1)
