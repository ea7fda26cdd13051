"""Runs as they lie in folders: settings, answers, and the verdicts of one judge."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from gazeheads.errors import NoEvidence
from gazeheads.experiments.trial import Generated
from gazeheads.judging.base import Verdict
from gazeheads.runs.folder import RunFolder
from gazeheads.runs.judge import SCHEMA, parts_of

Status = Literal["matched", "none", "degenerate", "unscored", "failed", "unjudged"]
STATUSES: tuple[Status, ...] = ("matched", "none", "degenerate", "unscored", "failed", "unjudged")


@dataclass(frozen=True)
class Part:
    """A judged part of an answer: the whole of it, or one segment or sentence.

    target: the zero-based region that it should be about; None: no single one. fate: what became of it. `unscored`:
    the judge failed, or a segment has no text. `failed`: the model gave no answer. `unjudged`: no verdict yet.
    also: other regions that it is about just as well (`Verdict.also`).
    """

    number: int
    target: int | None
    status: Status
    region: int | None = None
    all_slots: bool = False
    also: tuple[int, ...] = ()

    def hit(self, target: int) -> float | None:
        """1.0 if it is about `target`, 0.0 if not, None where we do not know."""
        if self.status in ("unscored", "failed", "unjudged"):
            return None
        return float(target in (self.region, *self.also))


@dataclass(frozen=True, eq=False)
class Run:
    """One run folder as one judge sees it. verdicts: by the key of the generation and the number of the part."""

    path: Path
    manifest: Mapping[str, Any]
    generated: tuple[Generated, ...] = field(repr=False)
    judge: str
    verdicts: Mapping[tuple[str, int], Verdict] = field(repr=False)

    @classmethod
    def load(cls, path: str | Path, judge: str | None = None) -> "Run":
        """Read a run folder, which may still be growing.

        judge: whose verdicts; it may be left out where there is one judge alone. Raises `RunError` where the
        folder holds no run; `NoEvidence` where it holds no answers or no verdicts, or where it is not clear which judge
        is meant.
        """
        path = Path(path)
        with RunFolder.open(path, read_only=True) as folder:
            manifest, answers, lines = folder.manifest, list(folder.generations), list(folder.verdicts)
        if not answers:
            raise NoEvidence(
                f"Asked to report on {path}: it holds no answers yet. `gazeheads run` makes them; start it again to "
                "go on."
            )
        try:
            generated = tuple(Generated.from_json(line) for line in answers)
            chosen = _judge(path, [line["judge"] for line in lines], judge)
            verdicts = {
                (line["generation"], line["part"]): _verdict(line)
                for line in lines
                if line["judge"] == chosen
            }
        except (KeyError, TypeError) as error:
            raise NoEvidence(
                f"Asked to report on {path}: a line of it cannot be read as an answer or verdict ({error}). Was it "
                "made by another version of gazeheads? Report with that one."
            ) from error
        return cls(path, manifest, generated, chosen, verdicts)

    @property
    def model(self) -> str:
        """The model's name, or its folder's."""
        name = str(self.manifest.get("model", {}).get("name", "unknown model"))
        return name.rstrip("/").rpartition("/")[2] if name.startswith(("/", ".", "~")) else name

    @property
    def commands(self) -> tuple[str, ...]:
        """The command lines that made the folder, as they were typed; none where nobody kept them."""
        place = self.path / "commands.txt"
        return tuple(place.read_text(encoding="utf-8").splitlines()) if place.exists() else ()

    @cached_property
    def experiment(self) -> str:
        """The experiment's name: that of its trials."""
        return self.generated[0].trial.experiment

    @property
    def data(self) -> str:
        """Which samples: source and seed."""
        data = self.manifest.get("data", {})
        seed = data.get("seed")
        return str(data.get("source", "unknown data")) + ("" if seed is None else f", seed {seed}")

    @cached_property
    def regions(self) -> dict[str, tuple[int, ...]]:
        """The zero-based regions of each sample, as far as trials point at them; empty where none does."""
        found: dict[str, set[int]] = {g.trial.sample: set() for g in self.generated}
        for g in self.generated:
            found[g.trial.sample].update(g.trial.tour)
            if g.trial.target is not None:
                found[g.trial.sample].add(g.trial.target)
        return {sample: tuple(sorted(regions)) for sample, regions in found.items()}

    @cached_property
    def variants(self) -> tuple[str, ...]:
        """The cells of a sweep in the order in which they ran; ("",) where nothing was swept."""
        return tuple(dict.fromkeys(g.trial.variant for g in self.generated))

    @cached_property
    def conditions(self) -> tuple[str, ...]:
        """The conditions in the manifest's order, then any others."""
        ran = dict.fromkeys(g.trial.condition for g in self.generated)
        asked = [name for name in self.manifest.get("conditions", []) if name in ran]
        return tuple(dict.fromkeys([*asked, *ran]))

    @cached_property
    def by_cell(self) -> dict[tuple[str, str], tuple[Generated, ...]]:
        """The answers by variant and condition."""
        found: dict[tuple[str, str], list[Generated]] = {}
        for g in self.generated:
            found.setdefault((g.trial.variant, g.trial.condition), []).append(g)
        return {cell: tuple(answers) for cell, answers in found.items()}

    def parts(self, g: Generated) -> tuple[Part, ...]:
        """What became of an answer, part by part. A stop of a tour that was never reached is a segment without text."""
        texts = parts_of(g)
        targets: Sequence[int | None] = (
            g.trial.tour if g.trial.parts == "segments" else (g.trial.target,) * len(texts)
        )
        return tuple(
            self._part(g, number, target, text)
            for number, (target, text) in enumerate(zip(targets, texts, strict=True))
        )

    def _part(self, g: Generated, number: int, target: int | None, text: str | None) -> Part:
        if g.failed:
            return Part(number, target, "failed")
        if text is None:
            return Part(number, target, "unscored")
        verdict = self.verdicts.get((g.key, number))
        if verdict is None:
            return Part(number, target, "unjudged")
        return Part(number, target, verdict.kind, verdict.region, verdict.all_slots, verdict.also)


def _judge(path: Path, found: Sequence[str], asked: str | None) -> str:
    names = sorted(set(found))
    if not names:
        raise NoEvidence(
            f"Asked to report on {path}: no judge has seen its answers. Run `gazeheads judge {path}` first."
        )
    if asked is None and len(names) > 1:
        raise NoEvidence(
            f"Asked to report on {path}: {len(names)} judges have seen its answers: {', '.join(names)}. Name one "
            "with --judge."
        )
    if asked is not None and asked not in names:
        raise NoEvidence(
            f"Asked to report on {path} as {asked!r} judged it; it was judged by {', '.join(names)}. Name one of "
            f"them, or run `gazeheads judge {path} --judge {asked}` first."
        )
    return asked or names[0]


def _verdict(line: Mapping[str, Any]) -> Verdict:
    if line["schema"] != SCHEMA:
        raise KeyError(f"schema {line['schema']!r} instead of {SCHEMA}")
    names = ("kind", "region", "slots_right", "all_slots", "reason", "margin")
    return Verdict(**{name: line[name] for name in names}, also=tuple(line.get("also", ())))
