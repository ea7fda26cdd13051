"""A small folder in COCO's layout, made of doodle scenes: exact boxes, and masks as run lengths."""

import io
import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from gazeheads.drawing.scenes import scenes
from gazeheads.sample import Sample, run_lengths

HEIGHT = 112  # px of a strip's panel; a scene is twice as high: no object has less than 750 px


def drawn(n: int, seed: int = 1) -> list[Sample]:
    """The scenes that the folder shows."""
    return [scene.resized(HEIGHT, 16) for scene in scenes(n, seed, "dev")]


def annotations(samples: list[Sample]) -> dict[str, Any]:
    """What the JSON file says of them."""
    names = sorted({name for sample in samples for name in sample.names})
    found: dict[str, Any] = {"images": [], "annotations": []}
    found["categories"] = [{"id": 10 + n, "name": name} for n, name in enumerate(names)]
    for number, sample in enumerate(samples, 1):
        width, height = sample.size
        file = f"{number:012}.png"
        found["images"].append({"id": number, "file_name": file, "width": width, "height": height})
        for box, name, mask in zip(sample.boxes, sample.names, sample.masks, strict=True):
            found["annotations"].append(
                {
                    "id": len(found["annotations"]) + 1,
                    "image_id": number,
                    "category_id": 10 + names.index(name),
                    "bbox": [box.x0, box.y0, box.width, box.height],
                    "area": int(mask.sum()),
                    "iscrowd": 0,
                    "segmentation": {"size": [height, width], "counts": run_lengths(mask)},
                }
            )
    return found


def write(root: Path, samples: list[Sample], told: dict[str, Any] | None = None) -> Path:
    """The folder, with the images of these samples and what is told of them."""
    (root / "val2017").mkdir(parents=True, exist_ok=True)
    (root / "annotations").mkdir(exist_ok=True)
    for number, sample in enumerate(samples, 1):
        (root / "val2017" / f"{number:012}.png").write_bytes(_png(sample))
    text = json.dumps(annotations(samples) if told is None else told)
    (root / "annotations" / "instances_val2017.json").write_text(text)
    return root


@lru_cache(16)
def _png(sample: Sample) -> bytes:
    file = io.BytesIO()
    sample.image.save(file, "PNG", compress_level=1)
    return file.getvalue()


def packed(runs: list[int]) -> str:
    """Run lengths as COCO packs them into a string."""
    text = ""
    for n, run in enumerate(runs):
        value = run - runs[n - 2] if n > 2 else run
        while True:
            bits, value = value & 31, value >> 5
            more = value != (-1 if bits & 16 else 0)
            text += chr(48 + (bits | 32 if more else bits))
            if not more:
                break
    return text
