"""Where the model that ships with the package lies."""

from pathlib import Path

WEIGHTS = Path(__file__).parents[1] / "doodle" / "weights"
HEADS = WEIGHTS / "heads.json"  # its gaze heads: as many as dev strips chose
