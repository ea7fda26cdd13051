"""Name a judge in one word: `rules`, `names`, `captions[:ENCODER]`, `likelihood:MODEL`, `api:anthropic:MODEL`."""

from collections.abc import Iterable
from importlib import import_module
from typing import Any

from gazeheads.errors import JudgeError, MissingPackage
from gazeheads.judging.base import Judge
from gazeheads.sample import Sample

# Kind of judge to the module that makes it, by name: only the one that is asked for is loaded. With a colon: whether
# something must follow it.
JUDGES = {
    "rules": "rules",
    "names": "names",
    "captions": "captions",
    "captions:": "embedding",
    "likelihood:": "likelihood",
    "api:": "api",
}
KNOWN = (
    "rules (doodles)",
    "names (things with names: COCO, scenes)",
    "captions (data with a caption for each region)",
    "captions:ENCODER (the same, by a text encoder in a folder)",
    "likelihood:MODEL (a local vision-language model; likelihood:bundled is the one that ships)",
    "api:anthropic:MODEL",
    "api:openai:MODEL (or any server that speaks so, by its base URL)",
)


def suited(sample: Sample) -> str:
    """The judge to begin with: the one that needs nothing but what is known of such samples."""
    if sample.kind in ("photo", "scene"):
        return "names"
    if sample.slots and all(sample.slots):
        return "rules"
    return "captions" if sample.captions and all(sample.captions) else "api:PROVIDER:MODEL"


def judge_of(spec: str, samples: Iterable[Sample] = (), **options: Any) -> Judge:
    """The judge that `spec` names. samples: of the data set, whose captions tell rare words from common ones.

    options: keywords of the judge (`CaptionsJudge`, `LikelihoodJudge`, `ApiJudge`), `calibration`, a file from which
    a likelihood judge takes its bias, `cache`, the file in which an API's replies are kept. Raises `JudgeError` for a
    judge that there is not, or an option that it does not take.
    """
    kind, colon, rest = spec.partition(":")
    if kind + colon not in JUDGES or bool(colon) != bool(rest):
        raise JudgeError(f"Judge {spec!r} is not known. Use one of: {'; '.join(KNOWN)}.")
    try:
        module = import_module(f"gazeheads.judging.{JUDGES[kind + colon]}")
    except ModuleNotFoundError as error:
        raise MissingPackage(
            f'Judge {spec!r} needs {error.name}; it is not installed. Install it: pip install "gazeheads[{kind}]".'
        ) from error
    try:
        found: Judge = module.made(rest, samples, dict(options))
    except TypeError as error:
        if "unexpected keyword argument" not in str(error):
            raise
        raise JudgeError(
            f"Judge {spec!r} was asked for with {', '.join(sorted(options))}: it does not take one of these "
            f"({error}). Leave that out."
        ) from error
    return found
