"""Train Doodle-VL from scratch: `python -m gazeheads.doodle.train --out runs/doodle`.

1. Vision first: one-panel images and one short wording.
2. Position next: two, then three, then six panels, still one wording with the digit next to the answer.
3. Then the other way round: which panel shows this? Two panels and one wording, then up to six.
4. Then everything: all wordings, narration, letters, grids, scenes.

A stage ends when the running loss at the token of the answers that says which panel is meant falls below its
threshold. Matrices are trained by Muon, the rest by AdamW; the
rate warms up for 50 steps and falls to a tenth over the last `--decay` share of the steps. The run is seeded, writes
`log.jsonl`, keeps `last.pt` (to resume: run the same command again) and a half-precision snapshot every
`--keep-every` steps, so that what emerges when can be studied afterwards.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import PreTrainedTokenizerFast, Qwen3VLForConditionalGeneration

from gazeheads.doodle.batches import IGNORE, STAGES, Batches
from gazeheads.doodle.build import build_config, build_model, build_tokenizer

WARMUP = 50


def optimizers(model: torch.nn.Module, rate: float) -> list[torch.optim.Optimizer]:
    """Muon for the weight matrices, AdamW for embeddings, norms and biases."""
    matrices: list[Tensor] = []
    others: list[Tensor] = []
    for name, p in model.named_parameters():
        plain = p.ndim == 2 and not any(part in name for part in ("embed", "lm_head"))
        (matrices if plain else others).append(p)
    muon = torch.optim.Muon(matrices, lr=rate, weight_decay=0.05, adjust_lr_fn="match_rms_adamw")
    return [muon, torch.optim.AdamW(others, lr=rate, betas=(0.9, 0.98), weight_decay=0.01)]


def answer_logits(
    model: Qwen3VLForConditionalGeneration, batch: dict[str, Tensor]
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Logits (answer token, vocabulary), the labels they should predict, their weights, and which tokens decide."""
    labels = batch["labels"]
    inputs = {k: v for k, v in batch.items() if k not in ("labels", "weights", "decides")}
    hidden = model.model(**inputs).last_hidden_state
    asked = labels != IGNORE
    logits = model.lm_head(hidden[asked]).float()
    return logits, labels[asked], batch["weights"][asked], batch["decides"][asked]


def rate_at(step: int, steps: int, decay: float) -> float:
    """The learning rate at a step, as a share of the full rate."""
    left = (steps - step) / max(1.0, decay * steps)
    return min(1.0, (step + 1) / WARMUP) * max(0.1, min(1.0, left))


def save(path: Path, state: dict[str, Any]) -> None:
    """Write so that a cut leaves either the old file or the new one."""
    partial = path.with_suffix(".partial")
    torch.save(state, partial)
    partial.rename(path)


def tokenizer_of(folder: Path) -> PreTrainedTokenizerFast:
    """The tokenizer of a run: trained on the lessons when the run begins, the same ever after.

    Other lessons would give other token ids, and old weights would read new words.
    """
    saved = folder / "tokenizer"
    if not saved.is_dir():
        build_tokenizer().save_pretrained(saved)
    return PreTrainedTokenizerFast.from_pretrained(saved)


