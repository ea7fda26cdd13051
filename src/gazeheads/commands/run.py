"""`gazeheads run`: put an experiment's questions to a model, and keep the answers in a folder."""

import shlex
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from gazeheads.commands.models import heads_of, loaded, selected
from gazeheads.commands.options import REQUIRED, below, listing, part, setting, share, words_of
from gazeheads.commands.output import Bar, Say, writable_folder
from gazeheads.files import write_whole
from gazeheads.text import redacted

KEPT = "The answers so far are kept in the folder; the same command goes on after them."
ASKED = "none,gaze,controls:20,all,prompt,panel-query,crop,marker"


def options(parser: ArgumentParser) -> None:
    """The options, and all experiments below them."""
    from gazeheads.experiments.catalogue import EXPERIMENTS
    from gazeheads.experiments.conditions import CONDITIONS

    parser.add_argument("experiment", metavar="EXPERIMENT", help="what to ask: one of those below")
    share(parser, "model", "heads", "top", data="doodles:24:test", seed=0, conditions=ASKED)
    share(parser, "push", "every", "processor", during="all", batch=64)
    parser.add_argument(
        "--generate",
        type=setting,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a setting of generation for tours, as no_repeat_ngram_size=4; may be repeated",
    )
    parser.add_argument(
        "--shard",
        type=part,
        default=(1, 1),
        metavar="I/N",
        help="take every N-th sample only, from the I-th on: N machines share a run, then `gazeheads merge`",
    )
    share(parser, "any-version", out={"default": REQUIRED, "metavar": "DIR"})
    below(
        parser,
        "A folder that holds a run of the same settings is gone on with. Without --push, what the heads file was\n"
        "tuned to.",
        listing("experiments", words_of(EXPERIMENTS, lambda each: (each.name, each.facts.title))),
        listing(
            "conditions, separated by commas (@K: so many heads, as gaze@8)",
            {kind.written or name: kind.about for name, kind in CONDITIONS.items()},
        ),
    )


def keep_command(folder: Path) -> None:
    """Keep the command line among those that made this folder: `commands.txt`, each once."""
    place, line = folder / "commands.txt", "gazeheads " + shlex.join(map(redacted, sys.argv[1:]))
    before = place.read_text(encoding="utf-8").splitlines() if place.exists() else []
    if line not in before:
        write_whole(place, "\n".join([*before, line, ""]))


def run(args: Namespace, say: Say) -> dict[str, Any]:
    """Generate what is not there yet."""
    from gazeheads.data.sources import samples_of
    from gazeheads.experiments.catalogue import experiment
    from gazeheads.experiments.conditions import HeadSets, conditions
    from gazeheads.judging.kinds import suited
    from gazeheads.runs.folder import RunFolder
    from gazeheads.runs.lines import answers
    from gazeheads.runs.pace import paced
    from gazeheads.runs.run import manifest_of
    from gazeheads.runs.run import run as go

    asked, (first, shards), processor = conditions(args.conditions), args.shard, dict(args.processor)
    chosen = experiment(args.experiment)
    samples = samples_of(args.data, args.seed)
    model = loaded(args.model)
    heads = heads_of(model, args.heads)
    steered = selected(heads, args.top)
    push = args.push or (heads.tuned.push if heads.tuned else "focus")
    chosen = paced(model, samples, chosen, args.every, dict(args.generate))
    manifest = manifest_of(
        model,
        chosen,
        asked,
        data=args.data,
        seed=args.seed,
        samples=samples,
        heads=heads,
        k=len(steered),
        push=push,
        during=args.during,
        batch=args.batch,
        settings=processor,
        shard=args.shard,
    )
    mine = samples[first - 1 :: shards]
    choose = HeadSets(heads, len(steered), args.seed)
    with RunFolder.begin(writable_folder(args.out), manifest, any_version=args.any_version) as folder:
        keep_command(folder.path)
        answers(folder.generations)  # nothing is added to what cannot be read
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
    say(
        f"{found['answers']} answers in {args.out}: {len(made)} new, {before} were there, {failed} without one"
    )
    judge, out = suited(samples[0]), shlex.quote(str(args.out))
    say(f"next: gazeheads judge {out} --judge {shlex.quote(judge)}, then gazeheads report {out} --out report")
    return found
