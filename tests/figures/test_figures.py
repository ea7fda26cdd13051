"""The figures draw the data that they are given: read back from the artists, not only drawn without error."""

import io
import subprocess
import sys
from itertools import pairwise

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection, QuadMesh
from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle
from PIL import Image

from gazeheads import figures
from gazeheads.errors import GazeHeadsError
from gazeheads.figures import style
from gazeheads.statistics import Estimate

SCORES = np.linspace(0, 0.5, 96).reshape(8, 12)


def axes() -> Axes:
    return figures.new_figure(5, 3)[1][0]


def mesh(drawn: Axes) -> QuadMesh:
    (found,) = (each for each in drawn.collections if isinstance(each, QuadMesh))
    return found


def texts(drawn: Axes) -> list[str]:
    return [text.get_text() for text in drawn.texts]


def colour(found: object) -> str:
    return to_hex(found)  # type: ignore[arg-type]


def frames(drawn: Axes) -> set[tuple[float, ...]]:
    return {tuple(patch.get_bbox().bounds) for patch in drawn.patches if isinstance(patch, Rectangle)}


def dots(drawn: Axes, colour_of: str) -> list[tuple[float, float]]:
    lines = [line for line in drawn.lines if line.get_marker() == "o" and line.get_color() == colour_of]
    return [point for line in lines for point in zip(*map(list, line.get_data()), strict=True)]


def test_score_map_shows_every_score_and_frames_the_top() -> None:
    drawn = figures.score_map(axes(), SCORES, [(7, 11), (7, 10)])
    np.testing.assert_array_equal(mesh(drawn).get_array(), SCORES)
    assert mesh(drawn).get_clim() == (0, 0.5)
    assert frames(drawn) == {(10.5, 6.5, 1, 1), (9.5, 6.5, 1, 1)}
    assert drawn.get_ylim() == (-0.5, 7.5), "layer 0 at the bottom"
    assert mesh(figures.score_map(axes(), np.zeros((2, 2)))).get_clim() == (0, 1)


def test_score_map_leaves_heads_without_a_score_blank_and_takes_negative_ones() -> None:
    drawn = mesh(figures.score_map(axes(), np.array([[-2.0, np.nan], [-0.5, 0.0]])))
    assert drawn.get_clim() == (-2, 0)
    np.testing.assert_array_equal(np.ma.getmaskarray(drawn.get_array()), [[False, True], [False, False]])
    assert mesh(figures.score_map(axes(), np.array([[0.2, np.nan]]))).get_clim() == (0, 0.2)


@pytest.mark.parametrize("top", [0, 5])
def test_score_histogram_counts_every_head_once(top: int) -> None:
    drawn = figures.score_histogram(axes(), SCORES, top)
    by_colour: dict[str, float] = {}
    for bar in drawn.patches:
        by_colour[colour(bar.get_facecolor())] = (
            by_colour.get(colour(bar.get_facecolor()), 0) + bar.get_height()
        )
    assert by_colour.get(style.GAZE, 0) == top
    assert by_colour[style.CONTROL] == 96 - top
    reach: dict[float, float] = {}
    for bar in drawn.patches:
        reach[bar.get_x()] = max(reach.get(bar.get_x(), 0), bar.get_y() + bar.get_height())
    assert sum(reach.values()) == 96, "blue stands on grey"
    assert drawn.get_yscale() == "linear"


def test_score_histogram_is_logarithmic_only_where_the_tail_would_hide() -> None:
    drawn = figures.score_histogram(axes(), np.array([[0.01] * 200 + [0.9]]), 1)
    assert drawn.get_yscale() == "log"
    assert drawn.get_ylim()[0] < 1, "a single head is seen"
    best = [bar for bar in drawn.patches if colour(bar.get_facecolor()) == style.GAZE and bar.get_height()]
    assert [bar.get_height() for bar in best] == [1]
    assert best[0].get_x() < 0.9 <= best[0].get_x() + best[0].get_width() + 1e-12


