"""How fast a model is with this package beside the paper's recipe and beside itself: ratios, measured side by side.

Two ways to do one thing are run by turns, in an order that changes from round to round; each round gives a ratio. The
median counts, with the least and the greatest beside it. The answers of both ways are compared on the way.
"""

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from gazeheads.discovery.discover import discover
from gazeheads.doctor import naive
from gazeheads.errors import SeamError
from gazeheads.gaze.gaze import Gaze
from gazeheads.gaze.record import Record
from gazeheads.heads.head import Head
from gazeheads.model.model import GazeModel
from gazeheads.prompts import THIS_PANEL, panel_query
from gazeheads.sample import Sample


@dataclass(frozen=True)
class Comparison:
    """Two ways to do one thing. seconds: (first, second) of each round."""

    what: str
    first: str
    second: str
    seconds: tuple[tuple[float, float], ...]

    @property
    def ratios(self) -> list[float]:
        """Of each round first / second."""
        return [first / second for first, second in self.seconds]

    def to_json(self) -> dict[str, Any]:
        """Plain values: the ratio's median, least and greatest, and the median seconds of both."""
        first, second = (statistics.median(each) for each in zip(*self.seconds, strict=True))
        return {
            "what": self.what,
            "ratio": f"{self.first} / {self.second}",
            "median": statistics.median(self.ratios),
            "least": min(self.ratios),
            "greatest": max(self.ratios),
            "seconds": [first, second],
            "rounds": len(self.seconds),
        }

    def __str__(self) -> str:
        told = self.to_json()
        return (
            f"{self.what}, {told['ratio']}: {told['median']:.2f} ({told['least']:.2f} to {told['greatest']:.2f}); "
            f"{told['seconds'][0]:.3f} s / {told['seconds'][1]:.3f} s"
        )


def compare(what: str, ways: dict[str, Callable[[], object]], rounds: int) -> Comparison:
    """Run two named ways by turns, once to warm up and then so many rounds. The ratio is of the first to the second."""
    first, second = ways
    seconds = []
    for round_ in range(-1, rounds):
        spent = {}
        for name in (first, second) if round_ % 2 else (second, first):
            _settle()
            began = time.perf_counter()
            ways[name]()
            _settle()
            spent[name] = time.perf_counter() - began
        if round_ >= 0:
            seconds.append((spent[first], spent[second]))
    return Comparison(what, first, second, tuple(seconds))


def _settle() -> None:
    """Wait for the accelerator, so that its work is timed and not only ordered."""
    if torch.accelerator.is_available():
        torch.accelerator.synchronize()


def measure(
    model: GazeModel, sample: Sample, heads: Sequence[Head], rounds: int = 5, tokens: int = 40
) -> Iterator[Comparison]:
    """The comparisons of docs/performance.md, each as soon as it was made. tokens: of each answer.

    Raises `SeamError` where ours and the plain recipe do not come to the same.
    """
    n = len(sample.boxes)
    prompt = panel_query(1, n)
    _must_agree(model, sample, heads)

    def forward() -> None:
        with torch.no_grad():
            model.hf(**model.encode(sample.image, prompt).tensors, logits_to_keep=1)

    ours: Callable[[], object] = lambda: discover(model, [sample])  # noqa: E731
    recipe: Callable[[], object] = lambda: naive.gaze_scores(model, sample)  # noqa: E731
    yield compare("discovery", {"recipe": recipe, "ours": ours}, rounds)
    yield compare("discovery", {"ours": ours, "one plain forward": forward}, rounds)

    def redirect(during: Any) -> None:
        scene = model.encode(sample.image, THIS_PANEL, panels=sample.boxes)
        gazes = [Gaze(heads, region, during=during) for region in scene.panels]
        model.generate([scene] * n, gazes, max_new_tokens=tokens, min_new_tokens=tokens)

    plainly: Callable[[], object] = lambda: naive.redirected(model, sample, THIS_PANEL, heads, tokens)  # noqa: E731
    every: Callable[[], object] = lambda: redirect("all")  # noqa: E731
    answers: Callable[[], object] = lambda: redirect("answer")  # noqa: E731
    yield compare(f"{n} targets, every row steered", {"recipe": plainly, "ours": every}, rounds)
    yield compare(f"{n} targets, the answer's rows", {"recipe": plainly, "ours": answers}, rounds)
    scene = model.encode(sample.image, THIS_PANEL, panels=sample.boxes)
    gaze = Gaze(heads, scene.panel(n - 1))

    def one(gaze: Gaze | None = None, record: Record | None = None) -> None:
        model.generate(scene, gaze, record=record, max_new_tokens=tokens, min_new_tokens=tokens)

    unsteered: Callable[[], object] = lambda: one()  # noqa: E731
    steered: Callable[[], object] = lambda: one(gaze)  # noqa: E731
    recorded: Callable[[], object] = lambda: one(record=Record(heads))  # noqa: E731
    theirs: Callable[[], object] = lambda: naive.plain_answer(model, scene.tensors, tokens)  # noqa: E731
    what = f"one answer of {tokens} tokens"
    yield compare(what, {"steered": steered, "unsteered": unsteered}, rounds)
    yield compare(what, {"recorded": recorded, "unsteered": unsteered}, rounds)
    yield compare(what, {"unsteered": unsteered, "transformers": theirs}, rounds)


def _must_agree(model: GazeModel, sample: Sample, heads: Sequence[Head]) -> None:
    """Raise `SeamError` unless ours and the recipe give the same scores and, in float32, the same steered tokens."""
    exact = torch.finfo(model.hf.dtype).bits == 32
    scores = discover(model, [sample]).scores
    off = float(np.nanmax(np.abs(scores - naive.gaze_scores(model, sample))))
    if off > (1e-4 if exact else 0.05):
        raise SeamError(
            f"Gaze scores are off by {off:.2g} from the plain recipe's. Run `gazeheads doctor` on this model."
        )
    scene = model.encode(sample.image, THIS_PANEL, panels=sample.boxes)
    gazes = [Gaze(heads, region) for region in scene.panels]
    ours = model.generate([scene] * len(gazes), gazes, max_new_tokens=8, min_new_tokens=8)
    theirs = naive.redirected(model, sample, THIS_PANEL, heads, 8)
    same = sum(list(one.token_ids) == other for one, other in zip(ours, theirs, strict=True))
    if exact and same < len(gazes):
        raise SeamError(
            f"{len(gazes) - same} of {len(gazes)} steered answers differ from the plain recipe's. Run `gazeheads "
            "doctor` on this model; a model that is nearly undecided between two words may differ by rounding."
        )
