"""Run folders written by hand, for tests of what is read from them."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from gazeheads.experiments.trial import Generated, SegmentRecord, Trial
from gazeheads.judging.base import Verdict

JUDGE = "rules"
NONE, JUNK, UNSCORED = Verdict("none"), Verdict("degenerate"), Verdict("unscored", reason="no reply")
Judged = tuple[Generated, list[Verdict | None]]


def answer(
    strip: str,
    condition: str,
    target: int | None,
    text: str = "",
    *,
    experiment: str = "vqa",
    variant: str = "",
    heads: int = 4,
    failed: str = "",
    **trial: Any,
) -> Generated:
    """An answer about one target; unsteered ones have no heads."""
    plain = condition in ("none", "prompt", "crop")
    asked = Trial(
        experiment,
        strip,
        condition,
        "What is it?",
        15,
        target,
        variant,
        pointed=None if plain else trial.pop("pointed", target),
        **trial,
    )
    mass = (None, None) if plain else (0.2, 0.9)
    text = text or f"{strip} {condition} {target}"
    return Generated(asked, "" if failed else text, 5, "stop", *mass, 0 if plain else heads, failed=failed)


def tour(
    strip: str, condition: str, stops: Sequence[int], segments: Sequence[str], every: int = 2, heads: int = 4
) -> Generated:
    """A tour of one token a word, `every` words to a segment; segments that are missing were never reached."""
    asked = Trial(
        "tour",
        strip,
        condition,
        "Tell.",
        every * len(stops),
        tour=tuple(stops),
        every=every,
        parts="segments",
    )
    token_texts = [word + " " for segment in segments for word in segment.split(" ")] if any(segments) else []
    said, start = [], 0
    for text, stop in zip(segments, stops, strict=False):
        length = len(text.split(" ")) if text else 0
        said.append(SegmentRecord(text, start, start + length, stop))
        start += length
    return Generated(
        asked,
        "".join(token_texts),
        len(token_texts),
        "length",
        None,
        None,
        heads,
        tuple(said),
        tuple(token_texts),
    )


def matched(region: int, all_slots: bool = False) -> Verdict:
    return Verdict("matched", region, 3 if all_slots else 2, all_slots)


def write(
    folder: Path,
    judged: Iterable[tuple[Generated, Sequence[Verdict | None]]],
    *,
    judges: Sequence[str] = (JUDGE,),
    model: str = "a-model",
    **manifest: Any,
) -> Path:
    """A run folder; each answer with the verdicts of its parts, None for one that is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    pairs = list(judged)
    found: Mapping[str, Any] = {
        "schema": 1,
        "experiment": {"name": pairs[0][0].trial.experiment},
        "conditions": list(dict.fromkeys(g.trial.condition for g, _ in pairs)),
        "data": {"source": "doodles:2:test", "seed": 0, "n": 2},
        "model": {"name": model},
        "heads": {"k": 4},
        **manifest,
    }
    (folder / "manifest.json").write_text(json.dumps(found))
    lines = [json.dumps(g.to_json()) + "\n" for g, _ in pairs]
    (folder / "generations.jsonl").write_text("".join(lines))
    verdicts = [
        json.dumps(
            {
                "schema": 1,
                "judge": judge,
                "key": f"{judge}|{g.key}#{part}",
                "generation": g.key,
                "part": part,
                **vars(v),
            }
        )
        + "\n"
        for judge in judges
        for g, each in pairs
        for part, v in enumerate(each)
        if v is not None
    ]
    (folder / "verdicts.jsonl").write_text("".join(verdicts))
    return folder


def redirection() -> list[Judged]:
    """Two strips of three panels. Unsteered, a is about panel 1 and b about nothing.

    The gaze: a hits 1, 2 and misses 3 (junk); b hits 1 with all slots, 2 as well, 3 is unscored.
    """
    judged: list[Judged] = [
        (answer("a", "none", None, "the cat sits"), [matched(0)]),
        (answer("b", "none", None, "who knows"), [NONE]),
        (answer("a", "gaze", 0, "The cat sits!"), [matched(0)]),
        (answer("a", "gaze", 1), [matched(1)]),
        (answer("a", "gaze", 2), [JUNK]),
        (answer("b", "gaze", 0), [matched(0, all_slots=True)]),
        (answer("b", "gaze", 1), [matched(1)]),
        (answer("b", "gaze", 2), [UNSCORED]),
    ]
    for draw, hits in enumerate(
        [(0, 0), (0, 1), (2, 1)]
    ):  # region that a and b are about, whatever the target
        for strip, region in zip("ab", hits, strict=True):
            judged += [(answer(strip, f"controls/{draw}", target), [matched(region)]) for target in range(3)]
    return judged
