"""The twenty-four objects. Each is drawn in local coordinates inside -0.5..0.5, in colours of its own."""

import math
from collections.abc import Callable

from gazeheads.drawing.pen import INK, Pen, Point

WHITE = "#ffffff"


def ring(n: int, r0: float, r1: float, u: float = 0, v: float = 0, turn: float = -90) -> list[Point]:
    """The corners of a star with n points: radii r0 and r1 alternating."""
    radii = [r0, r1] * n
    angles = [math.radians(turn + 180 * i / n) for i in range(2 * n)]
    return [(u + r * math.cos(t), v + r * math.sin(t)) for r, t in zip(radii, angles, strict=True)]


def apple(p: Pen) -> None:
    p.path([(0, -0.2), (0.06, -0.45)], 0.07, "#6b4423")
    p.oval(0.2, -0.36, 0.16, 0.08, "#5cb85c")
    p.oval(-0.14, 0.08, 0.3, 0.38, "#d92f2f", line=True)
    p.oval(0.14, 0.08, 0.3, 0.38, "#d92f2f", line=True)
    p.oval(0, 0.08, 0.2, 0.3, "#d92f2f", line=False)
    p.oval(-0.2, -0.06, 0.08, 0.1, "#f7a19a", line=False)


def ball(p: Pen) -> None:
    p.oval(0, 0, 0.45, 0.45, WHITE)
    p.pie(0, 0, 0.45, 0.45, -90, -30, "#e4483f")
    p.pie(0, 0, 0.45, 0.45, 30, 90, "#3a78d4")
    p.pie(0, 0, 0.45, 0.45, 150, 210, "#f4c430")


def balloon(p: Pen) -> None:
    p.path([(0, 0.16), (0.05, 0.32), (-0.04, 0.5)], 0.035)
    p.poly([(-0.07, 0.22), (0.07, 0.22), (0, 0.12)], "#e83e8c")
    p.oval(0, -0.16, 0.32, 0.34, "#e83e8c")
    p.oval(-0.12, -0.28, 0.07, 0.1, "#fbd0e4", line=False)


def bell(p: Pen) -> None:
    p.oval(0, 0.36, 0.1, 0.1, "#8a6a12")
    p.poly(
        [(-0.42, 0.32), (-0.28, 0.1), (-0.22, -0.26), (0, -0.42), (0.22, -0.26), (0.28, 0.1), (0.42, 0.32)],
        "#e9b824",
    )
    p.path([(-0.36, 0.2), (0.36, 0.2)], 0.05, "#8a6a12")


def boat(p: Pen) -> None:
    p.path([(0, 0.2), (0, -0.48)], 0.05, "#6b4423")
    p.poly([(0.05, -0.45), (0.05, 0.08), (0.42, 0.08)], WHITE)
    p.poly([(-0.05, -0.36), (-0.05, 0.08), (-0.34, 0.08)], "#f2b134")
    p.poly([(-0.5, 0.16), (0.5, 0.16), (0.32, 0.46), (-0.32, 0.46)], "#a0522d")


def book(p: Pen) -> None:
    p.poly([(-0.5, -0.3), (0, -0.2), (0.5, -0.3), (0.5, 0.34), (0, 0.44), (-0.5, 0.34)], "#1f5fa8")
    p.poly([(-0.44, -0.36), (-0.22, -0.38), (0, -0.26), (0, 0.34), (-0.22, 0.24), (-0.44, 0.26)], WHITE)
    p.poly([(0.44, -0.36), (0.22, -0.38), (0, -0.26), (0, 0.34), (0.22, 0.24), (0.44, 0.26)], WHITE)
    for v in (-0.2, -0.05, 0.1):
        p.path([(-0.36, v - 0.02), (-0.1, v + 0.06)], 0.03, "#8a93a3")
        p.path([(0.36, v - 0.02), (0.1, v + 0.06)], 0.03, "#8a93a3")


def bucket(p: Pen) -> None:
    p.arc(0, -0.2, 0.34, 0.28, 180, 360, 0.05)
    p.poly([(-0.4, -0.18), (0.4, -0.18), (0.28, 0.46), (-0.28, 0.46)], "#19a7b8")
    p.oval(0, -0.18, 0.4, 0.1, "#0c6470")
    p.path([(-0.34, 0.14), (0.34, 0.14)], 0.06, "#bdeef3")


