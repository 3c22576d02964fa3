"""One number for what stands open: it moves with every door that is closed.

The score is ``100 / (1 + the sum of the costs)``, rounded down.  A critical exposure costs 1, so one alone makes 50,
two make 33, three 25; a high one costs half of that, a medium one a fifth, a low one a twentieth.  So it never goes
below zero, and of a host with many doors each that is closed still moves it.  It is 100 only where nothing stands
open and nothing that bears on it was left unread: each such gap costs a fiftieth.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import Final

from davy.model.exposures import Exposure, Severity
from davy.model.facts import Gap

COSTS: Final = {
    Severity.LOW: Fraction(1, 20),
    Severity.MEDIUM: Fraction(1, 5),
    Severity.HIGH: Fraction(1, 2),
    Severity.CRITICAL: Fraction(1),
}
GAP_COST: Final = Fraction(1, 50)
BEARING: Final = frozenset({"containers", "processes", "services", "sockets"})
"""The collectors whose gaps may hide a door."""


def score(exposures: Iterable[Exposure], gaps: Iterable[Gap] = ()) -> int:
    """From 0 to 100; more is better."""
    costs = sum((COSTS[one.severity] for one in exposures), Fraction(0))
    unread = sum(GAP_COST for one in gaps if one.collector in BEARING)
    return int(100 / (1 + costs + unread))
