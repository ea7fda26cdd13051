"""The page: one HTML file with the image, the text and every head's attention, for any browser, without a network.

Its script and style are files beside the template (`pages/templates/watch.*`). The data is one JSON object in a script
element that browsers do not run; `<`, `>` and `&` in it are escaped, so that no text can end the element.
"""

import base64
import io
import json
import re
from dataclasses import dataclass
from importlib import resources
from typing import Any

import numpy as np
from markupsafe import Markup
from PIL import Image

from gazeheads.errors import UsageError
from gazeheads.images import rgb
from gazeheads.pages.template import template
from gazeheads.regions.region import Region
from gazeheads.regions.shapes import Rectangle
from gazeheads.version import __version__
from gazeheads.watching import packing
from gazeheads.watching.looks import HeadSet, Looks

LARGEST = 128_000_000  # numbers of attention in one page, a byte each once a browser has unpacked them
LONG = 1_000_000  # bytes of a PNG above which an image is shown as JPEG
QUALITY = 92


def html(watched: Looks, title: str) -> str:
    """The whole file as text. Raises `UsageError` for one that no browser would like."""
    data = json.dumps(payload(watched), ensure_ascii=False, separators=(",", ":"))
    templates = resources.files("gazeheads.pages") / "templates"
    script, style = ((templates / f"watch.{kind}").read_text(encoding="utf-8") for kind in ("js", "css"))
    first = watched.shown[0]
    said, rest = parts(watched)
    return template("watch.html").render(
        watched=watched,
        title=title,
        parts=said,
        rest=rest,
        pictures=[_uri(picture) for picture in watched.shown],
        wide=len(watched.shown) == 1 and first.width > 2 * first.height,
        data=Markup(escaped(data)),
        script=Markup(script),
        style=Markup(style),
        version=__version__,
    )


def escaped(data: str) -> str:
    """JSON that means the same and cannot end, or begin, anything in HTML."""
    marks = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
    return re.sub("[<>&\u2028\u2029]", lambda mark: marks[mark[0]], data)


def payload(watched: Looks) -> dict[str, Any]:
    """What the script reads. Rows of `cells`: image, left, top, right, bottom, whether at a border, in detail."""
    grid, tokens = watched.scene.grid, len(watched.answer.token_texts)
    numbers = sum(len(each.trace.heads) for each in watched.sets) * tokens * len(grid)
    if numbers > LARGEST:
        raise UsageError(
            f"A page of {numbers:,} numbers of attention was asked for ({tokens} tokens, {len(grid)} image tokens); "
            f"browsers get slow beyond {LARGEST:,}. Watch fewer heads (--top), or a shorter answer."
        )
    detail = [view.kind != "thumbnail" for view in grid.views]
    detail = detail if any(detail) else [True] * len(detail)
    weights = np.array([region.weights for region in watched.regions], dtype=np.float32)
    return {
        "token_texts": list(watched.answer.token_texts),
        "words": [[word.start, word.stop] for word in watched.words],
        "things": [[word.text, word.start, word.stop] for word in watched.things],
        "sizes": [list(size) for size in grid.sizes],
        "cells": [
            [int(image), *(round(float(edge), 2) for edge in rect), int(edge), int(detail[view])]
            for image, rect, edge, view in zip(
                grid.images, grid.rects, watched.border, grid.view_of, strict=True
            )
        ],
        "regions": [[str(region), region.image, _corners(region)] for region in watched.regions],
        "weights": packing.text(weights),
        "targets": _targets(watched),
        "sets": [_set(each) for each in watched.sets],
    }


@dataclass(frozen=True)
class PrintedWord:
    """A word of the answer, with what stands before it and the marks right behind it, which stay on its line."""

    before: str
    word: str
    behind: str


def parts(watched: Looks) -> tuple[list[PrintedWord], str]:
    """The text word by word, in order, and what is left at the end: joined they are the text."""
    text, at = "".join(watched.answer.token_texts), 0
    found: list[PrintedWord] = []
    for word in watched.words:
        start = text.index(word.text, at)
        stop = start + len(word.text)
        behind = re.match(r"[^\w\s]*", text[stop:])
        assert behind is not None  # it may be empty
        found.append(PrintedWord(text[at:start], word.text, behind[0]))
        at = stop + len(behind[0])
    return found, text[at:]


def _set(each: HeadSet) -> dict[str, Any]:
    codes, scales = packing.codes(each.trace.attention)
    assert each.trace.value_norms is not None
    return {
        "name": each.name,
        "about": each.about,
        "heads": [str(head) for head in each.trace.heads],
        "codes": packing.text(codes, deflated=True),
        "scales": packing.text(scales),
        "lengths": packing.text(each.trace.value_norms),
        "sinks": np.flatnonzero(each.sinks).tolist(),
    }


def _targets(watched: Looks) -> list[int]:
    """For each token the region that heads were pointed at, -1 where none or another one."""
    found = [-1] * len(watched.answer.token_texts)
    for segment in watched.answer.segments:
        at = [n for n, region in enumerate(watched.regions) if region == segment.target]
        found[segment.start : segment.stop] = [at[0] if at else -1] * (segment.stop - segment.start)
    return found


def _corners(region: Region) -> list[float] | None:
    return list(region.shape.box.corners) if isinstance(region.shape, Rectangle) else None


def _uri(picture: Image.Image) -> str:
    """An image as a data URI: its exact pixels, or a JPEG where that would be long."""
    out, kind = io.BytesIO(), "png"
    colours = rgb(picture, "to show")
    colours.save(out, format="PNG", optimize=True)
    if out.tell() > LONG:
        out, kind = io.BytesIO(), "jpeg"
        colours.save(out, format="JPEG", quality=QUALITY)
    return f"data:image/{kind};base64,{base64.b64encode(out.getvalue()).decode('ascii')}"
