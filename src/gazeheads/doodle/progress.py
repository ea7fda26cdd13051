"""What was learned when: `python -m gazeheads.doodle.progress RUN`.

For each kept checkpoint of a run: how often the greedy token is right at the place that decides each task (dev split,
teacher-forced), and the gaze scores of the best heads and of the median head under "Describe panel k.". Prints a
Markdown table.
"""

import argparse
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from gazeheads import prompts
from gazeheads.discovery.discover import discover
from gazeheads.doodle import lessons as teach
from gazeheads.doodle.batches import pack
from gazeheads.doodle.build import build_config, build_image_processor, build_model
from gazeheads.doodle.lessons import Lesson
from gazeheads.doodle.train import answer_logits, tokenizer_of
from gazeheads.drawing.scenes import scenes
from gazeheads.drawing.strips import LETTERS, doodles
from gazeheads.families.processors import image_only
from gazeheads.model.model import GazeModel
from gazeheads.sample import Sample

Drawn = list[tuple[Sample, list[Lesson]]]


def tasks(n: int) -> dict[str, tuple[Drawn, Callable[[Tensor], Tensor]]]:
    """Lessons of each task about `n` dev images, and which answer tokens count: those that decide, or all."""
    rng = random.Random("progress")
    strips, lettered = doodles(n, 77, "dev"), doodles(n, 77, "dev", labels=LETTERS)

    def deciding(tokens: Tensor) -> Tensor:
        return tokens

    return {
        "panel": ([(s, [teach.panel_query(rng, s, i) for i in range(6)]) for s in strips], deciding),
        "narration": ([(s, [teach.narration(rng, s, "stated")]) for s in strips], torch.ones_like),
        "letter": (
            [
                (s, [Lesson(prompts.label_query(i + 1), f"{s.letters[i]}.") for i in range(6)])
                for s in lettered
            ],
            deciding,
        ),
        "which panel": ([(s, teach.which_panels(rng, s, range(6))) for s in strips], deciding),
        "scene": (
            [(s, [teach.scene_question(rng, s) for _ in range(6)]) for s in scenes(n, 77, "dev")],
            torch.ones_like,
        ),
    }


@torch.no_grad()
def main() -> None:
    """Print the table."""
    from transformers import Qwen3VLProcessor

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path)
    parser.add_argument("--n", type=int, default=24, help="dev images for each task")
    args = parser.parse_args()
    tokenizer, images = tokenizer_of(args.run), build_image_processor()
    model = build_model(build_config(tokenizer), 0).eval()
    processor = image_only(Qwen3VLProcessor)(
        image_processor=images,
        tokenizer=tokenizer,
        video_processor=None,
        chat_template=tokenizer.chat_template,
    )
    batches = {
        name: (pack(drawn, tokenizer, images), counted) for name, (drawn, counted) in tasks(args.n).items()
    }
    print("| step |", " | ".join(batches), "| best gaze scores | median |")
    print("|---" * (len(batches) + 3) + "|")
    for path in sorted(args.run.glob("step-*.pt")):
        saved = torch.load(path, map_location="cpu", weights_only=True)
        model.load_state_dict({k: v.float() for k, v in saved["model"].items()})
        cells = []
        for batch, counted in batches.values():
            logits, labels, _, decides = answer_logits(model, batch)
            right = (logits.argmax(-1) == labels)[counted(decides).bool()]
            cells.append(f"{right.float().mean().item():.2f}")
        whole = GazeModel(model, processor, str(path))
        found = discover(whole, doodles(8, 78, "dev"), question=lambda k, n: f"Describe panel {k}.")
        best = ", ".join(f"{found.score(head):.2f}" for head in found.top(4))
        print(
            f"| {saved['step']} | {' | '.join(cells)} | {best} | {np.median(found.scores):.2f} |", flush=True
        )


if __name__ == "__main__":
    main()
