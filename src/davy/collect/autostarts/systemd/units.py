"""What systemd starts: services, and the timers, paths and sockets that start them, read from their files alone.

Units of other types (mount, automount, swap, device, target, slice, scope) name no command of their own; what they
pull in, and what ``OnFailure=`` names, are units of these types again, each of which is told, enabled or not.  Files
that ``EnvironmentFile=`` names are read by `davy.collect.autostarts.programs.environment` where they usually lie.

Source: systemd.unit(5), systemd.service(5), systemd.timer(5), systemd.path(5), systemd.socket(5), systemd.exec(5).
"""

from __future__ import annotations

import posixpath
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from davy.collect.accounts import accounts
from davy.collect.autostarts.formats.unit_files import exec_commands, exec_text, expanded, name_specifiers, unit_type
from davy.collect.autostarts.programs.environment import files_of_value, loading_words
from davy.collect.autostarts.systemd.unit_folders import (
    SYSTEM_FOLDERS,
    UNIT_TYPES,
    SearchPath,
    UnitFile,
    UnitReader,
    user_folders,
)
from davy.collect.commands import PROGRAMS_LIMIT, UNKNOWN, programs_of_words
from davy.host import Host
from davy.model.autostarts import Autostart, AutostartKind
from davy.model.facts import Account, Gap

HOMES_LIMIT: Final = 2_000
"""Homes that are searched for units."""
_RUNTIME: Final = "/run/user"
_TRUE: Final = frozenset({"1", "yes", "y", "true", "t", "on"})

_KINDS: Final = {"service": AutostartKind.SERVICE, "timer": AutostartKind.TIMER}

_EXEC_KEYS: Final = {
    "service": (
        "ExecCondition", "ExecStartPre", "ExecStart", "ExecStartPost", "ExecReload", "ExecStop", "ExecStopPost",
    ),
    "socket": ("ExecStartPre", "ExecStartPost", "ExecStopPre", "ExecStopPost"),
}  # fmt: skip
"""What runs as a unit starts, is reloaded and stops, in the order in which it does."""
_ENVIRONMENT: Final = "Environment"

_TRIGGERS: Final = {
    "timer": (
        "OnCalendar", "OnBootSec", "OnStartupSec", "OnActiveSec", "OnUnitActiveSec", "OnUnitInactiveSec",
        "OnClockChange", "OnTimezoneChange",
    ),
    "path": ("PathExists", "PathExistsGlob", "PathChanged", "PathModified", "DirectoryNotEmpty"),
    "socket": (
        "ListenStream", "ListenDatagram", "ListenSequentialPacket", "ListenFIFO", "ListenSpecial", "ListenNetlink",
        "ListenMessageQueue", "ListenUSBFunction",
    ),
}  # fmt: skip

_KEYS: Final = frozenset(
    {"User", "Restart", "DynamicUser", "WorkingDirectory", "Unit", "Service", "Accept", _ENVIRONMENT}.union(
        *_EXEC_KEYS.values(), *_TRIGGERS.values()
    )
)


class _Line(NamedTuple):
    """A setting that is in force, and the file it stands in."""

    file: UnitFile
    key: str
    value: str


class _Unit(NamedTuple):
    """A unit: its file and the drop-ins that apply to it."""

    name: str
    fragment: UnitFile | None
    dropins: Sequence[UnitFile]

    def lines(self, keys: Sequence[str], *, together: bool = False) -> list[_Line]:
        """The settings in force, key after key; an empty value takes back its key's, or those of all ``together``."""
        found: dict[str, list[_Line]] = {key: [] for key in keys}
        section = unit_type(self.name).capitalize()
        for file in (*([self.fragment] if self.fragment else []), *self.dropins):
            for setting in file.settings:
                if setting.key in found and setting.section == section:
                    if setting.value:
                        found[setting.key].append(_Line(file, setting.key, setting.value))
                    else:
                        for key in keys if together else (setting.key,):
                            found[key].clear()
        return [line for lines in found.values() for line in lines]

    def value(self, key: str) -> str:
        """The last value of a setting, or nothing."""
        found = self.lines((key,))
        return found[-1].value if found else ""

    def execs(self) -> list[_Line]:
        """The Exec lines in the order in which they run, then the variables by which what they run loads more."""
        keys = _EXEC_KEYS.get(unit_type(self.name), ())
        loading = (line for line in self.lines((_ENVIRONMENT,)) if loading_words(line.value))
        return [*self.lines(keys), *loading] if keys else []

    def activates(self) -> str | None:
        """The unit that a timer, path or socket starts."""
        stem, _, kind = self.name.rpartition(".")
        if kind == "service":
            return None
        if named := self.value("Service" if kind == "socket" else "Unit"):
            known = expanded(named, name_specifiers(self.name))
            return named if UNKNOWN in known else known
        each = kind == "socket" and self.value("Accept").lower() in _TRUE
        return f"{stem}{'@' if each else ''}.service"

    def schedule(self) -> str:
        """When it starts; for a service, when it starts again."""
        kind = unit_type(self.name)
        if kind == "service":
            restart = self.value("Restart")
            return f"restart={restart}" if restart not in ("", "no") else ""
        return "; ".join(f"{line.key}={line.value}" for line in self.lines(_TRIGGERS[kind], together=True))


