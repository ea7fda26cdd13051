"""Doodle-VL, the bundled model: its configuration, tokenizer, weights and how they were trained."""

from pathlib import Path

WEIGHTS = Path(__file__).parent / "weights"
HEADS = WEIGHTS / "heads.json"  # its gaze heads: as many as dev strips chose
