"""The sixteen settings as backdrops. The pen's unit is the panel's height; `w` is the panel's width in that unit."""

import math
from collections.abc import Callable

from gazeheads.drawing.objects import ring
from gazeheads.drawing.pen import Pen

GROUND = 0.68  # where the ground begins, as a share of the height


def _bands(p: Pen, w: float, sky: str, ground: str, at: float = GROUND) -> None:
    p.rect(0, 0, w, at, sky, line=False)
    p.rect(0, at, w, 1.02, ground, line=False)


def _spread(w: float, pitch: float) -> list[float]:
    """Centres of as many equal columns of about `pitch` as fit into the width."""
    n = max(1, round(w / pitch))
    return [(i + 0.5) * w / n for i in range(n)]


def beach(p: Pen, w: float) -> None:
    _bands(p, w, "#a9e2f7", "#f4dd9b")
    p.rect(0, 0.5, w, GROUND, "#2f9fd0", line=False)
    for u in _spread(w, 0.3):
        p.arc(u, 0.6, 0.08, 0.04, 180, 360, 0.015, "#ffffff")
    p.oval(w - 0.18, 0.16, 0.1, 0.1, "#ffd84a", line=False)


def forest(p: Pen, w: float) -> None:
    _bands(p, w, "#cfe8c6", "#5f8f3e")
    for i, u in enumerate(_spread(w, 0.27)):
        p.rect(u - 0.03, 0.42, u + 0.03, 0.72, "#5e3b1c", line=False)
        for v in (0.1, 0.24, 0.38):
            p.poly(
                [(u - 0.15, v + 0.2), (u + 0.15, v + 0.2), (u, v - 0.05)],
                ("#2c6e36", "#378545")[i % 2],
                line=False,
            )


def kitchen(p: Pen, w: float) -> None:
    _bands(p, w, "#fdf3dc", "#c9c2b8", 0.74)
    for i in range(math.ceil(w / 0.14)):
        for j in range(2):
            fill = ("#ffffff", "#8fd3d1")[(i + j) % 2]
            p.rect(i * 0.14, 0.3 + j * 0.14, min(w, i * 0.14 + 0.14), 0.44 + j * 0.14, fill, line=False)
    p.rect(0, 0.58, w, 0.64, "#b97c46", line=False)
    p.rect(0.04, 0.0, w - 0.04, 0.2, "#d7a06a", line=False)
    for u in _spread(w, 0.4):
        p.oval(u, 0.16, 0.02, 0.02, "#6b4423", line=False)


def desert(p: Pen, w: float) -> None:
    _bands(p, w, "#ffe3ae", "#e2a24f")
    p.oval(w * 0.3, GROUND + 0.06, w * 0.45, 0.14, "#d78f3c", line=False)
    p.oval(w * 0.85, GROUND + 0.06, w * 0.4, 0.1, "#d78f3c", line=False)
    for u, s in ((0.12, 1.0), (w - 0.14, 0.8)):
        for points in (
            [(u, 0.68), (u, 0.68 - 0.4 * s)],
            [(u, 0.5), (u - 0.09 * s, 0.48), (u - 0.09 * s, 0.36)],
            [(u, 0.54), (u + 0.09 * s, 0.52), (u + 0.09 * s, 0.4)],
        ):
            p.path(points, 0.055 * s, "#3f8f4f")


def mountain(p: Pen, w: float) -> None:
    _bands(p, w, "#bcdcf5", "#8d9b6a")
    for u, top in ((w * 0.25, 0.12), (w * 0.75, 0.04)):
        p.poly([(u - 0.46, GROUND), (u, top), (u + 0.46, GROUND)], "#7b7f93", line=False)
        p.poly(
            [(u - 0.14, top + 0.17), (u, top), (u + 0.14, top + 0.17), (u, top + 0.12)], "#ffffff", line=False
        )