def cake(p: Pen) -> None:
    for u in (-0.2, 0.0, 0.2):
        p.path([(u, -0.14), (u, -0.32)], 0.06, "#4a90e2")
        p.oval(u, -0.39, 0.045, 0.07, "#ffb300", line=False)
    p.rect(-0.44, -0.14, 0.44, 0.42, "#f7d9a8", round_=0.06)
    p.rect(-0.44, -0.14, 0.44, 0.08, "#f06fa0", round_=0.06)
    for u in (-0.3, 0.0, 0.3):
        p.oval(u, 0.1, 0.09, 0.1, "#f06fa0", line=False)
    p.path([(-0.4, 0.26), (0.4, 0.26)], 0.05, "#a6532a")


def car(p: Pen) -> None:
    p.poly([(-0.28, 0.0), (-0.16, -0.3), (0.18, -0.3), (0.32, 0.0)], "#bfe6ff")
    p.rect(-0.5, -0.04, 0.5, 0.26, "#e23b3b", round_=0.1)
    p.path([(0.02, -0.3), (0.02, 0.0)], 0.04)
    p.oval(0.44, 0.06, 0.05, 0.05, "#ffe27a", line=False)
    for u in (-0.27, 0.27):
        p.oval(u, 0.28, 0.15, 0.15, "#33343c")
        p.oval(u, 0.28, 0.06, 0.06, "#d7d9de", line=False)


def chair(p: Pen) -> None:
    wood = "#b5763a"
    for u in (-0.28, 0.28):
        p.limb([(u, 0.05), (u, 0.46)], 0.07, wood)
    p.rect(-0.36, -0.48, -0.22, 0.08, wood)
    p.rect(-0.36, -0.48, 0.0, -0.36, wood)
    p.rect(-0.36, -0.26, 0.0, -0.16, wood)
    p.rect(-0.06, -0.48, 0.04, 0.08, wood)
    p.rect(-0.4, 0.0, 0.4, 0.14, "#d89a55", round_=0.03)


def clock(p: Pen) -> None:
    for s in (-1, 1):
        p.oval(s * 0.24, -0.36, 0.14, 0.12, "#f0a500")
        p.limb([(s * 0.2, 0.3), (s * 0.3, 0.46)], 0.06, "#f0a500")
    p.oval(0, 0.02, 0.4, 0.4, "#2f8f83")
    p.oval(0, 0.02, 0.3, 0.3, WHITE)
    p.path([(0, 0.02), (0, -0.2)], 0.05)
    p.path([(0, 0.02), (0.16, 0.1)], 0.05)


def drum(p: Pen) -> None:
    p.rect(-0.42, -0.16, 0.42, 0.4, "#c0392b")
    for i in range(4):
        u = -0.42 + 0.21 * i
        p.path([(u, 0.36), (u + 0.105, -0.08), (u + 0.21, 0.36)], 0.04, "#ffe9a8")
    p.oval(0, 0.38, 0.42, 0.1, "#ffd34d")
    p.oval(0, -0.16, 0.42, 0.14, "#fdf6e3")
    p.path([(-0.3, -0.46), (0.04, -0.18)], 0.055, "#8a5a2b")
    p.path([(0.36, -0.46), (0.1, -0.18)], 0.055, "#8a5a2b")


def fish(p: Pen) -> None:
    p.poly([(-0.22, 0), (-0.5, -0.26), (-0.44, 0), (-0.5, 0.26)], "#ff7f32")
    p.poly([(-0.1, -0.2), (0.1, -0.42), (0.22, -0.2)], "#ff7f32")
    p.oval(0.08, 0, 0.4, 0.26, "#ff9a3d")
    for u in (-0.06, 0.12):
        p.path([(u, -0.2), (u, 0.2)], 0.07, WHITE)
    p.oval(0.32, -0.06, 0.06, 0.06, WHITE)
    p.oval(0.33, -0.06, 0.03, 0.03, INK, line=False)


def flower(p: Pen) -> None:
    p.path([(0, 0), (0, 0.5)], 0.07, "#3f9142")
    p.oval(0.16, 0.3, 0.15, 0.07, "#57b85a")
    for i in range(6):
        t = math.radians(60 * i)
        p.oval(0.23 * math.cos(t), -0.16 + 0.23 * math.sin(t), 0.15, 0.15, "#9b59d0")
    p.oval(0, -0.16, 0.13, 0.13, "#ffd84d")


def gift(p: Pen) -> None:
    for s in (-1, 1):
        p.oval(s * 0.16, -0.35, 0.16, 0.1, "#f5d442")
    p.rect(-0.4, -0.1, 0.4, 0.46, "#27a065")
    p.rect(-0.46, -0.26, 0.46, -0.06, "#2fbf7a")
    p.rect(-0.09, -0.26, 0.09, 0.46, "#f5d442")


