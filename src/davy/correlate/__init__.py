"""Judging, second half: findings and facts become incidents.

Start from what is suspect by itself, walk the relations that carry guilt, stop at what many innocent things
share.  Facts and findings come in, a `Judgement` goes out; pure.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from davy.correlate.allowed import allowed, own_autostarts
from davy.correlate.dormant import dormant, of_files
from davy.correlate.followers import autostarts, droppers, fetchers
from davy.correlate.gang import DEEDS, Gang, joined
from davy.correlate.guardians import RULE, Surroundings, guardians, guarding
from davy.correlate.hiders import Hider, hiders
from davy.correlate.incident import incident, slowed_work
from davy.correlate.ownership import owners_hand
from davy.correlate.payees import payees, paying
from davy.correlate.relations import program_key, untouchable
from davy.correlate.telling import told
from davy.correlate.verdict import by_aspect, of_two_kinds, proven, total_bits, verdict_of
from davy.detect.exposures import exposures
from davy.detect.persistence import CAME_BACK
from davy.detect.programs import own_program
from davy.model.autostarts import AutostartCount, News
from davy.model.facts import KnownFile, Process
from davy.model.findings import HOST, Aspect, Finding
from davy.model.incidents import Considered, Incident, Judgement, Kind, Verdict
from davy.model.lookup import lookup
from davy.model.snapshot import Snapshot

__all__ = ["correlate"]

_EMBER_BITS: Final = 4.0
"""From so many bits out of two aspects a process is worth walking its relations: they may make it a suspect."""
_WALKED: Final = 256
"""The relations of more programs than this are not walked; the worst come first."""
_TELLING: Final = frozenset({Aspect.IDENTITY, Aspect.ORIGIN, Aspect.CONTENT, Aspect.NETWORK, Aspect.CONCEALMENT})
"""What tells a miner from a person's own work, which burns, too, and is started again, too."""
_TELLING_BITS: Final = 2.0
_TAMPERED_BITS: Final = 3.5
"""A system tool with less against it, such as a newer one of its owner's, is nobody's doing."""
_SURE_BITS: Final = 3.0
"""A file with less against it, such as one with a popular name, is not touched because of its name."""

Findings = dict[str, list[Finding]]


def correlate(snapshot: Snapshot, findings: Iterable[Finding]) -> Judgement:
    """The incidents on this host, and what was looked at closely and let go."""
    by_subject: Findings = defaultdict(list)
    for finding in findings:
        by_subject[finding.subject].append(finding)
    permitted = allowed(snapshot, by_subject)
    excused = frozenset(subject for one in permitted for subject in one.subjects)
    gangs = _gangs(snapshot, by_subject, excused)
    claimed = {subject for gang in gangs for subject in gang.autostarts}
    claimed |= {autostart.subject for autostart in own_autostarts(snapshot, permitted)}
    gangs += dormant(snapshot, by_subject, claimed)
    gangs = joined(snapshot, _hidden(snapshot, gangs, hiders(snapshot, by_subject), by_subject), by_subject)
    used = _used(snapshot) if snapshot.known_files or snapshot.followed else set()
    for gang in gangs:
        _add_files(snapshot, gang, used, by_subject)
    accused = {
        process.pid
        for gang in gangs
        for process in (
            *gang.miners.values(),
            *(one.process for one in gang.guardians.values()),
            *(process for process, _ in gang.droppers.values()),
        )
    }
    slowed = slowed_work(snapshot, accused)
    standing_open = exposures(snapshot)
    incidents = sorted(
        (
            incident(
                snapshot,
                miners=sorted(gang.miners.values(), key=lambda process: -(process.window_cpu_seconds or 0.0)),
                guardians=[(one.process, one.how) for one in gang.guardians.values()],
                droppers=list(gang.droppers.values()),
                autostarts=list(gang.autostarts.values()),
                files=list(gang.files.values()),
                hiders=list(gang.hiders.values()),
                findings=by_subject,
                slowed=slowed,
                owners=owners_hand(snapshot, gang, by_subject),
            )
            for gang in gangs
        ),
        key=lambda one: (-one.verdict.rank, -one.bits),
    )
    incidents = [told(snapshot, one, standing_open) for one in incidents]
    return Judgement(
        host=snapshot.host,
        taken=snapshot.taken,
        seconds=snapshot.seconds,
        verdict=max((one.verdict for one in incidents), key=lambda verdict: verdict.rank, default=Verdict.CLEAN),
        complete=snapshot.live and not any(gap.collector == "processes" for gap in snapshot.gaps),
        incidents=tuple(incidents),
        considered=tuple(_considered(snapshot, by_subject, incidents, excused)),
        allowed=permitted,
        gaps=snapshot.gaps,
        process_table=snapshot.process_table,
        module_table=snapshot.module_table,
        accounting=snapshot.accounting,
        autostarts=_counted(snapshot),
        exposures=standing_open,
        live=snapshot.live,
    )


