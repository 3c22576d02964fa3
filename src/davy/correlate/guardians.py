"""Who keeps a miner alive: found by what ties it to the miner *and* by a finding of its own.

The way the second seed found kinsing: it shared the miner's control group, and was itself no honest program.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from davy.correlate.relations import shared_by_many, started_by, ties, untouchable
from davy.knowledge import guardian_name
from davy.knowledge.programs import interpreter
from davy.model.facts import Process, Snapshot
from davy.model.findings import Aspect, Finding
from davy.model.lookup import lookup

_OWN = frozenset({Aspect.IDENTITY, Aspect.ORIGIN, Aspect.CONCEALMENT})
_RULE = "persistence.guardian"
_TECHNIQUE = "T1543"


def guardians(
    snapshot: Snapshot, miner: Process, findings: Mapping[str, Sequence[Finding]]
) -> Iterator[tuple[Process, str]]:
    """The guardians of ``miner``, each with how it was found.

    - A parent whose program has a finding of its own, or that is an interpreter whose command line or script
      names the miner's file; and its parent likewise, up to the first that has neither.
    - A neighbour by control group, session or folder that bears a known guardian's name.
    - A neighbour with a finding of its own whose text names the miner's file, or another guardian's.
    - Whoever was seen starting the miner's program again after it was ended.
    """
    parents = {parent.subject for parent in started_by(snapshot, miner)}
    found: dict[str, tuple[Process, str]] = {}
    paths = {miner.program} - {None}
    changed = True
    while changed:
        changed = False
        for process in snapshot.processes:
            if process.subject in found or process.subject == miner.subject or untouchable(snapshot, process):
                continue
            how = _how(snapshot, process, miner, paths, process.subject in parents, findings.get(process.subject, ()))
            if how is None:
                continue
            found[process.subject] = (process, how)
            parents |= {parent.subject for parent in started_by(snapshot, process)}
            if process.script or not _interpreted(process):
                paths.add(process.program)
            changed = True
    yield from found.values()


def _how(
    snapshot: Snapshot,
    process: Process,
    miner: Process,
    paths: set[str | None],
    parent: bool,
    findings: Sequence[Finding],
) -> str | None:
    own = any(finding.aspect in _OWN and finding.bits >= 1.0 for finding in findings)
    detail = lookup(snapshot).detail.get(process.subject)
    names = bool(detail and not paths.isdisjoint(detail.names))
    shared = ties(process, miner)
    if process.program == miner.program and not process.script:
        return None  # another miner
    if any(restart.starter == process.key for restart in snapshot.restarts) and not _serves(snapshot, process):
        return "was seen starting it again"
    if parent and own:
        return "started it, and is itself no honest program"
    if parent and names and _interpreted(process) and (process.script or process.inline):
        return "started it, and its text names the miner's file"
    if shared and own and any(guardian_name(name) for name in (process.name, _base(process))):
        return f"a known guardian, and it shares {shared[0]}"
    if shared and own and names:
        return f"its text names the miner's file, and it shares {shared[0]}"
    return None


def _serves(snapshot: Snapshot, process: Process) -> bool:
    """What also serves others: a service manager, an installed package's program, whatever listens on the network.

    It may be the door through which the miner is started again; it is no guardian.
    """
    detail = lookup(snapshot).detail.get(process.subject)
    packaged = bool(detail and detail.executable and detail.executable.owner_package)
    listens = any(process.pid in socket.pids for socket in snapshot.sockets if socket.state == "LISTEN")
    return shared_by_many(process) or listens or (packaged and not process.script and not process.inline)


def _interpreted(process: Process) -> bool:
    return process.exe is not None and interpreter(process.exe.path.rpartition("/")[2])


def _base(process: Process) -> str:
    return (process.program or "").rpartition("/")[2]


def guarding(miner: Process, guardian: Process, how: str) -> tuple[Finding, Finding]:
    """The finding that the miner is guarded, and the one that the guardian guards."""
    return (
        Finding(
            rule=_RULE, aspect=Aspect.PERSISTENCE, bits=4.0, subject=miner.subject, technique=_TECHNIQUE,
            summary=f"{guardian.name} ({guardian.pid}) keeps it alive: {how}",
            evidence=(guardian.invocation,), related=(guardian.subject,),
        ),
        Finding(
            rule=_RULE, aspect=Aspect.PERSISTENCE, bits=4.0, subject=guardian.subject, technique=_TECHNIQUE,
            summary=f"keeps {miner.name} ({miner.pid}) alive: {how}",
            evidence=(guardian.invocation,), related=(miner.subject,),
        ),
    )  # fmt: skip
