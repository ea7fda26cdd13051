"""Options that several commands take: one name, one type and one help text each, whatever the command.

    share(parser, "model", "heads", data="doodles:24", out=REQUIRED)

adds four options; a keyword gives one its default in this command. What only one command takes stands in its module.
"""

import argparse
import math
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from gazeheads.checks import shown
from gazeheads.files import parse_json
from gazeheads.gaze.push import push_forms

if TYPE_CHECKING:
    from gazeheads.plugins import Registry
    from gazeheads.regions.grid import Box

REQUIRED: Final = object()
MOST = 2**63 - 1  # of a whole number: a seed may be any of 64 bits
MOST_PANELS = 1000  # of one image, and shards of one run
LONGEST = 20_000  # characters of a question
T = TypeVar("T")


def whole(least: int, most: int = MOST) -> Callable[[str], int]:
    """A whole number from `least` to `most`."""

    def read(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,5000}", text) or (len(text) < 20 and int(text) < least):
            raise argparse.ArgumentTypeError(f"{shown(text)} is not a whole number of at least {least}")
        if len(text) > 19 or int(text) > most:
            raise argparse.ArgumentTypeError(f"{shown(text)} is more than {most}, the most that is taken")
        return int(text)

    return read


def number(least: float, most: float = MOST) -> Callable[[str], float]:
    """A number from `least` to `most`: no NaN, and none without end."""

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"{shown(text)} is not a number from {least:g} to {most:g}")
        return value

    return read


def amount(text: str) -> int | float:
    """A number of heads from 1 on (`8`), or a share of all heads (`0.09`)."""
    if re.fullmatch(r"0*[1-9][0-9]{0,8}", text):
        return int(text)
    try:
        share = float(text)
    except ValueError:
        share = math.nan
    if not (0 < share <= 1) or text.isdigit():
        raise argparse.ArgumentTypeError(
            f"{shown(text)} is neither a number of heads from 1 on nor a share of them, as 0.09"
        )
    return share


def path(text: str) -> Path:
    """A path. "~" is the home folder, also where the shell leaves it, as in --out=~/run."""
    if not text.strip():
        raise argparse.ArgumentTypeError("the path is empty; is a variable of the shell not set?")
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise argparse.ArgumentTypeError(f"{shown(text)}: there is no such home folder") from None


def model(text: str) -> str:
    """A hub id or a folder, with its "~" expanded."""
    return str(path(text)) if text.startswith("~") or not text.strip() else text


def address(text: str) -> str:
    """The address of a server: http or https, and a host."""
    if not re.fullmatch(r"https?://([^\s/@]+@)?([\w.-]+|\[[0-9a-fA-F:.]+\])(:[0-9]{1,5})?([/?]\S*)?", text):
        raise argparse.ArgumentTypeError(
            "this is no address of a server: write http://HOST:PORT or https://HOST"
        )
    return text


def question(text: str) -> str:
    """A text for the model, of a length that one can mean."""
    if len(text) > LONGEST:
        raise argparse.ArgumentTypeError(
            f"the text has {len(text)} characters; {LONGEST} are the most that are taken"
        )
    return text


def part(text: str) -> tuple[int, int]:
    """`4/6`: the fourth of six, counted from 1."""
    read = re.fullmatch(r"([0-9]+)/([0-9]+)", text)
    if not read:
        raise argparse.ArgumentTypeError(f"{shown(text)} is not K/N: write two numbers, for example 4/6")
    if max(map(len, read.groups())) > 9 or int(read[2]) > MOST_PANELS:
        raise argparse.ArgumentTypeError(f"{shown(text)}: {MOST_PANELS} parts are the most that are taken")
    k, n = int(read[1]), int(read[2])
    if not 1 <= k <= n:
        raise argparse.ArgumentTypeError(f"{text}: there is none. K counts from 1 to N, here {max(n, 1)}")
    return k, n


def placed_box(text: str) -> "tuple[int, Box]":
    """`x0,y0,x1,y1` in pixels, or `2:x0,y0,x1,y1` of image 2: the image, counted from 0, and the box."""
    from gazeheads.regions.grid import Box

    image, _, corners = text.rpartition(":")
    try:
        x0, y0, x1, y1 = (float(edge) for edge in corners.split(","))
        number = whole(1)(image or "1")
    except (ValueError, argparse.ArgumentTypeError):
        raise argparse.ArgumentTypeError(
            f"{shown(text)} is not a box: write x0,y0,x1,y1 in pixels, or P:x0,y0,x1,y1 for image P, counted from 1"
        ) from None
    return number - 1, Box(x0, y0, x1, y1)


def regions(text: str) -> list[int]:
    """`4` or `4,2,1`: numbers of regions, counted from 1."""
    try:
        return [whole(1)(number) for number in text.split(",")]
    except argparse.ArgumentTypeError:
        raise argparse.ArgumentTypeError(
            f"{shown(text)} names no regions: write K, or K,K,..., counted from 1"
        ) from None