def _counted(snapshot: Snapshot) -> AutostartCount:
    news = Counter(autostart.news for autostart in snapshot.autostarts)
    return AutostartCount(seen=news.total(), new=news[News.NEW], changed=news[News.CHANGED])


def _gangs(snapshot: Snapshot, findings: Findings, excused: frozenset[str]) -> list[Gang]:
    """The gangs that run, each with its guardians, and then with what started it and starts it again.

    Whoever is ``excused`` mines by its owner's leave, and may still be another's guardian.
    """
    by_exe: dict[str | None, list[Process]] = defaultdict(list)
    for process in snapshot.processes:
        by_exe[process.exe_path].append(process)
    embers = _embers(snapshot, findings, excused)
    found = [_gang(snapshot, group, by_exe[group[0].exe_path], findings, excused) for group in embers]
    around = Surroundings(snapshot, findings)
    watchful: set[str] = set()
    for gang in [gang for gang in found if any(_mines(findings[subject]) for subject in gang.miners)][:_WALKED]:
        if not watchful.issuperset(gang.miners):
            _add_guardians(around, gang, findings)
            watchful.update(gang.guardians)
    guilty = []
    for gang in joined(snapshot, found, findings):
        if max((verdict_of(findings[subject]) for subject in gang.miners), key=lambda one: one.rank) is Verdict.CLEAN:
            for subject in (*gang.miners, *gang.guardians):
                findings[subject] = [finding for finding in findings[subject] if finding.rule != RULE]
        else:
            _add_payees(snapshot, gang, findings)
            guilty.append(gang)
    fetching = fetchers(snapshot) if guilty else []
    for gang in guilty:
        members = [*gang.miners.values(), *(one.process for one in gang.guardians.values())]
        for autostart, why in autostarts(snapshot, members, findings):
            gang.autostarts[autostart.subject] = (autostart, why)
        for process, how in droppers(snapshot, members, fetching, findings):
            gang.droppers[process.subject] = (process, how)
    return joined(snapshot, guilty, findings, guilty=True)


def _embers(snapshot: Snapshot, findings: Findings, excused: frozenset[str]) -> list[list[Process]]:
    """Processes with enough against them to walk their relations, together with those of the same program."""
    groups: dict[object, list[Process]] = {}
    for process in snapshot.processes:
        own = findings.get(process.subject, ())
        if not own or process.subject in excused:
            continue
        aspects = by_aspect(own)
        telling = sum(bits >= 1.0 for bits in aspects.values()) >= 2 or of_two_kinds(aspects)
        glows = (telling and total_bits(own) >= _EMBER_BITS) or proven(own)
        if glows and not untouchable(snapshot, process):
            groups.setdefault(program_key(snapshot, process) or process.subject, []).append(process)
    worst = {key: max(total_bits(findings[ember.subject]) for ember in group) for key, group in groups.items()}
    return [groups[key] for key in sorted(groups, key=lambda key: -worst[key])]


def _gang(
    snapshot: Snapshot,
    embers: Sequence[Process],
    alike: Sequence[Process],
    findings: Findings,
    excused: frozenset[str],
) -> Gang:
    """Embers of one program, with what else of the same executable belongs to them."""
    gang = Gang()
    gang.miners = {ember.subject: ember for ember in embers}
    program = program_key(snapshot, embers[0])
    if program is not None:
        for process in alike:
            joining = process.subject not in excused and program_key(snapshot, process) == program
            if joining and _joins(snapshot, process, embers[0], findings):
                gang.miners.setdefault(process.subject, process)
    return gang


def _add_guardians(around: Surroundings, gang: Gang, findings: Findings) -> None:
    """All who keep the miners alive; adds the findings that these relations make."""
    miners = list(gang.miners.values())
    gang.guardians = {one.process.subject: one for one in guardians(around, miners)}
    for finding in guarding(miners, list(gang.guardians.values())):
        findings[finding.subject].append(finding)


def _add_payees(snapshot: Snapshot, gang: Gang, findings: Findings) -> None:
    """Who earns for the same wallet; adds the findings that say so."""
    miners = list(gang.miners.values())
    for process, address in payees(snapshot, gang.miners, findings):
        gang.miners[process.subject] = process
        findings[process.subject].append(paying(miners, process, address))


def _mines(findings: Sequence[Finding]) -> bool:
    """Whether anybody guards a process: it does what miners do, and is more than a person's own work, or it is back."""
    aspects = by_aspect(findings)
    if any(finding.rule == CAME_BACK for finding in findings):
        return True
    return not DEEDS.isdisjoint(aspects) and any(aspects.get(one, 0.0) >= _TELLING_BITS for one in _TELLING)


