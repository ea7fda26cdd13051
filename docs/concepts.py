"""The pictures of docs/concepts.md, drawn from the bundled model; on 2 CPU cores in about 10 s.

    python docs/concepts.py             # writes docs/images/concepts-*.png
    python docs/concepts.py --values    # and renews the values in docs/concepts.md
    python docs/concepts.py FOLDER      # writes the pictures somewhere else

Each function below makes one picture. What it shows is read off a run, never typed in.
"""

import io
import sys
from functools import partial
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyBboxPatch, Rectangle
from PIL import Image

import gazeheads as gh
from gazeheads import prompts
from gazeheads.drawing.scenes import scenes
from gazeheads.figures import cell_map, new_figure, staircase, title, token_cells
from gazeheads.figures.style import CONTROL, GAZE, INK, MARK, MUTED, RULE, SMALL, TEXT, boxless
from gazeheads.judging.rules import RulesJudge
from gazeheads.model.bundled import HEADS

HERE = Path(__file__).parent
WIDTH = 7.2  # inches; shown at about 700 px
TOUR = (3, 1, 0, 5, 4, 2)  # panels, from 0
PALE, LIGHT, DARK = "#f1f3f6", "#c9ddee", "#08263f"

model = gh.load()
selected = gh.Heads.load(HEADS).selected
strip, photo = gh.doodles(n=1)[0], scenes(n=1)[0]
scene = model.encode(strip.image, prompts.THIS_PANEL, panels=strip.boxes)
told = model.encode(strip.image, prompts.NARRATE_FREELY, panels=strip.boxes)
view = model.encode(photo.image, prompts.MAIN_OBJECT)
# Pictures are shown sharper than the model sees them.
on_strip = dict(image=strip.resized(384, 128).image, rects=scene.grid.rects, size=strip.image.size)
on_photo = dict(image=photo.resized(384, 128).image, rects=view.grid.rects, size=photo.image.size)


def grid() -> Figure:
    """The strip with the position of each image token, and the prompt as the row of tokens that the model reads."""
    figure, (above, below) = new_figure(WIDTH, 1.95, 2, 1, height_ratios=[2.6, 1])
    token_cells(above, **on_strip, labels=[str(position) for position in scene.grid.positions])
    bold = dict(color=GAZE, weight="bold")
    for number, box in enumerate(strip.boxes, 1):
        middle = (box.x0 + box.x1) / 2
        outline = Rectangle((box.x0, box.y0), box.width, box.height, fill=False)
        above.add_patch(outline).set(edgecolor=GAZE, linewidth=1.6)
        above.text(middle, -2, f"panel {number}", ha="center", fontsize=TEXT, **bold)
    first, last = int(scene.grid.positions[0]), int(scene.grid.positions[-1])
    target = scene.grid.positions[scene.panel(3).weights > 0]
    for position in range(scene.n_prompt):
        colour = GAZE if position in target else LIGHT if first <= position <= last else "#e3e6eb"
        below.add_patch(Rectangle((position, 0), 1, 1, facecolor=colour, edgecolor="white", linewidth=0.6))
    below.text(first, 1.15, f"image tokens, positions {first} to {last}, row by row", fontsize=SMALL)
    below.text(last + 1, 1.15, "question", fontsize=SMALL)
    below.text(first, -0.2, "dark: those that see panel 4", va="top", fontsize=SMALL, **bold)
    below.set(xlim=(0, scene.n_prompt), ylim=(-0.9, 1.6), xticks=[], yticks=[])
    boxless(below)
    return figure


def regions() -> Figure:
    """Coverage of a box, a disc, a mask, a complement, a small box that is grown, and the centre rule."""
    box, sail, disc = (66, 46, 98, 94), (80, 9, 90, 18), (84, 68, 26)
    named: list[tuple[str, gh.Region, tuple[int, ...]]] = [
        ("a box", view.box(*box), box),
        ("a point, radius 26 px", view.point(*disc), disc),
        ("a mask", view.mask(photo.masks[3]), ()),
        ("all but the box", ~view.box(*box), box),
        ("a small box, grown", view.box(*sail, min_tokens=1), sail),
        ("centre rule", view.box(*box, coverage="centre"), box),
    ]
    figure, places = new_figure(WIDTH, 4.15, 2, 3)
    for axes, (name, region, shape) in zip(places, named, strict=True):
        framed = [shape] if len(shape) == 4 else []
        cell_map(axes, **on_photo, weights=region.weights, vmax=1, numbers=True, targets=framed)
        if len(shape) == 3:
            axes.add_patch(Circle(shape[:2], shape[2], fill=False, edgecolor=MARK, linewidth=1.6))
        heading = f"{name}: {region.weights.sum():.1f} tokens"
        axes.set_title(heading, fontsize=8, color=INK, loc="left")
    return figure


