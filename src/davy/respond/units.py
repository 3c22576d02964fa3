"""What keeps systemd from starting a unit again: its links and its file go, and the manager reads its units anew."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Sequence
from typing import Final

from davy.hands.systemd import SYSTEM_SOCKET
from davy.host import HostError
from davy.model.allowance import unit_of
from davy.model.autostarts import Autostart, AutostartKind
from davy.model.plan import MaskUnit, ReloadManager
from davy.respond.draft import Draft

_KINDS: Final = frozenset({AutostartKind.SERVICE, AutostartKind.TIMER, AutostartKind.UNIT})
_NAME: Final = re.compile(r"[A-Za-z0-9:_.\\@-]{1,255}")
"""What systemd takes for a unit's name (systemd.unit(5)); a file of another name is only a file."""
_PROCESSLESS: Final = (".timer", ".path", ".socket", ".automount")
_SYSTEM_RUNTIME: Final = b"/run/systemd/system"
_EVERY_USER: Final = (
    "/etc/systemd/user", "/usr/lib/systemd/user", "/lib/systemd/user", "/usr/local/lib/systemd/user",
    "/usr/share/systemd/user", "/usr/local/share/systemd/user", "/etc/containers/systemd/users",
)  # fmt: skip
_PACKAGED_SYSTEM: Final = ("/usr/lib/systemd/system", "/lib/systemd/system")
_PACKAGED_USER: Final = ("/usr/lib/systemd/user", "/lib/systemd/user")
"""Where packages put their units."""
_QUADLETS: Final = (".container", ".pod", ".kube", ".volume", ".network", ".build", ".image")
"""Files that Podman's generator makes units of: podman-systemd.unit(5)."""
_INSTANCE: Final = re.compile(r"@[^@/]*(?=\.[a-z]+$)")
"""What tells an instance from its template."""
_MANAGERS_LIMIT: Final = 200


def is_unit(autostart: Autostart) -> bool:
    return autostart.kind in _KINDS and autostart.unit is not None and _NAME.fullmatch(autostart.unit) is not None


def unit(draft: Draft, autostart: Autostart) -> None:
    """A unit goes by its links and its file; a mask at run time keeps others from starting it meanwhile.

    Of a unit that somebody else's file defines, only the drop-in goes; before a package's own, only what shadows it.
    """
    name, path = autostart.unit or "", autostart.path
    managers = _managers(draft, autostart)
    if os.path.dirname(path).endswith(".d"):
        if not draft.entry(path, f"a drop-in of the unit {name}"):
            return
        draft.vendor_units += _owned_by_packages(draft, name)
    elif _shadows(draft, path, _PACKAGED_SYSTEM if _SYSTEM_RUNTIME in managers else _PACKAGED_USER, name):
        if not draft.entry(path, f"it stands before the package's own {name}"):
            return
        draft.vendor_units.append(name)
        for runtime in managers:
            _reread(draft, runtime, None)
        return
    else:
        draft.enabling_links(_own_links(draft, autostart))
        if not draft.entry(path, f"the unit {name}"):
            return
        for runtime in managers:
            _runs_on(draft, name, runtime)
        for runtime in managers:
            if os.path.isdir(runtime) and not path.startswith(os.fsdecode(runtime) + "/"):
                draft.entries.append(MaskUnit(unit=name, manager=runtime))
    for runtime in managers:
        _reread(draft, runtime, name if name.endswith(_PROCESSLESS) else None)


def _shadows(draft: Draft, path: str, folders: Sequence[str], name: str) -> bool:
    """Whether a package has a unit of this name in one of its folders, which systemd would read but for this file."""
    vendors = [each for folder in folders if (each := f"{folder}/{name}") != path]
    return bool(draft.database.owners(vendors)) and any(_is_there(draft, each) for each in vendors)


def _is_there(draft: Draft, path: str) -> bool:
    try:
        return draft.host.root.stat(path).regular
    except HostError:
        return False


def _own_links(draft: Draft, autostart: Autostart) -> list[str]:
    """The links that enable a unit: systemd goes by a link's name, so one that bears another unit's is the other's."""
    others = {each.unit for each in draft.snapshot.autostarts if each.unit != autostart.unit}
    return [link for link in autostart.links if os.path.basename(link) not in others]


