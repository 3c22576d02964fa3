"""How much each observation counts, and why.

Evidence is counted in bits: log2 of how much likelier an observation is on a mining host than on a clean one.  One
TOML file per aspect in ``weights/``; each weight says on how many mining and honest subjects of the corpus it stood.
"""

from __future__ import annotations

import functools

from msgspec import Struct

from davy.knowledge.data import listed, read


class Weight(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one observation, in one of its degrees, is worth."""

    rule: str
    degree: str = ""
    """Tells apart the weights of one rule; "" where it has one only."""
    bits: float
    reason: str
    conclusive: bool = False
    """Whether it proves by itself that its subject mines."""
    mining: int = 0
    """Cases of the corpus with a miner in which it stood against one of the gang."""
    honest: int = 0
    """Subjects of the corpus that are honest and of which it was said."""


class Weights(Struct, frozen=True, forbid_unknown_fields=True):
    weight: tuple[Weight, ...]


@functools.cache
def weights() -> dict[tuple[str, str], Weight]:
    """All weights, by rule and degree."""
    return {(each.rule, each.degree): each for name in listed("weights") for each in read(name, Weights).weight}


def weight_of(rule: str, degree: str = "") -> Weight:
    """The weight of an observation.  Raises `KeyError` for one that is not written down."""
    return weights()[rule, degree]
