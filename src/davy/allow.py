"""The road of `davy allow`: from a process, a file or an incident to what is written down of it.

What is allowed is one program by its content, and the unit and user that run it.  Reads the host; changes nothing.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterator
from typing import Final

from davy.collect.examine import examine
from davy.collect.executables import executable
from davy.collect.survey import survey
from davy.correlate.allowed import judged_file, never_allowed
from davy.detect.places import temporary_folder
from davy.host import Host, HostError
from davy.host.packages import packages
from davy.knowledge.programs import interpreter
from davy.model.allowance import Allowance, unit_of
from davy.model.facts import Process
from davy.model.incidents import Incident, Kind, Role
from davy.model.snapshot import Snapshot
from davy.model.text import printable
from davy.model.triage import Subjects

_WINDOW_SECONDS: Final = 0.1


class NotAllowedError(Exception):
    """It cannot be allowed; the message says why in one line."""


def of_process(host: Host, pid: int, reason: str, now: float, by: str | None) -> list[Allowance]:
    """What allows the process ``pid`` as it runs now.  Raises `NotAllowedError` and `HostError`."""
    snapshot = survey(host, _WINDOW_SECONDS, packages(host.root, forgiving=True))
    found = next((process for process in snapshot.processes if process.pid == pid), None)
    if found is None:
        raise NotAllowedError(f"no process {pid} runs")
    return list(_of(host, snapshot, (found,), reason, now, by))


def of_incident(host: Host, incident: Incident, reason: str, now: float, by: str | None) -> list[Allowance]:
    """What allows the miners of an incident that still run.  Nobody else of it is excused."""
    wanted = {
        actor.subject for actor in incident.actors if actor.role is Role.MINER and actor.kind is Kind.PROCESS
    }  # fmt: skip
    snapshot = survey(host, _WINDOW_SECONDS, packages(host.root, forgiving=True))
    found = [process for process in snapshot.processes if process.subject in wanted]
    if not found:
        raise NotAllowedError("none of the incident's miners runs any more: allow its program by path")
    return list(_of(host, snapshot, found, reason, now, by))


def _of(
    host: Host, snapshot: Snapshot, processes: Collection[Process], reason: str, now: float, by: str | None
) -> Iterator[Allowance]:
    subjects = Subjects(processes=frozenset(process.subject for process in processes))
    examined = examine(host, snapshot, subjects, packages(host.root, forgiving=True))
    made: dict[tuple[str, str | None, str | None], Allowance] = {}
    for process in processes:
        shown = f"{process.name} ({process.pid})"
        why = "it is of the kernel" if process.kernel_thread else never_allowed(examined, process)
        file = judged_file(examined, process)
        if why is None and (file is None or file.sha256 is None):
            why = "its program could not be read"
        if why is not None or file is None or file.sha256 is None:
            raise NotAllowedError(f"{shown} is not to be allowed: {why}")
        unit = unit_of(process.cgroup)
        made.setdefault(
            (file.sha256, unit, process.user),
            Allowance(
                id=0, sha256=file.sha256, path=file.path, unit=unit, user=process.user, reason=reason, since=now, by=by
            ),
        )
    yield from made.values()


def of_path(
    host: Host, path: str, unit: str | None, user: str | None, reason: str, now: float, by: str | None
) -> Allowance:
    """What allows the program at ``path``, run by ``unit`` (None: by none) as ``user`` (None: as anybody)."""
    real = os.path.realpath(path)
    if temporary_folder(real) is not None:
        raise NotAllowedError(f"{path} is not to be allowed: it lies where anyone may write")
    if interpreter(os.path.basename(real)):
        raise NotAllowedError(f"{path} is not to be allowed: an interpreter runs whatever it is given")
    try:
        file = executable(host, real)
        folder = host.root.stat(os.path.dirname(real))
    except HostError as error:
        raise NotAllowedError(printable(str(error))) from None
    if (file.mode | folder.mode) & stat.S_IWOTH:
        raise NotAllowedError(f"{path} is not to be allowed: anyone may write to it or to its folder")
    if file.sha256 is None:
        raise NotAllowedError(f"{path} is not to be allowed: its content could not be read")
    return Allowance(
        id=0, sha256=file.sha256, path=real, unit=unit, user=user, reason=reason, since=now, by=by
    )  # fmt: skip
