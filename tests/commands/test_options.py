"""What options take: bounds of what is counted, numbers that are finite, the home folder, values below zero."""

from pathlib import Path

import pytest

from gazeheads import cli

HUGE = "9" * 5000
LOOK = ["look", "x.png", "--ask", "What?"]


@pytest.mark.parametrize(
    "words, message",
    [
        ([*LOOK, "--panel", "1/1000000000"], "--panel: '1/1000000000': 1000 parts are the most"),
        ([*LOOK, "--panel", f"1/{HUGE}"], "--panel: a str: 1000 parts are the most"),
        (
            [*LOOK, "--panel", "1/2", "--max-new-tokens", "9" * 12],
            "is more than 1000000, the most that is taken",
        ),
        ([*LOOK, "--panel", "1/2", "--max-new-tokens", HUGE], "is more than 1000000, the most"),
        (
            ["look", "x.png", "--panel", "1/2", "--ask", "a" * 200_000],
            "the text has 200000 characters; 20000 are",
        ),
        (["watch", "x.png", "--ask", "What?", "--panels", "1000000000"], "is more than 1000, the most"),
        (
            ["run", "this-panel", "--out", "o", "--conditions", "controls:999999999"],
            "10000 draws are the most",
        ),
        (["run", "this-panel", "--out", "o", "--conditions", f"controls:{HUGE}"], "10000 draws are the most"),
        (
            ["run", "this-panel", "--out", "o", "--seed", HUGE],
            "--seed: a str is more than 9223372036854775807",
        ),
        (["run", "this-panel", "--out", "o", "--top", "0"], "'0' is neither a number of heads from 1 on"),
        (["ground", "--top", "0"], "'0' is neither a number of heads from 1 on"),
        (["ground", "--top", "nan"], "'nan' is neither a number of heads from 1 on"),
        (["ground", "--top", "²"], "'²' is neither a number of heads from 1 on"),
        (["run", "this-panel", "--out", "o", "--batch", "-5"], "'-5' is not a whole number of at least 1"),
        (["doodles", "--out", "o", "--n", "999999999"], "is more than 100000, the most"),
        (["judge", "o", "--timeout", "nan"], "--timeout: 'nan' is not a number from 0.001 to 1e+06"),
        (["judge", "o", "--price-in", "-1"], "--price-in: '-1' is not a number from 0 to"),
        (["judge", "o", "--limit", "inf"], "--limit: 'inf' is not a number from 0 to"),
        (
            ["judge", "o", "--base-url", "host:80"],
            "--base-url: this is no address of a server: write http://",
        ),
        (["judge", "o", "--base-url", "http://a b"], "this is no address of a server"),
        (["report", "o", "--same-as-unsteered", "nan"], "'nan' is not a number from 0 to 1"),
        (["point", "x.png", "--to", "it", "--peak-share", "7"], "'7' is not a number from 0 to 1"),
        (["run", "this-panel", "--out", ""], "the path is empty; is a variable of the shell not set?"),
        (
            ["run", "this-panel", "--out", "o", "--heads", "~nobody-of-this-name/h"],
            "there is no such home folder",
        ),
    ],
    ids=lambda value: " ".join(value)[:60] if isinstance(value, list) else "",
)
def test_what_nobody_can_mean_is_refused_before_anything_is_done(
    words, message, monkeypatch, tmp_path, capsys
):
    monkeypatch.chdir(tmp_path)
    assert cli.main(words) == 2
    err = capsys.readouterr().err
    assert message in err and err.count("\n") == 1 and len(err) < 1000
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "url", ["http://localhost:8000", "https://[::1]:80/v1", "https://me:secret@host/v1?a=b"]
)
def test_addresses_are_taken_as_they_are(url):
    assert cli.parser("judge").parse_args(["o", "--base-url", url]).base_url == url


def test_a_box_may_begin_below_zero(capsys):
    args = cli.parser("look").parse_args(["x.png", "--ask", "What?", "--box", "-5,0,10,10"])
    assert args.box[1].corners == (-5, 0, 10, 10)
    args = cli.parser("watch").parse_args(["x.png", "--ask", "What?", "--box", "-.5,0,9,9"])
    assert args.box[0][1].corners == (-0.5, 0, 9, 9)
    assert cli.main(["look", "x.png", "--boxes", "-5"]) == 2
    assert "gazeheads: " in capsys.readouterr().err


@pytest.mark.parametrize("command", cli.COMMANDS)
def test_the_home_folder_is_known_in_every_path(command):
    home = Path("~/x").expanduser()
    actions = [each for each in cli.parser(command)._actions if each.type is not None]
    assert not any(each.type is Path for each in actions)
    for action in actions:
        if action.type.__name__ in ("path", "model"):
            assert str(action.type("~/x")) == str(home)
