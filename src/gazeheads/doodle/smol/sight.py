"""The first stage: tower and projector alone, before any language model.

Every cell is to tell, in the language model's own word embeddings, what its panel shows and which panel it is, or what
lies on it in a scene (`facts`). No language model runs, so it is cheap. The run is seeded; it writes `sight.jsonl`,
and keeps `sight.pt`, from which the same command goes on.
"""

import argparse
import json
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from gazeheads.doodle.smol import base, build
from gazeheads.doodle.smol.facts import UNKNOWN, prototypes, strip_labels, view_labels
from gazeheads.doodle.smol.muon import Muon
from gazeheads.doodle.smol.pictures import Drawn, draw_comics, draw_views, pixels
from gazeheads.drawing.draws import pick
from gazeheads.drawing.grammar import Split
from gazeheads.drawing.sheets import Layout
from gazeheads.drawing.strips import CELL

WARMUP = 40
LAST_MAP = 0.2  # rate of the projector's last map, as a share of the others'
STEPS = 4000
EASY = 700  # steps in which most pictures look plain; in half of them comics have three panels at most
SHARPNESS = 1.0
WEIGHTS = {"ordinal": 0.7, "number": 0.5, "count": 0.3, "row": 0.5, "column": 0.5, "letter": 0.7}


def draw(rng: random.Random, split: Split, step: int, cells: int) -> list[Drawn]:
    """The pictures of one step, of about as many cells in all: first few panels that mostly look plain, and scenes."""
    plain = 0.7 if step < EASY else 0.0
    if step >= 40 and rng.random() < (0.45 if step < EASY else 0.35):
        return draw_views(rng, split, max(1, cells // 42), plain)
    layout: Layout = "row"
    if step < EASY // 2:
        panels = pick(rng, (1, 1, 2, 3))
    else:
        layout = pick(rng, ("row", "row", "row", "rows", "page"))
        panels = 1 + int(rng.random() * (4 if layout == "page" else 8))
    size = draw_comics(rng, split, 1, panels, layout)[0].sample.size
    count = max(1, cells * CELL * CELL // (size[0] * size[1]))
    return draw_comics(rng, split, count, panels, layout, rng.random() < 0.25, plain)


def batch(rng: random.Random, split: Split, step: int, cells: int) -> dict[str, Tensor]:
    """Pixels, and for each slot the labels (picture, cell)."""
    drawn = draw(rng, split, step, cells)
    labels = [strip_labels(d.sample, d.rows) if d.rows else view_labels(d.sample) for d in drawn]
    made = {
        slot: torch.stack([torch.from_numpy(each[slot]).flatten() for each in labels]) for slot in labels[0]
    }
    return {"pixels": pixels(drawn), **made}


class Batches(torch.utils.data.IterableDataset[dict[str, Tensor]]):
    """Endless batches from step `start` on; each depends on (seed, step) alone."""

    def __init__(self, seed: int, start: int, cells: int) -> None:
        self.seed, self.start, self.cells = seed, start, cells

    def __iter__(self) -> Iterator[dict[str, Tensor]]:
        step = self.start
        while True:
            yield batch(random.Random(f"sight/{self.seed}/{step}"), "train", step, self.cells)
            step += 1


def slot_losses(
    features: Tensor, labels: dict[str, Tensor], words: dict[str, Tensor], spread: float
) -> tuple[Tensor, dict[str, tuple[int, int]]]:
    """The summed loss over slots, and for each slot (cells right, cells asked). features: (picture, cell, width)."""
    total = features.new_zeros(())
    scores = {}
    for slot, table in words.items():
        asked = labels[slot] != UNKNOWN
        if not asked.any():
            continue
        logits = SHARPNESS * features[asked] @ table.T / spread
        truth = labels[slot][asked]
        total = total + WEIGHTS.get(slot, 1.0) * cross_entropy(logits, truth)
        scores[slot] = int((logits.argmax(1) == truth).sum()), len(truth)
    size = features.pow(2).mean() / spread**2
    return total + 0.05 * (size - 1) ** 2, scores


def optimizers(tower: Any, projector: Any, rate: float) -> list[torch.optim.Optimizer]:
    """Muon for the matrices, AdamW for the rest.

    Each group's `full` rate is what the schedule takes its share of. The projector's last map learns more slowly: its
    weights are as small as text embeddings, and at the others' rate it would be another map after a few steps.
    """
    last = projector.linear_2.weight
    parameters = [*tower.parameters(), *projector.parameters()]
    matrices = [p for p in parameters if p.ndim == 2 and p is not last]
    groups = [{"params": matrices, "full": rate}, {"params": [last], "full": LAST_MAP * rate}]
    others = [{"params": [p for p in parameters if p.ndim != 2], "full": rate}]
    return [Muon(groups, rate), torch.optim.AdamW(others, lr=rate, betas=(0.9, 0.98), weight_decay=0.0)]


@torch.no_grad()
def accuracy(
    tower: Any, projector: Any, words: dict[str, Tensor], spread: float, n: int = 8
) -> dict[str, float]:
    """The share of dev cells that are right, for each slot."""
    right: dict[str, int] = {}
    asked: dict[str, int] = {}
    for i in range(n):
        made = batch(random.Random(f"sight/dev/{i}"), "dev", EASY + i, 300)
        _, scores = slot_losses(build.see(tower, projector, made["pixels"]), made, words, spread)
        for slot, (good, all_) in scores.items():
            right[slot], asked[slot] = right.get(slot, 0) + good, asked.get(slot, 0) + all_
    return {slot: round(right[slot] / asked[slot], 3) for slot in right}


def save(path: Path, state: dict[str, Any]) -> None:
    """Write so that a cut leaves either the old file or the new one."""
    partial = path.with_suffix(".partial")
    torch.save(state, partial)
    partial.rename(path)


def write(path: Path, row: dict[str, Any]) -> None:
    """Append a line of JSON, and print it."""
    with path.open("a") as log:
        log.write(json.dumps(row) + "\n")
    print(row, flush=True)


def finished(out: Path) -> int:
    """How many steps of the first stage a run folder has behind it."""
    path = out / "sight.pt"
    return int(torch.load(path, weights_only=True)["step"]) if path.exists() else 0


def train(
    out: Path,
    *,
    steps: int = STEPS,
    seed: int = 0,
    rate: float = 0.002,
    decay: float = 0.35,
    cells: int = 800,
) -> None:
    """Run or resume the first stage. decay: the share of the steps over which the rate falls. cells: of a step."""
    out.mkdir(parents=True, exist_ok=True)
    text, tokenizer = base.language_model(), base.tokenizer()
    table = text.get_input_embeddings().weight.detach()
    spread = float(table.std())
    words = prototypes(tokenizer, table)
    config = build.build_config(text.config, tokenizer)
    del text
    tower, projector = build.build_eyes(config, seed, spread)
    optims = optimizers(tower, projector, rate)
    begun, step, seconds = 0, 0, 0.0
    last = out / "sight.pt"
    if last.exists():
        state = torch.load(last, weights_only=True)
        tower.load_state_dict(state["tower"])
        projector.load_state_dict(state["projector"])
        step, seconds = state["step"], state["seconds"]
        for optim, saved in zip(optims, state["optims"] or (), strict=bool(state["optims"])):
            optim.load_state_dict(saved)
        begun = 0 if state["optims"] else step
    dataset = Batches(seed, step, cells)
    loader = torch.utils.data.DataLoader(dataset, batch_size=None, num_workers=1, prefetch_factor=4)
    clock, running = time.monotonic(), 0.0
    for made in loader:
        if step >= steps:
            break
        left = (steps - step) / (decay * steps)
        for optim in optims:
            for group in optim.param_groups:
                group["lr"] = (
                    group["full"] * min(1.0, (step - begun + 1) / WARMUP) * max(0.05, min(1.0, left))
                )
        loss, scores = slot_losses(build.see(tower, projector, made["pixels"]), made, words, spread)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_([*tower.parameters(), *projector.parameters()], 1.0)
        for optim in optims:
            optim.step()
            optim.zero_grad()
        step += 1
        running = 0.95 * running + 0.05 * loss.item() if running else loss.item()
        if step % 20 == 0:
            now = time.monotonic()
            seconds, clock = seconds + now - clock, now
            shares = {slot: round(good / all_, 2) for slot, (good, all_) in scores.items()}
            write(
                out / "sight.jsonl",
                {"step": step, "loss": round(running, 3), "seconds": round(seconds), **shares},
            )
        if step % 50 == 0 or step == steps:
            state = {"tower": tower.state_dict(), "projector": projector.state_dict()}
            optim_states = [optim.state_dict() for optim in optims]
            save(last, state | {"optims": optim_states, "step": step, "seconds": seconds})
            write(out / "sight.jsonl", {"step": step, "dev": accuracy(tower, projector, words, spread)})
            clock = time.monotonic()


def main() -> None:
    """Parse the command line and train."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for the log and the checkpoint")
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    train(args.out, steps=args.steps, seed=args.seed)


if __name__ == "__main__":
    main()