def pushes() -> Figure:
    """The last prompt row of one real head, before and under each push."""
    now = model.last_row([scene])[0]
    head = min(selected, key=lambda head: float(now[head].max() / now[head].sum()))
    named: list[tuple[str, str, gh.Push | None]] = [
        ("no push", "", None),
        ("focus", "the target alone, relative weights kept", gh.Push.focus()),
        ("uniform", "the target alone, evenly", gh.Push.uniform()),
        ("bias(inside=3)", "three nats more for the target", gh.Push.bias(inside=3)),
        ("reweigh", "what the picture got goes to the target", gh.Push.reweigh()),
    ]
    looks = []
    for _, _, push in named:
        gaze = push and gh.Gaze([head], at=scene.panel(3), push=push, during="answer")
        answer = model.generate(scene, gaze, record=gh.Record([head]), max_new_tokens=1)
        looks.append(answer.trace.mean[0])
    panels = np.array([panel.weights > 0 for panel in scene.panels])
    top = float(max(look.max() for look in looks)) ** 0.5
    figure, places = new_figure(WIDTH, 5.6, len(named), 2, width_ratios=[2.9, 1])
    for row, ((name, what, _), look) in enumerate(zip(named, looks, strict=True)):
        over, bars = places[2 * row : 2 * row + 2]
        # The square root, so that small weights can be seen beside large ones.
        cell_map(over, **on_strip, weights=look**0.5, vmax=top, targets=[strip.boxes[3].corners])
        over.set_anchor("W")
        over.set_title(name, loc="left", fontsize=TEXT, color=INK, weight="bold")
        over.set_title(what, loc="right", fontsize=SMALL, color=MUTED)
        mass_bars(bars, [*(panels @ look), 1 - look.sum()], target=3)
    places[1].set_title(f"{head}: attention mass, %", loc="left", fontsize=SMALL, color=MUTED)
    return figure


def mass_bars(axes: Axes, masses: list[float], target: int) -> None:
    """Bars for the panels and, last, the text; the target's stands out."""
    places = range(len(masses))
    colours = [MARK if place == target else GAZE for place in places[:-1]] + [CONTROL]
    axes.bar(places, masses, color=colours, width=0.8)
    for place, mass in enumerate(masses):
        axes.text(place, mass + 0.04, f"{100 * mass:.0f}", ha="center", fontsize=SMALL, color=INK)
    axes.set(ylim=(0, 1.25), yticks=[])
    axes.set_xticks(places, [*(str(place + 1) for place in places[:-1]), "text"])
    axes.spines["left"].set_visible(False)
    axes.tick_params(length=0)


def during() -> Figure:
    """Which query rows are steered, read off the proof of effect of four runs."""
    four, two = scene.panel(3), scene.panel(1)
    turn = gh.Schedule.at({0: four, 3: two})
    runs = {
        'during="all"': gh.Gaze(selected, at=four, during="all"),
        'during="answer"': gh.Gaze(selected, at=four, during="answer"),
        'during="decode"': gh.Gaze(selected, at=four, during="decode"),
        'during="answer", at=Schedule.at({0: panel 4, 3: panel 2})': gh.Gaze(
            selected, at=turn, during="answer"
        ),
    }
    figure, places = new_figure(WIDTH, 4.6, len(runs), 1)
    for axes, (name, gaze) in zip(places, runs.items(), strict=True):
        row_diagram(axes, gaze, model.generate(scene, gaze, max_new_tokens=8))
        axes.set_title(name, loc="left", fontsize=TEXT, color=INK, weight="bold")
    return figure


