"""Where requests come in: a gaze is read, checked against the images, and laid out for the workers.

`extra_args["gaze"]` of the sampling parameters (`vllm_xargs` of an OpenAI request) holds the client's JSON; what
travels on in its place is `{"tag": ..., "lane": ...}`, plain tables. The request gets a cache salt of its own gaze:
keys that were computed under it serve the same prompt under the same gaze, and nothing else.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Any
from uuid import uuid4

from vllm.exceptions import VLLMValidationError
from vllm.logger import init_logger
from vllm.v1.engine.input_processor import InputProcessor

from gazeheads.errors import GazeError, GazeHeadsError, NothingSteered
from gazeheads.gaze.gaze import Gaze
from gazeheads.heads.heads import Heads
from gazeheads.serve.lane import Lane
from gazeheads.serve.resolve import gaze_of
from gazeheads.serve.schema import GazeAsked, read
from gazeheads.serve.vllm.scenes import Shapes, grid_of, merge_size, must_be_known

NAME = "gaze"  # in extra_args, and of the part of `--additional-config`
MOST_OPEN = 65536  # requests whose reply is still to come

logger = init_logger("vllm.gazeheads")


@dataclass(frozen=True)
class Open:
    """A request on its way: what it asked for, and by which tag the workers know it."""

    tag: str
    asked: GazeAsked
    gaze: Gaze
    heads: int


class Desk:
    """What one front-end process knows: heads files, shapes of images, requests on their way."""

    def __init__(self, vllm_config: Any) -> None:
        self.model = vllm_config.model_config
        self.files = _files(vllm_config.additional_config)
        self.shapes = Shapes()
        self.open: OrderedDict[str, Open] = OrderedDict()
        self._refusal = _refusal(vllm_config)
        for name, heads in self.files.items():
            if heads.shape != self.shape:
                raise GazeError(
                    f"Heads file {name!r} is of a model of {heads.shape[0]} layers x {heads.shape[1]} heads; this one "
                    f"has {self.shape[0]} x {self.shape[1]}. Start the server with heads of this model."
                )
        names = (
            ", ".join(f"{name} ({len(heads.selected)} heads)" for name, heads in self.files.items()) or "none"
        )
        logger.info("gazeheads: requests may carry a gaze. Heads files: %s. %s", names, self._refusal or "")

    @property
    def shape(self) -> tuple[int, int]:
        """Layers, and heads of a layer."""
        text = self.model.hf_text_config
        return text.num_hidden_layers, text.num_attention_heads

    def admit(self, request: Any) -> None:
        """Read and lay out the gaze of a request, if it has one. Raises `GazeHeadsError`."""
        config = self.model.hf_config
        features = request.mm_features or []
        self.shapes.note(features, merge_size(config))
        params = request.sampling_params
        given = None if params is None or not params.extra_args else params.extra_args.get(NAME)
        if given is None:
            return
        asked = read(given)
        if self._refusal:
            raise GazeError(self._refusal)
        must_be_known(config, self.model.multimodal_config.mm_processor_kwargs)
        if request.prompt_token_ids is None:
            raise GazeError(
                "A gaze was asked for with prompt embeddings, whose images are not known. Send tokens or text."
            )
        grid = grid_of(config, len(request.prompt_token_ids), features, asked.sizes, self.shapes)
        gaze = gaze_of(asked, grid, self.files, *self.shape)
        lane = Lane.of(gaze, trace="trace" in asked.give)
        if not lane.can_steer(params.max_tokens):
            raise NothingSteered(
                f'The gaze steers nothing: none of {params.max_tokens} tokens is due (during="{asked.during}", the '
                f"first stop starts at token {lane.starts[0]}). Ask for more tokens, or let it start earlier."
            )
        tag = uuid4().hex
        params.extra_args = {**params.extra_args, NAME: {"tag": tag, "lane": lane.to_json()}}
        salt = f"{request.cache_salt or ''}/{lane.digest}"
        request.cache_salt = hashlib.sha256(salt.encode()).hexdigest()
        self.open[request.request_id] = Open(tag, asked, gaze, len(lane.heads))
        while len(self.open) > MOST_OPEN:
            self.open.popitem(last=False)


def _files(additional: Any) -> dict[str, Heads]:
    """Heads files by name, of `--additional-config '{"gaze": {"heads": {"default": "heads.json"}}}'`."""
    settings = additional.get(NAME, {}) if isinstance(additional, Mapping) else {}
    if not isinstance(settings, Mapping) or set(settings) - {"heads"}:
        raise GazeError(
            f'"gaze" of --additional-config is {settings!r}; it takes {{"heads": {{name: path}}}}. Give that.'
        )
    return {str(name): Heads.load(path) for name, path in settings.get("heads", {}).items()}


def _refusal(config: Any) -> str:
    """Why this server cannot steer, or nothing. It serves requests without a gaze all the same."""
    parallel, cache = config.parallel_config, config.cache_config
    reasons = {
        "speculative decoding (leave out --speculative-config)": config.speculative_config is not None,
        "context parallelism (use tensor parallelism)": parallel.decode_context_parallel_size > 1
        or parallel.prefill_context_parallel_size > 1,
        "data parallelism (start several servers)": parallel.data_parallel_size > 1,
        "dual batch overlap (leave out --enable-dbo)": getattr(parallel, "enable_dbo", False),
        "an FP8 key-value cache (leave out --kv-cache-dtype)": str(cache.cache_dtype).startswith("fp8"),
        "the V2 model runner (set VLLM_USE_V2_MODEL_RUNNER=0)": config.use_v2_model_runner,
    }
    found = [reason for reason, holds in reasons.items() if holds]
    return f"A gaze cannot be steered under {'; '.join(found)}." if found else ""


def wrap() -> None:
    """Look at every request that this process takes in."""
    begin, process = InputProcessor.__init__, InputProcessor.process_inputs

    @wraps(begin)
    def __init__(self: Any, vllm_config: Any, *args: Any, **kwargs: Any) -> None:
        begin(self, vllm_config, *args, **kwargs)
        self.gaze_desk = Desk(vllm_config)

    @wraps(process)
    def process_inputs(self: Any, *args: Any, **kwargs: Any) -> Any:
        request = process(self, *args, **kwargs)
        try:
            self.gaze_desk.admit(request)
        except GazeHeadsError as error:
            raise VLLMValidationError(f"{type(error).__name__}: {error}", parameter=NAME) from error
        return request

    InputProcessor.__init__, InputProcessor.process_inputs = __init__, process_inputs
    _refuse_beams()


def _refuse_beams() -> None:
    """Beam search drops `extra_args`; so it refuses a gaze instead of passing it over."""
    from vllm.entrypoints.openai.chat_completion.protocol import ChatCompletionRequest
    from vllm.entrypoints.openai.completion.protocol import CompletionRequest

    for kind in (ChatCompletionRequest, CompletionRequest):
        original = kind.to_beam_search_params

        def to_beam_search_params(self: Any, *args: Any, original: Any = original, **kwargs: Any) -> Any:
            if self.vllm_xargs and NAME in self.vllm_xargs:
                raise VLLMValidationError(
                    "A gaze was asked for with beam search, which cannot carry it. Use greedy decoding or sampling.",
                    parameter=NAME,
                )
            return original(self, *args, **kwargs)

        kind.to_beam_search_params = wraps(original)(to_beam_search_params)
