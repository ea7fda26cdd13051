"""`gazeheads judge`: verdicts on a run, what a judge is worth on true captions, how far two judges agree."""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gazeheads.commands import Bar
from gazeheads.errors import JudgeError, UsageError

if TYPE_CHECKING:
    from gazeheads.judging.base import Judge
    from gazeheads.sample import Sample

JUDGES, REPLIES = "judges.json", "replies.sqlite"
LIMIT = 1.0  # of the currency of the prices: what may be spent without being asked


def add(command: Callable[..., argparse.ArgumentParser]) -> None:
    """The options."""
    go = command(
        "judge", judge, "say which region each answer of a run describes; or see what a judge is worth"
    )
    go.add_argument("folder", type=Path, nargs="?", metavar="DIR", help="folder of a run")
    go.add_argument(
        "--judge",
        help="rules, names, captions[:ENCODER], likelihood:MODEL, api:anthropic:MODEL, api:openai:MODEL "
        "(default: rules for doodle panels, names for things, else captions)",
    )
    go.add_argument("--name", help="under which to keep the verdicts; the judge as it was given without")
    go.add_argument("--data", help="what was asked about; of a run, what its manifest says")
    go.add_argument("--seed", type=int, help="of the data; of a run, what its manifest says")
    go.add_argument("--again", action="store_true", help="judge anew what this judge left unscored")
    go.add_argument("--calibrate", action="store_true", help="judge true captions of --data instead of a run")
    go.add_argument("--out", type=Path, help="file of the calibration to write")
    go.add_argument("--agreement", metavar="A,B", help="Cohen's kappa of two judges of the run")
    go.add_argument("--calibration", type=Path, help="likelihood: file with the bias to subtract")
    go.add_argument("--threshold", type=float, help="captions, likelihood: what the best region must reach")
    go.add_argument("--margin", type=float, help="captions, likelihood: by how much it must be ahead")
    go.add_argument("--base-url", help="api: of another server")
    go.add_argument("--concurrency", type=int, help="api: calls at a time")
    go.add_argument("--timeout", type=float, help="api: seconds for a call")
    go.add_argument("--cache", type=Path, help=f"api: file of the replies (default DIR/{REPLIES})")
    go.add_argument("--price-in", type=float, help="api: of a million tokens that go in")
    go.add_argument("--price-out", type=float, help="api: of a million tokens that come out")
    go.add_argument(
        "--limit", type=float, default=LIMIT, help="api: cost above which --yes is needed (%(default)s)"
    )
    go.add_argument("--yes", action="store_true", help="api: whatever it costs")


OPTIONS = ("calibration", "threshold", "margin", "base_url", "concurrency", "timeout", "cache")


def judge(args: argparse.Namespace) -> dict[str, Any]:
    """A run, a calibration, or an agreement."""
    if args.calibrate:
        return _calibrate(args)
    if args.folder is None:
        raise UsageError(
            "Nothing says what to judge. Give the folder of a run, or --calibrate with --data SRC."
        )
    return _agreement(args) if args.agreement else _judge(args)


def _judge(args: argparse.Namespace) -> dict[str, Any]:
    """Judge what this judge has not judged yet."""
    from gazeheads.commands.running import note
    from gazeheads.runs.folder import RunFolder
    from gazeheads.runs.judge import judge_folder, pending

    with RunFolder.open(args.folder) as folder:
        samples = _samples(args, folder.manifest)
        args.judge = args.judge or _suited(samples)
        name = args.name or args.judge
        if "|" in name:
            raise UsageError(f"--name {name}: a judge's name holds no |. Give another one.")
        with closing(_made(args, samples, args.folder)) as found:
            judged = any(line["judge"] == name for line in folder.verdicts)
            must_be_the_same(args.folder / JUDGES, name, {"judge": args.judge, **found.settings()}, judged)
            if args.again:
                left = [
                    key
                    for key, line in folder.verdicts.lines.items()
                    if line["judge"] == name and line["kind"] == "unscored"
                ]
                folder.verdicts.drop(left)
            todo = list(pending(folder, name, samples))
            _afford(args, found, [(each.sample, [t for t in each.texts if t]) for each in todo])
            bar = Bar()
            bar("judging", 0, len(todo))
            note(folder.path)
            written = judge_folder(folder, found, name, samples, lambda n: bar("judging", n, len(todo)))
            bar.close()
        kinds = [line["kind"] for line in folder.verdicts.lines.values() if line["judge"] == name]
    told: dict[str, Any] = {"judge": name, "verdicts": len(kinds), "new": written}
    told |= {kind: kinds.count(kind) for kind in ("matched", "none", "degenerate", "unscored")}
    if not args.json:
        print(f"{told['verdicts']} verdicts by {name} in {args.folder}, {written} of them new:")
        print(", ".join(f"{told[kind]} {kind}" for kind in ("matched", "none", "degenerate", "unscored")))
    return told


