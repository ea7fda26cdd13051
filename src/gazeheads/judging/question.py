"""What a judge behind an API is asked, and how its reply is read: no network, no provider.

The wording is ours: a forced choice between the regions, "none" and "junk". All parts of one answer are asked about
in one question, so that a judge reads them in context; which part was to be about which region is not in it.
"""

import hashlib
import io
import json
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from gazeheads.errors import JudgeError
from gazeheads.judging.base import Verdict
from gazeheads.sample import Sample

VERSION = 1  # of the wording and the schema: replies to another one are not reused
NONE, JUNK = "none", "junk"

SYSTEM = (
    "You compare texts with parts of a picture. You are exact, you judge what a text says and nothing else, and you "
    "choose one of the options that you are given."
)
WORDING = """The picture has {n} regions, in reading order:
{regions}

Somebody wrote the texts below ({texts}) about the picture. For each, choose the one region that it describes: the
region whose content (who or what is there, what happens, where) agrees with the text clearly better than any other.
Ignore panel numbers and positions that a text claims, such as "Panel 3:" or "in the first panel": they may be wrong.
Choose "none" if the text describes no region, several regions, or the picture as a whole.
Choose "junk" if it is no sensible text: empty, in circles, or word salad.
Judge each text by what it says. Texts may be about the regions in any order, and several about the same.

{parts}"""

SCHEMA_NAME = "verdicts"
SCHEMA_ABOUT = "The choice for each text."
REMINDER = (
    "Your reply could not be read: {why}. Reply again, with nothing but the JSON object of the schema: one entry in "
    '"verdicts" for each text, by its number.'
)


KEPT = 32  # samples whose pictures are kept as they are sent


@dataclass(frozen=True)
class Question:
    """One question to ask about a sample. text: all that is asked. parts: how many texts are in it."""

    sample: Sample
    text: str
    parts: int

    @property
    def choices(self) -> list[str]:
        """The options: the regions by their numbers from 1, "none" and "junk"."""
        return [*(str(k) for k in range(1, len(self.sample.boxes) + 1)), NONE, JUNK]

    @property
    def picture(self) -> str:
        """The picture, as PNG in base 64."""
        return _png(self.sample)

    @property
    def schema(self) -> dict[str, Any]:
        """JSON schema of the reply, in what all providers' strict modes know."""
        one = {
            "type": "object",
            "properties": {
                "text": {"type": "integer", "description": f"The number of the text, 1 to {self.parts}."},
                "choice": {"type": "string", "enum": self.choices},
                "confidence": {"type": "number", "description": "How sure you are, from 0 to 1."},
            },
            "required": ["text", "choice", "confidence"],
            "additionalProperties": False,
        }
        return {
            "type": "object",
            "properties": {"verdicts": {"type": "array", "items": one}},
            "required": ["verdicts"],
            "additionalProperties": False,
        }

    def key(self, provider: str, model: str) -> str:
        """SHA-256 of all that the reply depends on: who is asked, the wording, the picture, the names, the texts."""
        parts = [str(VERSION), provider, model, SYSTEM, self.text, _pixels(self.sample)]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


@lru_cache(KEPT)
def _png(sample: Sample) -> str:
    file = io.BytesIO()
    sample.image.save(file, "PNG")
    return b64encode(file.getvalue()).decode()


@lru_cache(KEPT)
def _pixels(sample: Sample) -> str:
    """A hash of size and pixels: the bytes of a PNG depend on who packs it."""
    picture = sample.image
    return hashlib.sha256(f"{picture.size}".encode() + picture.tobytes()).hexdigest()


def question(sample: Sample, parts: Sequence[str]) -> Question:
    """The question about the parts of one answer. Raises `JudgeError` for a sample without a choice."""
    if len(sample.boxes) < 2:
        raise JudgeError(
            f"Sample {sample.id!r} has {len(sample.boxes)} regions: there is no choice between them. Use data with two "
            "or more."
        )
    regions = "\n".join(
        f"{k}. {name} (pixels {box.x0:.0f} to {box.x1:.0f} from the left, {box.y0:.0f} to {box.y1:.0f} from the top)"
        for k, (name, box) in enumerate(zip(sample.names, sample.boxes, strict=True), 1)
    )
    written = "\n\n".join(
        f"Text {k}: {json.dumps(part, ensure_ascii=False)}" for k, part in enumerate(parts, 1)
    )
    text = WORDING.format(n=len(sample.boxes), regions=regions, texts=len(parts), parts=written)
    return Question(sample, text, len(parts))


class BadReply(Exception):
    """A reply that is not what was asked for; its text says how."""


def read(reply: Any, asked: Question) -> list[Verdict]:
    """The verdicts in a reply, in the order of the parts. Raises `BadReply`."""
    entries = reply.get("verdicts") if isinstance(reply, dict) else None
    if not isinstance(entries, list):
        raise BadReply('it is no object with a list "verdicts"')
    found: dict[int, Verdict] = {}
    for entry in entries:
        number, choice, sure = (
            (entry.get("text"), entry.get("choice"), entry.get("confidence"))
            if isinstance(entry, dict)
            else (None, None, None)
        )
        if type(number) is not int or not 1 <= number <= asked.parts or number in found:
            raise BadReply(f'"text" is {number!r}, not a number from 1 to {asked.parts} that comes once')
        choice = str(choice) if type(choice) is int else choice
        if choice not in asked.choices:
            raise BadReply(f'"choice" is {choice!r}, none of {", ".join(asked.choices)}')
        if type(sure) is int and 1 < sure <= 100:  # per cent
            sure /= 100
        if isinstance(sure, bool) or not isinstance(sure, int | float) or not 0 <= sure <= 1:
            raise BadReply(f'"confidence" is {sure!r}, no number from 0 to 1')
        found[number] = verdict(choice, float(sure))
    missing = [str(number) for number in range(1, asked.parts + 1) if number not in found]
    if missing:
        raise BadReply(f"there is no verdict on text {', '.join(missing)}")
    return [found[number] for number in range(1, asked.parts + 1)]


def verdict(choice: str, sure: float) -> Verdict:
    """The verdict that a choice stands for. sure: what the model claims, 0..1, kept as the margin."""
    if choice == NONE:
        return Verdict("none", reason="the judge chose none", margin=sure)
    if choice == JUNK:
        return Verdict("degenerate", reason="the judge chose junk", margin=sure)
    return Verdict("matched", int(choice) - 1, margin=sure)
