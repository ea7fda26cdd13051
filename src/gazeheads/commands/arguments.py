"""What people write after an option: boxes, panels, numbers of heads."""

import argparse


def numbers(text: str) -> tuple[float, float, float, float]:
    """`x0,y0,x1,y1`, in pixels."""
    parts = text.split(",")
    try:
        x0, y0, x1, y1 = (float(part) for part in parts)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no box: write x0,y0,x1,y1 in pixels") from None
    return x0, y0, x1, y1


def fraction(text: str) -> tuple[int, int]:
    """`4/6`: the fourth of six, one-based."""
    try:
        k, n = (int(part) for part in text.split("/"))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no panel: write K/N, for example 4/6") from None
    return k, n


def amount(text: str) -> int | float:
    """A number of heads (`8`) or a share of all heads (`0.09`)."""
    try:
        return int(text) if text.isdigit() else float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is neither a number of heads nor a share of them"
        ) from None
