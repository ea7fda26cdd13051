"""The table of docs/performance.md: what discovery and steering cost beside the paper's recipe and the plain model.

    python benchmarks/speed.py [--rounds 5] [--tokens 40] [--sides 20] [--device cpu] [--out docs/performance.md]

The bundled model, and a random Qwen3-VL of 12 layers, 768 wide (about 100 M parameters) that is shown an image of six
panels in side x side cells, for each of the sides. Comparisons are those of `gazeheads bench`: side by side in one
run, by turns; ours and the recipe must agree, or the program fails. Tenth part of the heads is steered.
"""

import argparse
import copy
import sys
from pathlib import Path

import numpy as np
import torch
from machine import machine
from PIL import Image
from transformers import AutoConfig, AutoModelForImageTextToText

import gazeheads as gh
from gazeheads.doctor.speed import Comparison, measure
from gazeheads.drawing.strips import doodles
from gazeheads.regions.grid import Box
from gazeheads.sample import Sample

CELL = 16  # pixels, of the bundled model's processor
GOALS = {  # of issue and page: what, ratio -> least or most, for the bundled model and the random one
    ("discovery", "recipe / ours"): (">= 5", ">= 7"),
    ("discovery", "ours / one plain forward"): ("<= 2", "<= 1.15"),
    ("6 targets, every row steered", "recipe / ours"): (">= 8", ">= 4"),
    ("6 targets, the answer's rows", "recipe / ours"): (">= 6", ">= 6"),
    ("one answer", "steered / unsteered"): ("<= 1.15", "<= 1.02"),
    ("one answer", "recorded / unsteered"): ("<= 1.05", "<= 1.01"),
    ("one answer", "unsteered / transformers"): ("<= 1.00", "<= 1.00"),
}


def wide(layers: int, device: str) -> gh.GazeModel:
    """A random Qwen3-VL, 768 wide, behind the bundled model's tokenizer, which knows the questions' words."""
    small = gh.load(device="cpu")
    processor = copy.deepcopy(small.processor)
    processor.image_processor.size = {"shortest_edge": CELL**2, "longest_edge": (128 * CELL) ** 2}
    config = small.hf.config.to_dict()
    config["text_config"] |= {
        "hidden_size": 768,
        "intermediate_size": 2048,
        "num_hidden_layers": layers,
        "num_attention_heads": 12,
        "num_key_value_heads": 4,
        "head_dim": 64,
        "max_position_embeddings": 32768,
        "rope_parameters": {
            "rope_type": "default",
            "rope_theta": 1e6,
            "mrope_section": [10, 11, 11],
            "mrope_interleaved": True,
        },
    }
    config["vision_config"] |= {"out_hidden_size": 768}
    config.pop("model_type")
    torch.manual_seed(0)
    hf = AutoModelForImageTextToText.from_config(AutoConfig.for_model("qwen3_vl", **config)).eval().to(device)
    hf.generation_config = copy.deepcopy(small.hf.generation_config)
    return gh.GazeModel(hf, processor, name="random")


def six_panels(side: int) -> Sample:
    """An image of side x side cells, noise, in six boxes of equal width."""
    pixels = np.random.default_rng(0).integers(0, 256, (side * CELL, side * CELL, 3), dtype=np.uint8)
    width = side * CELL / 6
    boxes = tuple(Box(k * width, 0, (k + 1) * width, side * CELL) for k in range(6))
    names = tuple(f"panel {k}" for k in range(1, 7))
    return Sample(f"noise-{side}", "strip", Image.fromarray(pixels), boxes, names)


def table(title: str, comparisons: list[Comparison], goal: int) -> list[str]:
    """A heading and a table in Markdown."""
    lines = [
        f"## {title}",
        "",
        "| what | ratio | median | least to greatest | seconds | goal |",
        "|---|---|---|---|---|---|",
    ]
    for each in comparisons:
        told = each.to_json()
        wanted = next(
            (
                goals[goal]
                for (what, ratio), goals in GOALS.items()
                if each.what.startswith(what) and ratio == told["ratio"]
            ),
            "",
        )
        first, second = told["seconds"]
        lines.append(
            f"| {told['what']} | {told['ratio']} | **{told['median']:.2f}** | {told['least']:.2f} to "
            f"{told['greatest']:.2f} | {first:.3f} / {second:.3f} | {wanted} |"
        )
    return [*lines, ""]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tokens", type=int, default=40)
    parser.add_argument("--sides", type=int, nargs="*", default=[20], help="cells; 20 makes 400 image tokens")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--out", type=Path, help="a page to write the tables into, between its markers")
    args = parser.parse_args()
    lines = [f"Measured on {machine(args.device)}; {args.rounds} rounds, {args.tokens} tokens an answer.", ""]
    cases = [("The bundled model, 57 image tokens", gh.load(device=args.device), None)]
    random = wide(12, args.device) if args.sides else None
    cases += [(f"A random Qwen3-VL, {side * side:,} image tokens", random, side) for side in args.sides]
    for title, model, side in cases:
        sample = model.resized(doodles(1, 0, "dev")[0]) if side is None else six_panels(side)
        n = model.n_layers * model.n_heads
        heads = list(gh.discover(model, [sample]).top(0.1))
        found = []
        for comparison in measure(model, sample, heads, args.rounds, args.tokens):
            print(f"{title}: {comparison}", file=sys.stderr, flush=True)
            found.append(comparison)
        parameters = sum(weight.numel() for weight in model.hf.parameters()) / 1e6
        lines += table(
            f"{title} ({parameters:.0f} M parameters, {len(heads)} of {n} heads)",
            found,
            int(side is not None),
        )
    text = "\n".join(lines)
    if args.out is None:
        print(text)
        return
    before, _, rest = args.out.read_text(encoding="utf-8").partition("<!-- measured -->\n")
    _, _, after = rest.partition("<!-- /measured -->\n")
    args.out.write_text(f"{before}<!-- measured -->\n{text}<!-- /measured -->\n{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
