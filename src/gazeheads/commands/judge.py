"""`gazeheads judge`: verdicts on a run, what a judge is worth on true captions, how far two judges agree."""

import json
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gazeheads.commands.options import address, below, listing, number, path, share, whole, words_of
from gazeheads.commands.output import Bar, Say
from gazeheads.errors import JudgeError, UsageError

if TYPE_CHECKING:
    from gazeheads.judging.base import Judge
    from gazeheads.sample import Sample

KEPT = "The verdicts so far are kept in the folder; the same command goes on after them."
SETTINGS, REPLIES = "judges.json", "replies.sqlite"
REASONS = 5  # for unscored answers, that are told
LIMIT = 1.0  # of the currency of the prices: what may be spent without being asked


def options(parser: ArgumentParser) -> None:
    """The options, those of APIs in a group of their own, and all judges below them."""
    from gazeheads.judging.kinds import JUDGES

    parser.add_argument("folder", type=path, nargs="?", metavar="DIR", help="folder of a run")
    share(parser, "judge", "data", "seed")
    parser.add_argument(
        "--name", help="name under which to keep the verdicts; without it, the judge as it was given"
    )
    parser.add_argument(
        "--unscored", action="store_true", help="judge again what this judge left unscored, as when an API was down"
    )  # fmt: skip
    parser.add_argument(
        "--calibrate", action="store_true", help="judge the true captions of --data instead of a run"
    )
    share(parser, out={"metavar": "CALIBRATION.json"})
    parser.add_argument("--agreement", metavar="A,B", help="print Cohen's kappa of two judges of the run")
    parser.add_argument(
        "--calibration",
        type=path,
        metavar="CALIBRATION.json",
        help="judge likelihood: file with the bias to subtract",
    )
    parser.add_argument(
        "--threshold", type=number(-1e9, 1e9), metavar="X",
        help="judges captions, likelihood: what the best region must reach"
    )  # fmt: skip
    parser.add_argument(
        "--margin",
        type=number(-1e9, 1e9),
        metavar="X",
        help="judges captions, likelihood: by how much it must be ahead",
    )
    api = parser.add_argument_group("judges by an API")
    api.add_argument("--base-url", type=address, metavar="URL", help="address of another server")
    api.add_argument("--concurrency", type=whole(1), metavar="N", help="calls at a time")
    api.add_argument(
        "--timeout", type=number(0.001, 1e6), metavar="SECONDS", help="how long to wait for a reply"
    )
    api.add_argument(
        "--cache", type=path, metavar="FILE", help=f"where replies are kept (default: DIR/{REPLIES})"
    )
    api.add_argument(
        "--price-in", type=number(0, 1e9), metavar="PRICE", help="price of a million tokens that go in"
    )
    api.add_argument(
        "--price-out", type=number(0, 1e9), metavar="PRICE", help="price of a million tokens that come out"
    )
    api.add_argument(
        "--limit",
        type=number(0, 1e12),
        default=LIMIT,
        metavar="COST",
        help="cost above which --yes is needed (default: %(default)s)",
    )
    api.add_argument("--yes", action="store_true", help="go ahead whatever it costs")
    below(
        parser,
        "Without --judge, the first of these that suits the samples. Without --data and --seed, those of the run.",
        listing("judges", words_of(JUDGES, lambda kind: (kind.form, kind.about))),
    )


def run(args: Namespace, say: Say) -> dict[str, Any]:
    """A run, a calibration, or an agreement."""
    if args.calibrate:
        return _calibrate(args, say)
    if args.folder is None:
        raise UsageError(
            "Nothing says what to judge. Give the folder of a run, or --calibrate with --data SRC."
        )
    return _agreement(args, say) if args.agreement else _judge(args, say)


