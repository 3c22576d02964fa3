"""Judging, second half: findings and facts become incidents.

Start from what is suspect by itself, walk the relations that carry guilt, stop at what many innocent things
share.  Facts and findings come in, a `Judgement` goes out; pure.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from davy.correlate.guardians import guardians, guarding
from davy.correlate.incident import incident
from davy.correlate.relations import ties, untouchable
from davy.correlate.verdict import by_aspect, total_bits, verdict_of
from davy.knowledge.commands import suspicious_command
from davy.knowledge.programs import interpreter
from davy.model.facts import Autostart, KnownFile, Process, Snapshot
from davy.model.findings import Aspect, Finding
from davy.model.incidents import Considered, Incident, Judgement, Verdict
from davy.model.lookup import lookup

__all__ = ["correlate"]

_EMBER_BITS = 4.0
"""From so many bits out of two aspects a process is worth walking its relations: they may make it a suspect."""
_FETCHING_BITS = 4.0


class _Gang:
    """Processes and autostarts that belong together."""

    def __init__(self) -> None:
        self.miners: dict[str, Process] = {}
        self.guardians: dict[str, tuple[Process, str]] = {}
        self.droppers: dict[str, tuple[Process, str]] = {}
        self.autostarts: dict[str, tuple[Autostart, str]] = {}
        self.files: dict[str, KnownFile] = {}

    def touches(self, other: _Gang) -> bool:
        """Whether both share a guardian, an autostart, or a program."""
        programs = {process.program for process in self.miners.values()}
        return bool(
            self.guardians.keys() & other.guardians.keys()
            or self.autostarts.keys() & other.autostarts.keys()
            or self.miners.keys() & other.guardians.keys()
            or self.guardians.keys() & other.miners.keys()
            or programs & {process.program for process in other.miners.values()}
        )

    def join(self, other: _Gang) -> None:
        self.guardians |= other.guardians
        self.miners |= other.miners
        self.droppers |= other.droppers
        self.autostarts |= other.autostarts
        self.files |= other.files
        for subject in self.guardians:
            self.miners.pop(subject, None)


def correlate(snapshot: Snapshot, findings: Iterable[Finding]) -> Judgement:
    """The incidents on this host, and what was looked at closely and let go."""
    by_subject: dict[str, list[Finding]] = defaultdict(list)
    for finding in findings:
        by_subject[finding.subject].append(finding)
    gangs = _joined(_gang(snapshot, ember, by_subject) for ember in _embers(snapshot, by_subject))
    gangs = [gang for gang in gangs if _verdict(gang, by_subject) is not Verdict.CLEAN]
    claimed = {subject for gang in gangs for subject in gang.autostarts}
    gangs += _dormant(snapshot, by_subject, claimed)
    for gang in gangs:
        _add_files(snapshot, gang, by_subject)
    incidents = sorted(
        (
            incident(
                snapshot,
                miners=sorted(gang.miners.values(), key=lambda process: -(process.window_cpu_seconds or 0.0)),
                guardians=list(gang.guardians.values()),
                droppers=list(gang.droppers.values()),
                autostarts=list(gang.autostarts.values()),
                files=list(gang.files.values()),
                findings=by_subject,
            )
            for gang in gangs
        ),
        key=lambda one: (-one.verdict.rank, -one.bits),
    )
    return Judgement(
        host=snapshot.host,
        taken=snapshot.taken,
        seconds=snapshot.seconds,
        verdict=max((one.verdict for one in incidents), key=lambda verdict: verdict.rank, default=Verdict.CLEAN),
        complete=snapshot.live and not any(gap.collector == "processes" for gap in snapshot.gaps),
        incidents=tuple(incidents),
        considered=tuple(_considered(snapshot, by_subject, incidents)),
        gaps=snapshot.gaps,
        process_views=snapshot.process_views,
        module_views=snapshot.module_views,
        live=snapshot.live,
    )


def _embers(snapshot: Snapshot, findings: dict[str, list[Finding]]) -> list[Process]:
    """Processes with enough against them to walk their relations, the worst first."""
    found = []
    for process in snapshot.processes:
        own = findings.get(process.subject, ())
        aspects = [aspect for aspect, bits in by_aspect(own).items() if bits >= 1.0]
        if len(aspects) >= 2 and total_bits(own) >= _EMBER_BITS and not untouchable(snapshot, process):
            found.append(process)
    return sorted(found, key=lambda process: -total_bits(findings[process.subject]))


def _gang(snapshot: Snapshot, ember: Process, findings: dict[str, list[Finding]]) -> _Gang:
    """One process and all that its relations bring in; adds the findings that the relations make."""
    gang = _Gang()
    gang.miners[ember.subject] = ember
    if ember.program and (ember.script or not interpreter(os.path.basename(ember.program))):
        for process in snapshot.processes:
            if (
                process.program == ember.program
                and findings.get(process.subject)
                and not untouchable(snapshot, process)
            ):
                gang.miners[process.subject] = process
    if not _idle_guardian(ember, findings):
        for guardian, how in guardians(snapshot, ember, findings):
            gang.guardians[guardian.subject] = (guardian, how)
            of_miner, of_guardian = guarding(ember, guardian, how)
            findings[ember.subject].append(of_miner)
            findings[guardian.subject].append(of_guardian)
    members = [*gang.miners.values(), *(guardian for guardian, _ in gang.guardians.values())]
    for autostart, why in _autostarts(snapshot, members, findings):
        gang.autostarts[autostart.subject] = (autostart, why)
    for process, how in _droppers(snapshot, members):
        gang.droppers[process.subject] = (process, how)
    return gang


def _idle_guardian(process: Process, findings: dict[str, list[Finding]]) -> bool:
    """A process that burns nothing is nobody's miner, so nobody is its guardian."""
    return not any(
        finding.aspect in (Aspect.BEHAVIOUR, Aspect.NETWORK, Aspect.CONTENT) for finding in findings[process.subject]
    )


