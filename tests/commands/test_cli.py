"""The command line on the bundled model: what it prints, and one clear line for everything that is wrong."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gazeheads import cli, commands
from gazeheads.commands import options
from gazeheads.drawing.strips import doodles
from gazeheads.heads.head import Provenance
from gazeheads.heads.heads import Heads

ASK = ["--ask", "What is happening in this panel of the comic strip?"]


@pytest.fixture(scope="module")
def strip(tmp_path_factory):
    """A six-panel test strip as an image file, with its ground truth."""
    sample = doodles(1, seed=5)[0]
    path = tmp_path_factory.mktemp("strip") / "strip.png"
    sample.image.save(path)
    return path, sample


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The same strip as a folder of panels."""
    path = tmp_path_factory.mktemp("panels")
    sample = doodles(1, seed=5)[0].resized(256, 32)
    for i, box in enumerate(sample.boxes):
        sample.image.crop(tuple(int(c) for c in box.corners)).save(path / f"p{i + 1}.png")
    return path, sample


def run(arguments, capsys) -> tuple[int, str, str]:
    code = cli.main([str(a) for a in arguments])
    out, err = capsys.readouterr()
    return code, out, err


def refused(arguments, capsys) -> str:
    """The one line by which a command is refused."""
    code, out, err = run(arguments, capsys)
    lines = [line for line in err.splitlines() if line.startswith("gazeheads")]
    assert code == 2 and not out and len(lines) == 1 and "Traceback" not in err, err
    return lines[0]


def test_look_at_a_panel_of_a_folder(folder, capsys):
    path, _ = folder
    code, out, err = run(["look", path, *ASK, "--panel", "4/6", "--json"], capsys)
    found = json.loads(out)
    assert code == 0
    assert found["target"] == "panel 4 of 6" and found["heads"] >= 2
    assert found["after"] > 0.99 > found["before"], "the attention moved to the target"
    assert found["steered"] != found["unsteered"]
    assert "knows its own doodles only" in err


def test_look_at_a_box_of_a_picture(strip, capsys):
    path, sample = strip
    box = sample.boxes[2]
    at = f"{box.x0},{box.y0},{box.x1},{box.y1}"
    code, out, _ = run(["look", path, *ASK, "--box", at, "--top", "8"], capsys)
    assert code == 0
    assert (
        "unsteered" in out
        and "attention mass of 8 heads on the target" in out
        and "looking at the box " in out
    )


def test_a_small_box_grows_where_that_was_asked_for(strip, capsys):
    code, out, _ = run(
        ["look", strip[0], *ASK, "--box", "1,1,4,4", "--min-tokens", "2", "--top", "8"], capsys
    )
    assert code == 0 and "looking at the box 1,1,4,4, grown to 2 cells: " in out


def test_discover_writes_a_ranking_that_look_takes(strip, tmp_path, capsys):
    out_file = tmp_path / "new" / "heads.json"
    code, out, _ = run(["discover", "--data", "doodles:2:dev", "--out", out_file], capsys)
    heads = Heads.load(out_file)
    assert code == 0 and len(heads) == heads.scores.size and f"{len(heads)} heads ranked" in out
    assert heads.provenance.data == "doodles:2:dev" and heads.provenance.samples == 2
    code, out, _ = run(["look", strip[0], *ASK, "--panel", "1/6", "--heads", out_file], capsys)
    assert code == 0 and f"attention mass of {round(0.09 * len(heads))} heads" in out, (
        "the paper's share of a full ranking"
    )


def test_doodles_draws_folders_that_look_takes(tmp_path, capsys):
    code, out, _ = run(["doodles", "--n", "2", "--out", tmp_path / "d"], capsys)
    folders = out.split()
    assert code == 0 and len(folders) == 2
    assert len((tmp_path / "d" / "strip2" / "captions.txt").read_text().splitlines()) == 6
    code, out, _ = run(["look", folders[0], *ASK, "--panel", "2/6", "--json"], capsys)
    assert code == 0 and json.loads(out)["target"] == "panel 2 of 6"