def pace(text: str) -> str:
    """`auto`, or a number of tokens from 1 on."""
    if text != "auto" and not re.fullmatch(r"0*[1-9][0-9]{0,8}", text):
        raise argparse.ArgumentTypeError(f"{shown(text)}: give a number of tokens from 1 on, or auto")
    return text


def setting(text: str) -> tuple[str, Any]:
    """NAME=VALUE, with a value that is JSON where it can be."""
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise argparse.ArgumentTypeError(f"{shown(text)} is not a setting: write NAME=VALUE")
    try:
        return name, parse_json(value)
    except ValueError:
        return name, value


OPTIONS: dict[str, dict[str, Any]] = {
    "model": {
        "type": model,
        "metavar": "MODEL",
        "help": "folder or hub id of a checkpoint; without it, the bundled model",
    },
    "heads": {
        "type": path,
        "metavar": "HEADS.json",
        "help": "heads file, as `gazeheads discover` writes it; without it, that of the bundled model",
    },
    "top": {
        "type": amount,
        "metavar": "K",
        "help": "how many heads: a number, or a share of all such as 0.09; without it, what was tuned (else 0.09) of a "
        "file that ranks all heads, and every head of a file that holds some",
    },
    "data": {
        "metavar": "SOURCE",
        "help": "the images and what is known of them: doodles:N[:SPLIT], comics:FOLDER, ...; `gazeheads data --help` "
        "lists all sources",
    },
    "seed": {"type": whole(0), "metavar": "N", "help": "seed of the data and of random-head controls"},
    "batch": {"type": whole(1), "metavar": "N", "help": "how many prompts the model takes at a time"},
    "ask": {"type": question, "metavar": "QUESTION", "help": "what to ask about the image"},
    "panel": {
        "type": part,
        "metavar": "K/N",
        "help": "cut the image into N panels; look at the K-th from the left",
    },
    "box": {
        "type": placed_box,
        "metavar": "[P:]X0,Y0,X1,Y1",
        "help": "a region: left, top, right and bottom edge in pixels (of image P, counted from 1)",
    },
    "conditions": {
        "metavar": "NAME,...",
        "help": "which heads are steered, or what is done instead; `gazeheads run --help` lists all conditions",
    },
    "push": {
        "metavar": "PUSH",
        "help": f"how attention is changed: {push_forms()}, with numbers in nats",
    },
    "during": {
        "choices": ["all", "answer", "decode"],
        "help": "which tokens' attention is steered: of prompt and answer, of the answer, or of all answer tokens but "
        "the first",
    },
    "every": {
        "type": pace,
        "metavar": "N",
        "help": "tokens for each region of a tour, or auto: the model's own pace",
    },
    "processor": {
        "type": setting,
        "action": "append",
        "metavar": "NAME=VALUE",
        "help": "a setting of the image processor, as crop_to_patches=false; may be repeated",
    },
    "judge": {
        "metavar": "JUDGE",
        "help": "who says what an answer describes; `gazeheads judge --help` lists all judges",
    },
    "weighting": {
        "choices": ["raw", "value-norm", "value-norm-share"],
        "help": "what counts: attention, attention times value norms, or its share of that",
    },
    "any-version": {"action": "store_true", "help": "accept answers made with other package versions"},
    "max-new-tokens": {"type": whole(1, 1_000_000), "metavar": "N", "help": "the longest answer, in tokens"},
    "json": {"action": "store_true", "help": "print one JSON object instead of text"},
    "debug": {"action": "store_true", "help": "show the traceback of what went wrong"},
    "out": {"type": path, "help": "where to write the result"},
}


def share(parser: argparse._ActionsContainer, *names: str, **defaults: Any) -> None:
    """Add options of `OPTIONS`. defaults: of some of them, in this command; `REQUIRED`: it must be given.

    A default may be a dictionary of more arguments of `add_argument`, such as a metavar.
    """
    given = {**dict.fromkeys(names), **{name.replace("_", "-"): value for name, value in defaults.items()}}
    for name, value in given.items():
        own = dict(value) if isinstance(value, dict) else {"default": value}
        option = {**OPTIONS[name], **own}
        default = option.get("default")
        if default is REQUIRED:
            option.update(default=None, required=True)
        elif option.get("action") == "append":
            option["default"] = default or []
        elif option.get("action") == "store_true":
            option["default"] = False
        elif default is not None:
            option["help"] += " (default: %(default)s)"
        parser.add_argument(f"--{name}", **option)


def listing(title: str, words: Mapping[str, str]) -> str:
    """Names, and what is said of each, as lines below the options."""
    width = max(map(len, words))
    return "\n".join([f"{title}:", *(f"  {name:{width}}  {said}" for name, said in words.items())])


def words_of(registry: "Registry[T]", words: Callable[[T], tuple[str, str]]) -> dict[str, str]:
    """What is said of each thing of a registry; of other packages' things their names, so that none need be loaded."""
    theirs = {name: "of another package" for name in registry if name not in registry.own}
    return dict(map(words, registry.own.values())) | theirs


def below(parser: argparse.ArgumentParser, *parts: str) -> None:
    """Put parts, kept as they are, below the options."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = "\n\n".join(parts)