def _autostarts(
    snapshot: Snapshot, members: Sequence[Process], findings: dict[str, list[Finding]]
) -> Iterator[tuple[Autostart, str]]:
    """Autostarts that run a member, start a unit that does, or fetch and run as a member's user."""
    started = {
        related: process
        for process in members
        for finding in findings.get(process.subject, ())
        if finding.rule == "persistence.started-again"
        for related in finding.related
    }
    users = {process.user for process in members}
    units: set[str] = set()
    for autostart in snapshot.autostarts:
        process = started.get(autostart.subject)
        own = findings.get(autostart.subject, [])
        if process is not None:
            yield autostart, f"starts {process.program}"
            if autostart.unit:
                units.add(autostart.unit)
        elif any(finding.aspect is Aspect.IDENTITY for finding in own) or (
            total_bits(own) >= _FETCHING_BITS and autostart.user in users
        ):
            yield autostart, own[0].summary
    for autostart in snapshot.autostarts:
        if autostart.activates in units and autostart.subject not in started:
            yield autostart, f"starts {autostart.activates}"


def _droppers(snapshot: Snapshot, members: Sequence[Process]) -> Iterator[tuple[Process, str]]:
    """Processes that fetch and run, tied to a member."""
    known = {process.subject for process in members}
    for process in snapshot.processes:
        if process.inline is None or process.subject in known or untouchable(snapshot, process):
            continue
        fetching = [match for match in suspicious_command(process.inline) if match.bits >= _FETCHING_BITS]
        shared = next((tie for member in members for tie in ties(process, member)), None)
        if fetching and shared and process.user in {member.user for member in members}:
            yield process, f"{fetching[0].reason}, and it shares {shared}"


def _joined(gangs: Iterable[_Gang]) -> list[_Gang]:
    """Gangs that share a member become one."""
    found: list[_Gang] = []
    for gang in gangs:
        rest = []
        for other in found:
            if gang.touches(other):
                other.join(gang)
                gang = other
            else:
                rest.append(other)
        found = [*rest, gang]
    return found


def _verdict(gang: _Gang, findings: dict[str, list[Finding]]) -> Verdict:
    return max((verdict_of(findings[subject]) for subject in gang.miners), key=lambda one: one.rank)


def _dormant(snapshot: Snapshot, findings: dict[str, list[Finding]], claimed: set[str]) -> list[_Gang]:
    """Autostarts that are suspect by themselves while nothing of theirs runs."""
    found = []
    for autostart in snapshot.autostarts:
        own = findings.get(autostart.subject, [])
        if autostart.subject not in claimed and verdict_of(own) is not Verdict.CLEAN:
            gang = _Gang()
            gang.autostarts[autostart.subject] = (autostart, own[0].summary)
            found.append(gang)
    return found


def _add_files(snapshot: Snapshot, gang: _Gang, findings: dict[str, list[Finding]]) -> None:
    """Files of the gang's family that lie on disk while no member runs them."""
    members = [*gang.miners.values(), *(process for process, _ in gang.guardians.values())]
    running = {process.program for process in members} | {process.exe_path for process in members}
    families = {
        finding.family
        for subject in (*gang.miners, *gang.guardians, *gang.autostarts)
        for finding in findings.get(subject, ())
        if finding.family
    }
    for known in snapshot.known_files:
        if known.family in families and known.path not in running and findings.get(known.subject):
            gang.files[known.subject] = known


def _considered(
    snapshot: Snapshot, findings: dict[str, list[Finding]], incidents: Sequence[Incident]
) -> Iterator[Considered]:
    accused = {actor.subject for one in incidents for actor in one.actors}
    ways = lookup(snapshot)
    rows = []
    for subject, own in findings.items():
        if subject in accused or not any(finding.bits >= 1.0 for finding in own):
            continue
        process = ways.by_subject.get(subject)
        name = f"{process.name} ({process.pid})" if process else subject.partition(":")[2]
        rows.append(Considered(subject=subject, name=name, bits=total_bits(own), findings=tuple(own)))
    yield from sorted(rows, key=lambda row: -row.bits)