def broken_pictures(folder):
    whole = folder / "whole.png"
    doodles(1)[0].image.save(whole)
    (folder / "text.png").write_text("I am no image")
    (folder / "cut.png").write_bytes(whole.read_bytes()[:900])
    Image.new("RGB", (1, 1)).save(folder / "pixel.png")
    Image.new("RGB", (20_000, 50)).save(folder / "long.png")
    (folder / "empty").mkdir()
    (folder / "gap").mkdir()
    for k in (1, 3):
        Image.new("RGB", (64, 64)).save(folder / "gap" / f"p{k}.png")


@pytest.mark.parametrize(
    "name, message",
    [
        ("missing.png", "there is no such file"),
        ("text.png", "this is not an image in a format that is read"),
        ("cut.png", "it cannot be read to its end"),
        ("pixel.png", "it is 1 x 1 px, too small to have regions"),
        ("long.png", "20000 x 50 px is more than 200 times as long as wide"),
        ("empty", "it holds no panel. Name the panels p1.png"),
        ("gap", "p2 is missing"),
    ],
)
def test_pictures_that_cannot_be_used(name, message, tmp_path, capsys):
    broken_pictures(tmp_path)
    line = refused(["look", tmp_path / name, *ASK, "--panel", "1/6"], capsys)
    assert message in line and name in line


def test_a_very_wide_picture_is_a_picture(tmp_path, capsys):
    Image.effect_noise((20_000, 256), 60).save(tmp_path / "wide.png")
    code, out, _ = run(["look", tmp_path / "wide.png", *ASK, "--panel", "3/6", "--json"], capsys)
    assert code == 0 and json.loads(out)["after"] > 0.99


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--panel", "7/6"], "argument --panel: 7/6: there is none. K counts from 1 to N, here 6"),
        (["--panel", "0/6"], "argument --panel: 0/6: there is none"),
        (["--panel", "four"], "'four' is not K/N: write two numbers"),
        (["--box", "10,10,10,40"], "is empty: it is 0 px wide"),
        (["--box", "0,0,5000,40"], "sticks out by"),
        (["--box", "1,2,3"], "'1,2,3' is not a box: write x0,y0,x1,y1"),
        (
            ["--box", "1,1,4,4"],
            "less than one: cells are 16 x 16 px here. Enlarge the region or the image, or pass --min-tokens 1",
        ),
        (
            ["--box", "1,1,4,4", "--min-tokens", "0"],
            "argument --min-tokens: '0' is not a whole number of at least 1",
        ),
        (
            ["--panel", "2/6", "--min-tokens", "1"],
            "--min-tokens 1 is how far a small box grows. Give it with --box",
        ),
        ([], "one of the arguments --panel --box is required"),
        (["--panel", "1/6", "--top", "97"], "top(97) was asked of a set of"),
        (["--panel", "1/6", "--top", "half"], "'half' is neither a number of heads from 1 on nor a share"),
        (["--panel", "1/6", "--model", "no/such/folder"], "Model 'no/such/folder' cannot be loaded"),
        (["--panel", "1/6", "--heads", "no.json"], "no.json"),
    ],
)
def test_targets_and_options_that_cannot_be_used(arguments, message, strip, capsys):
    assert message in refused(["look", strip[0], *ASK, *arguments], capsys)


def test_a_folder_of_six_has_no_panel_of_five(folder, capsys):
    assert "holds 6 panels; 5 were asked for. Its panels are its regions: write K/6" in refused(
        ["look", folder[0], *ASK, "--panel", "2/5"], capsys
    )


def test_an_empty_question(strip, capsys):
    line = refused(["look", strip[0], "--ask", "  ", "--panel", "1/6"], capsys)
    assert "The question is empty. Ask something" in line


