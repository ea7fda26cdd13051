"""How soon a live target is obeyed: another thread moves the gaze at random moments while the bundled model speaks.

    python benchmarks/live.py [--looks N] [--seed S]

`look` holds from the next forward pass on. So of the passes that begin after it the very first must obey (a pass under
way may, if it has not looked yet). The program counts the passes that did not, which must be none, and takes the time
from `look` to the first token under the new target. It fails if a pass did not obey.
"""

import argparse
import random
import statistics
import sys
import threading
import time
from dataclasses import dataclass
from itertools import pairwise

import torch
from machine import machine

import gazeheads as gh
from gazeheads.heads.heads import Heads
from gazeheads.model.bundled import HEADS


@dataclass
class Look:
    """One call of `look`: where to, and when it had returned; and what the stream had to say about it.

    disobeyed: passes that began after it under another target. seconds: until the first token under it.
    """

    region: gh.Region
    at: float
    disobeyed: int = 0
    under_way: bool = False
    seconds: float | None = None


class Mover(threading.Thread):
    """Moves the gaze, waits until it was obeyed, waits a random while, and so on, until told to stop."""

    def __init__(self, live: gh.Live, regions: tuple[gh.Region, ...], pause: float, seed: int) -> None:
        super().__init__(daemon=True)
        self.live, self.regions, self.pause, self.random = live, regions, pause, random.Random(seed)
        self.look: Look | None = None
        self.obeyed, self.stopped = threading.Event(), threading.Event()

    def run(self) -> None:
        """Until `stopped` is set."""
        region = self.regions[0]
        while not self.stopped.wait(self.random.uniform(0, self.pause)):
            region = self.random.choice([other for other in self.regions if other is not region])
            self.obeyed.clear()
            self.live.look(region)
            self.look = Look(region, time.perf_counter())
            while not self.obeyed.wait(0.05):
                if self.stopped.is_set():
                    return


def watch(model: gh.GazeModel, scene: gh.Scene, selected: Heads, looks: int, seed: int) -> list[Look]:
    """What became of so many looks, over as many streams as it takes."""
    found: list[Look] = []
    live = gh.Live(scene.panel(0))
    pause = 3 * seconds_a_token(model, scene, selected)
    mover = Mover(live, scene.panels, pause, seed)
    mover.start()
    while len(found) < looks:
        answer = model.stream(scene, gh.Gaze(selected, at=live, during="answer"), max_new_tokens=100)
        while len(found) < looks:
            look, began = mover.look, time.perf_counter()
            token = next(answer, None)
            if token is None:
                break
            arrived, now = time.perf_counter(), mover.look
            if now is None or now.seconds is not None:
                continue
            if token.target is now.region:
                now.seconds, now.under_way = arrived - now.at, now is not look
                found.append(now)
                mover.obeyed.set()
            elif now is look and now.at < began:
                now.disobeyed += 1
    mover.stopped.set()
    mover.obeyed.set()
    mover.join()
    return found


def seconds_a_token(model: gh.GazeModel, scene: gh.Scene, selected: Heads) -> float:
    """Median time between two tokens of a steered stream."""
    gaze = gh.Gaze(selected, at=scene.panel(0), during="answer")
    times = [token.seconds for token in model.stream(scene, gaze, max_new_tokens=100)]
    return statistics.median(b - a for a, b in pairwise(times))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--looks", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    if args.looks < 1:
        parser.error("--looks: at least 1")
    model, selected = gh.load(device="cpu"), Heads.load(HEADS).selected
    sample = gh.doodles(1, seed=0)[0]
    scene = model.encode(
        sample.image, "Describe each panel of this comic, one after the other.", sample.boxes
    )
    print(machine("cpu"))
    with torch.no_grad():
        token = seconds_a_token(model, scene, selected)
        found = watch(model, scene, selected, args.looks, args.seed)
    waited = [1000 * look.seconds for look in found if look.seconds is not None]
    disobeyed = sum(look.disobeyed for look in found)
    print(f"{len(found)} looks from another thread, {1000 * token:.1f} ms a token (median)")
    print(f"obeyed by the pass under way: {sum(look.under_way for look in found)}")
    print(f"obeyed by the first pass after: {sum(not (look.under_way or look.disobeyed) for look in found)}")
    print(f"passes that began after a look and did not obey: {disobeyed}")
    print(
        f"from look() to the first token under it: median {statistics.median(waited):.1f} ms, max {max(waited):.1f} ms"
    )
    if disobeyed:
        sys.exit("A pass did not obey the target that was set before it began.")


if __name__ == "__main__":
    main()
