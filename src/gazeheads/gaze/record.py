"""What to record while an answer is made: which heads, each or their mean, weighed how."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from gazeheads.errors import RecordError
from gazeheads.heads.head import Head
from gazeheads.heads.heads import Heads, members

Keep = Literal["mean", "heads"]

Weigh = Literal["raw", "values", "shares"]


@dataclass(frozen=True)
class Record:
    """What to record.

    keep: "mean" over the heads, or every one of the "heads". weigh: "raw" attention, or each image token's attention
    times the length of its "values" vector in that head (Kobayashi et al. 2020, arXiv 2004.10102, before the output
    projection, as Gandikota & Bau 2026 use it), which takes sinks out: they get much attention and carry nothing; or
    its "shares" of the sum of these products over all tokens of the row, text too: heads with long values and heads
    with short ones then compare, and where all values are equally long it is the raw attention.
    lengths: keep the lengths of the image tokens' value vectors beside the raw attention of every head, so that one
    recording gives both (`GazeTrace.weighed`).
    """

    heads: Heads | Sequence[Head]
    keep: Keep = "mean"
    weigh: Weigh = "raw"
    lengths: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.heads, Heads):
            object.__setattr__(self, "heads", members(self.heads, "A record", RecordError))
        if not all(isinstance(how, str) for how in (self.keep, self.weigh)) or (
            self.keep not in ("mean", "heads") or self.weigh not in get_args(Weigh)
        ):
            raise RecordError(
                f'keep={self.keep!r}, weigh={self.weigh!r} is unknown. Keep the "mean" or all "heads", weigh "raw", by '
                '"values" or by "shares".'
            )
        if self.lengths and (self.keep, self.weigh) != ("heads", "raw"):
            raise RecordError(
                f"lengths=True was given with keep={self.keep!r}, weigh={self.weigh!r}. Lengths belong to one head and "
                'weigh what is raw: give keep="heads", weigh="raw".'
            )
        if not len(self.heads) or len(set(self.members)) != len(self.heads):
            raise RecordError(
                f"A record names one or more heads, each once; found {[str(head) for head in self.members]}. Take "
                "heads.top(k)."
            )

    @property
    def members(self) -> tuple[Head, ...]:
        """The heads to record."""
        return tuple(self.heads)

    def to_json(self) -> dict[str, Any]:
        """What was asked for, in plain values."""
        asked = {"heads": [list(head) for head in self.members], "keep": self.keep, "weigh": self.weigh}
        return {**asked, "lengths": True} if self.lengths else asked
