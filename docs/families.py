"""The table of docs/families.md, measured: on 2 CPU cores in about a minute.

    python docs/families.py             # prints the table
    python docs/families.py --write     # puts it into docs/families.md

Each row comes from the tiny random model of one family (tests/support/zoo_families.py), through the measurements on
which the tests stand (gazeheads.doctor.conformance), and from a strip through a processor of real size
(tests/support/full_size_strips.py). Only the remarks are written by hand.
"""

import logging
import sys
import warnings
from pathlib import Path

PAGE = Path(__file__).with_suffix(".md")
BEGIN, END = "<!-- measured by docs/families.py -->\n", "<!-- end of what is measured -->\n"
sys.path.insert(0, str(PAGE.parents[1] / "tests" / "support"))

import tiny  # noqa: E402
from full_size_strips import STRIPS, real_scene  # noqa: E402
from zoo_families import (  # noqa: E402
    SHAPES,
    ZOO,
    zoo,
)

from gazeheads.doctor.conformance import (  # noqa: E402
    batch_error,
    full_layers,
    heads_of,
    prefix_error,
)
from gazeheads.doctor.receptive_fields import ramps, receptive_field_errors  # noqa: E402
from gazeheads.gaze.gaze import Gaze  # noqa: E402

HEADER = (
    "| family | vision tower | a strip of 1536 x 256 px | cell, px | off by | batch | prefix | remarks |\n"
    "|---|---|---|---|---|---|---|---|\n"
)
REMARKS = {
    "qwen2_vl": "panels of 256 px are 9.17 columns wide; `model.resized` draws them 224 px high, in step with the grid",
    "qwen2_5_vl": "as Qwen2-VL",
    "qwen3_vl": "the paper's family, and the bundled model's",
    "qwen3_vl_moe": "as Qwen3-VL; experts make no difference to attention",
    "qwen3_5": "heads in full-attention layers only; the others have none to find, and steering them raises",
    "glm4v": "as Qwen2-VL",
    "llava": "called with the crop off and the image squashed to the square",
    "llava_siglip": "its processor squashes by itself",
    "llava_next": "newline tokens belong to no region; rows and columns in the padding of the canvas are cut off",
    "llava_onevision": "as LLaVA-NeXT; a large canvas is shrunk; of several images only a padded square each",
    "internvl": "`-HF` checkpoints; `model.resized` draws one panel on each tile",
    "gemma3": "squashed to the square; sliding layers lose sight of the image in long answers",
    "gemma3_scan": "`encode(..., do_pan_and_scan=True)`; at most four crops, along the long side",
    "idefics3": "the tiles are named in the prompt",
    "smolvlm": "as Idefics3",
    "pixtral": "LLaVA with a Pixtral tower; without torchvision a stand-in writes the tokens",
    "mistral3": "as Pixtral, 2 x 2 patches a token",
    "paligemma": "no chat template; all of the prompt sees all of it, so no prefix can be shared",
    "aya_vision": "as InternVL; sliding layers",
    "ovis2": "called with `use_covering_area_grid=False`, or a strip is cut across its length",
    "cohere2_vision": "its image processor needs torchvision; here its tiles were made by another one",
    "deepseek_vl": "padded to a square: most cells see only padding and belong to no region",
}


def views_of(name: str) -> str:
    """The grids of the strip, in prompt order: "6 tiles 16 x 16, thumbnail 16 x 16"."""
    views = real_scene(name).grid.views
    found: dict[tuple[str, int, int], int] = {}
    for view in views:
        found[view.kind, view.rows, view.cols] = found.get((view.kind, view.rows, view.cols), 0) + 1
    return ", ".join(
        f"{f'{n} {kind}s' if n > 1 else kind} {rows} x {cols}" for (kind, rows, cols), n in found.items()
    )


def row(name: str) -> str:
    """One line of the table."""
    model, settings = zoo(name), ZOO[name].settings
    off = 0.0
    for size in SHAPES:
        scene = model.encode(ramps(size), "What?", **settings)
        off = max(off, float(receptive_field_errors(model, scene, range(len(scene.grid))).max()))
    scenes = [
        model.encode(tiny.noise(168, 56), "Who is it?", **settings),
        model.encode(tiny.noise(168, 56), "Who was this, then?", **settings),
        model.encode(tiny.noise(84, 112), "And here?", **settings),
    ]
    gazes = [Gaze(heads_of(model), scenes[0].box(0, 0, 84, 56)), None, None]
    batch, prefix = batch_error(model, scenes, gazes), prefix_error(model, scenes[:2])
    whole = "" if len(full_layers(model)) == model.n_layers else "*"
    strip = real_scene(name)
    wide, high = strip.grid.cell()
    tower = model.hf.config.vision_config.model_type
    cells = [
        f"`{name}`{whole}",
        tower.removesuffix("_vision_model").removesuffix("_vision"),
        views_of(name),
        f"{wide:.3g} x {high:.3g}",
        f"{off:.2f}",
        "equal" if batch < 1e-5 else f"**{batch:.1g}**",
        "yes" if prefix < 1e-5 else "**no**",
        REMARKS[name],
    ]
    assert strip.seen[0].share > 0.999, name
    return "| " + " | ".join(cells) + " |\n"


def table() -> str:
    """All rows."""
    assert set(REMARKS) == set(ZOO) == set(STRIPS)
    return HEADER + "".join(row(name) for name in ZOO)


def printed() -> str:
    """What the page says now."""
    return PAGE.read_text().partition(BEGIN)[2].partition(END)[0]


if __name__ == "__main__":
    logging.getLogger("transformers").setLevel(logging.ERROR)
    warnings.simplefilter("ignore", DeprecationWarning)
    measured = table()
    if "--write" in sys.argv:
        PAGE.write_text(PAGE.read_text().replace(printed(), measured))
    else:
        print(measured, end="")
