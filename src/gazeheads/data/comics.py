"""Comics in files: a folder of panels `p1.png ... pN.png` becomes a strip, as in the paper.

Panels are brought to one height, with widths on the model's token grid, and put side by side with a white gap (6 px
at 256 px height).
"""

import re
from pathlib import Path

from PIL import Image

from gazeheads.data.pictures import open_picture
from gazeheads.errors import BadInput
from gazeheads.grid import Box
from gazeheads.records import Sample

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp")


def panel_files(folder: Path) -> list[Path]:
    """`p1 ... pN` of a folder, in order. Raises `BadInput` if there are none, or one is missing or double."""
    found: dict[int, Path] = {}
    for path in sorted(folder.iterdir()):
        match = re.fullmatch(r"p(\d+)", path.stem)
        if match and path.suffix.lower() in SUFFIXES:
            number = int(match[1])
            if number in found:
                raise BadInput(
                    f"Panel folder {folder}: panel {number} is there twice, {found[number].name} and {path.name}. "
                    "Keep one."
                )
            found[number] = path
    if not found:
        raise BadInput(
            f"Panel folder {folder}: it holds no panel. Name the panels p1.png, p2.png, ... (also jpg, webp, bmp)."
        )
    missing = sorted(set(range(1, max(found) + 1)) - set(found))
    if missing:
        raise BadInput(
            f"Panel folder {folder}: {len(found)} panels up to p{max(found)}, but p{missing[0]} is missing. "
            "Number them from 1 without gaps."
        )
    return [found[k] for k in sorted(found)]


def lay_out(panels: list[Image.Image], height: int, cell: int) -> tuple[Image.Image, tuple[Box, ...]]:
    """Panels side by side at this height. A panel and the gap after it take a whole number of cells."""
    gap = max(1, round(height * 6 / 256))
    pitches = [max(1, round((p.width * height / p.height + gap) / cell)) * cell for p in panels]
    page = Image.new("RGB", (sum(pitches), height), "#ffffff")
    boxes, x = [], 0
    for panel, pitch in zip(panels, pitches, strict=True):
        page.paste(panel.resize((pitch - gap, height), Image.Resampling.LANCZOS), (x, 0))
        boxes.append(Box(x, 0, x + pitch - gap, height))
        x += pitch
    return page, tuple(boxes)


def strip_of(folder: str | Path, height: int = 256, cell: int = 32) -> Sample:
    """The comic in a folder as one strip. Raises `BadInput` with the file that is wrong."""
    folder = Path(folder)
    if not folder.is_dir():
        raise BadInput(f"Panel folder {folder}: there is no such folder. Check the path.")
    panels = [open_picture(path) for path in panel_files(folder)]

    def at(height: int, cell: int) -> Sample:
        picture, boxes = lay_out(panels, height, cell)
        return Sample(
            id=f"comics/{folder.name}",
            kind="strip",
            picture=picture,
            boxes=boxes,
            names=tuple(f"panel {i + 1}" for i in range(len(boxes))),
            source={"data": "comics", "folder": str(folder)},
            redraw=at,
        )

    return at(height, cell)