def _judge(args: Namespace, say: Say) -> dict[str, Any]:
    """Judge what this judge has not judged yet."""
    from gazeheads.commands.run import keep_command
    from gazeheads.runs.folder import RunFolder
    from gazeheads.runs.judge import judge_folder, pending, why_unscored

    with RunFolder.open(args.folder) as folder:
        samples = _samples(args, folder.manifest)
        args.judge = args.judge or _suited(samples)
        name = args.name or args.judge
        if "|" in name:
            raise UsageError(f"--name {name}: a judge's name holds no |. Give another one.")
        with closing(_made(args, samples, args.folder)) as found:
            judged = any(line["judge"] == name for line in folder.verdicts)
            must_be_the_same(args.folder / SETTINGS, name, {"judge": args.judge, **found.settings()}, judged)
            if args.unscored:
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
            keep_command(folder.path)
            written = judge_folder(folder, found, name, samples, lambda n: bar("judging", n, len(todo)))
            bar.close()
        mine = [line for line in folder.verdicts.lines.values() if line["judge"] == name]
        kinds_and_reasons = [(line["kind"], line["reason"]) for line in mine]
    kinds = [kind for kind, _ in kinds_and_reasons]
    told: dict[str, Any] = {"judge": name, "verdicts": len(kinds), "new": written}
    told |= {kind: kinds.count(kind) for kind in ("matched", "none", "degenerate", "unscored")}
    say(f"{told['verdicts']} verdicts by {name} in {args.folder}, {written} of them new:")
    say(", ".join(f"{told[kind]} {kind}" for kind in ("matched", "none", "degenerate", "unscored")))
    why = why_unscored(kinds_and_reasons)
    for reason, count in list(why.items())[:REASONS]:
        say(f"unscored: {count} because {reason}")
    scored = len(kinds) - told["unscored"]
    return told | {"why_unscored": why, "fits": scored > 0 or not kinds}


def _calibrate(args: Namespace, say: Say) -> dict[str, Any]:
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
    say(f"{args.judge} on {made.captions} true captions of {args.data}, seed {seed}:")
    say(f"accuracy   {made.accuracy}")
    mean, low, high = made.shuffled
    say(f"shuffled   {mean:.1%} [{low:.1%}, {high:.1%}], chance {made.chance:.1%}")
    say(f"none {made.none:.1%}, degenerate {made.degenerate:.1%}, unscored {made.unscored:.1%}")
    for nth, place in enumerate(made.places, 1):
        say(f"place {nth}: {place.accuracy:.1%} right; chosen {place.chosen:.1%} for {place.expected:.1%}")
    if args.out:
        say(f"written: {args.out}")
    return made.to_json()


def _agreement(args: Namespace, say: Say) -> dict[str, Any]:
    """Two judges of one run."""
    from gazeheads.judging.agreement import agreement
    from gazeheads.runs.folder import RunFolder

    first, comma, second = args.agreement.partition(",")
    if not comma or not first or not second:
        raise UsageError(f"--agreement {args.agreement}: name two judges, as rules,captions.")
    with RunFolder.open(args.folder, read_only=True) as folder:
        found = agreement(folder.verdicts.lines.values(), first.strip(), second.strip())
    say(
        f"{found.first} and {found.second} on {found.n} parts: agree on {found.agreed:.1%}, kappa {found.kappa:.3f}"
    )
    say(f"left out: {found.unscored} unscored by one of them, {found.alone} judged by one alone")
    return found.to_json()


def _samples(args: Namespace, manifest: dict[str, Any]) -> "list[Sample]":
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
            "looks at images, likelihood:MODEL or api:PROVIDER:MODEL."
        )
    return found


def _made(args: Namespace, samples: "Sequence[Sample]", folder: Path | None) -> "Judge":
    """The judge, with the options that were given."""
    from transformers.utils import logging

    from gazeheads.judging.kinds import JUDGES, judge_of, kind_of

    logging.disable_progress_bar()
    known = {name for kind in JUDGES.own.values() for name in kind.options}
    options = {name: value for name, value in vars(args).items() if name in known and value is not None}
    if folder is not None and kind_of(args.judge).keeps_replies:
        options.setdefault("cache", folder / REPLIES)
    return judge_of(args.judge, samples, **options)


def _afford(args: Namespace, found: "Judge", asked: Sequence[Any]) -> None:
    """Say what an API will cost. Raises `JudgeError` where it is more than was allowed."""
    cost = found.cost(asked, args.price_in, args.price_out)
    if cost is None:
        return
    print(f"{args.judge}: {cost}", file=sys.stderr)
    cost.must_be_allowed(args.limit, args.yes)


def must_be_the_same(path: Path, name: str, asked: dict[str, Any], judged: bool) -> None:
    """Note with which settings judge `name` judges this run. Raises `JudgeError` where it has judged with others."""
    from gazeheads.files import parse_json, write_whole

    try:
        noted = parse_json(path.read_text()) if path.exists() else {}
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