def _runs_on(draft: Draft, name: str, runtime: bytes) -> None:
    """Say what the unit has running that is not in the plan: what shares a control group is not guilty for that."""
    uid = runtime.split(b"/")[3].decode() if runtime != _SYSTEM_RUNTIME else None
    whose = f"user@{uid}.service/{name}" if uid else name
    for process in draft.snapshot.processes:
        unit = unit_of(process.cgroup)
        if unit is None or whose not in (unit, _INSTANCE.sub("@", unit)):
            continue
        if process.exe_path and os.fsencode(process.exe_path) in draft.programs:
            continue
        if not any(each.subject in draft.targets for each in (process, *draft.ways.ancestors(process))):
            started = unit.rpartition("/")[2]
            how = f"systemctl stop {started}" if uid is None else f"systemctl --user stop {started}, as {process.user}"
            draft.leave(
                f"process {process.pid} ({process.name})", f"{started} runs it, and nothing is found against it: {how}"
            )
            return


def reread(draft: Draft, autostart: Autostart) -> None:
    """Of what systemd made units, or reads together with them: have it read them again."""
    if is_unit(autostart) or autostart.kind is AutostartKind.GENERATOR or autostart.path.endswith(_QUADLETS):
        for runtime in _managers(draft, autostart):
            _reread(draft, runtime, None)


def other_of_user(draft: Draft, linger: Autostart) -> str | None:
    """A unit of a lingering user that stays, for which the mark stays, too; None when all of them go."""
    user = os.path.basename(linger.path)
    going = {autostart.subject for autostart in draft.actor_autostarts}
    homes = tuple(f"{account.home.rstrip('/')}/" for account in draft.snapshot.accounts if account.name == user)
    for autostart in draft.snapshot.autostarts:
        if autostart.kind in _KINDS and autostart.path.startswith(homes) and autostart.subject not in going:
            return f"the unit {autostart.unit or autostart.path} of {user}"
    return None


def reloads(draft: Draft) -> None:
    for socket, stop in draft.managers.items():
        draft.entries.append(ReloadManager(socket=socket, stop=tuple(dict.fromkeys(stop))))


def _managers(draft: Draft, autostart: Autostart) -> list[bytes]:
    """The run-time unit folders of the managers that read a unit file: by where it lies, and where links to it do."""
    places = (autostart.path, *autostart.links)
    return list(dict.fromkeys(runtime for place in places for runtime in _readers(draft, place)))


def _readers(draft: Draft, path: str) -> list[bytes]:
    """The same of one place."""
    if path.startswith(_EVERY_USER):
        return [_of_user(uid) for uid in _running_users()]
    if path.startswith("/run/user/"):
        uid = path.split("/")[3]
        return [_of_user(int(uid))] if uid.isdecimal() else []
    homes = {account.home.rstrip("/"): account.uid for account in draft.snapshot.accounts}
    while path not in ("", "/"):
        path = os.path.dirname(path)
        if path in homes:
            return [_of_user(homes[path])]
    return [_SYSTEM_RUNTIME]


def _of_user(uid: int) -> bytes:
    return b"/run/user/%d/systemd/user" % uid


def _running_users() -> list[int]:
    try:
        return sorted(int(name) for name in os.listdir("/run/user") if name.isdecimal())[:_MANAGERS_LIMIT]
    except OSError:
        return []


def _reread(draft: Draft, runtime: bytes, stop: str | None) -> None:
    socket = SYSTEM_SOCKET if runtime == _SYSTEM_RUNTIME else os.path.dirname(runtime) + b"/private"
    if _is_socket(socket):
        stopping = draft.managers.setdefault(socket, [])
        if stop is not None:
            stopping.append(stop)


def _owned_by_packages(draft: Draft, name: str) -> list[str]:
    """The unit's name, if a file that defines it belongs to an installed package."""
    paths = {other.path for other in draft.snapshot.autostarts if other.unit == name}
    return [name] if draft.database.owners(paths) else []


def _is_socket(path: bytes) -> bool:
    try:
        return stat.S_ISSOCK(os.stat(path).st_mode)
    except OSError:
        return False