class _Around(NamedTuple):
    """What the words of a unit's commands depend on."""

    specifiers: dict[str, str]
    home: str | None
    directory: str | None


class _Manager:
    """One systemd: the system's, a user's, or what the managers of all users share (then ``user`` is None)."""

    def __init__(
        self, search: SearchPath, *, system: bool, user: str | None, home: str | None, runtime: str | None
    ) -> None:
        self._search, self._system, self._user, self._home = search, system, user, home
        known = {"h": home, "u": user, "t": runtime, "T": "/tmp", "V": "/var/tmp"}
        if system:
            known |= {"E": "/etc", "S": "/var/lib", "C": "/var/cache", "L": "/var/log"}
        elif home is not None:
            known |= {"E": f"{home}/.config", "S": f"{home}/.local/state", "C": f"{home}/.cache"}
        self._specifiers = {letter: meaning for letter, meaning in known.items() if meaning is not None}

    def autostarts(self, folders: Sequence[str]) -> Iterator[Autostart]:
        """Those that files in these folders make."""
        for name in self._search.names(folders):
            if unit := self._unit(name):
                yield from self._autostarts(unit)

    def _unit(self, name: str) -> _Unit | None:
        """None for a unit that is masked or not there."""
        fragment = self._search.fragment(name)
        if fragment and fragment.masked:
            return None
        dropins = list(self._search.dropins(name))
        return _Unit(name, fragment, dropins) if fragment or dropins else None

    def _autostarts(self, unit: _Unit) -> Iterator[Autostart]:
        own: dict[str, list[_Line]] = defaultdict(list)
        for line in unit.execs():
            own[line.file.path].append(line)
        around = self._around(unit)
        user = self._user_of(unit)
        kind = _KINDS.get(unit_type(unit.name), AutostartKind.UNIT)
        schedule, activates = unit.schedule(), unit.activates()
        if unit.fragment:
            lines = own[unit.fragment.path]
            command, programs = _command(lines), _programs(lines, around)
            if activates and (service := self._unit(self._search.name(activates))):
                lines, user = service.execs(), self._user_of(service)
                command = "; ".join(filter(None, (command, _command(lines))))
                programs = tuple(dict.fromkeys((*programs, *_programs(lines, self._around(service)))))
            yield Autostart(
                kind=kind,
                path=unit.fragment.path,
                command=command,
                schedule=schedule,
                user=user,
                unit=unit.name,
                activates=activates,
                links=self._search.links(unit.name),
                programs=programs,
                mtime=unit.fragment.mtime,
                ctime=unit.fragment.ctime,
                birth=unit.fragment.birth,
            )
        for dropin in unit.dropins:
            if lines := own[dropin.path]:
                yield Autostart(
                    kind=kind,
                    path=dropin.path,
                    command=_command(lines),
                    schedule=schedule,
                    user=self._user_of(unit),
                    unit=None if _general(dropin) else unit.name,
                    activates=activates,
                    links=(dropin.place,) if dropin.place != dropin.path else (),
                    programs=_programs(lines, around),
                    mtime=dropin.mtime,
                    ctime=dropin.ctime,
                    birth=dropin.birth,
                )

    def _user_of(self, unit: _Unit) -> str | None:
        if not self._system:
            return self._user
        if named := unit.value("User"):
            return named
        return unit.name.partition(".")[0] if unit.value("DynamicUser").lower() in _TRUE else self._user

    def _around(self, unit: _Unit) -> _Around:
        specifiers = self._specifiers | name_specifiers(unit.name)
        home = None if self._system and unit.value("User") else self._home
        folder = unit.value("WorkingDirectory").lstrip("-")
        if not folder:
            return _Around(specifiers, home, "/" if self._system else home)
        return _Around(specifiers, home, home if folder == "~" else expanded(folder, specifiers))


