"""Whether heads can be heads of a model."""

from collections.abc import Sequence

from gazeheads.errors import WrongModel
from gazeheads.heads import Head, Heads


def belong(heads: Heads | Sequence[Head], n_layers: int, n_heads: int, verb: str) -> None:
    """Raise `WrongModel` unless these are heads of a model of this shape. verb: "steered" or "recorded"."""
    shape = getattr(heads, "shape", (n_layers, n_heads))
    bad = [head for head in heads if not (0 <= head[0] < n_layers and 0 <= head[1] < n_heads)]
    if shape != (n_layers, n_heads) or bad:
        alike = shape == (n_layers, n_heads)  # heads named one by one have no shape of their own
        found = f"head {Head(*bad[0])}" if alike else f"{shape[0]} layers x {shape[1]} heads"
        raise WrongModel(
            f"Heads of another model were to be {verb} ({found}); this one has {n_layers} layers x {n_heads} heads. "
            "Run `discover` on this model."
        )
