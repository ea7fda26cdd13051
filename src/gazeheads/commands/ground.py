"""`gazeheads ground`: how well the gaze tells where named objects are: pointing game and boxes."""

import json
from argparse import ArgumentParser, Namespace
from typing import Any

from gazeheads import prompts
from gazeheads.commands.models import heads_of, loaded
from gazeheads.commands.options import share, whole
from gazeheads.commands.output import Say, writable_folder
from gazeheads.plain import plain

CONDITIONS = "gaze,localization-heads,controls:20"


def options(parser: ArgumentParser) -> None:
    """The options."""
    share(parser, "model", "heads", "top", data="scenes:60:test", seed=0)
    parser.add_argument(
        "--dev",
        default="scenes:24:dev",
        metavar="SOURCE",
        help="other samples, on which the thresholds of boxes are chosen (default: %(default)s)",
    )
    parser.add_argument(
        "--dev-seed", type=whole(0), default=5, metavar="N", help="seed of --dev (default: %(default)s)"
    )
    share(parser, conditions=CONDITIONS, ask=prompts.LIST_OBJECTS, weighting="raw", batch=16)
    share(parser, out={"metavar": "FILE.json"})


def run(args: Namespace, say: Say) -> dict[str, Any]:
    """Pointing game and IoU of every set of heads."""
    from gazeheads.data.sources import samples_of
    from gazeheads.errors import UsageError
    from gazeheads.experiments.conditions import HeadSets, conditions
    from gazeheads.files import write_whole
    from gazeheads.sample import nouns
    from gazeheads.watching.grounding import ceiling, grounded
    from gazeheads.watching.point import named_objects

    asked = conditions(args.conditions)
    if any(not condition.is_steered or condition.kind == "wrong-region" for condition in asked):
        raise UsageError(f"--conditions {args.conditions}: each must name a set of heads, as {CONDITIONS}.")
    if args.out:
        writable_folder(args.out.parent)
    if (args.data, args.seed) == (args.dev, args.dev_seed):
        raise UsageError(f"--dev {args.dev} is what is reported on. Choose thresholds on other samples.")
    dev, test = samples_of(args.dev, args.dev_seed), samples_of(args.data, args.seed)
    for sample in (*dev, *test):
        nouns(sample)
    model = loaded(args.model)
    held = heads_of(model, args.heads)
    choose = HeadSets(held, args.top or len(held.selected), args.seed)
    sets = {condition.name: heads for condition in asked if (heads := choose(condition)) is not None}
    every = sorted({head for heads in sets.values() for head in heads})
    (dev_objects, _), (objects, counts) = (
        named_objects(model, samples, every, prompt=args.ask, weighting=args.weighting, batch_size=args.batch)
        for samples in (dev, test)
    )
    results = [grounded(name, heads, dev_objects, objects) for name, heads in sets.items()]
    best = sum(ceiling(named) for named in objects) / len(objects)
    numbers = {
        "model": model.name,
        "data": {"source": args.data, "seed": args.seed},
        "dev": {"source": args.dev, "seed": args.dev_seed},
        "ask": args.ask,
        "weighting": args.weighting,
        "things": dict(counts),
        "best_iou_of_cells": best,
        "sets": [plain(each) for each in results],
    }
    if args.out:
        write_whole(args.out, json.dumps(numbers, indent=1) + "\n")
    say(", ".join(f"{count} {what}" for what, count in sorted(counts.items())))
    say(f"{'heads':22} {'K':>4}  {'points at it':22} {'IoU':22} threshold  by size")
    for each in results:
        sizes = ", ".join(f"{size} {each.by_size[size].mean:.0%}" for size in sorted(each.by_size))
        say(
            f"{each.name:22} {each.heads:4}  {each.pointing!s:22} {each.iou!s:22} {each.threshold:9}  {sizes}"
        )
    say(f"best IoU of boxes of whole cells: {best:.3f}")
    return numbers