def _programs(lines: Sequence[_Line], around: _Around) -> tuple[str, ...]:
    found = dict.fromkeys(program for line in lines for program in _programs_of_line(line, around))
    return tuple(found)[:PROGRAMS_LIMIT]


def _programs_of_line(line: _Line, around: _Around) -> Iterator[str]:
    if line.key == _ENVIRONMENT:
        for word in loading_words(line.value):
            name, _, value = word.partition("=")
            yield from files_of_value(name, expanded(value, around.specifiers))
        return
    for words in exec_commands(line.value, around.specifiers):
        yield from programs_of_words(words, home=around.home, directory=around.directory)


def _command(lines: Sequence[_Line]) -> str:
    return "; ".join(
        " ".join(loading_words(line.value)) if line.key == _ENVIRONMENT else exec_text(line.value) for line in lines
    )


def _general(dropin: UnitFile) -> bool:
    """Whether a drop-in applies to many units: to all of a type, or to all whose names begin alike."""
    name = posixpath.basename(posixpath.dirname(dropin.place)).removesuffix(".d")
    return name in UNIT_TYPES or "-." in name


def systemd_units(host: Host) -> Iterator[Autostart | Gap]:
    """Services, timers, paths and sockets of the system and of every user, whether enabled or not.

    One autostart for each unit file that is in force, and one for each drop-in that adds a command or a variable like
    ``LD_PRELOAD``.  ``command`` is what runs at the start, at a reload and at the stop, and such variables; that of a
    timer, path or socket is what the service it starts runs.  ``schedule`` is when: ``OnCalendar=daily``,
    ``PathChanged=/x``, or for a service ``restart=always``.  Masked units yield nothing.  Source: systemd.unit(5).
    """
    reader = UnitReader(host.root, _KEYS)
    seen: set[str] = set()
    for manager, folders in _managers(host, reader):
        for autostart in manager.autostarts(folders):
            if autostart.path not in seen:
                seen.add(autostart.path)
                yield autostart
    yield from reader.gaps


def _managers(host: Host, reader: UnitReader) -> Iterator[tuple[_Manager, Sequence[str]]]:
    """Every manager there may be, with the folders that are its own."""
    search = SearchPath(reader, SYSTEM_FOLDERS)
    yield _Manager(search, system=True, user="root", home="/root", runtime="/run"), search.folders
    common = user_folders(None, None)
    shared = SearchPath(reader, common)
    yield _Manager(shared, system=False, user=None, home=None, runtime=None), shared.folders
    for user, home, runtime in _users(host, reader):
        folders = user_folders(home, runtime)
        if any(reader.folder(folder) for folder in folders if folder not in common):
            search = SearchPath(reader, folders)
            own = [folder for folder in search.folders if folder not in shared.folders]
            yield _Manager(search, system=False, user=user, home=home, runtime=runtime), own


def _users(host: Host, reader: UnitReader) -> Iterator[tuple[str, str | None, str | None]]:
    """Who may have a manager: name, home (each home once) and runtime folder (of those that run now)."""
    running = {name: f"{_RUNTIME}/{name}" for name in reader.names(_RUNTIME) if name.isdecimal()}
    homes: set[str] = set()
    for account in accounts(host):
        if not isinstance(account, Account):
            continue
        home = account.home.rstrip("/") if account.home.startswith("/") else None
        runtime = running.pop(str(account.uid), None)
        if home in homes:
            home = None
        elif home is not None:
            homes.add(home)
        if len(homes) > HOMES_LIMIT:
            reader.gap("the units in the rest of the homes", f"more than {HOMES_LIMIT} homes")
            break
        yield account.name, home, runtime
    yield from ((uid, None, runtime) for uid, runtime in running.items())
