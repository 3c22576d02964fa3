"""Scripts of System V's init, of OpenRC and their like, with the links that enable them.

``/etc/rc2.d/S20x -> ../init.d/x`` starts ``/etc/init.d/x`` in runlevel 2; ``/etc/runlevels/default/x`` does in OpenRC.
Systemd starts those that no unit of their own replaces, too.

Source: init.d(7), update-rc.d(8), chkconfig(8), systemd-sysv-generator(8), openrc-run(8), rc.conf of OpenRC.
"""

from __future__ import annotations

import posixpath
import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from davy.collect.autostarts.folders import Placed, files_in
from davy.collect.autostarts.links import Links
from davy.collect.autostarts.rc_local import RC_FILES
from davy.collect.autostarts.shell_lines import shell_entries
from davy.collect.autostarts.texts import Text, Texts
from davy.host import Gone, Host, HostError
from davy.knowledge.start_variables import loads_something
from davy.model.autostarts import Autostart, AutostartKind
from davy.model.facts import Gap

LINKS_LIMIT: Final = 10_000
"""Links of all runlevels that are followed."""
_SCRIPTS: Final = ("/etc/init.d", "/etc/rc.d/init.d", "/usr/local/etc/init.d")
_LEVELS: Final = tuple(
    f"{top}/{name}.d"
    for top in ("/etc", "/etc/rc.d", "/etc/init.d")
    for name in ("boot", *(f"rc{level}" for level in "0123456S"))
)
_RUNLEVELS: Final = "/etc/runlevels"
_LOCAL: Final = (("/etc/local.d", ".start", "boot"), ("/etc/local.d", ".stop", "shutdown"), ("/etc/rc.d", "", "boot"))
_SETTINGS: Final = ("/etc/conf.d", "/etc/default", "/etc/sysconfig")
_SETTINGS_FILES: Final = ("/etc/rc.conf",)
_READ_ELSEWHERE: Final = frozenset({"grub"})
_SCRIPT_BYTES: Final = 16 << 10
_DAEMONS_LIMIT: Final = 8
_DAEMON: Final = re.compile(r"^(?:command|DAEMON|daemon|EXEC|PROG)=[\"']?(/[^\s\"'$;]{1,1024})", re.MULTILINE)
_LEVEL_LINK: Final = re.compile(r"[SK]\d\d.+")


def init_scripts(host: Host) -> Iterator[Autostart | Gap]:
    """Executable init scripts, whether a runlevel has them or not; ``links`` are those of the runlevels.

    ``schedule`` is ``boot`` for those that some runlevel starts.  Source: init.d(7), openrc-run(8).
    """
    yield from _Scripts(host).autostarts()