def guitar(p: Pen) -> None:
    p.limb([(0.06, -0.02), (0.36, -0.4)], 0.08, "#7a4a21")
    p.poly([(0.28, -0.4), (0.38, -0.5), (0.5, -0.42), (0.4, -0.3)], "#4f2f14")
    p.oval(-0.02, 0.04, 0.2, 0.2, "#d9822b")
    p.oval(-0.2, 0.22, 0.28, 0.27, "#d9822b")
    p.oval(-0.04, 0.06, 0.15, 0.15, "#d9822b", line=False)
    p.oval(-0.1, 0.13, 0.1, 0.1, "#4f2f14", line=False)


def hat(p: Pen) -> None:
    p.oval(0, 0.3, 0.5, 0.12, "#26262e")
    p.rect(-0.3, -0.4, 0.3, 0.3, "#26262e", round_=0.03)
    p.rect(-0.3, 0.06, 0.3, 0.22, "#d83a56")


def key(p: Pen) -> None:
    gold = "#f2c230"
    p.limb([(-0.1, 0), (0.44, 0)], 0.1, gold)
    for u in (0.26, 0.42):
        p.limb([(u, 0.02), (u, 0.2)], 0.08, gold)
    p.oval(-0.26, 0, 0.23, 0.23, gold)
    p.oval(-0.26, 0, 0.1, 0.1, WHITE)


def kite(p: Pen) -> None:
    p.path([(0, 0.28), (0.1, 0.38), (-0.06, 0.44), (0.04, 0.5)], 0.035)
    p.poly([(0, -0.5), (0.36, -0.12), (0, 0.3), (-0.36, -0.12)], "#22b5e8")
    p.poly([(0, -0.5), (0.36, -0.12), (0, -0.12)], "#ff5a4f", line=True)
    p.poly([(0, -0.12), (0, 0.3), (-0.36, -0.12)], "#ffd23f", line=True)


def lamp(p: Pen) -> None:
    p.path([(0, -0.1), (0, 0.42)], 0.08, "#5d6470")
    p.oval(0, 0.42, 0.26, 0.08, "#5d6470")
    p.poly([(-0.2, -0.48), (0.2, -0.48), (0.42, 0.0), (-0.42, 0.0)], "#ffe36e")


def mushroom(p: Pen) -> None:
    p.rect(-0.15, -0.02, 0.15, 0.46, "#f6ead7", round_=0.1)
    p.pie(0, 0.06, 0.48, 0.5, 180, 360, "#d62d3a")
    for u, v, r in ((-0.24, -0.1, 0.08), (0.02, -0.26, 0.09), (0.26, -0.1, 0.08)):
        p.oval(u, v, r, r, WHITE, line=False)


def pumpkin(p: Pen) -> None:
    p.limb([(0, -0.24), (0.05, -0.42)], 0.09, "#4c8a3a")
    for u in (-0.24, 0.24, 0.0):
        p.oval(u, 0.08, 0.24, 0.34, "#f0801f")
    for s in (-1, 1):
        p.poly([(s * 0.14 - 0.08, 0.04), (s * 0.14 + 0.08, 0.04), (s * 0.14, -0.1)], INK, line=False)
    p.path([(-0.2, 0.18), (-0.08, 0.26), (0.08, 0.26), (0.2, 0.18)], 0.06)


def star(p: Pen) -> None:
    p.poly(ring(5, 0.5, 0.21, 0, 0.04), "#ffd93b")
    p.oval(-0.09, 0.0, 0.04, 0.05, INK, line=False)
    p.oval(0.09, 0.0, 0.04, 0.05, INK, line=False)


def umbrella(p: Pen) -> None:
    p.path([(0, -0.4), (0, 0.34)], 0.05, "#6b4423")
    p.arc(0.09, 0.34, 0.09, 0.12, 0, 180, 0.05, "#6b4423")
    p.pie(0, 0.04, 0.5, 0.48, 180, 360, "#6f52c9")
    p.pie(0, 0.04, 0.2, 0.48, 180, 360, "#f6f1ff")


OBJECTS: dict[str, Callable[[Pen], None]] = {
    f.__name__: f
    for f in (
        apple, ball, balloon, bell, boat, book, bucket, cake, car, chair, clock, drum,
        fish, flower, gift, guitar, hat, key, kite, lamp, mushroom, pumpkin, star, umbrella,
    )
}  # fmt: skip


def draw_object(pen: Pen, name: str) -> None:
    """Draw the object of this name."""
    OBJECTS[name](pen)
