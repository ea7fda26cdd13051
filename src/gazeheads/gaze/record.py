"""What to record while an answer is made: which heads, each or their mean, weighed how."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from gazeheads.errors import RecordError
from gazeheads.heads.head import Head
from gazeheads.heads.heads import Heads, members
from gazeheads.plain import plain

Keep = Literal["mean", "heads"]

Weighting = Literal["raw", "value-norm", "value-norm-share"]


@dataclass(frozen=True, init=False)
class Record:
    """What to record.

    keep: "mean" over the heads, or every one of the "heads". weighting: "raw" attention; "value-norm", each image
    token's attention times the norm of its value vector in that head (Kobayashi et al. 2020, arXiv 2004.10102, before
    the output projection, as Gandikota & Bau 2026 use it), which takes sinks out: they get much attention and carry
    nothing; or "value-norm-share", its share of the sum of these products over all tokens of the row, text too: heads
    with long values and heads with short ones then compare, and where all norms are equal it is the raw attention.
    value_norms: keep the norms of the image tokens' value vectors beside the raw attention of every head, so that one
    recording gives both (`GazeTrace.value_weighted`). shape: layers and heads of the model that the heads are of, where
    a set of `Heads` was given; else None.
    """

    heads: tuple[Head, ...]
    keep: Keep
    weighting: Weighting
    value_norms: bool
    shape: tuple[int, int] | None = field(init=False, repr=False, compare=False)

    def __init__(
        self,
        heads: Heads | Sequence[Head],
        keep: Keep = "mean",
        weighting: Weighting = "raw",
        value_norms: bool = False,
    ) -> None:
        vars(self).update(
            heads=members(heads, "A record", RecordError),
            keep=keep,
            weighting=weighting,
            value_norms=value_norms,
            shape=heads.shape if isinstance(heads, Heads) else None,
        )
        if not all(isinstance(how, str) for how in (self.keep, self.weighting)) or (
            self.keep not in ("mean", "heads") or self.weighting not in get_args(Weighting)
        ):
            raise RecordError(
                f'keep={self.keep!r}, weighting={self.weighting!r} is unknown. Keep the "mean" or all "heads", with '
                'the weighting "raw", "value-norm" or "value-norm-share".'
            )
        if self.value_norms and (self.keep, self.weighting) != ("heads", "raw"):
            raise RecordError(
                f"value_norms=True was given with keep={self.keep!r}, weighting={self.weighting!r}. Norms belong to "
                'one head and weight what is raw: give keep="heads", weighting="raw".'
            )
        if not self.heads or len(set(self.heads)) != len(self.heads):
            raise RecordError(
                f"A record names one or more heads, each once; found {[str(head) for head in self.heads]}. Take "
                "heads.top(k)."
            )

    def to_json(self) -> dict[str, Any]:
        """What was asked for, in plain values."""
        asked = {
            "heads": plain(self.heads),
            "keep": self.keep,
            "weighting": self.weighting,
        }
        return {**asked, "value_norms": True} if self.value_norms else asked
