"""What keeps an autostart from starting anything again: lines, files, links, masks."""

from __future__ import annotations

import os
import re
import stat
from typing import Final

from davy.hands.systemd import SYSTEM_SOCKET
from davy.host import HostError
from davy.model.autostarts import Autostart, AutostartKind
from davy.model.plan import FileIdentity, MaskUnit, Quarantine, ReloadManager, RemoveLines, RemoveLink
from davy.respond.draft import ALLOWED, Draft

_UNITS: Final = frozenset({AutostartKind.SERVICE, AutostartKind.TIMER, AutostartKind.UNIT})
_UNIT_NAME: Final = re.compile(r"[A-Za-z0-9:_.\\@-]{1,255}")
"""What systemd takes for a unit's name (systemd.unit(5)); a file of another name is only a file."""
_PROCESSLESS: Final = (".timer", ".path", ".socket")
_SYSTEM_RUNTIME: Final = b"/run/systemd/system"


def disable(draft: Draft, autostart: Autostart | None) -> None:
    if autostart is None:
        return
    if autostart.subject in draft.allowed_autostarts:
        draft.leave(autostart.path, ALLOWED)
        return
    owner = autostart.owner_package or draft.database.owners([autostart.path]).get(autostart.path)
    if owner:
        draft.leave(autostart.path, f"belongs to the installed package {owner}")
        if autostart.kind in _UNITS and autostart.unit:
            draft.vendor_units.append(autostart.unit)
        return
    if autostart.line is not None:
        draft.lines.setdefault(autostart.path, []).append(autostart)
        return
    if autostart.kind in _UNITS and autostart.unit and _UNIT_NAME.fullmatch(autostart.unit):
        _unit(draft, autostart, autostart.unit)
        return
    identity = draft.identity(autostart.path)
    if identity is not None and draft.mine(autostart.path):
        draft.entries.append(Quarantine(file=identity, why=f"a {autostart.kind} entry of its own"))


def _unit(draft: Draft, autostart: Autostart, unit: str) -> None:
    """A unit goes by its links and its file; a mask at run time keeps others from starting it meanwhile.

    Of a unit that somebody else's file defines, only the drop-in goes.
    """
    identity = draft.identity(autostart.path)
    if identity is None or not draft.mine(autostart.path):
        return
    path = autostart.path
    runtime, socket = _SYSTEM_RUNTIME, SYSTEM_SOCKET
    if not path.startswith(("/etc/systemd/system", "/run/systemd/", "/usr/", "/lib/systemd/system")):
        uid = draft.host.root.lstat(path).uid
        runtime, socket = b"/run/user/%d/systemd/user" % uid, b"/run/user/%d/systemd/private" % uid
    if os.path.dirname(path).endswith(".d"):
        draft.entries.append(Quarantine(file=identity, why=f"a drop-in of the unit {unit}"))
        draft.vendor_units += _owned_by_packages(draft, unit)
    else:
        _whole_unit(draft, autostart, unit, identity, runtime)
    if _is_socket(socket):
        stopping = draft.managers.setdefault(socket, [])
        if unit.endswith(_PROCESSLESS):
            stopping.append(unit)


def _whole_unit(draft: Draft, autostart: Autostart, unit: str, identity: FileIdentity, runtime: bytes) -> None:
    for link in autostart.links:
        try:
            destination = os.fsencode(draft.host.root.readlink(link))
            real = os.path.join(os.path.realpath(os.path.dirname(link)), os.path.basename(link))
            draft.entries.append(RemoveLink(path=os.fsencode(real), destination=destination))
        except HostError as error:
            draft.leave(link, str(error))
    draft.entries.append(Quarantine(file=identity, why=f"the unit {unit}"))
    if os.path.isdir(runtime) and not os.fsdecode(identity.path).startswith(os.fsdecode(runtime) + "/"):
        draft.entries.append(MaskUnit(unit=unit, manager=runtime))


def _owned_by_packages(draft: Draft, unit: str) -> list[str]:
    """The unit's name, if a file that defines it belongs to an installed package."""
    paths = {other.path for other in draft.snapshot.autostarts if other.unit == unit}
    return [unit] if draft.database.owners(paths) else []


def _is_socket(path: bytes) -> bool:
    try:
        return stat.S_ISSOCK(os.stat(path).st_mode)
    except OSError:
        return False


def lines(draft: Draft) -> None:
    """One step a file, for all its guilty lines."""
    for path, entries in draft.lines.items():
        identity = draft.identity(path)
        if identity is None or not draft.mine(path):
            continue
        entries.sort(key=lambda entry: entry.line or 0)
        draft.entries.append(
            RemoveLines(
                file=identity,
                lines=tuple(entry.line or 0 for entry in entries),
                texts=tuple(os.fsencode(entry.text) for entry in entries),
            )
        )


def reloads(draft: Draft) -> None:
    for socket, stop in draft.managers.items():
        draft.entries.append(ReloadManager(socket=socket, stop=tuple(stop)))
