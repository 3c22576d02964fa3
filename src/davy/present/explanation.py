"""The sum behind a verdict, and what would have changed it, as a person reads it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from davy.correlate.counterfactual import Account, decisive
from davy.correlate.verdict import CONFIRMED_BITS, SUSPECT_BITS
from davy.model.incidents import Incident, Kind, Role

_CHANGES: Final = 6


def account_of(incident: Incident) -> Account | None:
    """The account of that actor on which an incident's verdict rests: a miner, else what hides, else what starts it."""
    miners = [actor.subject for actor in incident.actors if actor.role is Role.MINER]
    others = [
        actor.subject for actor in incident.actors if actor.role is Role.HIDER or actor.kind is Kind.AUTOSTART
    ]  # fmt: skip
    return decisive(incident.findings, miners or others)


def sum_lines(account: Account, capped: str | None = None) -> Iterator[str]:
    """The sum per aspect, the thresholds, and what would have changed it.  ``capped``: it may be its owner's own."""
    for part in account.parts:
        further = ", ".join(f"{bits:g}" for bits in part.further)
        how = f"  strongest {part.strongest:g}" + (f", a quarter of {further}" if further else "")
        yield f"{part.bits:+5.1f}  {part.aspect.value:11}{how}"
    yield (
        f"{account.bits:+5.1f}  bits in all: suspect from {SUSPECT_BITS:g} out of two aspects or for hiding, "
        f"confirmed from {CONFIRMED_BITS:g} with more than a name and a place"
    )
    if account.proven:
        yield "proof: it burns, and something conclusive is found; trust does not outweigh that"
    if capped is not None:
        yield f"no more than suspect, since it may be its owner's own: {capped}"
    for change in account.changes[:_CHANGES]:
        yield f"without {' and '.join(change.without)}: {change.verdict.value}"
    if not account.changes:
        yield "no single finding, and no two aspects, make the difference"
    for words in account.wanting:
        yield f"to confirm it: {words}"
