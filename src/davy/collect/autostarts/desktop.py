r"""What a desktop starts when somebody logs in.

Of ``~/.config/autostart/x.desktop``: ``Exec=/usr/bin/tracker --start`` in ``[Desktop Entry]``.  KDE also reads the
scripts of ``plasma-workspace/env`` and runs those of ``shutdown`` and ``autostart-scripts``; LXDE's ``autostart`` has a
command a line: ``@lxpanel --profile LXDE``; X sessions read ``/etc/X11/Xsession.d``, ``~/.xprofile``, ``~/.xinitrc``.
Source: Desktop Application Autostart Specification 0.5, Desktop Entry Specification 1.5, Xsession(5), xinit(1),
lxsession(1).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Final, NamedTuple

from davy.collect.autostarts.desktop_files import keys_of
from davy.collect.autostarts.homes import Home, homes
from davy.collect.autostarts.reading import Place, Reading
from davy.collect.autostarts.written import Written, rows, shell_lines
from davy.host import Host
from davy.model.autostarts import Autostart, AutostartKind
from davy.model.facts import Gap

_DESKTOPS: Final = (
    "/etc/xdg/autostart", "/usr/etc/xdg/autostart", "/usr/local/etc/xdg/autostart", "/usr/share/autostart",
    "/usr/share/gnome/autostart", "/usr/share/gdm/autostart/LoginWindow", "/usr/share/gdm/greeter/autostart",
)  # fmt: skip
_HOME_DESKTOPS: Final = ("/.config/autostart", "/.kde/Autostart", "/.kde4/Autostart", "/.kde/share/autostart")
_SOURCED: Final = ("/etc/xdg/plasma-workspace/env", "/etc/X11/Xsession.d", "/etc/X11/xinit/xinitrc.d")
_HOME_SOURCED: Final = ("/.config/plasma-workspace/env", "/.kde/env", "/.kde4/env")
_SCRIPTS: Final = (
    "/etc/xdg/plasma-workspace/shutdown", "/etc/gdm3/PostLogin", "/etc/gdm3/PreSession", "/etc/gdm3/PostSession",
    "/etc/gdm3/Init", "/etc/gdm/PostLogin", "/etc/gdm/PreSession", "/etc/gdm/PostSession", "/etc/gdm/Init",
)  # fmt: skip
_HOME_SCRIPTS: Final = (
    "/.config/autostart-scripts", "/.config/plasma-workspace/shutdown", "/.kde/shutdown", "/.kde4/shutdown",
)  # fmt: skip
_EVERYBODY: Final = Home("", None)
"""Who reads what all users share."""
_SHELL_TEXTS: Final = ("/etc/xprofile", "/etc/X11/xinit/xinitrc", "/etc/X11/xinitrc", "/etc/xdg/openbox/autostart")
_HOME_SHELL_TEXTS: Final = (
    "/.xinitrc", "/.xsession", "/.Xsession", "/.xsessionrc", "/.xprofile", "/.Xclients", "/.config/openbox/autostart",
)  # fmt: skip

_FIELD: Final = re.compile(r"%[fFuUdDnNickvm]")
_TRUE: Final = frozenset({"true", "1"})
_LXDE_LINE: Final = re.compile(r"[ \t]*@?(?P<command>[^#@\s][^\0]*)")


def desktop_entries(content: str, user: str | None = None) -> Iterator[Written]:
    """What a desktop file starts; nothing of one that is hidden, which only takes back another of its name."""
    keys = keys_of(content, "Desktop Entry")
    command = keys.get("Exec", "").strip()
    if command and keys.get("Hidden", "").strip().lower() not in _TRUE:
        known = _FIELD.sub("", command).rstrip()
        yield Written(command=known, schedule="login", user=user, directory=keys.get("Path") or None)


def lxsession_entries(content: str, user: str | None = None) -> Iterator[Written]:
    """The commands of an ``autostart`` file of lxsession, one a line; ``@`` has one started again when it ends."""
    for row in rows(content, continued=False):
        if entry := _LXDE_LINE.match(row.text):
            yield row.written(entry["command"].rstrip(), "login", user=user)


def desktop_autostarts(host: Host) -> Iterator[Autostart | Gap]:
    """What desktops start at login, for all users and for each; ``user`` is None where it is whoever logs in."""
    reading = Reading(host, "desktop", AutostartKind.XDG)
    owners = [_EVERYBODY]
    for home in homes(host, "desktop"):
        if isinstance(home, Gap):
            yield home
        else:
            owners.append(home)
    for group in _GROUPS:
        whose = {
            f"{home.path}{name}": home
            for home in owners
            for name in group.names(home)
            if home is _EVERYBODY or reading.may_hold(home.path, name)
        }
        found = reading.places((), whose) if group.files else reading.places(whose, suffix=group.suffix)
        yield from _group(reading, group, found, whose)
    yield from _lxsession(reading, owners)


class _Group(NamedTuple):
    """Folders, or files, that are read alike."""

    shared: tuple[str, ...]
    """By everybody's desktop."""
    own: tuple[str, ...]
    """By the desktop of the home that they are in."""
    read: Callable[[Reading, Place, Home], Iterator[Autostart | Gap]]
    suffix: str = ""
    files: bool = False

    def names(self, home: Home) -> tuple[str, ...]:
        return self.shared if home is _EVERYBODY else self.own