def city(p: Pen, w: float) -> None:
    _bands(p, w, "#c7d3e8", "#6d7078", 0.74)
    for i, u in enumerate(_spread(w, 0.3)):
        top = (0.1, 0.26, 0.04, 0.2)[i % 4]
        p.rect(u - 0.13, top, u + 0.13, 0.74, ("#c0604f", "#5b7bb0", "#8b6fb0", "#d9a15c")[i % 4], line=False)
        for v in (0.08, 0.2, 0.32):
            for s in (-1, 1):
                p.rect(
                    u + s * 0.06 - 0.03, top + v, u + s * 0.06 + 0.03, top + v + 0.07, "#fff3b0", line=False
                )
    for u in _spread(w, 0.3):
        p.rect(u - 0.07, 0.9, u + 0.07, 0.93, "#f4f0d8", line=False)


def bedroom(p: Pen, w: float) -> None:
    _bands(p, w, "#f3d3e4", "#b98aa8", 0.74)
    p.rect(0.1, 0.1, 0.4, 0.42, "#8fc9f0")
    p.path([(0.25, 0.1), (0.25, 0.42)], 0.02, "#ffffff")
    p.path([(0.1, 0.26), (0.4, 0.26)], 0.02, "#ffffff")
    p.rect(w - 0.42, 0.52, w + 0.05, 0.8, "#6b87d6")
    p.rect(w - 0.1, 0.36, w + 0.05, 0.8, "#8a5a35")
    p.rect(w - 0.26, 0.46, w - 0.1, 0.58, "#ffffff", round_=0.03)


def library(p: Pen, w: float) -> None:
    _bands(p, w, "#6e4a2b", "#9c7a52", 0.74)
    books = ("#c0392b", "#2e86ab", "#e1b12c", "#4a8f52", "#8e5aa8")
    for row, v in enumerate((0.06, 0.3, 0.54)):
        p.rect(0, v - 0.04, w, v + 0.17, "#4a2f18", line=False)
        for i in range(int(w / 0.075)):
            tall = 0.12 + 0.03 * ((i * 7 + row * 3) % 3)
            p.rect(
                i * 0.075 + 0.01,
                v + 0.17 - tall,
                i * 0.075 + 0.068,
                v + 0.17,
                books[(i * 3 + row) % 5],
                line=False,
            )


def farm(p: Pen, w: float) -> None:
    _bands(p, w, "#bfe6f5", "#8cc152")
    u = w * 0.7
    p.rect(u - 0.24, 0.34, u + 0.24, GROUND, "#b8352b", line=False)
    p.poly([(u - 0.29, 0.36), (u, 0.1), (u + 0.29, 0.36)], "#7d1f1a", line=False)
    p.rect(u - 0.09, 0.46, u + 0.09, GROUND, "#ffffff", line=False)
    p.path([(u - 0.09, 0.46), (u + 0.09, GROUND)], 0.02, "#b8352b")
    for x in _spread(w, 0.16):
        p.rect(x - 0.02, 0.58, x + 0.02, 0.76, "#fff7e6", line=False)
    p.rect(0, 0.63, w, 0.66, "#fff7e6", line=False)


def moon(p: Pen, w: float) -> None:
    _bands(p, w, "#161a3a", "#b9b9c6")
    for i in range(14):
        u, v = (i * 0.37 + 0.09) % w, (i * 0.23 + 0.05) % 0.6
        p.oval(u, v, 0.012, 0.012, "#ffffff", line=False)
    p.oval(0.2, 0.18, 0.11, 0.11, "#3d7fd9", line=False)
    p.oval(0.17, 0.16, 0.05, 0.04, "#58b368", line=False)
    for u, v in ((w * 0.25, 0.8), (w * 0.7, 0.9), (w * 0.9, 0.76)):
        p.oval(u, v, 0.1, 0.03, "#8f8fa1", line=False)


def sea(p: Pen, w: float) -> None:
    _bands(p, w, "#1f78b4", "#d8c38a", 0.82)
    p.rect(0, 0, w, 0.3, "#3aa0d8", line=False)
    for i, u in enumerate(_spread(w, 0.3)):
        points = [(u + 0.03 * math.sin(k * 1.8 + i), 0.84 - 0.07 * k) for k in range(6)]
        p.path(points, 0.04, "#2e9e6b")
        p.oval(u + 0.1, 0.22 + 0.1 * (i % 3), 0.03, 0.03, "#c9efff", line=False)
        p.oval(u + 0.06, 0.1 + 0.1 * (i % 2), 0.02, 0.02, "#c9efff", line=False)