def train(args: argparse.Namespace) -> None:
    """Run or resume."""
    out: Path = args.out
    out.mkdir(parents=True, exist_ok=True)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    tokenizer = tokenizer_of(out)
    shape = {k: int(v) for k, v in (item.split("=") for item in args.shape)}
    config = build_config(tokenizer, **shape)
    model = build_model(config, args.seed).to(device)
    optims = optimizers(model, args.rate)
    step, stage, stage_step, running, seconds = 0, 0, 0, 9.0, 0.0
    last = out / "last.pt"
    start = last if last.exists() else args.start_from
    if start:
        state = torch.load(start, map_location=device, weights_only=True)
        model.load_state_dict(state["model"])
        for optim, saved in zip(optims, state["optims"], strict=True):
            optim.load_state_dict(saved)
        step, stage, stage_step = state["step"], state["stage"], state["stage_step"]
        running, seconds = state["running"], state["seconds"]
        if args.stage and not last.exists():
            stage, stage_step = args.stage - 1, 0
        print(
            f"from {start}: step {step}, stage {STAGES[stage].name!r}, {seconds / 60:.1f} min so far",
            flush=True,
        )

    def stream() -> Any:
        dataset = Batches(tokenizer, stage, args.seed, step, args.reading)
        return iter(torch.utils.data.DataLoader(dataset, batch_size=None, num_workers=1, prefetch_factor=4))

    batches, clock = stream(), time.monotonic()
    while step < args.steps:
        parts = [{k: v.to(device, non_blocking=True) for k, v in part.items()} for part in next(batches)]
        share = rate_at(step, args.steps, args.decay)
        for optim in optims:
            for group in optim.param_groups:
                group["lr"] = args.rate * share
        answers = sum(int((part["labels"] != IGNORE).sum()) for part in parts)
        weight = sum(float(part["weights"].sum()) for part in parts)
        loss = right = decisive = starts = 0.0
        for part in parts:
            logits, labels, weights, decides = answer_logits(model, part)
            losses = cross_entropy(logits, labels, reduction="none")
            total = (losses * weights).sum() / weight
            total.backward()  # type: ignore[no-untyped-call]
            loss += total.item()
            right += (logits.argmax(-1) == labels).sum().item() / answers
            decisive, starts = decisive + losses[decides].sum().item(), starts + decides.sum().item()
        decisive /= starts
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optim in optims:
            optim.step()
            optim.zero_grad()
        step, stage_step = step + 1, stage_step + 1
        running = decisive if stage_step == 1 else 0.95 * running + 0.05 * decisive
        if step % 20 == 0:
            now = time.monotonic()
            seconds, clock = seconds + now - clock, now
            row = {"step": step, "stage": STAGES[stage].name, "loss": loss}
            row |= {"deciding_token_loss": running, "token_accuracy": right}
            row |= {"rate": args.rate * share, "seconds": round(seconds, 1)}
            with (out / "log.jsonl").open("a") as log:
                log.write(json.dumps(row) + "\n")
            print(row, flush=True)
        learned = stage_step >= 60 and running < STAGES[stage].until
        if learned:
            stage, stage_step = stage + 1, 0
            batches = stream()
        if step % args.save_every == 0 or learned or step == args.steps:
            optim_states = [o.state_dict() for o in optims]
            state = {"model": model.state_dict(), "optims": optim_states, "step": step, "stage": stage}
            save(last, state | {"stage_step": stage_step, "running": running, "seconds": seconds})
            if learned:
                save(
                    out / f"stage-{stage}.pt",
                    state | {"stage_step": 0, "running": running, "seconds": seconds},
                )
        if step % args.keep_every == 0 or step == args.steps:
            half = {k: v.to(torch.bfloat16) for k, v in model.state_dict().items()}
            save(out / f"step-{step:06d}.pt", {"model": half, "step": step, "stage": stage})


def main() -> None:
    """Parse the command line and train."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for the log and the checkpoints")
    parser.add_argument("--steps", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rate", type=float, default=0.003)
    parser.add_argument(
        "--decay", type=float, default=0.3, help="share of the steps over which the rate falls"
    )
    parser.add_argument(
        "--reading", choices=["first", "random"], default="first", help="panel of a vague question"
    )
    parser.add_argument(
        "--shape", nargs="*", default=[], metavar="KEY=N", help="override the text model's shape"
    )
    parser.add_argument("--save-every", type=int, default=100)
    parser.add_argument("--keep-every", type=int, default=250)
    parser.add_argument("--start-from", type=Path, help="start from another run's checkpoint")
    parser.add_argument(
        "--stage", type=int, choices=range(1, len(STAGES) + 1), help="begin there at this stage"
    )
    train(parser.parse_args())


if __name__ == "__main__":
    main()
