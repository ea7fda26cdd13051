"""The schema of what goes in and comes out: samples, trials, generations, verdicts. No torch.

A trial is one generation to make; a generation is a trial with what the model said; a verdict is what a judge makes of
it. The three are joined by the trial's key, so that each pass can be stopped, resumed and repeated on its own.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, Protocol, runtime_checkable

from gazeheads.experiments.conditions import Condition, Show
from gazeheads.sample import SCHEMA, Sample

Shape = Literal["panel", "box", "mask"]

Coverage = Literal["area", "centre"]

Parts = Literal["whole", "segments", "sentences"]


@dataclass(frozen=True)
class Trial:
    """One generation to make: what is asked about which sample, and which heads look where.

    condition: the head set, or what takes its place: "none", "gaze", "controls/3", "all", "crop" (`conditions`).
    target: the zero-based region that the answer should be about; None: no region, or several (`tour`).
    variant: the cell of a sweep, in words, such as "K = 4%"; "" outside sweeps.
    pointed: the region that the heads are pointed at (the target, but for one control); None: nothing is steered.
    tour, every: the regions to look at in turn, for so many tokens each, or until a sentence ends (None).
    k: how many heads, or which share of all; push, during: how hard and when. None: as the run says.
    show: the whole image, the target's pixels alone, or the image with the target marked.
    settings: keywords of `generate`. parts: what of the answer gets a verdict: all, each segment, each sentence.
    shape: what of the target is pointed at: its "panel", which must cover a token; its "box" or "mask", which grows to
    the nearest cells where it covers less than one. coverage: how much of a token counts, as in `Region`.
    """

    experiment: str
    sample: str
    condition: str
    prompt: str
    max_new_tokens: int
    target: int | None = None
    variant: str = ""
    pointed: int | None = None
    tour: tuple[int, ...] = ()
    every: int | None = None
    k: int | float | None = None
    push: str | None = None
    during: str | None = None
    show: Show = "whole"
    settings: Mapping[str, Any] = field(default_factory=dict)
    parts: Parts = "whole"
    shape: Shape = "panel"
    coverage: Coverage = "area"

    @property
    def key(self) -> str:
        """Unique within a run."""
        where = "-" if self.target is None else self.target
        return f"{self.experiment}|{self.variant}|{self.sample}|{self.condition}|{where}"

    @property
    def is_steered(self) -> bool:
        """Whether heads are pointed at anything."""
        return self.pointed is not None or bool(self.tour)

    def to_json(self) -> dict[str, Any]:
        """What differs from the defaults, and the key."""
        defaults = {f.name: f.default for f in fields(self)}
        found = {k: v for k, v in asdict(self).items() if v != defaults[k] and v != () and v != {}}
        return {"key": self.key, **found}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Trial":
        """The trial that `to_json` wrote."""
        values = {k: v for k, v in data.items() if k != "key"}
        return cls(**values | {"tour": tuple(values.get("tour", ()))})


@dataclass(frozen=True)
class SegmentRecord:
    """A part of an answer: the tokens `start <= token < stop`, and the region that the heads were pointed at."""

    text: str
    start: int
    stop: int
    target: int | None = None


@dataclass(frozen=True)
class Generated:
    """A trial and what the model said.

    heads: how many were steered. before, after: the proof of effect, the steered heads' mean attention mass on the
    target without and with the push; None where nothing was steered. segments: of a tour, its parts by target.
    pieces: the characters that each token completes, where the trial's parts are not the whole. failed: why there is no
    answer, where the model could not give one; the text is then empty. grown: whether the region was too small to cover
    a token, and grew.
    """

    trial: Trial
    text: str
    tokens: int
    finish: str
    before: float | None = None
    after: float | None = None
    heads: int = 0
    segments: tuple[SegmentRecord, ...] = ()
    token_texts: tuple[str, ...] = ()
    failed: str = ""
    grown: bool = False

    @property
    def key(self) -> str:
        """The trial's."""
        return self.trial.key

    def to_json(self) -> dict[str, Any]:
        """One line of `generations.jsonl`."""
        return {
            "schema": SCHEMA,
            **self.trial.to_json(),
            "text": self.text,
            "tokens": self.tokens,
            "finish": self.finish,
            "before": self.before,
            "after": self.after,
            "heads": self.heads,
            "segments": [[s.text, s.start, s.stop, s.target] for s in self.segments],
            "token_texts": list(self.token_texts),
            "failed": self.failed,
            **({"grown": True} if self.grown else {}),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Generated":
        """The generation that `to_json` wrote. Raises `KeyError` or `TypeError` for anything else."""
        if data["schema"] != SCHEMA:
            raise KeyError(f"schema {data['schema']!r} instead of {SCHEMA}")
        own = {f.name for f in fields(cls)} - {"trial"}
        trial = Trial.from_json({k: v for k, v in data.items() if k not in {*own, "schema"}})
        values = {name: data[name] for name in own - {"grown"}} | {"grown": data.get("grown", False)}
        values |= {
            "segments": tuple(SegmentRecord(*s) for s in data["segments"]),
            "token_texts": tuple(data["token_texts"]),
        }
        return cls(trial, **values)


@dataclass(frozen=True)
class ExperimentFacts:
    """What people read of an experiment; nothing of it decides about the answers.

    title: its heading in reports. varies: what differs between its variants ("heads", "push"); "" without any.
    needs: what samples it is for. paper: where the paper has it ("table 4"). is_redirection: whether it is one plain
    question that names no region, so that its accuracy can stand for the model's.
    """

    title: str
    varies: str = ""
    needs: str = "panels"
    paper: str = ""
    is_redirection: bool = False


@runtime_checkable
class Experiment(Protocol):
    """What the loop and the report need to know of an experiment."""

    @property
    def facts(self) -> ExperimentFacts:
        """What people read of it."""
        ...

    @property
    def name(self) -> str:
        """As tables and files call it."""
        ...

    def trials(self, sample: Sample, condition: Condition) -> Iterable[Trial]:
        """The trials about one sample under one condition, each with a key of its own."""
        ...
