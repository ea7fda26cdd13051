"""The judging loop: every answer goes through here, and the judge sees the sample and the answer, nothing else.

Which region was the target, which heads were steered, in which order a tour went: no judge is told. A generation has
one part or several (`Trial.parts`), and each part gets a verdict.
"""

import hashlib
import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import NoneType
from typing import Any, Protocol

from gazeheads.checks import shown
from gazeheads.errors import JudgeError
from gazeheads.experiments.trial import Generated
from gazeheads.judging.base import Judge, Verdict
from gazeheads.runs.lines import answer_of, must_be
from gazeheads.sample import Sample
from gazeheads.text import sentence_spans

SCHEMA = 1
BATCH = 64  # generations that are judged between two writes
NO_TEXT = "no text"


class Lines(Protocol):
    """Lines of a ledger, by their keys."""

    lines: dict[str, dict[str, Any]]

    def drop(self, keys: Iterable[str]) -> None:
        """Take the lines of these keys out."""
        ...

    def append(self, lines: Iterable[Mapping[str, Any]]) -> None:
        """Add these lines, all or none."""
        ...


class Folder(Protocol):
    """What the loop needs to know of a run folder."""

    @property
    def generations(self) -> Lines:
        """What the model said."""
        ...

    @property
    def verdicts(self) -> Lines:
        """What judges made of it."""
        ...


@dataclass(frozen=True)
class Pending:
    """A generation some of whose parts, `missing`, have no verdict yet.

    texts: of all parts, None where a part has none. failed: why there is no answer at all, or "".
    """

    key: str
    sample: Sample
    texts: tuple[str | None, ...]
    missing: tuple[int, ...]
    failed: str = ""


def verdicts_on(
    judge: Judge, generated: Sequence[Generated], samples: Sequence[Sample]
) -> dict[tuple[str, int], Verdict]:
    """The verdicts on answers that nobody keeps, by the key of the generation and the number of the part."""
    known = {sample.id: sample for sample in samples}
    texts = {g.key: parts_of(g) for g in generated if not g.failed}
    there = [g for g in generated if g.key in texts]
    asked = [(known[g.trial.sample], [text for text in texts[g.key] if text is not None]) for g in there]
    said = {g.key: iter(each) for g, each in zip(there, judge.judge_many(asked), strict=True)}
    return {
        (key, number): next(said[key])
        for key, parts in texts.items()
        for number, text in enumerate(parts)
        if text is not None
    }


def judge_folder(
    folder: Folder,
    judge: Judge,
    name: str,
    samples: Sequence[Sample],
    progress: Callable[[int], object] | None = None,
    batch: int = BATCH,
) -> int:
    """Have `judge` judge what it has not judged yet of the run in `folder`; how many verdicts were written.

    Verdicts are written batch by batch under `name`, so that a loop that was stopped goes on where it was. progress:
    called with the number of generations after each batch. What was said before of the same texts about the same sample
    is taken over, unless it was that the judge failed. Raises `JudgeError` for a sample that is not among `samples`.
    """
    todo = list(pending(folder, name, samples))
    asked_anew = {key(name, each.key, part) for each in todo for part in each.missing}
    folder.verdicts.drop(asked_anew & folder.verdicts.lines.keys())  # of texts that are no more
    said: dict[tuple[str, tuple[str, ...]], list[Verdict]] = {}
    written = 0
    for start in range(0, len(todo), batch):
        part = todo[start : start + batch]
        new = {
            asked_of(each): each.sample for each in part if asked_of(each)[1] and asked_of(each) not in said
        }
        answers = judge.judge_many([(sample, list(texts)) for (_, texts), sample in new.items()])
        fresh = dict(zip(new, answers, strict=True))
        lines = [line for each in part for line in _lines(each, name, (said | fresh).get(asked_of(each), []))]
        folder.verdicts.append(lines)
        said |= {k: v for k, v in fresh.items() if all(each.kind != "unscored" for each in v)}
        written += len(lines)
        progress and progress(len(part))
    return written


def pending(folder: Folder, name: str, samples: Sequence[Sample]) -> Iterator[Pending]:
    """The generations of a run that judge `name` has not judged in full: a verdict on another text is none on this one.

    Raises `JudgeError` for an unknown sample.
    """
    known = {sample.id: sample for sample in samples}
    for line in folder.generations.lines.values():
        generated = answer_of(line)
        texts = parts_of(generated)
        lines = [folder.verdicts.lines.get(key(name, generated.key, n)) for n in range(len(texts))]
        missing = [
            n
            for n, line in enumerate(lines)
            if line is None or not is_about(line, None if generated.failed else texts[n])
        ]
        if not missing:
            continue
        sample = known.get(generated.trial.sample)
        if sample is None:
            raise JudgeError(
                f"The run holds an answer about sample {generated.trial.sample!r}, which is not among the "
                f"{len(known)} samples that were given. Give the data of the run: --data SRC, --seed N."
            )
        yield Pending(generated.key, sample, texts, tuple(missing), generated.failed)