def test_heads_of_another_model_and_corrupt_heads(strip, tmp_path, capsys):
    other = Heads.ranked(np.random.default_rng(0).random((36, 32)), Provenance("another", 36, 32))
    other.save(tmp_path / "other.json")
    (tmp_path / "corrupt.json").write_text('{"schema": 1, "heads": [')
    (tmp_path / "list.json").write_text("[1, 2]")
    look = ["look", strip[0], *ASK, "--panel", "1/6", "--heads"]
    assert "36 layers x 32 heads" in refused([*look, tmp_path / "other.json"], capsys)
    assert "corrupt.json" in refused([*look, tmp_path / "corrupt.json"], capsys)
    assert "list.json" in refused([*look, tmp_path / "list.json"], capsys)


@pytest.mark.parametrize(
    "command", [["quickstart", "--out"], ["discover", "--data", "doodles:1:dev", "--out"]]
)
def test_an_output_folder_that_cannot_be_written(command, tmp_path, capsys):
    """A file stands where the folder should be; nothing is half-written, and no work is done first."""
    (tmp_path / "file").write_text("here first")
    line = refused([*command, tmp_path / "file" / "sub" / "heads.json"], capsys)
    assert "cannot be made or written" in line and "Choose another one" in line
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize(
    "source, message",
    [
        ("doodles:x", "not a whole number of at least 1 and at most 1000000. Write doodles:N"),
        ("doodles:2:dve", "'dve' is not a split; use train, dev, test"),
        ("doodles:0", "'0' is not a whole number of at least 1"),
        ("photos:3", "there is no such source"),
        ("comics:nowhere", "Panel folder nowhere: there is no such folder"),
    ],
)
def test_data_that_is_not_there(source, message, tmp_path, capsys):
    assert message in refused(["discover", "--data", source, "--out", tmp_path / "h.json"], capsys)
    assert not (tmp_path / "h.json").exists()


def help_of(*arguments, capsys) -> str:
    assert cli.main([*arguments, "--help"]) == 0
    return capsys.readouterr().out


def test_help_lists_every_command_once_in_its_group(capsys):
    lines = help_of(capsys=capsys).splitlines()
    groups = [line for line in lines if line.endswith(":") and not line.startswith(" ")]
    assert groups == ["options:", *(f"{title}:" for title in cli.GROUPS)]
    listed = [line.split()[0] for line in lines if line.startswith("  ") and not line.startswith("  -")]
    modules = {path.stem for path in Path(commands.__file__).parent.glob("*.py")}
    assert listed == list(cli.COMMANDS)
    assert set(listed) == modules - {"__init__", "failures", "options", "output", "models"}


@pytest.mark.parametrize("command", cli.COMMANDS)
def test_every_option_has_a_help_text_and_shared_ones_say_the_same(command):
    for action in cli.parser(command)._actions:
        assert action.help and not action.help.startswith(("of ", "as in")), action
        name = action.option_strings[-1].removeprefix("--") if action.option_strings else ""
        if name in options.OPTIONS:
            shared = options.OPTIONS[name]
            assert action.help.removesuffix(" (default: %(default)s)") == shared["help"]
            assert action.type == shared.get("type")
    assert command in cli.parser(command).format_usage()


def test_an_option_of_several_commands_is_a_shared_one():
    """But for what means something else in each, and says so."""
    seen = [
        name
        for command in cli.COMMANDS
        for action in cli.parser(command)._actions
        for name in action.option_strings
    ]
    several = {name.removeprefix("--") for name in seen if seen.count(name) > 1}
    assert several - set(options.OPTIONS) == {"-h", "help"} and set(options.OPTIONS) >= several - {
        "-h",
        "help",
    }


def test_an_abbreviation_or_a_name_that_is_gone_is_refused(strip, capsys):
    assert "unrecognized arguments: --same 0.8" in refused(["report", "run", "--same", "0.8"], capsys)
    line = refused(["follow", "--out", "heads.json"], capsys)
    assert "invalid choice: 'follow'" in line and "See `gazeheads --help`" in line


def test_no_command_is_asked_for(capsys):
    assert "the following arguments are required: COMMAND" in refused([], capsys)


def test_help_loads_no_torch():
    code = (
        "import sys\nfrom gazeheads import cli\n[cli.parser(command) for command in cli.COMMANDS]\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env=os.environ)