def _calibrate(args: argparse.Namespace) -> dict[str, Any]:
    """Judge captions of which the region is known."""
    from gazeheads.data.sources import samples_of
    from gazeheads.judging.calibration import calibrate

    if not args.data or args.folder or args.agreement:
        raise UsageError(
            "--calibrate judges the true captions of --data SRC, and no run. Give --data, and no DIR."
        )
    seed = args.seed or 0
    samples = samples_of(args.data, seed)
    args.judge = args.judge or _suited(samples)
    asked = [(s, [caption]) for s in samples for wordings in s.captions for caption in wordings]
    with closing(_made(args, samples, None)) as found:
        _afford(args, found, asked)
        bar = Bar()
        bar("calibrating", 0, len(asked))
        made = calibrate(
            found,
            samples,
            name=args.judge,
            data=args.data,
            seed=seed,
            progress=lambda n: bar("calibrating", n, len(asked)),
        )
    bar.close()
    if args.out:
        made.save(args.out)
    if not args.json:
        print(f"{args.judge} on {made.captions} true captions of {args.data}, seed {seed}:")
        print(f"accuracy   {made.accuracy}")
        mean, low, high = made.shuffled
        print(f"shuffled   {mean:.1%} [{low:.1%}, {high:.1%}], chance {made.chance:.1%}")
        print(f"none {made.none:.1%}, degenerate {made.degenerate:.1%}, unscored {made.unscored:.1%}")
        for number, place in enumerate(made.places, 1):
            print(
                f"place {number}: {place.accuracy:.1%} right; chosen {place.chosen:.1%} for {place.expected:.1%}"
            )
        if args.out:
            print(f"written: {args.out}")
    return made.to_json()


def _agreement(args: argparse.Namespace) -> dict[str, Any]:
    """Two judges of one run."""
    from gazeheads.judging.agreement import agreement
    from gazeheads.runs.folder import RunFolder

    first, comma, second = args.agreement.partition(",")
    if not comma or not first or not second:
        raise UsageError(f"--agreement {args.agreement}: name two judges, as rules,captions.")
    with RunFolder.open(args.folder, read_only=True) as folder:
        found = agreement(folder.verdicts.lines.values(), first.strip(), second.strip())
    if not args.json:
        print(
            f"{found.first} and {found.second} on {found.n} parts: agree on {found.agreed:.1%}, kappa {found.kappa:.3f}"
        )
        print(f"left out: {found.unscored} unscored by one of them, {found.alone} judged by one alone")
    return found.to_json()


def _samples(args: argparse.Namespace, manifest: dict[str, Any]) -> "list[Sample]":
    """The samples of the run. Raises `UsageError` where they are not what they were."""
    from gazeheads.data.sources import fingerprint, samples_of

    told = manifest["data"]
    seed = told["seed"] if args.seed is None else args.seed
    samples = samples_of(args.data or told["source"], seed)
    if not args.data and fingerprint(samples) != told["hash"]:
        raise UsageError(
            f"The run in {args.folder} was about {told['source']}, seed {seed}; these data have changed since. Bring "
            "them back as they were, or name what to judge by with --data."
        )
    return samples


def _suited(samples: "Sequence[Sample]") -> str:
    """The judge to take where none was named."""
    from gazeheads.judging.kinds import suited

    found = suited(samples[0])
    if found.startswith("api:"):
        raise JudgeError(
            f"No judge was named, and nothing is known of {samples[0].id} by which one could judge. Name one that "
            "looks at pictures, likelihood:MODEL or api:PROVIDER:MODEL."
        )
    return found


def _made(args: argparse.Namespace, samples: "Sequence[Sample]", folder: Path | None) -> "Judge":
    """The judge, with the options that were given."""
    from transformers.utils import logging

    from gazeheads.judging.kinds import judge_of, kind_of

    logging.disable_progress_bar()
    options = {name: getattr(args, name) for name in OPTIONS if getattr(args, name) is not None}
    if folder is not None and kind_of(args.judge).keeps_replies:
        options.setdefault("cache", folder / REPLIES)
    return judge_of(args.judge, samples, **options)


def _afford(args: argparse.Namespace, found: "Judge", asked: Sequence[Any]) -> None:
    """Say what an API will cost. Raises `JudgeError` where it is more than was allowed."""
    cost = found.cost(asked, args.price_in, args.price_out)
    if cost is None:
        return
    print(f"{args.judge}: {cost}", file=sys.stderr)
    cost.must_be_allowed(args.limit, args.yes)


def must_be_the_same(path: Path, name: str, asked: dict[str, Any], judged: bool) -> None:
    """Note with which settings judge `name` judges this run. Raises `JudgeError` where it has judged with others."""
    from gazeheads.files import write_whole

    try:
        noted = json.loads(path.read_text()) if path.exists() else {}
        before = noted.get(name, asked) if judged else asked
    except (OSError, ValueError, AttributeError) as error:
        raise JudgeError(
            f"Asked to read {path}, the settings of the judges of this run: {error}. Delete it, and the verdicts."
        ) from error
    other = [k for k in sorted({*before, *asked}) if before.get(k) != asked.get(k)]
    if other:
        found = "; ".join(f"{k} was {before.get(k)!r}, now {asked.get(k)!r}" for k in other)
        raise JudgeError(
            f"Judge {name} has judged this run with other settings: {found}. Ask for the same, or keep these verdicts "
            "apart under another --name."
        )
    if noted.get(name) != asked:
        write_whole(path, json.dumps(noted | {name: asked}, indent=1))