def test_region_matrix_is_asked_by_looked_at_with_its_numbers() -> None:
    matrix = np.array([[0.7, 0.1, 0.0], [0.2, 0.6, 0.05]])
    drawn = figures.region_matrix(axes(), matrix, vmax=0.8)
    np.testing.assert_array_equal(mesh(drawn).get_array(), matrix)
    assert mesh(drawn).get_clim() == (0, 0.8)
    assert texts(drawn) == ["70", "10", "0", "20", "60", "5"]
    assert [text.get_position() for text in drawn.texts][1] == (1, 0), "looked at is across, asked is down"
    assert [label.get_text() for label in drawn.get_yticklabels()] == ["1", "2"]
    assert drawn.yaxis_inverted(), "the first asked panel is on top"
    assert texts(drawn)[0] == "70"
    assert colour(drawn.texts[0].get_color()) == "#ffffff", "readable on dark blue"
    assert colour(drawn.texts[2].get_color()) == style.INK


def test_k_curve_shows_means_intervals_draws_and_the_choice() -> None:
    found = {8: Estimate(0.8, 0.7, 0.9, 48, 8), 2: Estimate(0.3, 0.2, 0.35, 48, 8)}
    drawn = figures.k_curve(axes(), found, {2: [0.1, 0.2], 8: [0.15]}, chosen=8, chance=1 / 6)
    assert dots(drawn, style.GAZE) == [(2, 0.3), (8, 0.8)]
    assert sorted(dots(drawn, style.CONTROL)) == [(2, 0.1), (2, 0.2), (8, 0.15)]
    (band,) = (each for each in drawn.collections if isinstance(each, PolyCollection))
    assert {(2.0, 0.2), (2.0, 0.35), (8.0, 0.7), (8.0, 0.9)} <= {
        tuple(v) for v in band.get_paths()[0].vertices
    }
    ring = [line for line in drawn.lines if colour(line.get_markeredgecolor()) == style.MARK]
    assert [(*ring[0].get_xdata(), *ring[0].get_ydata())] == [(8, 0.8)]
    legend = drawn.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == [
        "random-head controls",
        "top K heads",
        "chosen on dev: K = 8",
    ]
    assert list(drawn.get_xticks()) == [2, 8]
    assert any(list(line.get_ydata()) == [1 / 6, 1 / 6] for line in drawn.lines)


def test_condition_bars_show_controls_as_draws_never_as_one_bar() -> None:
    draws = [0.2, 0.1, 0.11, 0.53]
    drawn = figures.condition_bars(
        axes(),
        {
            "unsteered": Estimate(0.17, 0.1, 0.2, 48, 8),
            "controls": draws,
            "gaze": Estimate(0.8, 0.7, 0.9, 48, 8),
        },
        highlight="gaze",
        chance=1 / 6,
    )
    bars = [
        (bar.get_y() + bar.get_height() / 2, bar.get_width(), colour(bar.get_facecolor()))
        for bar in drawn.patches
    ]
    assert bars == [(0, 0.17, style.CONTROL), (2, 0.8, style.GAZE)]
    points = dots(drawn, style.CONTROL)
    assert [x for x, _ in points] == sorted(draws)
    assert all(abs(y - 1) < 0.3 for _, y in points)
    assert points[0][1] != points[1][1], "near draws do not hide each other"
    assert [0.7, 0.9] in [list(line.get_xdata()) for line in drawn.lines]
    assert {"17.0%", "80.0%", "10.0 to 53.0%"} <= set(texts(drawn))
    assert [label.get_text() for label in drawn.get_yticklabels()] == ["unsteered", "controls", "gaze"]
    assert drawn.yaxis_inverted()


def test_a_bar_without_an_interval_gets_none() -> None:
    drawn = figures.condition_bars(axes(), {"one strip": Estimate(0.5, np.nan, np.nan, 6, 1)})
    assert len(drawn.lines) == 0
    assert texts(drawn) == ["50.0%"]


def test_staircase_runs_to_the_right_and_frames_what_is_described() -> None:
    attention = np.eye(3)[[0, 0, 1, 2]] * 0.5
    drawn = figures.staircase(axes(), attention, ["a", "\n", " ", "d"], [0, 0, None, 2])
    np.testing.assert_array_equal(mesh(drawn).get_array(), attention.T)
    assert [label.get_text() for label in drawn.get_xticklabels()] == ["a", "⏎", "␣", "d"]
    assert drawn.yaxis_inverted()
    ends = {tuple(line.get_xdata()) for line in drawn.lines if len(set(line.get_xdata())) == 1}
    assert ends == {(-0.5, -0.5), (1.5, 1.5), (2.5, 2.5), (3.5, 3.5)}, "a run has one left and one right end"
    rows = {tuple(line.get_ydata()) for line in drawn.lines if len(set(line.get_ydata())) == 1}
    assert rows == {(-0.5, -0.5), (0.5, 0.5), (1.5, 1.5), (2.5, 2.5)}


