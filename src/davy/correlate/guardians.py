"""Who keeps a miner alive: found by what ties it to the miner *and* by a finding of its own.

The way the second seed found kinsing: it shared the miner's control group, and was itself no honest program.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from davy.correlate.relations import Common, program_key, started_by, untouchable
from davy.correlate.verdict import by_aspect
from davy.detect.places import base, installed_place
from davy.detect.programs import own_program
from davy.knowledge import guardian_name
from davy.knowledge.arguments import commands, program
from davy.knowledge.programs import interpreter, login_shell
from davy.knowledge.weights import weight_of
from davy.model.facts import Process
from davy.model.findings import Aspect, Finding
from davy.model.lookup import lookup
from davy.model.snapshot import Snapshot

_OWN: Final = frozenset({Aspect.IDENTITY, Aspect.ORIGIN, Aspect.CONCEALMENT})
_DISHONEST_BITS: Final = 3.0
"""From so many bits of its own, trust taken off, a process is no honest program.  A script in /tmp has fewer."""
_NAMED_BITS: Final = 2.0
_FAMILY_BITS: Final = 3.0
"""With less a name is one that others use, too."""
_EXCUSED_BITS: Final = -3.0
_PASSES: Final = 16
"""How often those who were no guardians yet are looked at again when another one has been found."""
_SAID: Final = 4
"""So many guardians are told of in the findings of one miner, and so many miners in those of one guardian."""
_LOOP: Final = re.compile(r"\b(?:while|until)\b(?!\s+(?:\w+=\S*\s+)?read\b)|\bfor\s*\(\(?\s*;\s*;")
_TECHNIQUE: Final = "T1543"

RULE: Final = "persistence.guardian"


class Guardian(NamedTuple):
    """A process that keeps a miner alive, how it was found in words, and in which degree that says so."""

    process: Process
    how: str
    degree: str

    @property
    def bits(self) -> float:
        """How much it says of the miner, and of the guardian."""
        return weight_of(RULE, self.degree).bits


class Surroundings:
    """What is asked of a whole snapshot, found out once: who bears a guardian's name, who names which file."""

    def __init__(self, snapshot: Snapshot, findings: Mapping[str, Sequence[Finding]]) -> None:
        self.snapshot, self.findings = snapshot, findings
        ways = lookup(snapshot)
        self.details = ways.detail
        self.listening = {pid for socket in snapshot.sockets if socket.state == "LISTEN" for pid in socket.pids}
        self.restarted: dict[str, set[str]] = defaultdict(set)
        """By a process's subject: the programs that it was seen starting again."""
        self.leads: dict[str, list[Process]] = defaultdict(list)
        """By a file's path: whose text names it, and who was seen starting it again."""
        for detail in snapshot.details:
            for path in detail.names:
                if process := ways.by_subject.get(detail.key.subject):
                    self.leads[path].append(process)
        for restart in snapshot.restarts:
            self.restarted[restart.starter.subject].add(restart.program)
            if process := ways.by_subject.get(restart.starter.subject):
                self.leads[restart.program].append(process)
        self.known = [process for process in snapshot.processes if _known(process) and findings.get(process.subject)]
        self._bits: dict[str, tuple[float, float]] = {}

    def bits(self, process: Process) -> tuple[float, float]:
        """What speaks against the process itself, and what for it.

        That a service was replaced while it ran is nothing against it.
        """
        if process.subject not in self._bits:
            listens = process.pid in self.listening
            own = by_aspect(
                finding
                for finding in self.findings.get(process.subject, ())
                if finding.aspect in _OWN or finding.aspect is Aspect.TRUST
                if not (listens and finding.rule == "origin.deleted-executable")
            )
            trust = own.pop(Aspect.TRUST, 0.0)
            self._bits[process.subject] = sum(own.values()), trust
        return self._bits[process.subject]

    def families(self, process: Process) -> set[str]:
        """The families whose own names or paths a process uses."""
        return {
            finding.family
            for finding in self.findings.get(process.subject, ())
            if finding.family and finding.bits >= _FAMILY_BITS
        }

    def serves(self, process: Process) -> bool:
        """What also serves others: a service manager, an installed package's program, whatever listens.

        It may be the door through which the miner is started again; it is no guardian.
        """
        detail = self.details.get(process.subject)
        packaged = bool(detail and detail.executable and detail.executable.owner_package)
        if process.script is not None or process.inline is not None:
            return process.pid in self.listening
        if process.exe and login_shell(base(process.exe.path)):
            return process.tty != 0  # without a terminal it reads its text from what was piped to it
        return packaged or installed_place(process.exe_path or "") or process.pid in self.listening


def guardians(around: Surroundings, miners: Sequence[Process]) -> Iterator[Guardian]:
    """The guardians of ``miners``, which are processes of one program.

    - A parent that is itself no honest program, or that is an interpreter whose command line or script names the
      miner's file; and its parent likewise, up to the first that is neither.
    - A known guardian of the same family; or one of another that shares the control group, session or folder.
    - A neighbour that is itself no honest program and whose text names the miner's file, or another guardian's.
    - Whoever was seen starting the miner's program again after it was ended.
    """
    search = _Search(around, miners)
    for _ in range(_PASSES):
        if not search.go_round():
            break
    yield from search.found.values()


