"""The second stage: eyes, projector and adapters together: `python -m gazeheads.doodle.smol.train --out RUN`.

Where RUN has no finished first stage (`sight.pt`), that runs first: one command from scratch. Then the language model
is given what the eyes see, and learns to answer (`rows` says what): loss on answers only, and a little of the first
stage's loss, so that each cell goes on to tell what is there. The run is seeded; it writes `log.jsonl` (dev accuracy
each `--measure-every` steps), keeps `last.pt` (the same command goes on from it) and snapshots of the trained tensors.
"""

import argparse
import time
from pathlib import Path

import torch
from torch import Tensor

from gazeheads.doodle.smol import base, build, sight
from gazeheads.doodle.smol.adapters import RANK, adapt
from gazeheads.doodle.smol.facts import prototypes
from gazeheads.doodle.smol.parts import Parts, answer_losses
from gazeheads.doodle.smol.rows import IGNORE, Batches
from gazeheads.doodle.smol.tasks import dev_accuracy
from gazeheads.doodle.smol.weights import ANSWERS, FILES, SIGHT, write_weights

WARMUP = 30
FACTS = 0.05  # weight of the first stage's loss


def build_parts(seed: int) -> Parts:
    """Everything before the second stage."""
    text, tokenizer = base.language_model(), base.tokenizer()
    table = text.get_input_embeddings().weight.detach()
    spread = float(table.std())
    words = prototypes(tokenizer, table)
    config = build.build_config(text.config, tokenizer)
    tower, projector = build.build_eyes(config, seed, spread)
    return Parts(tower, projector, text, adapt(text, RANK, seed), words, spread)


def optimizer(parts: Parts, eyes: float, adapters: float) -> torch.optim.Optimizer:
    """AdamW with a rate for eyes and projector, and one for the adapters."""
    lowrank = [p for a in parts.adapters.values() for p in (a.down, a.up)]
    last = parts.projector.linear_2.weight
    seeing = [p for p in (*parts.tower.parameters(), *parts.projector.parameters()) if p is not last]
    groups = [
        {"params": seeing, "full": eyes},
        {"params": [last], "full": sight.LAST_MAP * eyes},
        {"params": lowrank, "full": adapters},
    ]
    return torch.optim.AdamW(groups, lr=adapters, betas=(0.9, 0.98), weight_decay=0.01)


def rate_at(step: int, begun: int, steps: int, decay: float) -> float:
    """The learning rate at a step, as a share of the full rate. begun: where the optimiser began."""
    return min(1.0, (step - begun + 1) / WARMUP) * max(
        0.05, min(1.0, (steps - step) / max(1.0, decay * steps))
    )


def learn(parts: Parts, made: list[dict[str, Tensor]], image: int) -> dict[str, float]:
    """Gradients of one step; returns its mean losses and the share of right tokens."""
    weight = sum(float(part["weights"].sum()) for part in made)
    row = {"loss": 0.0, "facts": 0.0, "right": 0.0}
    for part in made:
        losses, right, cells = answer_losses(parts, part, image)
        total = (losses * part["weights"][part["labels"] != IGNORE]).sum() / weight
        row["loss"] += total.item()
        row["right"] += right.float().mean().item() / len(made)
        if cells is not None:
            labels = {name.removeprefix("fact "): t for name, t in part.items() if name.startswith("fact ")}
            facts, _ = sight.slot_losses(cells, labels, parts.words, parts.spread)
            row["facts"] += facts.item() / len(made)
            total = total + FACTS * facts / len(made)
        total.backward()  # type: ignore[no-untyped-call]
    return row


def train(args: argparse.Namespace) -> None:
    """Run or resume."""
    out: Path = args.out
    out.mkdir(parents=True, exist_ok=True)
    parts = build_parts(args.seed)
    tokenizer = base.tokenizer()
    image = tokenizer.convert_tokens_to_ids(build.IMAGE)
    optim = optimizer(parts, args.eyes_rate, args.rate)
    begun, step, seconds, last = 0, 0, 0.0, out / FILES[ANSWERS]
    if last.exists():
        state = torch.load(last, weights_only=True)
        parts.load(state["trained"])
        step, seconds = state["step"], state["seconds"]
        if state["optim"]:
            optim.load_state_dict(state["optim"])
        begun = 0 if state["optim"] else step
    else:
        eyes = torch.load(out / FILES[SIGHT], weights_only=True)
        parts.tower.load_state_dict(eyes["tower"])
        parts.projector.load_state_dict(eyes["projector"])
    dataset = Batches(tokenizer, args.seed, step)
    loader = torch.utils.data.DataLoader(dataset, batch_size=None, num_workers=1, prefetch_factor=4)
    clock = time.monotonic()
    means: dict[str, float] = {}
    for made in loader:
        if step >= args.steps:
            break
        share = rate_at(step, begun, args.steps, args.decay)
        for group in optim.param_groups:
            group["lr"] = group["full"] * share
        row = learn(parts, made, image)
        torch.nn.utils.clip_grad_norm_([p for group in optim.param_groups for p in group["params"]], 1.0)
        optim.step()
        optim.zero_grad()
        step += 1
        means = {k: round(0.9 * means.get(k, v) + 0.1 * v, 4) for k, v in row.items()}
        if step % 10 == 0:
            now = time.monotonic()
            seconds, clock = seconds + now - clock, now
            sight.write(
                out / "log.jsonl", {"step": step, **means, "rate": round(share, 3), "seconds": round(seconds)}
            )
        if step % args.save_every == 0 or step == args.steps:
            state = {
                "trained": parts.trained(),
                "optim": optim.state_dict(),
                "step": step,
                "seconds": seconds,
            }
            sight.save(last, state)
        if step % args.keep_every == 0 or step == args.steps:
            write_weights(out / f"step-{step:06d}.safetensors", parts.trained(), ANSWERS, step)
        if step % args.measure_every == 0 or step == args.steps:
            found = dev_accuracy(parts, tokenizer, args.measured)
            sight.write(out / "log.jsonl", {"step": step, "dev": found})
            clock = time.monotonic()


def main() -> None:
    """Parse the command line; train the eyes alone where that was not done, then everything."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for the log and the checkpoints")
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--sight-steps", type=int, default=sight.STEPS, help="steps of the first stage")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rate", type=float, default=1.5e-3, help="of the adapters")
    parser.add_argument("--eyes-rate", type=float, default=4e-4, help="of tower and projector")
    parser.add_argument(
        "--decay", type=float, default=0.3, help="share of the steps over which the rate falls"
    )
    parser.add_argument("--save-every", type=int, default=25)
    parser.add_argument("--keep-every", type=int, default=100)
    parser.add_argument("--measure-every", type=int, default=100)
    parser.add_argument("--measured", type=int, default=6, help="dev pictures for each task")
    args = parser.parse_args()
    if sight.finished(args.out) < args.sight_steps and not (args.out / FILES[ANSWERS]).exists():
        sight.train(args.out, steps=args.sight_steps, seed=args.seed)
    train(args)


if __name__ == "__main__":
    main()
