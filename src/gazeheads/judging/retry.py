"""When to try a call again, and how long to wait before."""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from time import time

# Status codes that may be gone the next time: timeout, too many requests, trouble of the server, overload.
AGAIN = (408, 429, 500, 502, 503, 504, 529)


@dataclass(frozen=True)
class Retry:
    """How to wait.

    tries: in all. base: seconds before the second try, doubled with each, up to `longest`, of which up to a half is
    left out by chance. patience: the longest Retry-After, in seconds, that is waited for.
    """

    tries: int = 6
    base: float = 1.0
    longest: float = 60.0
    patience: float = 600.0

    def pause(self, number: int) -> float:
        """Seconds after try `number`, counted from 0."""
        return min(self.longest, self.base * 2.0**number) * random.uniform(0.5, 1.0)


def asked_to_wait(headers: Mapping[str, str]) -> float:
    """Seconds that the server asks to wait; 0 where it does not."""
    told = headers.get("retry-after", "").strip()
    try:
        return max(0.0, float(told))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(told).timestamp() - time())
    except ValueError:
        return 0.0
