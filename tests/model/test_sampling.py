"""How tokens are chosen: the keywords of transformers' `generate`, compared with it, and those that are refused."""

import inspect
import logging
from typing import Any

import numpy as np
import pytest
import reference
import tiny
import torch
from steered_runs import HEADS
from torch import Tensor
from transformers import GenerationConfig, GenerationMixin, LogitsProcessor, StoppingCriteria

from gazeheads.errors import GazeError, UsageError
from gazeheads.gaze.gaze import Gaze
from gazeheads.gaze.live import Live
from gazeheads.gaze.push import Push
from gazeheads.gaze.record import Record
from gazeheads.gaze.schedule import Schedule
from gazeheads.model.model import GazeModel
from gazeheads.model.sampling import CACHES, CALLABLES, CHOOSES, NEUTRAL, REFUSED, SCENE, SEARCHES
from gazeheads.model.scene import Scene


@pytest.fixture(scope="module")
def scenes(model: GazeModel) -> list[Scene]:
    made = []
    for panels, prompt in ((2, "Who?"), (3, "What is going on here?"), (1, "Where?")):
        sample = tiny.strip(panels, seed=panels)
        made.append(model.encode(sample.image, prompt, panels=sample.boxes))
    return made


def theirs(model: GazeModel, scene: Scene, gaze: Gaze | None, n: int, **settings: Any) -> list[int]:
    """The tokens of `hf.generate` under the same gaze, cut after the end token."""
    model.hf.model.rope_deltas = None
    more = {"do_sample": False} | settings
    if gaze is None:
        out = model.hf.generate(**scene.tensors, max_new_tokens=n, **more)
    else:
        with model.attached(gaze):
            out = model.hf.generate(**scene.tensors, max_new_tokens=n, **more)
    new: list[int] = out[0, scene.n_prompt :].tolist()
    return new


class Favours(LogitsProcessor):  # type: ignore[misc]
    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        return scores.scatter(1, (input_ids[:, -1:] + 7) % 500, 99.0)


class After(StoppingCriteria):  # type: ignore[misc]
    def __init__(self, length: int) -> None:
        self.length = length

    def __call__(self, input_ids: Tensor, scores: Any, **_: Any) -> Tensor:
        return torch.full((len(input_ids),), input_ids.shape[1] >= self.length)


def settings_of(model: GazeModel, scene: Scene) -> dict[str, dict[str, Any]]:
    first = model.generate(scene, max_new_tokens=8).token_ids
    return {
        "penalty": {"repetition_penalty": 1.8},
        "ngrams": {"no_repeat_ngram_size": 1},
        "suppressed": {"suppress_tokens": list(first[:4])},
        "bad words": {"bad_words_ids": [[first[0]], [first[1], first[2]]]},
        "bias": {"sequence_bias": [[[first[1]], -50.0]]},
        "end": {"eos_token_id": first[3]},
        "not before": {"eos_token_id": first[3], "min_new_tokens": 7},
        "forced": {"forced_eos_token_id": 7},
        "processor": {"logits_processor": [Favours()]},
        "criterion": {"stopping_criteria": [After(scene.n_prompt + 3)]},
        "prefix": {"prefix_allowed_tokens_fn": lambda row, ids: [int(ids[-1]) % 100 + 1, 200]},
        "beams": {"num_beams": 3},
        "beams, long": {"num_beams": 5, "length_penalty": 2.0, "early_stopping": True},
        "static": {"cache_implementation": "static", "disable_compile": True},
    }


NAMES = (
    "penalty",
    "ngrams",
    "suppressed",
    "bad words",
    "bias",
    "end",
    "not before",
    "forced",
    "processor",
    "criterion",
    "prefix",
    "beams",
    "beams, long",
    "static",
)


