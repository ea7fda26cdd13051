"""Judges by name: `rules`, `names`, `captions[:ENCODER]`, `likelihood:MODEL`, `api:PROVIDER:MODEL`, and others' own.

What is true of a kind of judge stands in its line of `JUDGES`, except what its module alone can know: each judge tells
its settings and what judging will cost (`gazeheads.judging.base.Judge`). A new one is a module with `from_spec` and a
line here; or an entry point of the group `gazeheads.judges` in another package.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from gazeheads.errors import JudgeError, MissingPackage
from gazeheads.judging.base import Judge
from gazeheads.plugins import Registry
from gazeheads.sample import Sample

FromSpec = Callable[
    [str, Iterable[Sample], dict[str, Any]], Judge
]  # what follows the colon, samples, options


@dataclass(frozen=True)
class JudgeKind:
    """What is true of a kind of judge. about: what it judges, for help.

    from_spec: makes it from what follows the colon of its name, the samples, and options by keyword; it may raise
    `TypeError` for an option that it does not take. rest: what must follow the colon ("MODEL"), or may ("[ENCODER]").
    options: those of the command line that it takes. suits: whether it is the judge to begin with for such samples.
    keeps_replies: whether replies are paid for, and kept (its option `cache`).
    """

    name: str
    about: str
    from_spec: FromSpec
    rest: str = ""
    options: tuple[str, ...] = ()
    suits: Callable[[Sample], bool] = lambda sample: False
    keeps_replies: bool = False

    @property
    def form(self) -> str:
        """How it is asked for: "captions[:ENCODER]"."""
        if self.may_have_rest:
            return f"{self.name}[:{self.rest[1:-1]}]"
        return f"{self.name}:{self.rest}" if self.rest else self.name

    @property
    def may_have_rest(self) -> bool:
        """Whether something may follow the colon, and need not."""
        return self.rest.startswith("[")


def _module(name: str) -> FromSpec:
    """`from_spec` of a module of this folder, which is loaded when such a judge is asked for."""

    def from_spec(rest: str, samples: Iterable[Sample], options: dict[str, Any]) -> Judge:
        judge: Judge = import_module(f"gazeheads.judging.{name}").from_spec(rest, samples, options)
        return judge

    return from_spec


def _captions(rest: str, samples: Iterable[Sample], options: dict[str, Any]) -> Judge:
    return _module("embedding" if rest else "captions")(rest, samples, options)


# The first that suits a sample is the one to begin with.
JUDGES: Registry[JudgeKind] = Registry(
    "gazeheads.judges",
    "Judge",
    JudgeKind,
    (
        JudgeKind(
            "names",
            "objects with names: COCO, scenes",
            _module("names"),
            suits=lambda sample: sample.kind in ("photo", "scene"),
        ),
        JudgeKind(
            "rules",
            "doodles",
            _module("rules"),
            suits=lambda sample: bool(sample.slots) and all(sample.slots),
        ),
        JudgeKind(
            "captions",
            "data with a caption for each region; with a text encoder in a folder, by embeddings",
            _captions,
            "[ENCODER]",
            ("threshold", "margin"),
            suits=lambda sample: bool(sample.captions) and all(sample.captions),
        ),
        JudgeKind(
            "likelihood",
            "a local vision-language model; likelihood:bundled is the one that ships",
            _module("likelihood"),
            "MODEL",
            ("calibration", "threshold", "margin"),
        ),
        JudgeKind(
            "api",
            "PROVIDER is anthropic, or openai for any server that speaks so, by its base URL",
            _module("api"),
            "PROVIDER:MODEL",
            ("base_url", "concurrency", "timeout", "cache"),
            suits=lambda sample: True,
            keeps_replies=True,
        ),
    ),
)


def listed() -> str:
    """Every kind, how it is asked for, and what it judges: for messages and help texts. Loads nothing."""
    ours = [f"{kind.form} ({kind.about})" for kind in JUDGES.own.values()]
    return "; ".join([*ours, *(name for name in JUDGES if name not in JUDGES.own)])


def suited(sample: Sample) -> str:
    """The judge to begin with: the one that needs nothing but what is known of such samples."""
    kind = next(kind for kind in JUDGES.own.values() if kind.suits(sample))
    return kind.name if kind.may_have_rest else kind.form


def kind_of(spec: str) -> JudgeKind:
    """The kind of the judge that `spec` names. Raises `JudgeError` where there is none."""
    name, colon, rest = spec.partition(":")
    kind = JUDGES.get(name)
    fits = kind is not None and (bool(rest) == bool(kind.rest) or kind.may_have_rest)
    if kind is None or not fits or bool(colon) != bool(rest):
        raise JudgeError(f"Judge {spec!r} is not known. Use one of: {listed()}.")
    return kind


def judge_of(spec: str, samples: Iterable[Sample] = (), **options: Any) -> Judge:
    """The judge that `spec` names. samples: of the data set, whose captions tell rare words from common ones.

    options: keywords of the judge (`CaptionsJudge`, `LikelihoodJudge`, `ApiJudge`), `calibration`, a file from which
    a likelihood judge takes its bias, `cache`, the file in which an API's replies are kept. Raises `JudgeError` for a
    judge that there is not, or an option that it does not take.
    """
    kind = kind_of(spec)
    try:
        return kind.from_spec(spec.partition(":")[2], samples, dict(options))
    except ModuleNotFoundError as error:
        raise MissingPackage(
            f"Judge {spec!r} needs {error.name}; it is not installed. Install it: pip install "
            f'"gazeheads[{kind.name}]".'
        ) from error
    except TypeError as error:
        if "unexpected keyword argument" not in str(error):
            raise
        raise JudgeError(
            f"Judge {spec!r} was asked for with {', '.join(sorted(options))}: it does not take one of these "
            f"({error}). Leave that out."
        ) from error
