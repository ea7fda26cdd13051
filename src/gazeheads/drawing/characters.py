"""The eight characters, each in any colour and in the poses that the actions need.

A character is drawn in local coordinates: height 1, feet at v = 0.5, top of the head near v = -0.5, facing right.
"""

from dataclasses import dataclass

from PIL import ImageColor

from gazeheads.drawing.pen import INK, Pen

WHITE, BLUSH = "#ffffff", "#f3a6a0"


@dataclass(frozen=True)
class Pose:
    """Where hands and feet go, in the character's own coordinates."""

    hands: tuple[tuple[float, float], tuple[float, float]] = ((-0.2, 0.22), (0.22, 0.2))
    feet: tuple[tuple[float, float], tuple[float, float]] = ((-0.12, 0.48), (0.12, 0.48))
    lean: float = 0.0


STAND = Pose()
HOLD = Pose(hands=((0.26, 0.17), (0.3, 0.1)))
LIFT = Pose(hands=((-0.2, -0.46), (0.22, -0.46)))
SIT = Pose(hands=((-0.2, 0.26), (0.2, 0.26)), feet=((0.3, 0.36), (0.32, 0.28)))
JUMP = Pose(hands=((-0.3, -0.08), (0.32, -0.1)), feet=((-0.32, 0.36), (0.32, 0.34)))
RUN = Pose(hands=((-0.26, 0.06), (0.34, 0.02)), feet=((-0.3, 0.42), (0.28, 0.46)), lean=0.1)
PUSH = Pose(hands=((0.38, 0.06), (0.4, 0.14)), feet=((-0.3, 0.47), (-0.06, 0.48)), lean=0.14)


def shade(colour: str, factor: float) -> str:
    """The colour made darker (factor < 1) or lighter (factor > 1)."""
    rgb = ImageColor.getrgb(colour)[:3]
    mixed = [round(c * factor if factor <= 1 else c + (255 - c) * (factor - 1)) for c in rgb]
    return "#{:02x}{:02x}{:02x}".format(*mixed)


def draw_character(pen: Pen, kind: str, colour: str, pose: Pose = STAND) -> None:
    """Draw one character of one colour in one pose."""
    dark, light = shade(colour, 0.82), shade(colour, 1.55)
    lean = pose.lean
    hip, chest = (0.0, 0.3), (lean * 0.6, 0.08)
    for (u, v), side in zip(pose.feet, (-0.08, 0.08), strict=True):
        pen.limb([(hip[0] + side, hip[1]), (u, v)], 0.085, dark)
        pen.oval(u + 0.03, v, 0.07, 0.045, dark)
    back, front = pose.hands
    pen.limb([(chest[0] - 0.12, chest[1] + 0.02), back], 0.075, dark)
    if kind == "robot":
        pen.rect(-0.17 + lean * 0.3, -0.02, 0.17 + lean * 0.3, 0.36, colour, round_=0.04)
        pen.rect(-0.09 + lean * 0.3, 0.08, 0.09 + lean * 0.3, 0.22, light)
    else:
        pen.oval(lean * 0.3, 0.18, 0.175, 0.2, colour)
        belly = WHITE if kind == "penguin" else light
        pen.oval(0.03 + lean * 0.3, 0.2, 0.105, 0.14, belly, line=False)
    _head(pen.at(lean, -0.2, 1.0), kind, colour, dark, light)
    pen.limb([(chest[0] + 0.12, chest[1] + 0.02), front], 0.075, colour)


def _eyes(pen: Pen, spread: float, v: float, size: float = 0.05) -> None:
    for u in (0.05 - spread, 0.05 + spread):
        pen.oval(u, v, size, size * 1.15, WHITE)
        pen.oval(u + size * 0.35, v, size * 0.52, size * 0.62, INK, line=False)


def _head(pen: Pen, kind: str, colour: str, dark: str, light: str) -> None:
    if kind == "robot":
        pen.path([(0, -0.2), (0, -0.3)], 0.03)
        pen.oval(0, -0.31, 0.04, 0.04, "#ffcf4a")
        pen.rect(-0.21, -0.21, 0.21, 0.17, colour, round_=0.05)
        pen.rect(-0.15, -0.13, 0.17, 0.03, "#dff3ff", round_=0.03)
        for u in (-0.05, 0.09):
            pen.oval(u, -0.05, 0.035, 0.05, INK, line=False)
        pen.path([(-0.08, 0.1), (0.1, 0.1)], 0.025)
        return
    if kind == "cat":
        for s in (-1, 1):
            pen.poly([(s * 0.2, 0.0), (s * 0.21, -0.3), (s * 0.04, -0.16)], colour)
            pen.poly([(s * 0.17, -0.08), (s * 0.18, -0.22), (s * 0.09, -0.15)], BLUSH, line=False)
    elif kind == "rabbit":
        for s in (-1, 1):
            pen.oval(s * 0.09, -0.28, 0.06, 0.18, colour)
            pen.oval(s * 0.09, -0.28, 0.025, 0.12, BLUSH, line=False)
    elif kind == "bear":
        for s in (-1, 1):
            pen.oval(s * 0.17, -0.16, 0.085, 0.085, colour)
            pen.oval(s * 0.17, -0.16, 0.04, 0.04, light, line=False)
    elif kind == "elephant":
        for s in (-1, 1):
            pen.oval(s * 0.25, -0.02, 0.14, 0.18, dark)
    elif kind == "frog":
        for s in (-1, 1):
            pen.oval(s * 0.12 + 0.02, -0.17, 0.09, 0.09, colour)
            pen.oval(s * 0.12 + 0.03, -0.17, 0.055, 0.06, WHITE, line=False)
            pen.oval(s * 0.12 + 0.05, -0.17, 0.028, 0.035, INK, line=False)
    if kind == "frog":
        pen.oval(0, 0, 0.24, 0.17, colour)
        pen.arc(0.04, 0.0, 0.15, 0.1, 20, 160, 0.025)
        for u in (-0.14, 0.2):
            pen.oval(u, 0.04, 0.035, 0.025, BLUSH, line=False)
        return
    pen.oval(0, 0, 0.215, 0.19, colour)
    if kind == "dog":
        for s in (-1, 1):
            pen.oval(s * 0.21, 0.02, 0.065, 0.16, dark)
        pen.oval(0.07, 0.07, 0.1, 0.08, light)
        pen.oval(0.1, 0.035, 0.04, 0.03, INK, line=False)
    elif kind == "penguin":
        pen.oval(0.05, 0.02, 0.15, 0.14, WHITE, line=False)
    _eyes(pen, 0.075, -0.035)
    if kind == "cat":
        pen.poly([(0.03, 0.05), (0.07, 0.05), (0.05, 0.08)], BLUSH)
        for s in (-1, 1):
            for v in (0.05, 0.1):
                pen.path([(0.05 + s * 0.08, 0.07), (0.05 + s * 0.22, v)], 0.012)
    elif kind == "rabbit":
        pen.oval(0.05, 0.06, 0.03, 0.022, BLUSH)
        pen.rect(0.025, 0.09, 0.075, 0.15, WHITE)
    elif kind == "bear":
        pen.oval(0.06, 0.08, 0.085, 0.065, light)
        pen.oval(0.07, 0.055, 0.035, 0.025, INK, line=False)
    elif kind == "elephant":
        pen.limb([(0.06, 0.06), (0.13, 0.2), (0.2, 0.28), (0.27, 0.25)], 0.075, colour)
    elif kind == "penguin":
        pen.poly([(0.0, 0.03), (0.2, 0.06), (0.0, 0.1)], "#f6a42b")
