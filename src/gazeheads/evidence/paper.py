"""The paper's figures, to stand beside ours where the model is the same. Per cent, but for rank correlations.

Source: Gandikota and Bau, "Gaze Heads: How VLMs Look at What They Describe", arXiv 2606.14703, main text and
supplement. Its data (500 drawn comic strips) and judge (a large language model) are others than ours.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from gazeheads import prompts


@dataclass(frozen=True)
class PaperPeak:
    """One line of table 2: redirection at the best number of heads; None where the paper gives none."""

    k: int
    gaze: float
    control: float
    all_heads: float | None = None


@dataclass(frozen=True)
class Paper:
    """What the paper says of one model. Keys are our names of conditions and variants."""

    peak: PaperPeak
    conditions: Mapping[str, Mapping[str, float]] = field(default_factory=dict)  # experiment to condition
    pools: Mapping[str, Mapping[str, float]] = field(default_factory=dict)  # table 3: experiment to controls
    sweeps: Mapping[str, Mapping[str, tuple[float, float]]] = field(
        default_factory=dict
    )  # to (gaze, control)
    by_k: Mapping[str, Mapping[int, float]] = field(default_factory=dict)  # condition to K to VQA
    rho: Mapping[str, float] = field(default_factory=dict)  # dynamic switching, against the schedule
    trajectories: Mapping[str, tuple[float, float, float | None, float | None, int | None]] = field(
        default_factory=dict
    )  # table 8: on schedule, on order, rho with schedule, rho with order, strips of 500 mostly junk
    overlap: Mapping[tuple[str, str], tuple[int, int]] = field(default_factory=dict)  # at 10 and at 100
    by_size: Mapping[str, tuple[float, float]] = field(default_factory=dict)  # table 1: (gaze, control)


_QWEN3_VL_8B = Paper(
    PaperPeak(100, 83.1, 14.6, 0.9),
    conditions={
        "vqa": {
            "gaze": 83.1,
            "image-heads": 69.0,
            "localization-heads": 60.2,
            "band": 14.6,
            "all": 0.9,
        },
        "this-panel": {
            "gaze": 79.4,
            "image-heads": 59.1,
            "localization-heads": 46.5,
            "band": 5.6,
            "all": 0.5,
        },
    },
    pools={"vqa": {"band": 14.6, "bottom5": 14.7, "below-median": 38.6}},
    sweeps={
        "push-sweep": {
            "bias 1": (33.2, 4.5),
            "bias 10": (79.8, 13.8),
            "bias 100": (79.8, 15.2),
            "bias 1,000": (76.8, 13.5),
            "bias 10,000": (83.1, 14.6),
        },
        "wordings": dict(
            zip(
                prompts.VQA_WORDINGS,
                [(83.1, 14.6), (64.7, 13.3), (80.3, 7.3), (74.2, 13.3), (78.3, 16.2)],
                strict=True,
            )
        ),
    },
    by_k={
        "gaze": {
            5: 36.0,
            10: 45.3,
            50: 63.2,
            75: 76.3,
            100: 83.1,
            125: 79.4,
            150: 75.6,
            200: 73.0,
            350: 58.0,
            500: 28.0,
        },
        "image-heads": {10: 10.0, 50: 36.2, 100: 69.0, 150: 60.8, 200: 58.2},
        "localization-heads": {10: 24.3, 50: 41.7, 100: 60.2, 150: 59.5, 200: 58.8},
    },
    rho={"gaze": 0.87, "image-heads": 0.42, "localization-heads": 0.33, "band": -0.15},
    trajectories={
        "gaze": (71.1, 13.6, 0.589, 0.259, None),
        "band": (16.4, 20.8, -0.140, 0.983, None),
        "all": (7.1, 7.5, None, None, 384),
    },
    overlap={
        ("gaze", "image-heads"): (0, 43),
        ("gaze", "localization-heads"): (1, 26),
        ("image-heads", "localization-heads"): (0, 33),
    },
    by_size={"large": (80.3, 36.6), "medium": (76.2, 19.4), "small": (61.7, 18.6), "all": (76.5, 25.9)},
)

MODELS: dict[str, tuple[str, Paper]] = {  # name to how checkpoints of it are called, and the figures
    "Qwen3-VL-2B": (r"qwen3-vl-2b-instruct", Paper(PaperPeak(10, 68.6, 1.3, 0.0))),
    "Qwen3-VL-4B": (r"qwen3-vl-4b-instruct", Paper(PaperPeak(75, 72.9, 1.5, 0.0))),
    "Qwen3-VL-8B": (r"qwen3-vl-8b-instruct", _QWEN3_VL_8B),
    "Qwen3-VL-32B": (r"qwen3-vl-32b-instruct", Paper(PaperPeak(500, 70.2, 12.0, 0.2))),
    "Ovis1.5-8B": (r"ovis1\.5-.*8b", Paper(PaperPeak(100, 68.7, 13.0, 2.7))),
    "Qwen2-VL-7B": (r"qwen2-vl-7b-instruct", Paper(PaperPeak(90, 66.2, 0.0, 0.8))),
    "InternVL3.5-8B": (r"internvl3[._]5-8b(-hf)?", Paper(PaperPeak(140, 62.7, 31.0, 0.8))),
    "InternVL3.5-2B": (r"internvl3[._]5-2b(-hf)?", Paper(PaperPeak(50, 64.0, 24.0))),
    "LLaVA-1.5-13B": (r"llava-(v)?1\.5-13b(-hf)?", Paper(PaperPeak(160, 39.0, 13.8, 0.0))),
    "LLaVA-1.5-7B": (r"llava-(v)?1\.5-7b(-hf)?", Paper(PaperPeak(150, 38.7, 16.3))),
    "LLaVA-NeXT-7B": (r"llava-(next|v1\.6).*7b(-hf)?", Paper(PaperPeak(100, 35.3, 26.7, 0.0))),
    "Bunny-3B": (r"bunny-.*3b", Paper(PaperPeak(10, 8.3, 0.0, 0.0))),
}


def figures_for(model: str) -> Paper | None:
    """What the paper says of the checkpoint of this name (a hub id or the end of a path); None where nothing."""
    name = model.rpartition("/")[2].casefold()
    return next((paper for pattern, paper in MODELS.values() if re.fullmatch(pattern, name)), None)
