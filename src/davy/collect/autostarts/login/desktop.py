r"""What a desktop starts when somebody logs in.

Of ``~/.config/autostart/x.desktop``: ``Exec=/usr/bin/tracker --start`` in ``[Desktop Entry]``.  KDE also reads the
scripts of ``plasma-workspace/env`` and runs those of ``shutdown`` and ``autostart-scripts``; LXDE's ``autostart`` has a
command a line: ``@lxpanel --profile LXDE``; X sessions read ``/etc/X11/Xsession.d``, ``~/.xprofile``, ``~/.xinitrc``.
Source: Desktop Application Autostart Specification 0.5, Desktop Entry Specification 1.5, Xsession(5), xinit(1),
lxsession(1).
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from typing import Final

from davy.collect.autostarts.formats.desktop_files import keys_of
from davy.collect.autostarts.formats.shell_lines import shell_entries
from davy.collect.autostarts.reading import Entry, File, Files, rows
from davy.host import Host
from davy.model.autostarts import Autostart, AutostartKind
from davy.model.facts import Gap

_DESKTOPS: Final = tuple(
    f"{folder}/*.desktop"
    for folder in (
        "/etc/xdg/autostart", "/usr/etc/xdg/autostart", "/usr/local/etc/xdg/autostart", "/usr/share/autostart",
        "/usr/share/gnome/autostart", "/usr/share/gdm/autostart/LoginWindow", "/usr/share/gdm/greeter/autostart",
    )
)  # fmt: skip
_HOME_DESKTOPS: Final = (
    ".config/autostart/*.desktop", ".kde/Autostart/*.desktop", ".kde4/Autostart/*.desktop",
    ".kde/share/autostart/*.desktop",
)  # fmt: skip
_SOURCED: Final = ("/etc/xdg/plasma-workspace/env/*", "/etc/X11/Xsession.d/*", "/etc/X11/xinit/xinitrc.d/*")
_HOME_SOURCED: Final = (".config/plasma-workspace/env/*", ".kde/env/*", ".kde4/env/*")
_SCRIPTS: Final = (
    "/etc/xdg/plasma-workspace/shutdown/*", "/etc/gdm3/PostLogin/*", "/etc/gdm3/PreSession/*",
    "/etc/gdm3/PostSession/*", "/etc/gdm3/Init/*", "/etc/gdm/PostLogin/*", "/etc/gdm/PreSession/*",
    "/etc/gdm/PostSession/*", "/etc/gdm/Init/*",
)  # fmt: skip
_HOME_SCRIPTS: Final = (
    ".config/autostart-scripts/*", ".config/plasma-workspace/shutdown/*", ".kde/shutdown/*", ".kde4/shutdown/*",
)  # fmt: skip
_LAST: Final = frozenset({"shutdown", "PostSession"})
"""The folders of scripts that run at the end."""
_SHELL_TEXTS: Final = ("/etc/xprofile", "/etc/X11/xinit/xinitrc", "/etc/X11/xinitrc", "/etc/xdg/openbox/autostart")
_HOME_SHELL_TEXTS: Final = (
    ".xinitrc", ".xsession", ".Xsession", ".xsessionrc", ".xprofile", ".Xclients", ".config/openbox/autostart",
)  # fmt: skip
_LXSESSION: Final = ("/etc/xdg/lxsession/*/autostart",)
_HOME_LXSESSION: Final = (".config/lxsession/*/autostart",)

_FIELD: Final = re.compile(r"%[fFuUdDnNickvm]")
_TRUE: Final = frozenset({"true", "1"})
_LXDE_LINE: Final = re.compile(r"[ \t]*@?(?P<command>[^#@\s][^\0]*)")


def desktop_entries(content: str) -> Iterator[Entry]:
    """What a desktop file starts; nothing of one that is hidden, which only takes back another of its name."""
    keys = keys_of(content, "Desktop Entry")
    command = keys.get("Exec", "").strip()
    if command and keys.get("Hidden", "").strip().lower() not in _TRUE:
        yield Entry(_FIELD.sub("", command).rstrip(), directory=keys.get("Path") or None)


def lxsession_entries(content: str) -> Iterator[Entry]:
    """The commands of an ``autostart`` file of lxsession, one a line; ``@`` has one started again when it ends."""
    for row in rows(content):
        if entry := _LXDE_LINE.match(row.text):
            yield row.entry(entry["command"].rstrip())


def desktop_autostarts(host: Host) -> Iterator[Autostart | Gap]:
    """What desktops start at login, for all users and for each; ``user`` is None where it is whoever logs in."""
    files = Files(host, "desktop", AutostartKind.XDG)
    yield from files.autostarts(desktop_entries, *_DESKTOPS, own=_HOME_DESKTOPS, schedule="login")
    yield from files.scripts(*_SOURCED, own=_HOME_SOURCED, schedule="login", executable=False)
    yield from files.scripts(*_SCRIPTS, own=_HOME_SCRIPTS, schedule=_when)
    for file in files.texts(*_SHELL_TEXTS, own=_HOME_SHELL_TEXTS):
        if isinstance(file, Gap):
            yield file
        else:
            yield from files.entries(file, shell_entries(file.content, home=file.home_path), schedule="login")
    yield from files.autostarts(lxsession_entries, *_LXSESSION, own=_HOME_LXSESSION, schedule="login")


def _when(script: File) -> str:
    return "logout" if posixpath.basename(posixpath.dirname(script.place)) in _LAST else "login"
