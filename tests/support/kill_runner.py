"""Runs the real loops on a fake model, kills them at random instants, and looks at what is left each time.

    python tests/support/kill_runner.py FOLDER [--kills 30] [--seed 0]

Everything is imported once; a run is a process forked from here, so that it can be killed like any other. Its disk
takes a few bytes at a time, as a disk may, so that many a kill falls into the middle of a line. What must hold after
each: `killing`. Prints what happened as JSON.
"""

import argparse
import hashlib
import json
import os
import random
import time
import traceback
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from killing import killed_until_done, left
from PIL import Image

from gazeheads.experiments.conditions import HeadSets, conditions
from gazeheads.experiments.redirect import Redirect
from gazeheads.gaze.gaze import Gaze
from gazeheads.heads.head import Provenance
from gazeheads.heads.heads import Heads
from gazeheads.judging.base import Judge, Verdict
from gazeheads.model.generation import Generation
from gazeheads.model.scene import Scene
from gazeheads.regions.grid import Box, ImageGrid, View
from gazeheads.runs.folder import RunFolder
from gazeheads.runs.judge import judge_folder
from gazeheads.runs.run import run
from gazeheads.sample import Sample

BATCH = 8
PANELS = tuple(Box(64 * n, 0, 64 * (n + 1), 64) for n in range(6))
CONDITIONS = conditions("none,gaze,controls:2,prompt")
EXPERIMENT = Redirect("vqa", "What is happening?", 15)
MANIFEST = {
    "schema": 1,
    "experiment": "vqa",
    "conditions": [c.name for c in CONDITIONS],
    "versions": {},
    "shard": [1, 1],
}
WORDS = (
    "a fox",
    "digs",
    "in the snow",
    "雪の中",
    "\u2028",
    "half a pair \ud83d",
    '"quoted"',
    "two\nlines",
    "\U0001f98a",
)


def choice(*seed: object) -> random.Random:
    """The same choices for the same seed, in every process."""
    return random.Random(hashlib.sha256(repr(seed).encode()).hexdigest())


class FakeModel:
    """Says something that only depends on the picture, the question and where it is made to look."""

    def resized(self, sample: Sample) -> Sample:
        return sample

    def encode(self, picture: Image.Image, prompt: str, panels: Sequence[Box] = ()) -> Scene:
        views = [View(0, "whole", 4, 24, Box(0, 0, 384, 64))]
        grid = ImageGrid.from_views(100, np.arange(2, 98), views, [picture.size])
        nothing: Any = None
        return Scene({}, nothing, grid, prompt, str(picture.getpixel((0, 0))), tuple(panels))

    def generate(
        self, scenes: Sequence[Scene], gaze: Sequence[Gaze | None], max_new_tokens: int
    ) -> list[Generation]:
        time.sleep(0.004)
        return [self.answer(*row, max_new_tokens) for row in zip(scenes, gaze, strict=True)]

    def answer(self, scene: Scene, gaze: Gaze | None, budget: int) -> Generation:
        looks = None if gaze is None else (str(gaze.at), str(gaze.heads))
        chosen = choice(scene.image_key, scene.prompt, looks)
        token_texts = tuple(chosen.choice(WORDS) + " " for _ in range(chosen.randint(1, budget)))
        return Generation(
            "".join(token_texts), tuple(range(len(token_texts))), "eos", token_texts=token_texts
        )


class FakeJudge(Judge):
    """Says something that only depends on the sample and the answer."""

    def judge(self, sample: Sample, answer: str) -> Verdict:
        time.sleep(0.0003)
        chosen = choice(sample.id, answer)
        return (
            Verdict("matched", chosen.randrange(6), margin=chosen.random())
            if chosen.random() < 0.8
            else Verdict("none")
        )


def samples() -> list[Sample]:
    names = tuple(f"panel {n}" for n in range(1, 7))
    return [
        Sample(f"doodle-{n}", "strip", Image.new("RGB", (384, 64), (n, 0, 0)), PANELS, names)
        for n in range(8)
    ]


def work(path: Path) -> None:
    """One run: all that is not there yet is made, then judged."""
    scores = np.random.default_rng(0).random((5, 8))
    heads = Heads.ranked(scores, Provenance("fake", 5, 8))
    chosen: Any = FakeModel()
    with RunFolder.begin(path, MANIFEST) as folder:
        run(
            chosen,
            samples(),
            EXPERIMENT,
            CONDITIONS,
            HeadSets(heads, 4),
            kept=folder.generations,
            batch=BATCH,
        )
        judge_folder(folder, FakeJudge(), "fake", samples(), batch=BATCH)


def slow_disk() -> None:
    """From now on the system takes at most 512 bytes at a time, and a moment for them."""
    write = os.write

    def little(place: int, data: bytes) -> int:
        time.sleep(0.0002)
        return write(place, data[:512])

    os.write = little


def begun(path: Path) -> int:
    """A process that does the work; its id."""
    child = os.fork()
    if child:
        return child
    try:
        slow_disk()
        work(path)
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    start = time.monotonic()
    os.waitpid(begun(args.folder / "undisturbed"), 0)
    taken = time.monotonic() - start
    expected = left(args.folder / "undisturbed")
    lines = {name: content.count(b"\n") for name, content in expected.items()}
    chosen = random.Random(args.seed)
    met: Counter[str] = Counter()
    runs = 0
    while met["kills"] < args.kills:
        runs += 1
        delays = (chosen.uniform(0, taken / 3) for _ in range(1000))
        met += killed_until_done(begun, args.folder / f"killed-{runs}", expected, delays)
    print(json.dumps({"lines": lines, "runs": runs, "seconds": taken, **met}))


if __name__ == "__main__":
    main()