def test_staircase_of_many_tokens_counts_them_instead() -> None:
    drawn = figures.staircase(axes(), np.ones((91, 2)), ["x"] * 91)
    assert drawn.get_xlabel() == "token"
    with pytest.raises(GazeHeadsError, match="Staircase of 91 tokens, but 2 described"):
        figures.staircase(axes(), np.ones((91, 2)), described=[0, 1])


BOXES = [(0, 0, 48, 40), (50, 0, 100, 40)]


def test_panel_answers_stand_below_their_panels() -> None:
    picture = Image.new("RGB", (100, 40), "#123456")
    drawn = figures.panel_answers(axes(), picture, BOXES, ["holding a ball", ""], [True, False])
    assert drawn.images[0].get_array().shape == (40, 100, 3)  # type: ignore[union-attr]
    assert tuple(drawn.images[0].get_array()[0, 0]) == (0x12, 0x34, 0x56)  # type: ignore[index]
    assert [text.strip() for text in texts(drawn)] == ["1 ✓", "holding a ball", "2 ✗", "(nothing)"]
    assert [text.xy for text in drawn.texts] == [(24, 40)] * 2 + [(75, 40)] * 2  # type: ignore[attr-defined]
    assert frames(drawn) == {(0, 0, 48, 40), (50, 0, 50, 40)}
    assert [colour(patch.get_edgecolor()) for patch in drawn.patches] == [style.GAZE, style.WRONG]


def test_what_a_model_says_is_no_formula() -> None:
    drawn = figures.panel_answers(axes(), Image.new("RGB", (100, 40)), BOXES, ["a $\\oops$ b", "b"])
    steps = figures.staircase(axes(), np.ones((2, 2)), ["$a$", "$\\oops$"])
    for each in (drawn, steps):
        figure = each.get_figure()
        assert figure is not None
        figure.savefig(io.BytesIO())
    assert "a $\\oops$ b" in texts(drawn)[1]


def test_answers_of_panels_above_each_other_are_listed_whole() -> None:
    boxes = [(0, 0, 40, 20), (0, 20, 40, 40)]
    long = "word " * 60
    drawn = figures.panel_answers(axes(), Image.new("RGB", (40, 40)), boxes, [long, "short"], columns=20)
    assert [text.split() for text in texts(drawn)] == [["1"], long.split(), ["2"], ["short"]]
    heights = [text.xyann[1] for text in drawn.texts]  # type: ignore[attr-defined]
    assert heights[2] < heights[0] - 12 * (texts(drawn)[1].count("\n") + 1), (
        "the second starts below the first"
    )


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (np.zeros(3), r"scores: need a finite matrix with cells, found shape \(3,\)"),
        (np.zeros((0, 3)), r"found shape \(0, 3\)"),
        (np.full((2, 2), np.nan), r"need a finite matrix"),
        (np.array([[1.0, np.inf]]), r"need a finite matrix"),
    ],
)
def test_what_is_no_matrix_is_refused(bad: np.ndarray, message: str) -> None:
    with pytest.raises(GazeHeadsError, match=message):
        figures.score_map(axes(), bad)


def test_each_box_needs_its_answer() -> None:
    with pytest.raises(GazeHeadsError, match="2 boxes, but 1 answers"):
        figures.panel_answers(axes(), Image.new("RGB", (100, 40)), BOXES, ["a"])
    with pytest.raises(GazeHeadsError, match="2 boxes, but 1 right"):
        figures.panel_answers(axes(), Image.new("RGB", (100, 40)), BOXES, ["a", "b"], [True])


def test_nothing_global_is_touched() -> None:
    before = dict(mpl.rcParams)
    figure, (first, second) = figures.new_figure(4, 2, 1, 2)
    figures.title(figures.region_matrix(first, np.eye(6)), "Matrix")
    figures.k_curve(second, {2: Estimate(0.5, 0.4, 0.6, 9, 3)})
    figure.savefig(io.BytesIO())
    assert first.get_title(loc="left") == "Matrix"
    assert dict(mpl.rcParams) == before
    code = "import sys, gazeheads.figures; print('matplotlib.pyplot' in sys.modules, 'torch' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).split() == ["False", "False"]


