"""The plan that closes doors: for each exposure whose fix is one line, where it is set; the others with the reason."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from davy.collect.services.ground import FILE_BYTES
from davy.hands.attributes import storable
from davy.hands.edits import EDIT_LIMIT
from davy.harden.lines import NoPlaceError, format_of, line_set
from davy.harden.places import Owners, refusal
from davy.host import Host, HostError
from davy.knowledge.services import known_services
from davy.model.exposures import Exposure, LineChange
from davy.model.plan import FileIdentity, Left, LineSet, Plan, SetLines
from davy.model.snapshot import Snapshot
from davy.model.text import printable

_GROUPS_LIMIT: Final = 1 << 20
_NO_LINE: Final = "its fix is not one line of a file: see what to do above"


class _File(Struct):
    """A file while its step is made."""

    identity: FileIdentity
    content: bytes
    lines: dict[str, LineSet]
    """By the setting they set."""
    closes: list[str]
    restarts: list[str]


def plan(host: Host, snapshot: Snapshot, exposures: Sequence[Exposure], spared: frozenset[tuple[int, int]]) -> Plan:
    """One step a file for all exposures that a line closes; what is left alone is in `Plan.left`.

    ``spared`` are files of Davy's own.
    """
    files: dict[str, _File] = {}
    left = []
    for exposure in exposures:
        why = _NO_LINE if exposure.change is None else _added(host, snapshot, exposure, exposure.change, files, spared)
        if why is not None:
            left.append(Left(printable(f"{exposure.service} ({exposure.id})", 400), printable(why, 400)))
    steps = tuple(
        SetLines(
            file=one.identity, lines=tuple(sorted(one.lines.values(), key=lambda line: line.number)),
            closes=tuple(one.closes), restart="; ".join(dict.fromkeys(one.restarts)),
        )
        for one in files.values()
    )  # fmt: skip
    boot = host.kernel.boot_id if host.kernel else None
    return Plan(incidents=(), boot_id=boot, steps=steps, left=tuple(left))


def _added(
    host: Host, snapshot: Snapshot, exposure: Exposure, change: LineChange, files: dict[str, _File],
    spared: frozenset[tuple[int, int]],
) -> str | None:  # fmt: skip
    """Add the line of an exposure to the file's step; why not, where it is left alone."""
    if exposure.container is not None:
        return "it is in a container: change it where the container is made"
    known = known_services().get(exposure.kind)
    opening = known.opening_by_id(exposure.opening) if known else None
    if known is None or opening is None:
        return "nothing is known of its configuration"
    format_ = format_of(known, change.path)
    if format_ is None:
        return f"{change.path}: in no language that Davy knows of it"
    keys = next((one.keys for one in known.setting if one.name == opening.line_setting), ())
    real = os.path.join(os.path.realpath(os.path.dirname(change.path)), os.path.basename(change.path))
    try:
        why = refusal(host.root, real, _owners(host, snapshot, exposure))
        if why is not None:
            return f"{change.path}: {why}"
        file = files.get(real) or _read(host, real)
        if file is None or file.identity.key in spared:
            return f"{change.path}: larger than {EDIT_LIMIT >> 20} MiB, or Davy's own"
        if file.identity.size > FILE_BYTES and change.line is None:
            return f"{change.path}: larger than what is read of it, and its rest may set it otherwise"
        line = line_set(file.content, change, format_, keys)
    except (HostError, NoPlaceError) as error:
        return f"{change.path}: {error}"
    setting = opening.line_setting or opening.id
    for other, there in file.lines.items():
        one_place = there.number == line.number and there.before is not None
        if there != line and (other == setting or one_place):
            return f"{change.path}: another fix sets the same line otherwise"
    files[real] = file
    file.lines[setting] = line
    file.closes.append(exposure.id)
    if change.restart:
        file.restarts.append(change.restart)
    return None


def _read(host: Host, path: str) -> _File | None:
    found = host.root.lstat(path)
    digest = host.root.digest(path, EDIT_LIMIT)
    if digest is None:
        return None
    identity = FileIdentity(
        path=os.fsencode(path), device=found.device, inode=found.inode, size=found.size,
        mtime_ns=storable(found.mtime_ns), sha256=digest.sha256,
    )  # fmt: skip
    return _File(identity, host.root.read(path, EDIT_LIMIT), {}, [], [])


def _owners(host: Host, snapshot: Snapshot, exposure: Exposure) -> Owners:
    """Root, and the user of the exposed service where it runs as one, with the group that is that user's alone."""
    service = next((one for one in snapshot.services if one.subject == exposure.subject), None)
    process = next((one for one in snapshot.processes if service and one.pid == service.pid), None)
    if process is None or process.uid is None:
        return Owners()
    names = {account.name for account in snapshot.accounts if account.uid == process.uid}
    gids = {account.gid for account in snapshot.accounts if account.uid == process.uid}
    shared = {account.gid for account in snapshot.accounts if account.uid != process.uid}
    return Owners({process.uid}, {gid for gid in gids - shared if _members(host, gid) <= names})


def _members(host: Host, gid: int) -> set[str]:
    """Who is in a group besides those whose own it is.  Source: group(5).  Raises `HostError`."""
    for row in os.fsdecode(host.root.read("/etc/group", _GROUPS_LIMIT)).split("\n"):
        fields = row.split(":")
        if len(fields) == 4 and fields[2] == str(gid):
            return {name for name in fields[3].split(",") if name}
    return set()
