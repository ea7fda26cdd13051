"""Panel counts and grids: the same redirection on strips of any number of panels, a variant for each layout.

The layouts are the data's: `--data doodles:40:test:panels=3+doodles:40:test:panels=4+doodles:40:test:grid=2x3`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from gazeheads.experiments.conditions import Condition
from gazeheads.experiments.redirect import VQA, Redirect
from gazeheads.records import Sample, Trial


@dataclass(frozen=True)
class Layouts:
    """`base` on every sample; the variant says how its panels are laid out."""

    name: str
    base: Redirect

    def trials(self, sample: Sample, condition: Condition) -> Iterator[Trial]:
        """The trials about one sample."""
        yield from replace(self.base, name=self.name).trials(sample, condition, variant=layout(sample))


def layout(sample: Sample) -> str:
    """As "6 panels" for panels side by side, "2 x 3 grid" for rows of them."""
    rows = len({round(box.y0) for box in sample.boxes})
    n = len(sample.boxes)
    return (
        f"{n} panels"
        if rows == 1
        else f"{rows} x {n // rows} grid"
        if n % rows == 0
        else f"{n} panels, {rows} rows"
    )


LAYOUTS = Layouts("layouts", VQA)