def _joins(snapshot: Snapshot, process: Process, ember: Process, findings: Findings) -> bool:
    """Whether a process of an ember's program is of its gang, too: by what is found of it, or as the same file.

    A command line is the process's own word: that it claims somebody's script makes nobody a miner.
    """
    own = findings.get(process.subject, ())
    if untouchable(snapshot, process):
        return False
    if any(finding.aspect in _TELLING and finding.bits >= 1.0 for finding in own):
        return True
    details = lookup(snapshot).detail
    files = [
        detail.executable.key
        for one in (process, ember)
        if (detail := details.get(one.subject)) and detail.executable is not None
    ]
    same = len(files) < 2 or files[0] == files[1]
    return same and process.script is None and any(finding.bits >= 1.0 for finding in own)


def _hidden(snapshot: Snapshot, gangs: list[Gang], found: Sequence[Hider], findings: Findings) -> list[Gang]:
    """The gangs with those that hide them, and what hides nobody who was seen as gangs of their own.

    Hiders that hide one another belong together.

    Of two gangs that one preloaded library hides, it is told which: by the processes it names or was seen to hide.
    What could hide any process, and is tied to none, is put with the gangs that hide; else it stands alone.  Who
    tampers with the system's tools is whoever is there, if that is one gang.
    """
    alone: list[Gang] = []
    actors = {hider.actor.subject: hider.actor for hider in found}
    tools = {tool.subject for tool in snapshot.tools}
    for hider in found:
        subject = hider.actor.subject
        tied = [gang for gang in gangs if not hider.hides.isdisjoint((*gang.miners, *gang.guardians, *gang.droppers))]
        if not tied and hider.everywhere:
            tied = [gang for gang in gangs if any(_conceals(findings.get(miner, ())) for miner in gang.miners)]
        if not tied and subject in tools and total_bits(findings.get(subject, ())) >= _TAMPERED_BITS:
            tied = list(gangs) if len(gangs) == 1 else []
        if not tied and subject == HOST:
            tied = [gang for gang in alone if any(one.kind is Kind.MODULE for one in gang.hiders.values())]
        if not tied and verdict_of(findings.get(subject, ())) is not Verdict.CLEAN:
            tied = [Gang()]
            alone += tied
        for gang in tied:
            gang.hiders |= {one: actors[one] for one in (subject, *hider.hides) if one in actors}
            gang.autostarts |= {one.subject: (one, f"loads {hider.actor.name}") for one in hider.autostarts}
    return gangs + alone


def _conceals(findings: Sequence[Finding]) -> bool:
    return any(finding.aspect is Aspect.CONCEALMENT and finding.bits > 0 for finding in findings)


def _used(snapshot: Snapshot) -> set[str | None]:
    """The files that somebody runs, and those that are autostarts themselves."""
    used = {path for process in snapshot.processes for path in (own_program(snapshot, process), process.exe_path)}
    return used | {autostart.path for autostart in snapshot.autostarts}


def _add_files(snapshot: Snapshot, gang: Gang, used: set[str | None], findings: Findings) -> None:
    """Files of the gang's family that lie on disk and are not ``used``."""
    hiding = {path for hider in gang.hiders.values() for path in hider.files}
    families = {
        finding.family
        for subject in (*gang.miners, *gang.guardians, *gang.autostarts, *gang.hiders)
        for finding in findings.get(subject, ())
        if finding.family and finding.bits >= _SURE_BITS
    }
    for known in snapshot.known_files:
        sure = any(finding.bits >= _SURE_BITS for finding in findings.get(known.subject, ()))
        if sure and known.family in families and known.path not in used and known.path not in hiding:
            gang.files[known.subject] = known
    for one in of_files(snapshot, gang):
        file = one.executable
        own = findings.get(file.subject, ()) if file else ()
        told = next((finding for finding in own if finding.bits >= _SURE_BITS), None)
        if file and told and file.path not in used and file.path not in hiding:
            gang.files.setdefault(file.subject, KnownFile(file.path, told.family or "", file))


def _considered(
    snapshot: Snapshot, findings: Findings, incidents: Sequence[Incident], excused: frozenset[str]
) -> Iterator[Considered]:
    actors = [actor for one in incidents for actor in one.actors]
    accused = {actor.subject for actor in actors} | excused
    accused |= {f"file:{path}" for actor in actors for path in (actor.path, *actor.files)}
    ways = lookup(snapshot)
    rows = []
    for subject, own in findings.items():
        if subject in accused or not any(finding.bits >= 1.0 for finding in own):
            continue
        process = ways.by_subject.get(subject)
        name = f"{process.name} ({process.pid})" if process else subject.partition(":")[2]
        rows.append(Considered(subject=subject, name=name, bits=total_bits(own), findings=tuple(own)))
    yield from sorted(rows, key=lambda row: -row.bits)
