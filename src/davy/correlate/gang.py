"""A gang while it is put together: the processes, autostarts and files that belong to one incident."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from davy.correlate.guardians import Guardian
from davy.correlate.payees import wallets_of
from davy.correlate.relations import program_key
from davy.knowledge import guardian_name
from davy.model.autostarts import Autostart
from davy.model.facts import KnownFile, Process
from davy.model.findings import Aspect, Finding
from davy.model.incidents import Actor
from davy.model.snapshot import Snapshot

DEEDS: Final = frozenset({Aspect.BEHAVIOUR, Aspect.NETWORK, Aspect.CONTENT})
"""What a miner does; whoever does nothing of it is nobody's miner."""


class Gang:
    """Who belongs together, by subject.  Nobody has two roles."""

    def __init__(self) -> None:
        self.miners: dict[str, Process] = {}
        self.guardians: dict[str, Guardian] = {}
        self.droppers: dict[str, tuple[Process, str]] = {}
        self.autostarts: dict[str, tuple[Autostart, str]] = {}
        self.files: dict[str, KnownFile] = {}
        self.hiders: dict[str, Actor] = {}

    def keys(self, snapshot: Snapshot) -> Iterator[str | tuple[str, str]]:
        """What two gangs may have in common: a member, an autostart, a program."""
        yield from self.miners
        yield from self.guardians
        yield from self.droppers
        yield from self.autostarts
        yield from self.hiders
        for miner in self.miners.values():
            if program := program_key(snapshot, miner):
                yield program

    def wallets(self, held: Mapping[str, Iterable[str]]) -> Iterator[str]:
        """The addresses that its miners hold."""
        for subject in self.miners:
            yield from (f"wallet:{address}" for address in held.get(subject, ()))

    def join(self, other: Gang) -> None:
        self.guardians |= other.guardians
        self.miners |= other.miners
        self.droppers |= other.droppers
        self.autostarts |= other.autostarts
        self.files |= other.files
        self.hiders |= other.hiders

    def settle(self, findings: Mapping[str, Sequence[Finding]]) -> None:
        """Give whoever has come to be in two lists one role.

        Whoever guards is a guardian also if it burns, unless nobody is left who mines: of two that burn and guard
        each other, those are miners that do not bear a known guardian's name.
        """
        both = [subject for subject in self.miners if subject in self.guardians]
        if len(both) == len(self.miners):
            busy = [subject for subject in both if any(one.aspect in DEEDS for one in findings.get(subject, ()))]
            unknown = [subject for subject in busy if not guardian_name(self.miners[subject].name)]
            for subject in unknown or busy or both:
                del self.guardians[subject]
        for subject in self.guardians:
            self.miners.pop(subject, None)
        for subject in (*self.miners, *self.guardians):
            self.droppers.pop(subject, None)


def joined(
    snapshot: Snapshot, gangs: Iterable[Gang], findings: Mapping[str, Sequence[Finding]], guilty: bool = False
) -> list[Gang]:
    """Gangs that have something in common become one; of those that are ``guilty`` also a wallet."""
    held = wallets_of(snapshot) if guilty else {}
    homes: dict[str | tuple[str, str], Gang] = {}
    found: dict[int, Gang] = {}
    for gang in gangs:
        largest, fresh = gang, {*gang.keys(snapshot), *gang.wallets(held)}
        for other in {id(home): home for key in fresh if (home := homes.get(key))}.values():
            larger, smaller = (other, largest) if len(other.miners) >= len(largest.miners) else (largest, other)
            fresh |= {*smaller.keys(snapshot), *smaller.wallets(held)}
            larger.join(smaller)
            found.pop(id(smaller), None)
            largest = larger
        found[id(largest)] = largest
        homes.update(dict.fromkeys(fresh, largest))
    for gang in found.values():
        gang.settle(findings)
    return list(found.values())
