"""`gazeheads follow`, `ground`, `point`: heads that look at what is said, and what that tells of places."""

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gazeheads import prompts
from gazeheads.commands import Bar, heads_for, heads_of, loaded, writable_folder
from gazeheads.commands.arguments import amount
from gazeheads.commands.running import common

if TYPE_CHECKING:
    from gazeheads.watching.grounding import Grounded

CONDITIONS = "gaze,localization-heads,controls:20"
INSTEAD = "gaze (while named)"  # the score of a file that holds this one alone
WEIGHTINGS = (
    "raw",
    "value-norm",
    "value-norm-share",
)  # `trace.Weighting`, which a quick --help need not load


def add(command: Callable[..., argparse.ArgumentParser]) -> None:
    """The options."""
    find = command(
        "follow", follow, "measure which heads look at what is being said, and add it to a heads file"
    )
    common(find)
    find.add_argument("--data", default="scenes:24:dev", help="dev scenes or COCO (default %(default)s)")
    find.add_argument(
        "--instead",
        action="store_true",
        help="put it in the place of the gaze score: `gaze` then stands for these heads, and control draws are made "
        "beside them",
    )
    find.add_argument("--out", type=Path, required=True, help="heads file to write")

    tell = command(
        "ground", ground, "how well the gaze tells where a named thing is: pointing game and boxes"
    )
    common(tell)
    tell.add_argument("--data", default="scenes:60:test", help="scenes or COCO (default %(default)s)")
    tell.add_argument("--dev", default="scenes:24:dev", help="for the thresholds (default %(default)s)")
    tell.add_argument("--dev-seed", type=int, default=5, help="of --dev (default %(default)s)")
    tell.add_argument("--conditions", default=CONDITIONS, help="sets of heads (default %(default)s)")
    tell.add_argument(
        "--top", type=amount, help="how many heads; by default what the heads file was tuned to"
    )
    tell.add_argument("--ask", default=prompts.LIST_OBJECTS, help="question (default %(default)r)")
    tell.add_argument(
        "--weighting",
        choices=WEIGHTINGS,
        default="raw",
        help="attention, times the norms of the values, or its share of that",
    )
    tell.add_argument("--out", type=Path, help="JSON file to write")

    one = command("point", point, "where is it? a box around a thing that the model names")
    one.add_argument("picture", type=Path, metavar="PICTURE")
    one.add_argument("--to", required=True, metavar="PHRASE", help='as "the kite"')
    one.add_argument("--ask", default=prompts.LIST_OBJECTS, help="question (default %(default)r)")
    one.add_argument("--force", action="store_true", help="if the model does not name it, force the phrase")
    one.add_argument("--model", help="folder or hub id of a checkpoint; the bundled model without")
    one.add_argument("--heads", type=Path, help="heads file; the bundled model brings its own")
    one.add_argument("--top", type=amount, help="how many heads: a number, or a share")
    one.add_argument("--threshold", type=float, default=0.3, help="share of the peak (default %(default)s)")
    one.add_argument(
        "--weighting",
        choices=WEIGHTINGS,
        default="raw",
        help="attention, times the norms of the values, or its share of that",
    )
    one.add_argument("--out", type=Path, metavar="PNG", help="draw the picture with the gaze and the box")


def follow(args: argparse.Namespace) -> dict[str, Any]:
    """Add the follow score to a heads file."""
    writable_folder(args.out.parent)
    from gazeheads.data.sources import samples_of
    from gazeheads.discovery.follow import check
    from gazeheads.discovery.follow import follow as measure
    from gazeheads.heads.heads import Heads

    samples = samples_of(args.data, args.seed)
    check(samples)
    model = loaded(args.model)
    held, bar = heads_of(model, args.heads), Bar()
    scores = measure(
        model,
        samples,
        batch_size=min(args.batch, 16),
        progress=lambda n: bar("listing things", n, len(samples)),
    )
    bar.close()
    note = replace(held.provenance, follow=f"{args.data}, seed {args.seed}")
    found: Heads = replace(held, provenance=note, others={**held.others, "follow": scores})
    if args.instead:
        found = Heads.ranked(scores, replace(note, score=INSTEAD), held.image_mass)
    found.save(args.out)
    best = found.by("gaze" if args.instead else "follow").top(min(10, found.scores.size))
    if not args.json:
        for head in best:
            print(f"{head!s:8} {best.score(head):.3f}")
        name = "gaze" if args.instead else "follow"
        print(f"written: {args.out}; `gazeheads run --conditions {name}` steers by it")
    return {"out": str(args.out), "top": [[str(head), best.score(head)] for head in best]}