def asked_of(each: Pending) -> tuple[str, tuple[str, ...]]:
    """What the judge is asked: the sample, and the texts of the parts that have one; none where there is no answer."""
    return each.sample.id, () if each.failed else tuple(text for text in each.texts if text is not None)


def parts_of(generated: Generated) -> tuple[str | None, ...]:
    """The texts that each get a verdict; None for a part of a tour without text, and for an answer without a sentence.

    A tour has as many parts as it has targets, also where it failed. A whole answer is one part even if it is empty:
    then it is degenerate, and not unknown.
    """
    trial = generated.trial
    if trial.parts == "whole":
        return (generated.text,)
    if trial.parts == "segments":
        said = [segment.text.strip() or None for segment in generated.segments]
        return (*said, *[None] * (len(trial.tour) - len(said)))
    spans = sentence_spans(generated.token_texts)
    return tuple("".join(generated.token_texts[start:stop]).strip() for start, stop in spans) or (None,)


def key(name: str, generation: str, part: int) -> str:
    """The key of a verdict."""
    return f"{name}|{generation}#{part}"


def why_unscored(verdicts: Iterable[tuple[str, str]]) -> dict[str, int]:
    """Reason to count, the most frequent first, of (kind, reason) of verdicts. Numbers do not tell reasons apart."""
    said = Counter(re.sub(r"\d+", "N", reason) for kind, reason in verdicts if kind == "unscored")
    return dict(said.most_common())


def digest(text: str | None) -> str | None:
    """What a verdict remembers of the text that it is about."""
    return None if text is None else hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:16]


def is_about(line: Mapping[str, Any], text: str | None) -> bool:
    """Whether a verdict's line is about this text; lines of old do not say, and are taken to be."""
    return "text" not in line or line["text"] == digest(text)


def verdict_of(line: Mapping[str, Any]) -> Verdict:
    """The verdict of a line of the ledger.

    Raises `KeyError` for a line of another schema, or without what it needs, `TypeError` for values of another type,
    and `ValueError` for a region that the sample does not have.
    """
    if line["schema"] != SCHEMA:
        raise KeyError(f"schema {line['schema']!r} instead of {SCHEMA}")
    names = ("kind", "region", "slots_right", "all_slots", "reason", "margin")
    _must_be_typed(line)
    return Verdict(**{name: line[name] for name in names}, also=tuple(line.get("also", ())))


TYPES: dict[str, tuple[type, ...]] = {
    "judge": (str,), "key": (str,), "generation": (str,), "part": (int,), "kind": (str,), "region": (int, NoneType),
    "slots_right": (int,), "all_slots": (bool,), "reason": (str,), "margin": (int, float, NoneType),
}  # fmt: skip


def _must_be_typed(line: Mapping[str, Any]) -> None:
    if missing := [name for name in TYPES if name not in line]:
        raise KeyError(missing[0])
    for name, types in TYPES.items():
        must_be(line, name, types)
    also, regions = line.get("also", ()), line.get("regions", math.inf)
    if not isinstance(also, list | tuple):
        raise TypeError(f"also is {shown(also)}")
    for region in (*also, *(() if line["region"] is None else (line["region"],))):
        if type(region) is not int or not 0 <= region < regions:
            raise ValueError(f"region {shown(region)} of {regions}")


def _lines(each: Pending, name: str, said: Sequence[Verdict]) -> Iterator[dict[str, Any]]:
    """The lines of the missing parts. said: the verdicts on the parts that have a text."""
    verdicts = iter(said)
    for part, text in enumerate(each.texts):
        if each.failed:
            verdict = _no_answer(each.failed)
        elif text is None:
            verdict = Verdict("unscored", reason=NO_TEXT)
        else:
            verdict = next(verdicts)
        if verdict.region is not None and not 0 <= verdict.region < len(each.sample.boxes):
            raise JudgeError(
                f"Judge {name} says that an answer is about region {verdict.region} of {each.sample.id!r}, which has "
                f"{len(each.sample.boxes)}. Mend the judge."
            )
        if part in each.missing:
            yield {
                "schema": SCHEMA,
                "judge": name,
                "key": key(name, each.key, part),
                "generation": each.key,
                "part": part,
                "text": digest(None if each.failed else text),
                "regions": len(each.sample.boxes),
                **{name: value for name, value in vars(verdict).items() if value or name != "also"},
            }


def _no_answer(why: str) -> Verdict:
    return Verdict("unscored", reason=f"no answer: {why}")
