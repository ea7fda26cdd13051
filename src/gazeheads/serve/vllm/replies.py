"""Where answers go out: what a gaze did is asked of the workers and put beside the finished answer.

vLLM's replies have one open field for data of the engine, `kv_transfer_params`; ours stand there under "gaze", for
each answer of the request. Under HTTP a gaze that steered nothing makes the reply an error; from `LLM.generate`, where
one call asks for many answers, the error stands in the place of the proof and is logged.
"""

from collections.abc import Sequence
from contextlib import aclosing
from functools import wraps
from typing import Any

import numpy as np
from vllm.exceptions import VLLMValidationError
from vllm.logger import init_logger
from vllm.sampling_params import RequestOutputKind
from vllm.v1.engine.async_llm import AsyncLLM
from vllm.v1.engine.llm_engine import LLMEngine

from gazeheads.serve.proof import proof
from gazeheads.serve.schema import SCHEMA
from gazeheads.serve.vllm.requests import NAME, Open

logger = init_logger("vllm.gazeheads")


def told(asked: Open, lengths: Sequence[int], ranks: Sequence[Sequence[dict[str, Any]]]) -> dict[str, Any]:
    """What stands in a reply. ranks: what each worker knows of each answer."""
    answers = []
    for number, length in enumerate(lengths):
        parts = [part for rank in ranks for part in rank if part["answer"] == number]
        answers.append(proof(asked.asked, asked.gaze, length, parts))
    return {"schema": SCHEMA, "answers": answers}


def errors(reply: dict[str, Any]) -> list[str]:
    """What went wrong, of a reply."""
    return [answer["error"] for answer in reply["answers"] if "error" in answer]


def wrap() -> None:
    """Look at every reply that this process gives."""
    generate, step = AsyncLLM.generate, LLMEngine.step

    @wraps(generate)
    async def watched(self: Any, prompt: Any, sampling_params: Any, request_id: str, **kwargs: Any) -> Any:
        lengths: dict[int, int] = {}
        adding = getattr(sampling_params, "output_kind", None) == RequestOutputKind.DELTA
        async with aclosing(generate(self, prompt, sampling_params, request_id, **kwargs)) as outputs:
            async for output in outputs:
                asked = self.input_processor.gaze_desk.open.get(output.request_id)
                if asked is not None:
                    _count(lengths, output, adding)
                    if output.finished:
                        del self.input_processor.gaze_desk.open[output.request_id]
                        counted = [lengths[number] for number in sorted(lengths)]
                        ranks = await self.collective_rpc("gaze_told", args=(asked.tag, counted))
                        _put(output, told(asked, counted, ranks))
                        if wrong := errors(output.kv_transfer_params[NAME]):
                            raise VLLMValidationError(wrong[0], parameter=NAME)
                yield output

    @wraps(step)
    def stepped(self: Any) -> Any:
        outputs = step(self)
        for output in outputs:
            asked = self.input_processor.gaze_desk.open.get(output.request_id) if output.finished else None
            if asked is not None:
                del self.input_processor.gaze_desk.open[output.request_id]
                lengths: dict[int, int] = {}
                _count(lengths, output, adding=False)
                counted = [lengths[number] for number in sorted(lengths)]
                _put(
                    output, told(asked, counted, self.collective_rpc("gaze_told", args=(asked.tag, counted)))
                )
                for wrong in errors(output.kv_transfer_params[NAME]):
                    logger.error("gazeheads: request %s: %s", output.request_id, wrong)
        return outputs

    AsyncLLM.generate, LLMEngine.step = watched, stepped


def _count(lengths: dict[int, int], output: Any, adding: bool) -> None:
    for answer in output.outputs:
        before = lengths.get(answer.index, 0) if adding else 0
        lengths[answer.index] = before + len(np.atleast_1d(answer.token_ids))


def _put(output: Any, reply: dict[str, Any]) -> None:
    output.kv_transfer_params = {**(output.kv_transfer_params or {}), NAME: reply}
