"""Attention in few bytes: eight bits a number, fine where it is small, in base64.

A row (one head, one token) is stored as its largest value, a float32 *scale*, and for each image token the code
round(255 * sqrt(value / scale)); what is read back, scale * (code / 255)^2, is off by at most sqrt(value * scale) / 255
+ scale / 260,100. Square roots keep faint cells apart beside a sink that gets half of all attention. The codes are
deflated (zlib): most cells of most rows are 0.
"""

import base64
import zlib

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]
Codes = npt.NDArray[np.uint8]

STEPS = 255


def codes(values: Floats) -> tuple[Codes, npt.NDArray[np.float32]]:
    """Values (..., cell), finite and not negative, as codes (..., cell) and scales (...)."""
    scales = values.max(-1).astype(np.float32)
    safe = np.where(scales > 0, scales, 1)[..., None].astype(np.float64)
    return np.round(STEPS * np.sqrt(values / safe)).astype(np.uint8), scales


def values(packed: Codes, scales: Floats) -> npt.NDArray[np.float32]:
    """What is read back of codes and scales."""
    found: npt.NDArray[np.float32] = ((packed / STEPS) ** 2 * scales[..., None]).astype(np.float32)
    return found


def text(array: npt.NDArray[np.generic], deflated: bool = False) -> str:
    """An array, row by row and little-endian, as base64."""
    raw = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<")).tobytes()
    return base64.b64encode(zlib.compress(raw, 9) if deflated else raw).decode("ascii")
