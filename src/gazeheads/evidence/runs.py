"""Runs as they lie in folders: settings, answers, and the verdicts of one judge."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from gazeheads.errors import JudgeError, NoEvidence
from gazeheads.experiments.trial import Generated
from gazeheads.judging.base import Verdict
from gazeheads.runs.folder import RunFolder
from gazeheads.runs.judge import is_about, parts_of, verdict_of
from gazeheads.runs.lines import answers
from gazeheads.runs.outcomes import JudgedPart, judged_parts
from gazeheads.text import redacted


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
            manifest, found, lines = folder.manifest, list(folder.generations), list(folder.verdicts)
        if not found:
            raise NoEvidence(
                f"Asked to report on {path}: it holds no answers yet. `gazeheads run` makes them; start it again to "
                "go on."
            )
        try:
            generated = tuple(answers(found))
            chosen = _judge(path, [line["judge"] for line in lines], judge)
            verdicts = {
                (line["generation"], line["part"]): verdict_of(line)
                for line in lines
                if line["judge"] == chosen
            }
            answered = {g.key: (None,) if g.failed else parts_of(g) for g in generated}
            stale = [
                line["key"]
                for line in lines
                if line["judge"] == chosen and not _is_current(line, answered.get(line["generation"]))
            ]
        except (KeyError, TypeError, ValueError, AttributeError, JudgeError) as error:
            raise NoEvidence(
                f"Asked to report on {path}: a line of it cannot be read as an answer or verdict ({error}). Was it "
                "made by another version of gazeheads? Report with that one."
            ) from error
        if stale:
            raise NoEvidence(
                f"Asked to report on {path}: {len(stale)} verdicts of {chosen} are about other texts than the answers "
                f"that are there, the first {stale[0]!r}. Run `gazeheads judge {shlex.quote(str(path))} --judge "
                f"{shlex.quote(chosen)}` again: it judges what has changed."
            )
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
        return tuple(map(redacted, place.read_text(encoding="utf-8").splitlines())) if place.exists() else ()

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

    def parts(self, g: Generated) -> tuple[JudgedPart, ...]:
        """What became of an answer, part by part."""
        return judged_parts(g, self.verdicts)


def _is_current(line: Mapping[str, Any], texts: Sequence[str | None] | None) -> bool:
    """Whether a verdict is about what its answer says now; a failed answer, `(None,)`, has no text in any part."""
    if texts is None or texts == (None,):
        return texts is None or is_about(line, None)
    return line["part"] >= len(texts) or is_about(line, texts[line["part"]])


def _judge(path: Path, found: Sequence[str], asked: str | None) -> str:
    names = sorted(set(found))
    if not names:
        raise NoEvidence(
            f"Asked to report on {path}: no judge has seen its answers. "
            f"Run `gazeheads judge {shlex.quote(str(path))}` first."
        )
    if asked is None and len(names) > 1:
        raise NoEvidence(
            f"Asked to report on {path}: {len(names)} judges have seen its answers: {', '.join(names)}. Name one "
            "with --judge."
        )
    if asked is not None and asked not in names:
        raise NoEvidence(
            f"Asked to report on {path} as {asked!r} judged it; it was judged by {', '.join(names)}. Name one of "
            f"them, or run `gazeheads judge {shlex.quote(str(path))} --judge {shlex.quote(asked)}` first."
        )
    return asked or names[0]