class _Search:
    def __init__(self, around: Surroundings, miners: Sequence[Process]) -> None:
        self.found: dict[str, Guardian] = {}
        self._around, self._snapshot = around, around.snapshot
        self._mined = {program_key(self._snapshot, miner) for miner in miners} - {None}
        self._miners = {miner.subject for miner in miners}
        self._parents: set[str] = set()
        self._paths: set[str] = set()
        self._common = Common()
        self._candidates: list[Process] = []
        self._led_to: set[str] = set()
        self._consider(around.known)
        self._families = {family for miner in miners for family in around.families(miner)}
        for miner in miners:
            self._learn(miner)

    def _learn(self, member: Process) -> None:
        """A member leads to whoever started it, shares something with it, or names it."""
        self._common.add(member)
        for parent in started_by(self._snapshot, member):
            self._parents.add(parent.subject)
            self._consider([parent])
        path = own_program(self._snapshot, member)
        if path is not None and path not in self._paths:
            self._paths.add(path)
            self._consider(self._around.leads.get(path, ()))

    def _consider(self, processes: Iterable[Process]) -> None:
        for process in processes:
            if process.subject not in self._led_to:
                self._led_to.add(process.subject)
                self._candidates.append(process)

    def go_round(self) -> bool:
        """Look at everyone to whom something leads, also those to whom it leads meanwhile; whether one was found."""
        before = len(self.found)
        for process in self._candidates:
            if process.subject not in self.found and self._possible(process) and (told := self._told(process)):
                self.found[process.subject] = Guardian(process, *told)
                self._learn(process)
        return len(self.found) > before

    def _possible(self, process: Process) -> bool:
        another_miner = process.subject in self._miners or program_key(self._snapshot, process) in self._mined
        return not another_miner and not untouchable(self._snapshot, process)

    def _told(self, process: Process) -> tuple[str, str] | None:
        """How a process is known to be a guardian, in words, and the degree by which its weight is looked up."""
        around = self._around
        detail = around.details.get(process.subject)
        names = detail is not None and not self._paths.isdisjoint(detail.names)
        parent, ties = process.subject in self._parents, self._common.ties(process)
        own, trust = around.bits(process)
        dishonest = own + trust >= _DISHONEST_BITS
        restarted = around.restarted.get(process.subject)
        if restarted and not self._paths.isdisjoint(restarted) and not around.serves(process):
            return "was seen starting it again", "seen restarting"
        if parent and dishonest:
            return "started it, and is itself no honest program", "dishonest parent"
        if parent and names and _interpreted(process) and (dishonest or trust > _EXCUSED_BITS):
            loops = _LOOP.search(process.inline or "") is not None
            if own >= 1.0 or loops:
                return "started it, and its text names the miner's file", "names the file"
            if self._only_starts(process):
                return "started it, and does nothing else", "only starts it"
        if own + trust >= _NAMED_BITS and _known(process):
            if not self._families.isdisjoint(around.families(process)):
                return "a known guardian of the miner's family", "known, same family"
            if telling := self._common.telling_ties(process):
                return f"a known guardian, and it shares {telling[0]}", "known, shares something"
        if ties and names and dishonest:
            return f"its text names the miner's file, and it shares {ties[0]}", "dishonest neighbour"
        return None

    def _only_starts(self, process: Process) -> bool:
        """Whether all that an inline text does is to start what belongs to the gang."""
        started = [program(words) for words in commands(process.inline or "")]
        return bool(started) and self._paths.issuperset(started)


def _known(process: Process) -> bool:
    return guardian_name(process.name) or guardian_name(base(process.program or ""))


def _interpreted(process: Process) -> bool:
    """Whether it is an interpreter that was given a script or a text."""
    given = process.script is not None or process.inline is not None
    return given and process.exe is not None and interpreter(base(process.exe.path))


def guarding(miners: Sequence[Process], found: Sequence[Guardian]) -> Iterator[Finding]:
    """The findings that the miners are guarded, and those that the guardians guard."""
    for one in sorted(found, key=lambda one: -one.bits)[:_SAID]:
        guardian = one.process
        for miner in miners:
            yield Finding(
                rule=RULE, aspect=Aspect.PERSISTENCE, bits=one.bits, subject=miner.subject, technique=_TECHNIQUE,
                summary=f"{guardian.name} ({guardian.pid}) keeps it alive: {one.how}",
                evidence=(guardian.invocation,), related=(guardian.subject,),
            )  # fmt: skip
    names = ", ".join(f"{miner.name} ({miner.pid})" for miner in miners[:_SAID])
    for one in found:
        yield Finding(
            rule=RULE, aspect=Aspect.PERSISTENCE, bits=one.bits, subject=one.process.subject, technique=_TECHNIQUE,
            summary=f"keeps {names} alive: {one.how}",
            evidence=(one.process.invocation,), related=tuple(miner.subject for miner in miners[:_SAID]),
        )  # fmt: skip
