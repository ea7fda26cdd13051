"""In the process that runs the model: which rows of the running batch belong to which gaze, and what came of them."""

from collections import OrderedDict
from functools import wraps
from typing import Any

from vllm.v1.worker.gpu_model_runner import GPUModelRunner
from vllm.v1.worker.worker_base import WorkerBase

from gazeheads.serve.lane import Lane
from gazeheads.serve.steps import Run, Running, Step
from gazeheads.serve.vllm.requests import NAME

MOST_KEPT = 4096  # finished requests whose effect nobody asked for


class Worker:
    """The gazes of one worker, and what is steered in the forward pass that is running."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, dict[str, Running]] = (
            OrderedDict()
        )  # by tag, by vLLM's id of the request
        self._rows: list[tuple[int, Running]] = []  # of the batch
        self._steps: dict[int, Step] = {}  # by group of the cache
        self._groups: dict[str, int] = {}  # of layers, by name
        self._runner: Any = None

    def begin(self, runner: Any) -> None:
        """Look at the batch of a forward pass."""
        self._runner = runner
        for row, request_id in enumerate(runner.input_batch.req_ids):
            params = runner.requests[request_id].sampling_params
            told = None if params is None or not params.extra_args else params.extra_args.get(NAME)
            if told is not None:
                answers = self._kept.setdefault(told["tag"], {})
                if request_id not in answers:
                    answers[request_id] = Running(Lane.from_json(told["lane"]), runner.device)
                self._rows.append((row, answers[request_id]))

    @property
    def tokens(self) -> list[tuple[int, int]]:
        """First and last flat token of each steered request in the batch."""
        starts = self._runner.query_start_loc.np
        return [(int(starts[row]), int(starts[row + 1])) for row, _ in self._rows]

    def step(self, layer: str) -> Step | None:
        """What is steered in a layer, by its name in vLLM; None: nothing."""
        if not self._rows:
            return None
        group = self._group(layer)
        if group not in self._steps:
            batch = self._runner.input_batch
            pages = batch.block_table[group].get_device_tensor(len(batch.req_ids))
            runs = [
                Run(running, start, end - start, int(batch.num_computed_tokens_cpu[row]), pages[row])
                for (row, running), (start, end) in zip(self._rows, self.tokens, strict=True)
            ]
            self._steps[group] = Step(runs, batch.block_table[group].block_size)
        return self._steps[group]

    def _group(self, layer: str) -> int:
        """The group of the cache that a layer belongs to."""
        if layer not in self._groups:
            groups = self._runner.kv_cache_config.kv_cache_groups
            self._groups = {name: n for n, group in enumerate(groups) for name in group.layer_names}
        return self._groups[layer]

    def end(self) -> None:
        """After the forward pass."""
        for step in self._steps.values():
            step.close()
        self._rows, self._steps = [], {}
        if len(self._kept) > MOST_KEPT:
            alive = self._runner.requests
            ended = [tag for tag, answers in self._kept.items() if not answers.keys() & alive.keys()]
            for tag in ended[: len(self._kept) - MOST_KEPT]:
                del self._kept[tag]

    def take(self, tag: str, lengths: list[int]) -> list[dict[str, Any]]:
        """What came of a request that has finished, for each of its answers; nothing where it is not known here."""
        answers = self._kept.pop(tag, {})
        numbered = {
            int(name.split("_", 1)[0]) if len(lengths) > 1 else 0: each for name, each in answers.items()
        }
        return [{"answer": number, **each.told(lengths[number])} for number, each in numbered.items()]


WORKER = Worker()


def wrap() -> None:
    """Look at every forward pass of real requests, and let the front end ask what came of them."""
    original = GPUModelRunner._model_forward

    @wraps(original)
    def _model_forward(self: Any, *args: Any, **kwargs: Any) -> Any:
        WORKER.begin(self)
        try:
            return original(self, *args, **kwargs)
        finally:
            WORKER.end()

    GPUModelRunner._model_forward = _model_forward
    WorkerBase.gaze_told = lambda self, tag, lengths: WORKER.take(tag, lengths)