def test_the_colours_stay_apart_in_grey() -> None:
    """They differ in lightness too, for print and for every eye."""

    def luma(name: str) -> float:
        red, green, blue = mpl.colors.to_rgb(name)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    assert luma(style.CONTROL) - luma(style.GAZE) > 0.2
    assert abs(luma(style.GAZE) - luma(style.MARK)) > 0.2
    steps = [luma(style.ATTENTION(share)) for share in np.linspace(0, 1, 20)]
    assert all(dark < light for light, dark in pairwise(steps))


def estimate(mean: float) -> Estimate:
    return Estimate(mean, mean - 0.1, mean + 0.1, 12, 2)


def test_selection_curves_draw_each_selection_and_every_control_draw() -> None:
    found = {"gaze heads": {8: estimate(0.8), 2: estimate(0.3)}, "Image Heads": {2: estimate(0.2)}}
    drawn = figures.selection_curves(axes(), found, {2: [0.1, 0.15]}, chance=1 / 6)
    lines = {line.get_label(): list(zip(*map(list, line.get_data()), strict=True)) for line in drawn.lines}
    assert lines["gaze heads"] == [(2, 0.3), (8, 0.8)] and lines["Image Heads"] == [(2, 0.2)]
    assert dots(drawn, style.CONTROL) == [(2, 0.1), (2, 0.15)]
    colours = {line.get_label(): line.get_color() for line in drawn.lines}
    assert colours["gaze heads"] == style.GAZE and colours["Image Heads"] == style.RIVALS[0]
    assert list(drawn.get_xticks()) == [2, 8]


def test_position_lines_count_places_from_one() -> None:
    drawn = figures.position_lines(axes(), {"gaze heads": {1: estimate(0.5), 0: estimate(0.9)}}, chance=0.5)
    (line,) = (each for each in drawn.lines if each.get_label() == "gaze heads")
    assert (list(line.get_xdata()), list(line.get_ydata())) == ([1, 2], [0.9, 0.5])
    assert list(drawn.get_xticks()) == [1, 2]


def test_sweep_rows_stand_in_order_with_their_own_chance() -> None:
    found = {"bias 1": {"gaze heads": estimate(0.4)}, "focus": {"gaze heads": estimate(0.9)}}
    drawn = figures.sweep_rows(axes(), found, {"focus": [0.2, 0.3]}, {"bias 1": 0.5, "focus": 0.25})
    assert [label.get_text() for label in drawn.get_yticklabels()] == ["bias 1", "focus"]
    assert drawn.yaxis_inverted(), "the first setting is on top"
    assert dots(drawn, style.GAZE) == [(0.4, 0), (0.9, 1)]
    assert [x for x, _ in dots(drawn, style.CONTROL)] == [0.2, 0.3]
    dashed = [line for line in drawn.lines if line.get_linestyle() == "--" and len(line.get_xdata())]
    assert [list(line.get_xdata()) for line in dashed] == [[0.5, 0.5], [0.25, 0.25]]
    with pytest.raises(GazeHeadsError, match="there is no setting"):
        figures.sweep_rows(axes(), {})


def test_set_overlap_writes_every_number() -> None:
    drawn = figures.set_overlap(axes(), ["gaze", "image"], [[8, 3], [3, 8]])
    assert texts(drawn) == ["8", "3", "3", "8"]
    assert [label.get_text() for label in drawn.get_xticklabels()] == ["gaze", "image"]
    with pytest.raises(GazeHeadsError, match=r"2 sets, but shared heads of shape \(1, 2\)"):
        figures.set_overlap(axes(), ["gaze", "image"], [[8, 3]])


def test_conditions_beyond_the_colours_have_another_shape() -> None:
    many = {f"condition {number}": estimate(0.1 * number) for number in range(9)}
    drawn = figures.sweep_rows(axes(), {"area": many})
    looks = [(line.get_color(), line.get_marker()) for line in drawn.lines if line.get_label() in many]
    assert len(looks) == len(set(looks)) == 9
