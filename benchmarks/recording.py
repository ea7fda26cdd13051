"""What a recording costs: 300 tokens with every row of attention kept against the same tokens without.

    python benchmarks/recording.py [--pairs N] [--tokens N] [--side CELLS] [--heads N] [--slim] [--device cpu]

Two layers as wide as those of Qwen3-VL-2B, with random weights, are shown a picture of side x side cells (64 x 64:
4,096 image tokens) and write so many tokens, greedily, once freely and once with heads recorded, by turns, in an order
that changes from pair to pair; each pair gives a ratio. (The other 26 layers would cost the same. --slim: four
layers of a third of that width, so cheap to run that a recording is a larger part.) The median is what counts: at most
1.10 (exit code 1 beyond). Then the program records once more under a meter and fails if any tensor that the recorder
makes is as large as a quarter of prompt x prompt.
"""

import argparse
import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from machine import machine
from PIL import Image

import gazeheads as gh

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))
import tiny
from metering import Meter

from gazeheads.attention.recording import Recorder
from gazeheads.attention.seam import attached

MOST = 1.10
CELL = 32  # pixels


@dataclass(frozen=True)
class Width:
    """Of a text model: hidden size and that of its MLP, heads, key-value heads, dimensions of a head, layers."""

    hidden: int
    inner: int
    heads: int
    shared: int
    dim: int
    layers: int
    sections: tuple[int, int, int]  # of the rotary frequencies: time, rows, columns


FULL = Width(2048, 6144, 16, 8, 128, 2, (24, 20, 20))
SLIM = Width(768, 2048, 12, 4, 64, 4, (10, 11, 11))


def wide(width: Width, device: str) -> gh.GazeModel:
    """A random model of this width, behind a real processor."""
    from transformers import AutoConfig, AutoModelForImageTextToText

    small = tiny.tiny_model()
    processor = tiny.qwen_processor(longest=(128 * CELL) ** 2)
    config = small.hf.config.to_dict()
    config["text_config"] |= dict(
        hidden_size=width.hidden,
        intermediate_size=width.inner,
        num_hidden_layers=width.layers,
        num_attention_heads=width.heads,
        num_key_value_heads=width.shared,
        head_dim=width.dim,
        vocab_size=8192,
        max_position_embeddings=16384,
        rope_parameters=dict(
            rope_type="default", rope_theta=1e6, mrope_section=list(width.sections), mrope_interleaved=True
        ),
    )
    config["vision_config"] |= dict(depth=1, out_hidden_size=width.hidden)
    config.pop("model_type")
    torch.manual_seed(0)
    hf = AutoModelForImageTextToText.from_config(AutoConfig.for_model("qwen3_vl", **config)).eval().to(device)
    hf.generation_config.pad_token_id = processor.tokenizer.pad_token_id
    hf.generation_config.eos_token_id = processor.tokenizer.eos_token_id
    return gh.GazeModel(hf, processor, name="random")


def seconds(model: gh.GazeModel, scene: gh.Scene, record: gh.Record | None, tokens: int) -> float:
    """Of one answer of exactly so many tokens."""
    start = time.perf_counter()
    answer = model.generate(scene, record=record, max_new_tokens=tokens, min_new_tokens=tokens)
    spent = time.perf_counter() - start
    assert len(answer.token_ids) == tokens
    if record is not None:
        assert answer.trace is not None and answer.trace.attention.shape[1] == tokens
    return spent


@torch.no_grad()
def metered(model: gh.GazeModel, scene: gh.Scene, record: gh.Record) -> Meter:
    """The memory of the tensors that a recorder makes over the prompt and four tokens."""
    recorder = Recorder([scene.grid], [record], model.n_layers, model.n_heads)
    meter: Any = Meter()
    recorder.attend = meter.around(recorder.attend)  # type: ignore[method-assign]
    with attached(model.hf, recorder):
        model.generate(scene, max_new_tokens=4, min_new_tokens=4)
    return meter


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--tokens", type=int, default=300)
    parser.add_argument("--side", type=int, default=64, help="cells; 64 makes 4,096 image tokens")
    parser.add_argument(
        "--slim", action="store_true", help="a much smaller model, of which a recording is a larger part"
    )
    parser.add_argument(
        "--heads", type=int, help="how many heads to record, spread over the layers; a quarter of all without"
    )
    parser.add_argument("--device", default="cpu")
    args = parser.parse_args()
    if args.pairs < 1 or args.tokens < 1:
        parser.error("--pairs, --tokens: at least 1")
    print(machine(args.device))
    width = SLIM if args.slim else FULL
    model = wide(width, args.device)
    pixels = np.random.default_rng(0).integers(
        0, 256, (args.side * CELL, args.side * CELL, 3), dtype=np.uint8
    )
    scene = model.encode(Image.fromarray(pixels), "What is this?")
    # Neighbouring heads share keys, which would be cheaper: these do not.
    sharing = width.heads // width.shared
    apart = [head for first in range(sharing) for head in range(first, width.heads, sharing)]
    wanted = args.heads or width.heads * width.layers // 4
    every = [gh.Head(n % width.layers, apart[n // width.layers]) for n in range(wanted)]
    record = gh.Record(every, "heads", value_norms=True)
    print(
        f"{model.n_layers} layers x {model.n_heads} heads; {len(every)} recorded, raw with lengths of values"
    )
    print(f"{len(scene.grid)} image tokens in a prompt of {scene.n_prompt}; {args.tokens} tokens", flush=True)
    meter = metered(model, scene, record)  # warms up, too
    square = 4 * scene.n_prompt**2
    print(
        f"largest tensor of the recorder {meter.largest / 1e6:.2f} MB, peak {meter.peak / 1e6:.2f} MB; one prompt x "
        f"prompt in float32 would be {square / 1e6:.1f} MB",
        flush=True,
    )
    ratios = []
    for pair in range(args.pairs):
        ways = [None, record] if pair % 2 == 0 else [record, None]
        spent = {way is not None: seconds(model, scene, way, args.tokens) for way in ways}
        ratios.append(spent[True] / spent[False])
        print(
            f"pair {pair + 1}: {spent[False]:.1f} s free, {spent[True]:.1f} s recorded, ratio {ratios[-1]:.3f}",
            flush=True,
        )
    median = statistics.median(ratios)
    print(f"recorded against free: median {median:.3f}, min {min(ratios):.3f}, max {max(ratios):.3f}")
    if median > MOST or meter.largest > square / 4:
        sys.exit(f"A recording may cost {MOST:.2f} of the unrecorded generation, and never prompt x prompt.")


if __name__ == "__main__":
    main()