def castle(p: Pen, w: float) -> None:
    _bands(p, w, "#d5d9e2", "#7d7a86", 0.74)
    p.rect(0, 0.2, w, 0.74, "#a7a3b3", line=False)
    for u in _spread(w, 0.2):
        p.rect(u - 0.055, 0.1, u + 0.055, 0.22, "#a7a3b3", line=False)
    for j in range(4):
        p.path([(0, 0.32 + 0.12 * j), (w, 0.32 + 0.12 * j)], 0.012, "#86828f")
    for u in _spread(w, 0.5):
        p.path([(u, 0.1), (u, -0.02)], 0.015, "#5a5a66")
        p.poly([(u, 0.0), (u + 0.14, 0.04), (u, 0.09)], "#d03b4a", line=False)
        p.oval(u, 0.42, 0.05, 0.08, "#3a3844", line=False)


def circus(p: Pen, w: float) -> None:
    n = max(6, 2 * round(w / 0.32))
    for i in range(n):
        p.rect(i * w / n, 0, (i + 1) * w / n, 0.74, ("#e0453f", "#fff4e0")[i % 2], line=False)
    p.rect(0, 0.74, w, 1.02, "#e8c27a", line=False)
    p.rect(0, 0.0, w, 0.07, "#f2b632", line=False)
    for u in _spread(w, 0.16):
        p.oval(u, 0.09, 0.06, 0.05, "#f2b632", line=False)


def cave(p: Pen, w: float) -> None:
    _bands(p, w, "#54483f", "#3a312a", 0.76)
    p.oval(w / 2, 0.5, w * 0.42, 0.36, "#857161", line=False)
    for i, u in enumerate(_spread(w, 0.17)):
        p.poly([(u - 0.07, -0.02), (u + 0.07, -0.02), (u, 0.16 + 0.08 * (i % 2))], "#2b241f", line=False)
        p.poly([(u - 0.05, 0.8), (u + 0.05, 0.8), (u, 0.68 - 0.05 * (i % 2))], "#2b241f", line=False)


def stage(p: Pen, w: float) -> None:
    _bands(p, w, "#2d1f3d", "#a9713c", 0.76)
    p.poly(
        [(w / 2 - 0.06, 0), (w / 2 + 0.06, 0), (w / 2 + 0.32, 0.9), (w / 2 - 0.32, 0.9)],
        "#6d5a8c",
        line=False,
    )
    p.oval(w / 2, 0.9, 0.32, 0.06, "#e5c07a", line=False)
    for s in (0, 1):
        for i in range(3):
            u = (i + 0.5) * 0.07
            u = w - u if s else u
            p.oval(u, 0.36, 0.05, 0.46, ("#9e1030", "#c3183f")[i % 2], line=False)
    p.rect(0, 0, w, 0.08, "#c3183f", line=False)


def snow(p: Pen, w: float) -> None:
    _bands(p, w, "#cfe3ee", "#ffffff", 0.62)
    p.oval(w * 0.2, 0.66, 0.4, 0.12, "#ffffff", line=False)
    u = w - 0.17
    for v, r in ((0.5, 0.12), (0.34, 0.085)):
        p.oval(u, v, r, r, "#ffffff")
    p.poly([(u - 0.01, 0.33), (u - 0.12, 0.36), (u - 0.01, 0.37)], "#f08a24", line=False)
    for i in range(12):
        x, y = (i * 0.41 + 0.07) % w, (i * 0.29 + 0.06) % 0.6
        p.poly(ring(4, 0.022, 0.008, x, y), "#ffffff", line=False)


BACKDROPS: dict[str, Callable[[Pen, float], None]] = {
    "on the beach": beach,
    "in the forest": forest,
    "in the kitchen": kitchen,
    "in the desert": desert,
    "on the mountain": mountain,
    "in the city": city,
    "in the bedroom": bedroom,
    "in the library": library,
    "on the farm": farm,
    "on the moon": moon,
    "under the sea": sea,
    "in the castle": castle,
    "at the circus": circus,
    "in the cave": cave,
    "on the stage": stage,
    "in the snow": snow,
}


def draw_backdrop(pen: Pen, setting: str, width: float) -> None:
    """Paint the whole panel, `width` heights wide, as this setting."""
    BACKDROPS[setting](pen, width)