def ground(args: argparse.Namespace) -> dict[str, Any]:
    """Pointing game and IoU of every set of heads."""
    from gazeheads.data.sources import samples_of
    from gazeheads.errors import UsageError
    from gazeheads.experiments.conditions import HeadSets, conditions
    from gazeheads.files import write_whole
    from gazeheads.sample import nouns
    from gazeheads.watching.grounding import ceiling, grounded
    from gazeheads.watching.point import named_looks

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
    parts = {}
    for name, samples in (("dev", dev), ("test", test)):
        parts[name] = named_looks(
            model, samples, every, prompt=args.ask, weighting=args.weighting, batch_size=min(args.batch, 16)
        )
    looks, counts = parts["test"]
    found = [grounded(name, heads, parts["dev"][0], looks) for name, heads in sets.items()]
    best = sum(ceiling(look) for look in looks) / len(looks)
    told = {
        "model": model.name,
        "data": {"source": args.data, "seed": args.seed},
        "dev": {"source": args.dev, "seed": args.dev_seed},
        "ask": args.ask,
        "weighting": args.weighting,
        "things": dict(counts),
        "best_iou_of_cells": best,
        "sets": [as_json(each) for each in found],
    }
    if args.out:
        write_whole(args.out, json.dumps(told, indent=1) + "\n")
    if not args.json:
        print(", ".join(f"{count} {what}" for what, count in sorted(counts.items())))
        print(f"{'heads':22} {'K':>4}  {'points at it':22} {'IoU':22} threshold  by size")
        for each in found:
            sizes = ", ".join(f"{size} {each.by_size[size].mean:.0%}" for size in sorted(each.by_size))
            print(
                f"{each.name:22} {each.heads:4}  {each.pointing!s:22} {each.iou!s:22} {each.threshold:9}  {sizes}"
            )
        print(f"best IoU of boxes of whole cells: {best:.3f}")
    return told


def as_json(found: "Grounded") -> dict[str, Any]:
    """Plain values."""
    return {
        **{name: getattr(found, name) for name in ("name", "heads", "threshold")},
        "pointing": found.pointing.to_json(),
        "iou": found.iou.to_json(),
        "by_size": {size: each.to_json() for size, each in found.by_size.items()},
    }


def point(args: argparse.Namespace) -> dict[str, Any]:
    """A box around a thing, and a picture of it."""
    from gazeheads.data.pictures import open_picture
    from gazeheads.watching.point import point as find

    picture = open_picture(args.picture)
    if args.out:
        writable_folder(args.out.parent)
    model = loaded(args.model)
    heads = heads_for(model, args.heads, args.top)
    found = find(
        model,
        picture,
        args.to,
        heads,
        ask=args.ask,
        force=args.force,
        threshold=args.threshold,
        weighting=args.weighting,
    )
    if args.out:
        from gazeheads.figures import cell_map, new_figure, title

        width, height = picture.size
        figure, (axes,) = new_figure(6, 6 * height / width + 0.4)
        cell_map(axes, picture, found.grid.rects, found.weights, targets=[found.box.corners])
        title(axes, f"{found.heads} heads at “{found.phrase}”")
        figure.savefig(args.out, dpi=150)
    if not args.json:
        print(
            f"the model said: {found.answer.strip()}" + (" (the phrase was forced)" if found.forced else "")
        )
        if found.forced:
            print(
                "note: a forced phrase gets a box whether or not the thing is there (docs/scenes.md)",
                file=sys.stderr,
            )
        print(f"box {','.join(f'{edge:g}' for edge in found.box.corners)}; most at {found.x:g},{found.y:g}")
        if args.out:
            print(f"written: {args.out}")
    return {**found.as_json(), "out": str(args.out) if args.out else None}
