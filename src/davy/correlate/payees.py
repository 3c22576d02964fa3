"""Who earns for the same wallet: a tie that carries guilt, to whoever does what miners do.

An address alone is no guilt: an owner's wallet program has it, and so has who investigates.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from davy.correlate.relations import untouchable
from davy.correlate.verdict import by_aspect
from davy.knowledge.weights import weight_of
from davy.model.content import Place
from davy.model.facts import Process
from davy.model.findings import Aspect, Finding
from davy.model.lookup import lookup
from davy.model.snapshot import Snapshot

RULE: Final = "content.same-wallet"
_MOST: Final = 8
"""Whoever holds more addresses than this keeps a list of them."""
_DEED_BITS: Final = 2.0
_TOLD_BITS: Final = 1.0
_TRUSTED_BITS: Final = -3.0
_WALLET: Final = "content.wallet"
_SHOWN: Final = 4


def wallets_of(snapshot: Snapshot) -> dict[str, dict[str, bool]]:
    """By subject the few checked addresses it holds, and whether each was told to it (command line, login)."""
    found: dict[str, dict[str, bool]] = defaultdict(dict)
    for sighting in snapshot.wallets:
        if not sighting.weak:
            told = sighting.login or sighting.place is Place.COMMAND_LINE
            found[sighting.subject][sighting.address] = told or found[sighting.subject].get(sighting.address, False)
    return {subject: held for subject, held in found.items() if len(held) <= _MOST}


def payees(
    snapshot: Snapshot, miners: Mapping[str, Process], findings: Mapping[str, Sequence[Finding]]
) -> Iterator[tuple[Process, str]]:
    """Processes that hold a miner's wallet and have a deed of their own, each with the address."""
    held = wallets_of(snapshot)
    wanted = {address: subject for subject in miners for address in held.get(subject, ())}
    ways = lookup(snapshot)
    for subject, addresses in held.items() if wanted else ():
        process = ways.by_subject.get(subject)
        if process is None or subject in miners or untouchable(snapshot, process):
            continue
        for address, told in addresses.items():
            if address in wanted and _does(findings.get(subject, ()), told):
                yield process, address
                break


def _does(findings: Sequence[Finding], told: bool) -> bool:
    """Whether a process does what miners do, and more than burn if the address only lies in its memory."""
    aspects = by_aspect(finding for finding in findings if finding.rule != _WALLET)
    if aspects.get(Aspect.TRUST, 0.0) <= _TRUSTED_BITS:
        return False
    burns = any(aspects.get(one, 0.0) >= _DEED_BITS for one in (Aspect.BEHAVIOUR, Aspect.NETWORK))
    beside = any(bits >= _TOLD_BITS for one, bits in aspects.items() if one is not Aspect.BEHAVIOUR)
    return burns and (told or beside)


def paying(miners: Sequence[Process], process: Process, address: str) -> Finding:
    """The finding that a process earns for the wallet of ``miners``."""
    names = ", ".join(f"{miner.name} ({miner.pid})" for miner in miners[:_SHOWN])
    return Finding(
        rule=RULE, aspect=Aspect.CONTENT, bits=weight_of(RULE).bits, subject=process.subject, technique="T1496.001",
        summary=f"earns for the same wallet as {names}", evidence=(address,),
        related=tuple(miner.subject for miner in miners[:_SHOWN]),
    )  # fmt: skip
