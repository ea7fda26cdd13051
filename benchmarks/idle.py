"""What the seam costs while nothing is attached to it: an open block without probes against plain SDPA.

    python benchmarks/idle.py [--rounds N] [--device cpu]

Both ways run by turns, in one process, on the same inputs. A round times each once, in an order that changes from round
to round, and gives a ratio; a machine that is busy for a while slows both. The table has the median of the ratios, the
middle half, minimum and maximum. The line "plain again" times plain SDPA against itself: what it shows is noise.
"""

import argparse
import gc
import statistics
import time
from collections.abc import Callable
from contextlib import nullcontext
from itertools import cycle, permutations
from typing import Any

import torch
from machine import machine
from transformers import AutoConfig, AutoModelForImageTextToText, DynamicCache

import gazeheads as gh
from gazeheads.attention.seam import attached

WAYS = ("plain", "idle", "plain again", "a block for each pass")


def bundled(device: str) -> tuple[Any, dict[str, Any]]:
    """The bundled model, and a strip with a question, picture and all."""
    model = gh.load(device=device)
    sample = gh.doodles(1, seed=0)[0]
    return model.hf, model.encode(sample.image, "What happens in this panel?").tensors


def wide(device: str) -> tuple[Any, dict[str, Any]]:
    """A random text model that is 1024 wide, and 512 random tokens."""
    config = AutoConfig.for_model(
        "qwen3_vl",
        text_config=dict(
            hidden_size=1024,
            intermediate_size=3072,
            num_hidden_layers=8,
            num_attention_heads=16,
            num_key_value_heads=8,
            head_dim=64,
            vocab_size=4096,
            rope_parameters=dict(
                rope_type="default", rope_theta=1e6, mrope_section=[10, 11, 11], mrope_interleaved=True
            ),
        ),
        vision_config=dict(depth=1, hidden_size=64, intermediate_size=64, num_heads=2, out_hidden_size=1024),
    )
    torch.manual_seed(0)
    hf = AutoModelForImageTextToText.from_config(config).eval().to(device)
    ids = torch.randint(1, 4000, (1, 512), device=device)
    return hf, {"input_ids": ids, "attention_mask": torch.ones_like(ids)}


def prefill(hf: Any, inputs: dict[str, Any]) -> Callable[[], object]:
    """One pass over the prompt."""
    return lambda: hf(**inputs, use_cache=True, logits_to_keep=1)


def decode(hf: Any, inputs: dict[str, Any]) -> Callable[[], object]:
    """One token behind the prompt, which the cache holds; afterwards the token is taken out again."""
    cache = DynamicCache(config=hf.config.get_text_config())
    first = hf(**inputs, past_key_values=cache, logits_to_keep=1)
    token = first.logits[:, -1].argmax(-1, keepdim=True)
    mask = torch.cat([inputs["attention_mask"], torch.ones_like(token)], 1)
    places = torch.full((3, 1, 1), inputs["input_ids"].shape[1], device=token.device)

    def step() -> None:
        hf(input_ids=token, attention_mask=mask, position_ids=places, past_key_values=cache)
        cache.crop(-1)

    return step


def seconds(hf: Any, way: str, run: Callable[[], object], repeats: int, wait: Callable[[], object]) -> float:
    """Of `repeats` runs one way. Opening a block for all of them is not counted; one for each pass is."""
    with attached(hf) if way == "idle" else nullcontext():
        wait()
        start = time.perf_counter()
        for _ in range(repeats):
            with attached(hf) if way == "a block for each pass" else nullcontext():
                run()
        wait()
        return time.perf_counter() - start


def compare(
    hf: Any, run: Callable[[], object], rounds: int, repeats: int, wait: Callable[[], object]
) -> dict[str, list[float]]:
    """Seconds of every round, by way. A round of each comes first and is thrown away."""
    taken: dict[str, list[float]] = {way: [] for way in WAYS}
    orders = cycle(permutations(WAYS))
    gc.collect()
    gc.disable()
    try:
        for number in range(rounds + 1):
            for way in next(orders):
                spent = seconds(hf, way, run, repeats, wait)
                if number:
                    taken[way].append(spent / repeats)
    finally:
        gc.enable()
    return taken


def report(title: str, taken: dict[str, list[float]]) -> None:
    """One block of the table."""
    plain = taken["plain"]
    print(f"\n{title}: plain {1000 * statistics.median(plain):.2f} ms, {len(plain)} rounds")
    print(f"  {'against plain':24}{'median':>9}{'middle half':>18}{'min':>9}{'max':>9}")
    for way in WAYS[1:]:
        ratios = sorted(spent / base for spent, base in zip(taken[way], plain, strict=True))
        low, median, high = statistics.quantiles(ratios, n=4, method="inclusive")
        middle = f"{low:.3f} to {high:.3f}"
        print(f"  {way:24}{median:9.3f}{middle:>18}{ratios[0]:9.3f}{ratios[-1]:9.3f}")


@torch.no_grad()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=96, help="pairs to time; 24 orders make a full turn")
    parser.add_argument("--device", default="cpu")
    args = parser.parse_args()
    if args.rounds < 2:
        parser.error("--rounds: at least 2, for a spread")
    wait = torch.cuda.synchronize if args.device == "cuda" else lambda: None
    print(machine(args.device))
    for name, build in (("bundled model", bundled), ("random model, 1024 wide", wide)):
        hf, inputs = build(args.device)
        for what, make, repeats in (("prefill", prefill, 1), ("decode", decode, 8)):
            title = f"{name}, {what} ({inputs['input_ids'].shape[1]} tokens of prompt)"
            report(title, compare(hf, make(hf, inputs), args.rounds, repeats, wait))


if __name__ == "__main__":
    main()
