"""`gazeheads run` and `gazeheads merge`: answers into a folder, and the folders of several machines into one."""

import argparse
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gazeheads.commands import Bar, heads_of, loaded, writable_folder
from gazeheads.commands.arguments import amount
from gazeheads.errors import UsageError
from gazeheads.files import write_whole

if TYPE_CHECKING:
    pass

CONDITIONS = "none,gaze,controls:20,all,prompt,panel-query,crop,marker"


def add(command: Callable[..., argparse.ArgumentParser]) -> None:
    """The options."""
    go = command("run", run, "put an experiment's questions to a model, under every condition, into a folder")
    go.add_argument(
        "experiment",
        metavar="EXPERIMENT",
        help="vqa, this-panel, k-sweep, tour, ...",
    )
    common(go)
    go.add_argument("--data", default="doodles:24:test", help="what to ask about (default %(default)s)")
    go.add_argument("--conditions", default=CONDITIONS, help="default %(default)s")
    go.add_argument(
        "--top",
        type=amount,
        help="how many heads, or a share of all; by default what the heads file was tuned to",
    )
    go.add_argument(
        "--push", help="focus, uniform, reweigh or bias(...); by default what the heads file was tuned to"
    )
    go.add_argument(
        "--during", choices=["all", "answer", "decode"], default="all", help="which rows are steered"
    )
    go.add_argument(
        "--every", help="tour: tokens for each target, or `auto` (default): the model's median for a panel"
    )
    go.add_argument(
        "--setting",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="tour: as no_repeat_ngram_size=4",
    )
    go.add_argument(
        "--processor",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="as crop_to_patches=false",
    )
    go.add_argument("--shard", default="1/1", metavar="I/N", help="only every N-th sample, from the I-th on")
    go.add_argument("--any-version", action="store_true", help="go on with a run of other package versions")
    go.add_argument(
        "--out", type=Path, required=True, help="folder of the run; a run of the same settings goes on"
    )
    join = command("merge", merge, "put the shards of a run into one folder")
    join.add_argument("shards", type=Path, nargs="+", metavar="DIR")
    join.add_argument("--out", type=Path, required=True)
    join.add_argument("--any-version", action="store_true", help="shards of other package versions, too")


def common(command: argparse.ArgumentParser) -> None:
    """Options of commands that put a model to work."""
    command.add_argument("--model", help="folder or hub id of a checkpoint; the bundled model without")
    command.add_argument("--heads", type=Path, help="heads file; the bundled model brings its own")
    command.add_argument("--seed", type=int, default=0, help="of the data, and of control draws")
    command.add_argument("--batch", type=int, default=64, help="rows that go through the model together")


def values(items: list[str]) -> dict[str, Any]:
    """NAME=VALUE, with values as JSON where they are JSON."""
    import json

    found = {}
    for item in items:
        name, equals, value = item.partition("=")
        if not name or not equals:
            raise UsageError(f"{item!r} is no setting. Write NAME=VALUE.")
        try:
            found[name] = json.loads(value)
        except ValueError:
            found[name] = value
    return found


def shard(text: str) -> tuple[int, int]:
    """I/N, one-based."""
    first, _, number = text.partition("/")
    if not (first.isdigit() and number.isdigit() and 1 <= int(first) <= int(number)):
        raise UsageError(f"--shard {text}: write I/N, for example 3/10, with I from 1 to N.")
    return int(first), int(number)


def note(folder: Path) -> None:
    """Keep the command line among those that made this folder: `commands.txt`, each once."""
    place, line = folder / "commands.txt", "gazeheads " + shlex.join(sys.argv[1:])
    before = place.read_text(encoding="utf-8").splitlines() if place.exists() else []
    if line not in before:
        write_whole(place, "\n".join([*before, line, ""]))


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Generate what is not there yet."""
    from gazeheads.data.sources import samples_of
    from gazeheads.experiments.catalogue import experiment
    from gazeheads.experiments.conditions import HeadSets, conditions
    from gazeheads.judging.kinds import suited
    from gazeheads.runs.folder import RunFolder
    from gazeheads.runs.pace import paced
    from gazeheads.runs.run import manifest_of
    from gazeheads.runs.run import run as go

    asked, part, processor = conditions(args.conditions), shard(args.shard), values(args.processor)
    chosen = experiment(args.experiment)
    samples = samples_of(args.data, args.seed)
    model = loaded(args.model)
    heads = heads_of(model, args.heads)
    selected = heads.top(args.top) if args.top else heads.selected
    push = args.push or (heads.tuned.push if heads.tuned else "focus")
    chosen = paced(model, samples, chosen, args.every, values(args.setting))
    manifest = manifest_of(
        model,
        chosen,
        asked,
        data=args.data,
        seed=args.seed,
        samples=samples,
        heads=heads,
        k=len(selected),
        push=push,
        during=args.during,
        batch=args.batch,
        settings=processor,
        shard=part,
    )
    mine = samples[part[0] - 1 :: part[1]]
    choose = HeadSets(heads, len(selected), args.seed)
    with RunFolder.begin(writable_folder(args.out), manifest, any_version=args.any_version) as folder:
        note(folder.path)
        total = sum(1 for s in mine for c in asked for _ in chosen.trials(s, c))
        before, bar = len(folder.generations), Bar()
        bar(chosen.name, 0, total)
        made = go(
            model,
            mine,
            chosen,
            asked,
            choose,
            kept=folder.generations,
            push=push,
            during=args.during,
            batch=args.batch,
            settings=processor,
            progress=lambda done: bar(chosen.name, done, total),
        )
        bar.close()
        failed = sum(bool(line["failed"]) for line in folder.generations.lines.values())
        found = {"out": str(args.out), "answers": len(folder.generations), "new": len(made), "failed": failed}
    if not args.json:
        print(
            f"{found['answers']} answers in {args.out}: {len(made)} new, {before} were there, {failed} without one"
        )
        judge = suited(samples[0])
        print(
            f"next: gazeheads judge {args.out} --judge {judge}, then gazeheads report {args.out} --out report"
        )
    return found


def merge(args: argparse.Namespace) -> dict[str, Any]:
    """All shards into one folder."""
    from gazeheads.runs.shards import merge as join

    with join(args.shards, args.out, any_version=args.any_version) as folder:
        found = {"out": str(args.out), "answers": len(folder.generations), "verdicts": len(folder.verdicts)}
    if not args.json:
        print(
            f"{found['answers']} answers and {found['verdicts']} verdicts of {len(args.shards)} shards in {args.out}"
        )
    return found