def _group(
    reading: Reading, group: _Group, found: Iterator[Place | Gap], whose: Mapping[str, Home]
) -> Iterator[Autostart | Gap]:
    for place in found:
        if isinstance(place, Gap):
            yield place
        else:
            yield from group.read(reading, place, whose[place.given])


def _lxsession(reading: Reading, owners: list[Home]) -> Iterator[Autostart | Gap]:
    whose: dict[str, Home] = {}
    for home in owners:
        config = ".config" if home.path else "etc/xdg"
        if not reading.may_hold(home.path, f"{config}/lxsession"):
            continue
        for folder in reading.inside(f"{home.path}/{config}/lxsession"):
            if isinstance(folder, Gap):
                yield folder
            else:
                whose[f"{folder}/autostart"] = home
    yield from _group(reading, _Group((), (), _lxsession_file), reading.places((), whose), whose)


def _desktop_file(reading: Reading, place: Place, home: Home) -> Iterator[Autostart | Gap]:
    yield from reading.entries((place,), partial(desktop_entries, user=home.user), home.path or None)


def _lxsession_file(reading: Reading, place: Place, home: Home) -> Iterator[Autostart | Gap]:
    yield from reading.entries((place,), partial(lxsession_entries, user=home.user), home.path or None)


def _shell_text(reading: Reading, place: Place, home: Home) -> Iterator[Autostart | Gap]:
    parse = partial(shell_lines, schedule="login", user=home.user, home=home.path or None)
    yield from reading.entries((place,), parse, home.path or None)


def _sourced(reading: Reading, place: Place, home: Home) -> Iterator[Autostart | Gap]:
    yield from reading.scripts((place,), lambda _: "login", user=home.user, executable=False)


def _script(reading: Reading, place: Place, home: Home) -> Iterator[Autostart | Gap]:
    when = "logout" if place.given.endswith(("shutdown", "PostSession")) else "login"
    yield from reading.scripts((place,), lambda _: when, user=home.user)


_GROUPS: Final = (
    _Group(_DESKTOPS, _HOME_DESKTOPS, _desktop_file, suffix=".desktop"),
    _Group(_SOURCED, _HOME_SOURCED, _sourced),
    _Group(_SCRIPTS, _HOME_SCRIPTS, _script),
    _Group(_SHELL_TEXTS, _HOME_SHELL_TEXTS, _shell_text, files=True),
)