class _Scripts:
    """The init scripts of one host."""

    def __init__(self, host: Host) -> None:
        self._host, self._links = host, Links(host.root)
        self._enabled: dict[str, set[str]] = defaultdict(set)
        self._seen: set[str] = set()

    def autostarts(self) -> Iterator[Autostart | Gap]:
        own: list[str] = []
        for found in self._runlevel_names():
            if isinstance(found, Gap):
                yield found
            elif self._links.target(found) is None:
                own.append(found)
            else:
                self._enabled[self._real(found)].add(found)
        for folder in self._links.distinct(_SCRIPTS):
            for file in files_in(self._host, "init scripts", folder):
                yield from self._script(file, "boot" if isinstance(file, Placed) and self._starts(file.path) else "")
        for path in own:
            yield from self._own_file(path)
        for path in list(self._enabled):
            if path not in self._seen:
                yield from self._own_file(path)
        for folder, suffix, schedule in _LOCAL:
            for file in files_in(self._host, "init scripts", folder):
                if isinstance(file, Gap) or (file.name.endswith(suffix) and file.path not in RC_FILES):
                    yield from self._script(file, schedule)

    def _runlevel_names(self) -> Iterator[str | Gap]:
        """What lies in the folders of the runlevels."""
        folders = [(folder, _LEVEL_LINK) for folder in self._links.distinct(_LEVELS)]
        for level in self._names(_RUNLEVELS):
            if isinstance(level, Gap):
                yield level
            else:
                folders.append((level, re.compile("[^.].*")))
        count = 0
        for folder, pattern in folders:
            for path in self._names(folder):
                if isinstance(path, str) and not pattern.fullmatch(posixpath.basename(path)):
                    continue
                yield path
                count += 1
                if count == LINKS_LIMIT:
                    yield Gap("init scripts", "the rest of the runlevels", f"more than {LINKS_LIMIT} links")
                    return

    def _names(self, folder: str) -> Iterator[str | Gap]:
        try:
            yield from (f"{folder}/{name}" for name in self._host.root.names(folder))
        except Gone:
            return
        except HostError as error:
            if self._links.target(folder) is None or folder not in _LEVELS:
                yield Gap("init scripts", folder, str(error))

    def _real(self, path: str) -> str:
        try:
            return self._links.resolve(path)
        except HostError:
            return path

    def _starts(self, path: str) -> bool:
        return any(
            not posixpath.basename(link).startswith("K") or _RUNLEVELS in link for link in self._enabled.get(path, ())
        )

    def _own_file(self, path: str) -> Iterator[Autostart | Gap]:
        """A file that lies in a runlevel's folder itself, or that a link there leads to outside the usual folders."""
        try:
            found = self._host.root.stat(path)
        except Gone:
            return
        except HostError as error:
            yield Gap("init scripts", path, str(error))
            return
        if found.regular:
            links = self._enabled.get(path) or {path}
            starts = any(not posixpath.basename(link).startswith("K") for link in links)
            yield from self._script(Placed(path, found), "boot" if starts else "")

    def _script(self, file: Placed | Gap, schedule: str) -> Iterator[Autostart | Gap]:
        if isinstance(file, Gap):
            yield file
            return
        real = self._real(file.path)
        if not file.stat.mode & 0o111 or real in RC_FILES or real in self._seen:
            return
        self._seen.add(real)
        yield Autostart(
            kind=AutostartKind.INIT_SCRIPT, path=real, command=real, schedule=schedule, user="root",
            links=tuple(sorted(self._enabled.get(real, ()))), programs=(real, *self._daemons(real)),
            mtime=file.stat.mtime, ctime=file.stat.ctime, birth=file.stat.birth,
        )  # fmt: skip

    def _daemons(self, path: str) -> tuple[str, ...]:
        """The programs that a script names as its daemon: ``DAEMON=``, and ``command=`` of openrc-run(8)."""
        try:
            text = self._host.root.read(path, _SCRIPT_BYTES).decode("utf-8", "surrogateescape")
        except HostError:
            return ()
        return tuple(dict.fromkeys(_DAEMON.findall(text)))[:_DAEMONS_LIMIT]


def init_settings(host: Host) -> Iterator[Autostart | Gap]:
    """Lines that run something in the files that init scripts read as shell text: ``/etc/default/x`` and their like.

    Variables that have programs load something are told by `davy.collect.autostarts.environment`.
    """
    texts = Texts(host, "init scripts")
    for path in _SETTINGS_FILES:
        yield from _settings_of(texts, texts.read(path))
    for folder in _SETTINGS:
        yield from _settings_of(texts, texts.folder(folder))


def _settings_of(texts: Texts, files: Iterator[Text | Gap]) -> Iterator[Autostart | Gap]:
    for file in files:
        if isinstance(file, Gap):
            yield file
        elif posixpath.basename(file.path) not in _READ_ELSEWHERE:
            entries = (entry for entry in shell_entries(file.content) if not loads_something(entry.command))
            yield from texts.entries(file, AutostartKind.INIT_SCRIPT, entries, schedule="boot", user="root", home="/")
