"""What judging by an API will cost, before it starts: calls that are not answered yet, and tokens assumed for them."""

from dataclasses import dataclass
from math import inf

from gazeheads.errors import JudgeError

CHARACTERS = 3.5  # of English text for a token, on the careful side
PIXELS = 750  # of an image for a token, as Anthropic counts; other providers count otherwise, mostly less
OVERHEAD = 400  # tokens of schema and scaffolding in each call
REPLY = 40  # tokens of a reply, and as many for each part
UNPRICED = 100  # calls that may be made without a price and without being asked


@dataclass(frozen=True)
class Cost:
    """Calls to be made; those answered from the cache or asked twice do not count. Tokens in and out, in all.

    price_in, price_out: for a million tokens; None: not given.
    """

    calls: int = 0
    known: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    price_in: float | None = None
    price_out: float | None = None

    def __post_init__(self) -> None:
        for price in (self.price_in, self.price_out):
            if price is not None and not 0 <= price < inf:
                raise JudgeError(
                    f"A price of {price:g} was given for a million tokens. Give a number from 0 on."
                )

    @property
    def cost(self) -> float | None:
        """In the currency of the prices; None where one is not given."""
        if self.price_in is None or self.price_out is None:
            return None
        return (self.tokens_in * self.price_in + self.tokens_out * self.price_out) / 1e6

    def __str__(self) -> str:
        cost = "at unknown prices" if self.cost is None else f"about {self.cost:.2f}"
        return (
            f"{self.calls} calls ({self.known} more are answered already), about {self.tokens_in} tokens in and "
            f"{self.tokens_out} out: {cost}"
        )

    def must_be_allowed(self, limit: float, yes: bool) -> None:
        """Raise `JudgeError` where it costs more than `limit`, or nobody knows, unless `yes` was said."""
        over = self.calls > UNPRICED if self.cost is None else self.cost > limit
        if over and not yes:
            why = (
                f"no price was given and they are more than {UNPRICED} calls"
                if self.cost is None
                else f"more than the limit of {limit:g}"
            )
            raise JudgeError(
                f"Judging was asked for that takes {self}, {why}. Say --yes to go on; --price-in and --price-out take "
                "the prices of a million tokens, --limit another limit."
            )


def tokens(text: str, size: tuple[int, int], parts: int) -> tuple[int, int]:
    """Tokens in and out that are assumed for one call."""
    return (
        round(len(text) / CHARACTERS + size[0] * size[1] / PIXELS) + OVERHEAD,
        REPLY * (1 + parts),
    )