def row_diagram(axes: Axes, gaze: gh.Gaze, answer: gh.Generation) -> None:
    """Query rows as boxes, steered ones in blue with the panel they look at; below each the token it produces."""
    effect, prompt = answer.effect, scene.n_prompt - 1
    targets = [str(s.target) for s in answer.segments for _ in range(s.start, s.stop)]
    first = str(gaze.schedule.stop(0))
    blind = effect.rows_blind // len(gaze.heads)
    # Of each box: width, what is read, where it looks, what is written.
    boxes = [(5.6, f"{prompt} rows of the prompt", "", "")]
    if effect.prompt_before is not None:
        boxes = [
            (1.6, f"{blind} rows", "blind", ""),
            (4.0, f"{prompt - blind} rows of the prompt", first, ""),
        ]
    reads = ["last row", *answer.token_texts]
    for token, mass in enumerate(effect.before_by_token):
        boxes.append((1.25, reads[token], "" if mass is None else targets[token], answer.token_texts[token]))
    x = 0.0
    for width, read, target, written in boxes:
        middle, steered = x + width / 2, target not in ("", "blind")
        face = (GAZE if target == first else DARK) if steered else PALE
        ink, faint = ("white", "white") if steered else (INK, MUTED)
        corners = dict(boxstyle="round,pad=0,rounding_size=0.1", hatch="////" if target == "blind" else None)
        edge = face if steered else RULE
        axes.add_patch(FancyBboxPatch((x + 0.05, 0), width - 0.1, 1, fc=face, ec=edge, **corners))
        write = partial(axes.text, middle, ha="center")
        write(0.66, read.strip(), va="center", fontsize=SMALL, color=ink)
        write(0.3, target, va="center", fontsize=6.5, color=faint)
        write(-0.2, f"↓\n{written.strip()}" if written else "", va="top", fontsize=SMALL, color=INK)
        x += width
    axes.set(xlim=(0, x), ylim=(-1.0, 1.05), xticks=[], yticks=[])
    boxless(axes)


def tour() -> Figure:
    """Where the heads look while they tell the strip freely, and while they are led from panel to panel."""
    stops = gh.Schedule.on_sentence([told.panel(k) for k in TOUR])
    led = gh.Gaze(selected, at=stops, push="reweigh", during="answer")
    free, steered = (model.generate(told, gaze, record=selected, max_new_tokens=80) for gaze in (None, led))
    aimed = [told.panels.index(s.target) for s in steered.segments for _ in range(s.start, s.stop)]
    figure, places = new_figure(WIDTH, 5.0, 2, 1)
    for axes, answer, framed, name in (
        (places[0], free, about(free), "Unsteered. Framed: the panel that the words are about"),
        (places[1], steered, aimed, "Led by a schedule. Framed: its target"),
    ):
        end = len(answer.token_texts) - (answer.finish == "eos")  # the end token writes nothing
        staircase(axes, answer.trace.over(told.panels)[:end], answer.token_texts[:end], framed[:end])
        title(axes, name)
    return figure


def about(answer: gh.Generation) -> list[int | None]:
    """For each token the panel that its sentence describes, by the rules judge."""
    found: list[int | None] = []
    sentence: list[str] = []
    for piece in answer.token_texts:
        sentence.append(piece)
        if piece.endswith("."):
            found += [RulesJudge().judge(strip, "".join(sentence)).region] * len(sentence)
            sentence = []
    return found + [None] * len(sentence)


def words() -> Figure:
    """Where the heads look at three words about the fifth panel, raw and weighted by the length of the values."""
    slots = strip.slots[4]
    said = [slots["action"].split()[0], slots["object"], slots["setting"].split()[-1]]
    figure, places = new_figure(WIDTH, 3.75, len(said), 2)
    for col, (weighting, name) in enumerate((("raw", "raw"), ("value-norm", "weighted by the values"))):
        trace = model.generate(told, record=gh.Record(selected, weighting=weighting), max_new_tokens=80).trace
        for axes, word in zip(places[col::2], said, strict=True):
            cell_map(axes, **on_strip, weights=trace.map(word).ravel())
            axes.set_xlim(strip.boxes[3].x0, strip.image.width)
            axes.set_title(f"“{word}”, {name}", loc="left", fontsize=TEXT, color=INK)
    return figure


def save(figure: Figure, path: Path) -> None:
    """As a PNG of few colours: small, and the same bytes every time."""
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png", dpi=160, metadata={"Software": None})
    few: dict[str, int] = dict(method=Image.Quantize.MAXCOVERAGE, kmeans=1, dither=Image.Dither.NONE)
    Image.open(drawn).convert("RGB").quantize(96, **few).save(path, optimize=True)
    print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


def main(arguments: list[str]) -> None:
    """Draw every picture; renew the page if asked."""
    folders = [Path(name) for name in arguments if name != "--values"]
    for draw in (grid, regions, pushes, during, tour, words):
        save(draw(), (folders or [HERE / "images"])[0] / f"concepts-{draw.__name__}.png")
    if "--values" in arguments:
        import pages

        print(f"{pages.renew(HERE / 'concepts.md')} values renewed in concepts.md")


if __name__ == "__main__":
    main(sys.argv[1:])