@pytest.mark.parametrize("steer", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_keywords_do_what_they_do_in_transformers(
    model: GazeModel, scene: Scene, name: str, steer: bool
) -> None:
    gaze = Gaze(HEADS, scene.panel(1)) if steer else None
    given = settings_of(model, scene)[name]
    n = 20 if name in ("penalty", "ngrams") else 8  # a random model seldom says the same again
    answer = model.generate(scene, gaze, max_new_tokens=n, **given)
    assert list(answer.token_ids) == theirs(model, scene, gaze, n, **given)
    plain = model.generate(scene, gaze, max_new_tokens=n).token_ids
    assert name == "static" or answer.token_ids != plain or steer


@pytest.mark.parametrize("name", NAMES)
def test_rows_of_a_batch_choose_as_they_do_alone(model: GazeModel, scenes: list[Scene], name: str) -> None:
    given = settings_of(model, scenes[0])[name]
    if name == "criterion":
        given = {"stopping_criteria": [After(max(s.n_prompt for s in scenes) + 3)]}
    gazes = [Gaze(HEADS, scenes[0].panel(1)), None, Gaze(HEADS[:2], scenes[2].panel(0), Push.bias(3, -1))]
    many = model.generate(scenes, gazes, max_new_tokens=8, **given)
    for row, (scene, gaze) in enumerate(zip(scenes, gazes, strict=True)):
        if name == "criterion":
            given = {"stopping_criteria": [After(scene.n_prompt + 3)]}
        alone = model.generate(scene, gaze, max_new_tokens=8, **given)
        assert many[row].token_ids == alone.token_ids
        assert many[row].finish == alone.finish
        assert (many[row].effect is None) == (alone.effect is None)
        if many[row].effect and alone.effect:
            assert many[row].effect.rows_steered == alone.effect.rows_steered
            assert many[row].effect.before == pytest.approx(alone.effect.before, abs=1e-5)


def test_sampling_draws_what_transformers_draws(model: GazeModel, scene: Scene) -> None:
    gaze = Gaze(HEADS, scene.panel(1))
    drawn = set()
    for seed in range(3):
        given: dict[str, Any] = {"do_sample": True, "temperature": 0.7, "top_k": 40, "top_p": 0.95}
        generator = torch.Generator().manual_seed(seed)
        answer = model.generate(scene, gaze, max_new_tokens=8, generator=generator, **given)
        torch.manual_seed(seed)
        assert list(answer.token_ids) == theirs(model, scene, gaze, 8, **given)
        torch.manual_seed(seed)
        assert model.generate(scene, gaze, max_new_tokens=8, **given).token_ids == answer.token_ids
        streamed = model.stream(
            scene, gaze, max_new_tokens=8, generator=torch.Generator().manual_seed(seed), **given
        )
        assert tuple(token.id for token in streamed) == answer.token_ids
        drawn.add(answer.token_ids)
        assert answer.settings["decoding"] == "sampling"
        assert answer.settings["temperature"] == 0.7
        assert answer.settings["seeds"] == [seed]
    assert len(drawn) == 3


def test_with_a_generator_each_a_row_is_drawn_as_it_is_alone(model: GazeModel, scenes: list[Scene]) -> None:
    def generators() -> list[torch.Generator]:
        return [torch.Generator().manual_seed(seed) for seed in (5, 6, 7)]

    for size in (None, 2):
        many = model.generate(
            scenes, max_new_tokens=6, do_sample=True, generator=generators(), batch_size=size
        )
        for answer, scene, generator in zip(many, scenes, generators(), strict=True):
            alone = model.generate(scene, max_new_tokens=6, do_sample=True, generator=generator)
            assert answer.token_ids == alone.token_ids


def test_beams_are_steered_as_their_row_is(model: GazeModel, scene: Scene) -> None:
    """The likeliest of all two-token answers under the reference is what enough beams find."""
    region = scene.panel(1)
    answer = model.generate(scene, Gaze(HEADS, region), max_new_tokens=2, num_beams=12, eos_token_id=[511])
    aim = reference.target(region, "focus")
    rewrite = reference.steer(HEADS, lambda _: aim, scene.n_prompt)
    with reference.eager(model.hf, rewrite):
        first = reference.forward(model.hf, scene)[-1].log_softmax(-1)
        best = {}
        for token in first.topk(12).indices.tolist():
            second = reference.forward(model.hf, scene, [token])[-1].log_softmax(-1)
            best[token, int(second.argmax())] = float(first[token] + second.max())
    assert answer.token_ids == max(best, key=lambda pair: best[pair])
    assert answer.effect is not None
    assert answer.effect.after == pytest.approx(1, abs=1e-6)
    assert answer.effect.before is not None
    assert answer.effect.before < 0.9


def test_a_switch_is_exact_in_a_static_cache(model: GazeModel, scene: Scene) -> None:
    schedule = Schedule.at({0: scene.panel(0), 2: scene.panel(2), 3: None, 5: scene.panel(1)})
    for during in ("all", "answer", "decode"):
        gaze = Gaze(HEADS, schedule, during=during)  # type: ignore[arg-type]
        plain = model.generate(scene, gaze, max_new_tokens=7, record=Record(HEADS))
        static = model.generate(
            scene,
            gaze,
            max_new_tokens=7,
            record=Record(HEADS),
            cache_implementation="static",
            disable_compile=True,
        )
        assert static.token_ids == plain.token_ids
        assert static.segments == plain.segments
        assert static.trace is not None and plain.trace is not None
        torch.testing.assert_close(
            torch.tensor(static.trace.attention), torch.tensor(plain.trace.attention), atol=1e-5, rtol=0
        )


def test_a_live_target_moves_in_a_static_cache(model: GazeModel, scene: Scene) -> None:
    live = Live(scene.panel(0))

    class Moves(StoppingCriteria):  # type: ignore[misc]
        def __call__(self, input_ids: Tensor, scores: Any, **_: Any) -> Tensor:
            if input_ids.shape[1] == scene.n_prompt + 2:
                live.look(scene.panel(2))
            return torch.zeros(1) > 0

    answer = model.generate(
        scene,
        Gaze(HEADS, live, during="answer"),
        max_new_tokens=6,
        cache_implementation="static",
        disable_compile=True,
        stopping_criteria=[Moves()],
    )
    schedule = Schedule.at({0: scene.panel(0), 2: scene.panel(2)})
    assert (
        answer.token_ids
        == model.generate(scene, Gaze(HEADS, schedule, during="answer"), max_new_tokens=6).token_ids
    )
    assert [(s.start, s.stop) for s in answer.segments] == [(0, 2), (2, 6)]


def test_stop_strings_end_an_answer(model: GazeModel, scene: Scene) -> None:
    plain = model.generate(scene, max_new_tokens=12)
    mark = next(char for char in plain.text[1:] if char.isascii() and char.isprintable())
    answer = model.generate(scene, max_new_tokens=12, stop_strings=[mark])
    assert answer.finish == "stop"
    assert answer.text.endswith(mark)
    assert answer.token_ids == plain.token_ids[: len(answer.token_ids)]
    assert model.generate(scene, max_new_tokens=12, max_time=1e-9).finish == "stop"


STATIC: dict[str, Any] = {"cache_implementation": "static", "disable_compile": True}


@pytest.mark.parametrize("budget", [2, 3, 4, 5])
def test_why_an_answer_ended_is_the_same_in_a_static_cache(
    model: GazeModel, scenes: list[Scene], budget: int
) -> None:
    """Criteria, stop strings, time and end tokens, before, at and behind the end of the budget."""
    plain = model.generate(scenes, max_new_tokens=5)
    longest = max(scene.n_prompt for scene in scenes)
    mark = next(char for answer in plain for char in answer.text if char.isascii() and char.isprintable())
    third = {answer.token_ids[2] for answer in plain}

    class Third(StoppingCriteria):  # type: ignore[misc]
        def __call__(self, input_ids: Tensor, scores: Any, **_: Any) -> Tensor:
            return input_ids[:, -1] == plain[0].token_ids[2]

    pad = model.pad
    found = set()
    for given in (
        {"stopping_criteria": [After(longest + 3)]},
        {"stopping_criteria": [Third()]},
        {"stopping_criteria": [Third()], "eos_token_id": [pad, plain[1].token_ids[1]]},
        {"stopping_criteria": [After(longest + 3)], "eos_token_id": list(third)},
        {"stop_strings": [mark]},
        {"max_time": 1e-9},
        {"eos_token_id": plain[2].token_ids[2]},
    ):
        ours = model.generate(scenes, max_new_tokens=budget, **given)
        static = model.generate(scenes, max_new_tokens=budget, **given, **STATIC)
        assert [(a.token_ids, a.finish) for a in static] == [(a.token_ids, a.finish) for a in ours]
        found |= {answer.finish for answer in ours}
    assert found == {"eos", "stop", "length"}


def test_a_row_that_a_criterion_ends_is_recorded_and_proved_alike_in_a_static_cache(
    model: GazeModel, scenes: list[Scene]
) -> None:
    class Second(StoppingCriteria):  # type: ignore[misc]
        """Ends the middle row with its third token."""

        def __call__(self, input_ids: Tensor, scores: Any, **_: Any) -> Tensor:
            length = max(scene.n_prompt for scene in scenes) + 3
            return torch.tensor([False, input_ids.shape[1] >= length, False])

    one, two, three = scenes
    gazes = [
        Gaze(HEADS, Schedule.every(2, [one.panel(0), one.panel(1)], repeat=True), "uniform"),
        Gaze(HEADS, Schedule.at({0: two.panel(2), 2: two.panel(0), 3: None}), "reweigh", "answer"),
        Gaze(HEADS[1:], Schedule.at({0: three.panel(0), 4: None}), Push.bias(2, -1), "decode"),
    ]
    record = [Record(HEADS, "heads"), Record(HEADS, weighting="value-norm"), None]
    ours, static = (
        model.generate(scenes, gazes, record=record, max_new_tokens=6, stopping_criteria=[Second()], **more)
        for more in ({}, STATIC)
    )
    assert [(len(answer.token_ids), answer.finish) for answer in ours] == [
        (6, "length"),
        (3, "stop"),
        (6, "length"),
    ]
    for mine, other in zip(ours, static, strict=True):
        assert (other.token_ids, other.finish, other.token_texts) == (
            mine.token_ids,
            mine.finish,
            mine.token_texts,
        )
        assert other.segments == mine.segments
        assert mine.effect is not None and other.effect is not None
        assert other.effect.rows_steered == mine.effect.rows_steered
        for name in ("before_by_token", "after_by_token"):
            assert getattr(other.effect, name) == pytest.approx(getattr(mine.effect, name), abs=1e-5)
        assert (mine.trace is None) == (other.trace is None)
        if mine.trace and other.trace:
            assert other.trace.attention.shape[1] == len(mine.token_ids)
            np.testing.assert_allclose(other.trace.attention, mine.trace.attention, atol=1e-5)
    assert [(s.start, s.stop) for s in static[1].segments] == [(0, 2), (2, 3)]


@pytest.mark.parametrize(
    "given", [{"num_beams": 2}, STATIC, STATIC | {"min_new_tokens": 2}, {"max_time": 9.0}], ids=str
)
def test_transformers_has_nothing_to_warn_about(
    model: GazeModel, scene: Scene, given: dict[str, Any]
) -> None:
    """Its warnings are log records, which do not fail a test by themselves."""
    said: list[str] = []

    class Keeps(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(record.getMessage())

    logger, keeps = logging.getLogger("transformers"), Keeps(logging.WARNING)
    level = logger.level
    logger.addHandler(keeps)
    logger.setLevel(logging.WARNING)  # whatever other tests left
    try:
        model.generate(scene, max_new_tokens=3, **given)
        assert said == []
        model.hf.generate(**scene.tensors, max_new_tokens=2, max_length=9)
    finally:
        logger.removeHandler(keeps)
        logger.setLevel(level)
    assert "Both `max_new_tokens`" in said[0]  # the test can hear


def test_the_checkpoints_own_settings_count_only_where_asked_for(scene: Scene) -> None:
    model = tiny.tiny_model()
    plain = model.generate(scene, max_new_tokens=20)
    model.hf.generation_config.repetition_penalty = 1.8
    model.hf.generation_config.no_repeat_ngram_size = 1
    model.hf.generation_config.suppress_tokens = list(plain.token_ids[:3])
    for more in ({}, {"cache_implementation": "static", "disable_compile": True}):
        assert model.generate(scene, max_new_tokens=20, **more).token_ids == plain.token_ids
    own = model.generate(scene, max_new_tokens=20, generation_config=model.hf.generation_config)
    assert list(own.token_ids) == theirs(model, scene, None, 20)
    assert own.token_ids != plain.token_ids
    assert own.settings["repetition_penalty"] == 1.8
    assert model.hf.generation_config.repetition_penalty == 1.8


REFUSALS = {
    "num_return_sequences": (2, "one scene gives one answer. Give the scene several times"),
    "streamer": (1, "Use model.stream"),
    "max_length": (9, "it counts the prompt, too. Use max_new_tokens"),
    "use_cache": (False, "Leave it out"),
    "output_attentions": (True, "Use record=heads"),
    "input_ids": (1, "it is part of the scene. Use model.encode"),
    "image_grid_thw": (1, "it is part of the scene"),
    "assistant_model": (1, "knows no such setting"),
    "prompt_lookup_num_tokens": (3, "in a way that steering does not know"),
    "temprature": (0.5, "knows no such setting. Look for a typing error"),
    "generation_config": ({"do_sample": True}, "it is not a transformers.GenerationConfig"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_keywords_that_fight_with_ours_are_refused(model: GazeModel, scene: Scene, name: str) -> None:
    value, why = REFUSALS[name]
    for call in (model.generate, model.stream):
        with pytest.raises(UsageError, match="cannot be passed on: .*" + why):
            call(scene, **{name: value})  # type: ignore[operator]


def test_settings_that_contradict_each_other_are_refused(model: GazeModel, scene: Scene) -> None:
    one = torch.Generator()
    for given, wording in (
        ({"generator": one}, "nothing is drawn: the choice is greedy. Add do_sample=True"),
        ({"generator": [one, one], "do_sample": True}, "one for each of 1 rows; found 2"),
        ({"generator": 7, "do_sample": True}, "takes a torch.Generator"),
        (
            {"generator": one, "do_sample": True, "num_beams": 2},
            "cannot be used with num_beams: .*Use torch.manual_seed",
        ),
        ({"temperature": 0.5}, "cannot be meant together"),
        ({"do_sample": True, "temperature": -1.0}, "cannot be meant: .*strictly positive"),
        ({"max_new_tokens": 0}, "an answer has at least one token"),
        ({"num_beams": 2, "on_loop": "stop"}, "given with 2 beams, of which any may loop"),
        ({"num_beams": 2, "record": Record(HEADS)}, "2 beams, whose rows change places"),
        ({"on_loop": "never"}, "on_loop='never' is unknown. Use ignore, stop or soften"),
        ({"on_loop": "soften"}, "without a gaze: there is no push to soften"),
    ):
        with pytest.raises(UsageError, match=wording):
            model.generate(scene, **given)
    with pytest.raises(UsageError, match="A stream has no beams"):
        model.stream(scene, num_beams=2)
    with pytest.raises(
        GazeError, match="each row came 2 times \\(beams\\?\\). Such a target needs one answer"
    ):
        model.generate(scene, Gaze(HEADS, Live(scene.panel(0)), during="answer"), num_beams=2)


def test_every_setting_of_transformers_is_passed_on_or_refused_for_a_reason() -> None:
    """A new version of transformers with a new setting fails here, so that someone decides about it."""
    unclear = {
        "assistant_confidence_threshold", "assistant_early_exit", "assistant_ensemble_weight",
        "assistant_lookbehind", "constraints", "continuous_batching_config", "diversity_penalty", "dola_layers",
        "encoder_no_repeat_ngram_size", "encoder_repetition_penalty", "force_words_ids", "forced_bos_token_id",
        "is_assistant", "low_memory", "max_matching_ngram_size", "num_assistant_tokens",
        "num_assistant_tokens_schedule", "num_beam_groups", "output_hidden_states", "output_logits",
        "output_scores", "penalty_alpha", "prefill_chunk_size", "prompt_lookup_num_tokens",
        "return_dict_in_generate", "speculation_type", "target_lookbehind", "token_healing", "use_mtp",
    }  # fmt: skip
    known = CHOOSES | SEARCHES | CACHES | NEUTRAL | set(REFUSED) | {"max_new_tokens", "_from_model_config"}
    assert set(GenerationConfig().to_dict()) - known == unclear
    arguments = set(inspect.signature(GenerationMixin.generate).parameters)
    others = {"self", "kwargs", "custom_generate", "synced_gpus", "assistant_model"}
    others |= {"negative_prompt_ids", "negative_prompt_attention_mask"}
    assert arguments - CALLABLES - SCENE - set(REFUSED) == others
