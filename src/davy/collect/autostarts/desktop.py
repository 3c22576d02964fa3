r"""What a desktop starts when somebody logs in.

Of ``~/.config/autostart/x.desktop``: ``Exec=/usr/bin/tracker --start`` in ``[Desktop Entry]``.  KDE also reads the
scripts of ``plasma-workspace/env`` and runs those of ``shutdown`` and ``autostart-scripts``; LXDE's ``autostart`` has a
command a line: ``@lxpanel --profile LXDE``; X sessions read ``/etc/X11/Xsession.d``, ``~/.xprofile``, ``~/.xinitrc``.
Source: Desktop Application Autostart Specification 0.5, Desktop Entry Specification 1.5, Xsession(5), xinit(1),
lxsession(1).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from typing import Final

from davy.collect.autostarts.desktop_files import keys_of
from davy.collect.autostarts.homes import Home, homes
from davy.collect.autostarts.places import Place, places, script_files, subfolders
from davy.collect.autostarts.written import Written, entries_of, rows, shell_lines
from davy.host import Host
from davy.model.autostarts import Autostart, AutostartKind
from davy.model.facts import Gap

_DESKTOPS: Final = (
    "/etc/xdg/autostart", "/usr/etc/xdg/autostart", "/usr/local/etc/xdg/autostart", "/usr/share/autostart",
    "/usr/share/gnome/autostart", "/usr/share/gdm/autostart/LoginWindow", "/usr/share/gdm/greeter/autostart",
)  # fmt: skip
_HOME_DESKTOPS: Final = (".config/autostart", ".kde/Autostart", ".kde4/Autostart", ".kde/share/autostart")
_SOURCED: Final = ("/etc/xdg/plasma-workspace/env", "/etc/X11/Xsession.d", "/etc/X11/xinit/xinitrc.d")
_HOME_SOURCED: Final = (".config/plasma-workspace/env", ".kde/env", ".kde4/env")
_SCRIPTS: Final = (
    "/etc/xdg/plasma-workspace/shutdown", "/etc/gdm3/PostLogin", "/etc/gdm3/PreSession", "/etc/gdm3/PostSession",
    "/etc/gdm3/Init", "/etc/gdm/PostLogin", "/etc/gdm/PreSession", "/etc/gdm/PostSession", "/etc/gdm/Init",
)  # fmt: skip
_HOME_SCRIPTS: Final = (
    ".config/autostart-scripts", ".config/plasma-workspace/shutdown", ".kde/shutdown", ".kde4/shutdown",
)  # fmt: skip
_LXSESSION: Final = "lxsession"
_SHELL_TEXTS: Final = ("/etc/xprofile", "/etc/X11/xinit/xinitrc", "/etc/X11/xinitrc", "/etc/xdg/openbox/autostart")
_HOME_SHELL_TEXTS: Final = (
    ".xinitrc", ".xsession", ".Xsession", ".xsessionrc", ".xprofile", ".Xclients", ".config/openbox/autostart",
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
    yield from _of_folders(host, "", _DESKTOPS, _SOURCED, _SCRIPTS, None, None)
    yield from _lxsession(host, "/etc/xdg", None, None)
    yield from _shell_texts(host, _SHELL_TEXTS, None, None)
    for home in homes(host, "desktop"):
        if isinstance(home, Gap):
            yield home
        else:
            yield from _of_home(host, home)


def _of_home(host: Host, home: Home) -> Iterator[Autostart | Gap]:
    yield from _of_folders(host, home.path + "/", _HOME_DESKTOPS, _HOME_SOURCED, _HOME_SCRIPTS, home.user, home.path)
    yield from _lxsession(host, f"{home.path}/.config", home.user, home.path)
    yield from _shell_texts(host, tuple(f"{home.path}/{name}" for name in _HOME_SHELL_TEXTS), home.user, home.path)


def _shell_texts(host: Host, files: tuple[str, ...], user: str | None, home: str | None) -> Iterator[Autostart | Gap]:
    """The lines of texts that a session's shell reads."""
    parse = partial(shell_lines, schedule="login", user=user, home=home)
    yield from entries_of(host, "desktop", AutostartKind.XDG, places(host, "desktop", (), files), parse, home)


def _of_folders(
    host: Host, top: str, desktops: tuple[str, ...], sourced: tuple[str, ...], scripts: tuple[str, ...],
    user: str | None, home: str | None,
) -> Iterator[Autostart | Gap]:  # fmt: skip
    found = places(host, "desktop", (top + folder for folder in desktops), suffix=".desktop")
    parse = partial(desktop_entries, user=user)
    yield from entries_of(host, "desktop", AutostartKind.XDG, found, parse, home)
    for folders, executable in ((sourced, False), (scripts, True)):
        found = places(host, "desktop", (top + folder for folder in folders))
        yield from script_files(host, "desktop", AutostartKind.XDG, found, _session, user=user, executable=executable)


def _session(place: Place) -> str:
    return "logout" if place.folder.endswith(("shutdown", "PostSession")) else "login"


def _lxsession(host: Host, config: str, user: str | None, home: str | None) -> Iterator[Autostart | Gap]:
    files = []
    for folder in subfolders(host, "desktop", f"{config}/{_LXSESSION}"):
        if isinstance(folder, Gap):
            yield folder
        else:
            files.append(f"{folder}/autostart")
    found = places(host, "desktop", (), files)
    yield from entries_of(host, "desktop", AutostartKind.XDG, found, partial(lxsession_entries, user=user), home)
