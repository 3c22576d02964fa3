"""The table of figures that a measurement prints, each beside its budget where it has one."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Final, NamedTuple

_DIGITS: Final = {"s": 2, "ms": 1, "MB": 1, "": 2}


class Figure(NamedTuple):
    """One line of the table."""

    what: str
    best: float
    median: float
    unit: str
    budget: float | None = None
    at_least: bool = False
    """The budget is what must be reached, and not what must be kept."""

    @classmethod
    def of(cls, what: str, values: Sequence[float], unit: str, budget: float | None = None) -> Figure:
        return cls(what, min(values), statistics.median(values), unit, budget)

    def times(self, what: str, other: Figure, budget: float | None = None, at_least: bool = False) -> Figure:
        """This one as a multiple of another."""
        return Figure(what, self.best / other.best, self.median / other.median, "", budget, at_least)

    def __str__(self) -> str:
        cells = [f"{value:.{_DIGITS[self.unit]}f} {self.unit}" for value in (self.best, self.median)]
        budget = "" if self.budget is None else f"{'>= ' if self.at_least else ''}{self.budget:g} {self.unit}"
        return row(self.what, *cells, budget)


def row(what: str, *cells: str) -> str:
    return f"{what:34}" + "".join(f"{cell.strip():>11}" for cell in cells)
