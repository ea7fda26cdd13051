"""Which of two pictures is looked at, and which frame of a clip: `python benchmarks/pictures.py [--pairs 40]`.

Pairs of test scenes (seed 7000) are shown together to the bundled model and the things in them are asked for: freely,
and with the gaze heads on one of both. Counted: whether named things are of the first picture or the second; and, while
a thing is named that only one of both holds, whether that one gets the most of what the heads get, for the gaze heads
and a control draw. Then clips of a moving doodle, four frames each: how much each frame gets.
"""

import argparse
from collections import Counter
from collections.abc import Sequence

import numpy as np

import gazeheads as gh
from gazeheads import prompts
from gazeheads.drawing.clips import moving_doodle
from gazeheads.drawing.scenes import scenes
from gazeheads.sample import nouns
from gazeheads.text import spoken


def told(token_texts: Sequence[str], pair: Sequence[gh.Sample]) -> list[tuple[int, list[int]]]:
    """Of each thing that only one picture holds and the answer names: the picture, and the tokens."""
    names = [nouns(sample) for sample in pair]
    found = []
    for picture, mine in enumerate(names):
        only = [name for name in mine if name not in names[1 - picture]]
        found += [(picture, list(tokens)) for tokens in spoken(token_texts, only) if len(tokens)]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=40)
    args = parser.parse_args()
    model = gh.load()
    samples = [model.resized(sample) for sample in scenes(2 * args.pairs, seed=7000)]
    free, steered, right = Counter[int](), Counter[bool](), {0: [0, 0], 1: [0, 0]}
    for pair in zip(samples[::2], samples[1::2], strict=True):
        scene = model.encode([sample.image for sample in pair], prompts.LIST_OBJECTS)
        seen = gh.watch(model, scene, max_new_tokens=40)
        for picture, tokens in told(seen.answer.token_texts, pair):
            free[picture] += 1
            for number in right:
                most = int(seen.over(number)[tokens].mean(0).argmax())
                right[number][picture] += most == picture
        for picture in (0, 1):
            width, height = scene.grid.sizes[picture]
            gaze = gh.Gaze(seen.sets[0].trace.heads, scene.box(0, 0, width, height, image=picture))
            answer = model.generate(scene, gaze, max_new_tokens=40)
            steered.update(found == picture for found, _ in told(answer.token_texts, pair))
    print(
        f"{args.pairs} pairs, freely: {free[0]} things named of the first picture alone, {free[1]} of the second"
    )
    for number, name in ((0, "gaze heads"), (1, "control draw")):
        said = ", ".join(f"{right[number][p]} of {free[p]} ({'first second'.split()[p]})" for p in (0, 1))
        print(f"{name} look most at the picture of the thing that is named: {said}")
    print(f"gaze heads on one picture: {steered[True]} things named are of it, {steered[False]} of the other")
    shares = []
    for seed in range(args.pairs // 2):
        clip = moving_doodle(seed)
        scene = model.encode(list(clip.frames), prompts.LIST_OBJECTS)
        shares.append(gh.watch(model, scene, max_new_tokens=12).over(0).mean(0))
    print("clips, share of each frame:", " ".join(f"{share:.0%}" for share in np.mean(shares, axis=0)))


if __name__ == "__main__":
    main()
