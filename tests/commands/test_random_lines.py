"""A grammar of command lines, with values good and bad: every line ends with an exit code that means something.

0, 1, 2 or 130; 70 would be a mistake of ours. Each has one line on stderr at most beside notes and bars, and no
traceback. A hundredth of the lines would load a model: `load` gives a tiny one.
"""

import random
import time

import numpy as np
import pytest
import tiny
from PIL import Image

from gazeheads import cli
from gazeheads.heads.head import Provenance
from gazeheads.heads.heads import Heads

FAST, HOSTILE = 60, 2000
SLOWEST = 20.0  # seconds for a line

NUMBERS = [*"0 1 2 -1 -5 3.5 nan inf 1e999 ² ① 0x10 1_000 99999999999999999999".split(), "9" * 5000, "", " "]
TEXTS = [
    "What?",
    "",
    " ",
    "é🐱",
    "a\tb",
    "\x1b[31m",
    "\udcff",
    "a" * 200_000,
    "-",
    "--",
    "[image]",
    "<image>",
]
PATHS = [
    "strip.png", "empty", "heads.json", "plain.json", "nan.json", "deep.json", "scores.npy", "cut.png", "none.png",
    "~", "~nobody-of-this-name/x", "/dev/null", "a" * 5000, "a/" * 300, "", ".", "strip.png/x", "a\nb", "'; x",
]  # fmt: skip
SOURCES = [
    "doodles:1", "doodles:2:dev", "doodles:0", "doodles:x", "scenes:1", "comics:empty", "comics:none", "coco:empty",
    "boxed:empty", "nothing:1", "", ":", "doodles", "doodles:1:dev:panels=99", "doodles:1+doodles:1",
]  # fmt: skip
WORDS = {
    "--panel": ["1/2", "2/2", "3/2", "1/1000000000", "x", "1/1", "0/0"],
    "--box": ["0,0,20,20", "-5,0,10,10", "nan,0,1,1", "1:0,0,20,20", "9:0,0,20,20", "1,2", "0,0,inf,9"],
    "--gaze": ["1", "2,1", "9", "x", "0"],
    "--every": ["3", "auto", "0", "²"],
    "--conditions": ["none,gaze", "gaze@2,controls:2", "controls:999999999", "gaze@0", "x", "", "none,none"],
    "--push": ["focus", "bias(1,-1)", "bias(nan,0)", "uniform", "x", "", "bias(1e999,0)", "logit:3"],
    "--during": ["all", "answer", "never"],
    "--judge": [
        "rules",
        "captions",
        "names",
        "likelihood",
        "likelihood:none",
        "api:x",
        "api:openai:m",
        "x",
        "",
    ],
    "--processor": ["a=1", "a", "=", "size=[[[", "crop_to_patches=false"],
    "--generate": ["no_repeat_ngram_size=4", "x=1", "a", "max_new_tokens=9"],
    "--shard": ["1/2", "2/1", "1/1000000000"],
    "--score": ["gaze", "causal", "follow", "x"],
    "--scores": ["gaze", "x", "", "selectivity"],
    "--pushes": ["focus", "", "x"],
    "--agreement": ["a,b", "a", ","],
    "--base-url": ["http://localhost:1", "socks://x", "x", "http://"],
    "--objects": ["rule", "spacy:none", "", "a cat; the kite"],
    "--by": ["gaze", "causal", "x", ""],
    "--orders": ["forward", "x", ""],
    "--host": ["0.0.0.0", "nowhere.invalid", ""],
}
KINDS = {
    "whole": NUMBERS,
    "number": NUMBERS,
    "amount": ["0.1", "3", *NUMBERS],
    "question": TEXTS,
    "path": PATHS,
}


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder of files to name, and a tiny model wherever one would be loaded."""
    monkeypatch.chdir(tmp_path)
    strip = tiny.strip(2, seed=1)
    strip.image.save("strip.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "strip.png").read_bytes()[:200])
    (tmp_path / "empty").mkdir()
    Image.new("RGB", (9, 9)).save(tmp_path / "p.png")
    model = tiny.tiny_model()
    shape = model.n_layers, model.n_heads
    scores = np.random.default_rng(0).random(shape)
    Heads.ranked(scores, Provenance(model.name, *shape)).save("heads.json")
    (tmp_path / "plain.json").write_text('["L0H0", "L1H1"]')
    (tmp_path / "nan.json").write_text('[{"layer": 0, "head": 0, "score": NaN}]')
    (tmp_path / "deep.json").write_text("[" * 100_000)
    np.save("scores.npy", scores)
    monkeypatch.setattr("gazeheads.model.loading.load", lambda *_, **__: model)
    return tmp_path


def value(action, rng: random.Random) -> str:
    """A value for an option or a place, mostly of its kind."""
    name = action.option_strings[-1] if action.option_strings else action.dest
    if rng.random() < 0.1:
        return rng.choice([*NUMBERS, *TEXTS, *PATHS])
    if name in WORDS:
        return rng.choice(WORDS[name])
    if action.choices:
        return rng.choice([*map(str, action.choices)])
    if name in ("--data", "--dev", "source"):
        return rng.choice(SOURCES)
    if name == "experiment":
        return rng.choice(["this-panel", "that-panel", "x", ""])
    kind = getattr(action.type, "__qualname__", "").partition(".")[0]
    return rng.choice(KINDS.get(kind, TEXTS))


def line(rng: random.Random) -> list[str]:
    """A command line: a command, its places, and some of its options."""
    command = rng.choice([*(set(cli.COMMANDS) - {"demo", "quickstart", "doctor", "bench"}), "nothing"])
    if command == "nothing":
        return [rng.choice([command, *TEXTS])]
    words = [command]
    for action in cli.parser(command)._actions:
        needed = action.required or not action.option_strings
        if rng.random() > (0.95 if needed else 0.2) or action.dest in ("help", "debug"):
            continue
        if action.option_strings:
            words.append(action.option_strings[-1])
        if action.nargs != 0 and rng.random() < 0.97:
            words.append(value(action, rng))
    if rng.random() < 0.05:
        rng.shuffle(words)
    return words


def tried(numbers: range, capsys) -> dict[int, int]:
    """How often each exit code came. Lines that end otherwise are told together."""
    codes: dict[int, int] = {}
    wrong = []
    for number in numbers:
        words = line(random.Random(number))
        begun = time.perf_counter()
        code = cli.main(words)
        took = time.perf_counter() - begun
        err = capsys.readouterr().err
        told = sum(text.startswith("gazeheads: ") for text in err.splitlines())
        if code not in (0, 1, 2, 130) or "Traceback" in err or took > SLOWEST or told != (code == 2):
            wrong.append(
                f"{number}: {code} after {took:.0f} s: {[word[:40] for word in words]}: {err[-500:]}"
            )
        codes[code] = codes.get(code, 0) + 1
    assert not wrong, f"{len(wrong)} of {len(numbers)} lines:\n" + "\n".join(wrong)
    return codes


@pytest.mark.slow  # runs and judges for real, 20 s at most each
def test_some_random_lines(place, capsys):
    assert tried(range(FAST), capsys)[2] > FAST / 2


@pytest.mark.hostile
def test_many_random_lines(place, capsys):
    assert tried(range(HOSTILE), capsys)[2] > HOSTILE / 2
