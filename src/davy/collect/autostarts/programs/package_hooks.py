"""What package managers run when they install, update or look for packages.

Of apt and dpkg: see `davy.collect.autostarts.programs.apt`.  A line of a file of
``/etc/dnf/plugins/post-transaction-actions.d``: ``*:in:/usr/bin/x``.  Of ``/usr/share/libalpm/hooks/x.hook``:
``Exec = /usr/bin/x``.
The maintainer scripts of dpkg's packages are not entries: there are three for each package, they run only when that
one is replaced, and no checksum is kept of them, so that nothing would tell a changed one.

Source: dnf-plugin-post-transaction-actions(8), libdnf5-actions(8), alpm-hooks(5), apk(8).
"""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

from davy.collect.autostarts.formats.unit_files import unit_settings
from davy.collect.autostarts.programs.apt import apt_entries, dpkg_entries
from davy.collect.autostarts.reading import File, Files, Span
from davy.host import Host
from davy.model.autostarts import Autostart, AutostartKind
from davy.model.facts import Gap

_APT: Final = ("/etc/apt/apt.conf", "/etc/apt/apt.conf.d/*", "/usr/share/apt/apt.conf.d/*", "/root/.aptrc")
_DPKG: Final = ("/etc/dpkg/dpkg.cfg", "/etc/dpkg/dpkg.cfg.d/*", "/root/.dpkg.cfg")
_ACTIONS: Final = ("/etc/dnf/plugins/post-transaction-actions.d/*.action", "/etc/yum/post-actions/*.action")
_ACTIONS5: Final = ("/etc/dnf/libdnf5-plugins/actions.d/*.actions",)
_ALPM: Final = ("/etc/pacman.d/hooks/*.hook", "/usr/share/libalpm/hooks/*.hook")
_PLUGINS: Final = (
    ("/usr/lib/python3*/site-packages/dnf-plugins/*.py", "dnf"),
    ("/usr/lib/yum-plugins/*.py", "yum"),
    ("/usr/share/yum-plugins/*.py", "yum"),
)
"""Programs that the package manager loads into itself whatever it does."""
_SCRIPTS: Final = (
    ("/usr/lib/zypp/plugins/*/*", "zypper"),
    ("/etc/apk/commit_hooks.d/*", "apk"),
    ("/lib/apk/commit_hooks.d/*", "apk"),
    ("/usr/lib/apk/commit_hooks.d/*", "apk"),
    ("/etc/needrestart/hook.d/*", "needrestart"),
    ("/etc/needrestart/restart.d/*", "needrestart"),
)
"""Folders whose executable files are run."""
_ACTION: Final = re.compile(
    r"^(?![ \t]*#)[^:\n]*:(?:in|out|install|update|remove|any|[a-z_]+)?:(?P<command>[^\s:][^\n]*)", re.MULTILINE
)
_ACTION5: Final = re.compile(r"^(?P<when>[a-z_]+):[^:\n]*:[^:\n]*:[^:\n]*:(?P<command>\S[^\n]*)", re.MULTILINE)
_ACTION5_WORD: Final = re.compile(r"(?:[^\s\\]|\\.)+")


def action_entries(text: str) -> Iterator[Span]:
    """The lines ``FILTER:STATE:COMMAND`` of a file of post-transaction-actions."""
    for match in _ACTION.finditer(text):
        yield Span(match["command"].rstrip(), match.start(), match.end(), schedule="dnf: post-transaction")


def actions5_entries(text: str) -> Iterator[Span]:
    """The lines ``CALLBACK:FILTER:DIRECTION:OPTIONS:COMMAND`` of libdnf5's actions."""
    for match in _ACTION5.finditer(text):
        command = match["command"].rstrip()
        if "\\" in command:  # which makes blanks part of a word; no shell reads it
            command = shlex.join(re.sub(r"\\(.)", r"\1", word) for word in _ACTION5_WORD.findall(command))
        yield Span(command, match.start(), match.end(), schedule=f"dnf: {match['when']}")


_SETTINGS: Final[tuple[tuple[tuple[str, ...], Callable[[str], Iterator[Span]]], ...]] = (
    (_APT, apt_entries),
    (_DPKG, dpkg_entries),
    (_ACTIONS, action_entries),
    (_ACTIONS5, actions5_entries),
)


def package_hooks(host: Host) -> Iterator[Autostart | Gap]:
    """Hooks of apt, dpkg, dnf, yum, zypper, pacman and apk; all run as root.

    A setting that runs something is the entry where the file holds settings; of scripts, plugins and pacman's hooks
    it is the file.
    """
    files = Files(host, "package hooks", AutostartKind.PACKAGE_HOOK)
    for places, parse in _SETTINGS:
        yield from files.autostarts(parse, *places, user="root")
    for file in files.texts(*_ALPM):
        yield from (file,) if isinstance(file, Gap) else _alpm_hook(files, file)
    for pattern, manager in _SCRIPTS:
        yield from files.scripts(pattern, schedule=partial(_when, manager), user="root")
    for pattern, manager in _PLUGINS:
        yield from files.scripts(pattern, schedule=f"{manager}: plugin", user="root", executable=False)


def _when(manager: str, script: File) -> str:
    """The manager, and the folder of what it runs."""
    return f"{manager}: {posixpath.basename(posixpath.dirname(script.place)).removesuffix('.d')}"


def _alpm_hook(files: Files, file: File) -> Iterator[Autostart]:
    """A hook needs its Exec line: it is taken out as a file.  Source: alpm-hooks(5)."""
    settings = [each for each in unit_settings(file.content, ("Exec", "When")) if each.section == "Action"]
    command = next((each.value for each in settings if each.key == "Exec"), "")
    if command:
        when = next((each.value for each in settings if each.key == "When"), "")
        yield files.whole(file, command, schedule=f"pacman: {when}".rstrip(": "), user="root")
