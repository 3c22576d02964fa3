"""Scripts of System V's init, of OpenRC and their like, with the links that enable them.

``/etc/rc2.d/S20x -> ../init.d/x`` starts ``/etc/init.d/x`` in runlevel 2; ``/etc/runlevels/default/x`` does in OpenRC.
Systemd starts those that no unit of their own replaces, too.

Source: init.d(7), update-rc.d(8), chkconfig(8), systemd-sysv-generator(8), openrc-run(8), rc.conf of OpenRC.
"""

from __future__ import annotations

import glob
import posixpath
import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from msgspec.structs import replace

from davy.collect.autostarts.boot.rc_local import RC_FILES
from davy.collect.autostarts.formats.shell_lines import shell_entries
from davy.collect.autostarts.reading import File, Files
from davy.host import Host, HostError
from davy.knowledge.start_variables import loads_something
from davy.model.autostarts import Autostart, AutostartKind
from davy.model.facts import Gap

LINKS_LIMIT: Final = 10_000
"""Links of all runlevels that are followed."""
_SCRIPTS: Final = ("/etc/init.d/*", "/etc/rc.d/init.d/*", "/usr/local/etc/init.d/*")
_LEVELS: Final = (
    *(
        f"{top}/{name}.d/[SK][0-9][0-9]?*"
        for top in ("/etc", "/etc/rc.d", "/etc/init.d")
        for name in ("boot", *(f"rc{level}" for level in "0123456S"))
    ),
    "/etc/runlevels/*/[!.]*",
)
_LOCAL: Final = (("/etc/local.d/*.start", "boot"), ("/etc/local.d/*.stop", "shutdown"), ("/etc/rc.d/*", "boot"))
_SETTINGS: Final = ("/etc/rc.conf", "/etc/conf.d/*", "/etc/default/*", "/etc/sysconfig/*")
_SCRIPT_BYTES: Final = 16 << 10
_DAEMONS_LIMIT: Final = 8
_DAEMON: Final = re.compile(r"^(?:command|DAEMON|daemon|EXEC|PROG)=[\"']?(/[^\s\"'$;]{1,1024})", re.MULTILINE)
_READ_ELSEWHERE: Final = frozenset({"grub"})


def init_scripts(host: Host) -> Iterator[Autostart | Gap]:
    """Executable init scripts, whether a runlevel has them or not; ``links`` are those of the runlevels.

    ``schedule`` is ``boot`` for those that some runlevel starts.  Source: init.d(7), openrc-run(8).
    """
    files = Files(host, "init scripts", AutostartKind.INIT_SCRIPT)
    names: dict[str, set[str]] = defaultdict(set)
    for count, name in enumerate(files.paths(*_LEVELS)):
        if count == LINKS_LIMIT:
            yield files.gap("the rest of the runlevels", f"more than {LINKS_LIMIT} links")
            break
        if isinstance(name, Gap):
            yield name
            continue
        try:
            names[files.links.resolve(name)].add(files.links.itself(name) or name)
        except HostError as error:
            yield files.gap(name, error)
    for file in files.found(*_SCRIPTS, *map(glob.escape, names)):
        if isinstance(file, Gap):
            yield file
        else:
            own = names[file.path]
            schedule = "boot" if any(map(_starts, own)) else ""
            yield from _script(host, files, file._replace(links=tuple(sorted(own - {file.path}))), schedule)
    for pattern, schedule in _LOCAL:
        for file in files.found(pattern):
            yield from (file,) if isinstance(file, Gap) else _script(host, files, file, schedule)


def _starts(name: str) -> bool:
    """Whether what bears such a name in a runlevel is started there, and not stopped."""
    return name.startswith("/etc/runlevels/") or not posixpath.basename(name).startswith("K")


def _script(host: Host, files: Files, file: File, schedule: str) -> Iterator[Autostart]:
    if file.stat.regular and file.stat.mode & 0o111 and file.path not in RC_FILES:
        entry = files.whole(file, schedule=schedule, user="root")
        yield replace(entry, programs=(*entry.programs, *_daemons(host, file)))


def _daemons(host: Host, file: File) -> tuple[str, ...]:
    """The programs that a script names as its daemon: ``DAEMON=``, and ``command=`` of openrc-run(8)."""
    try:
        text = host.root.read(file.path, _SCRIPT_BYTES).decode("utf-8", "surrogateescape")
    except HostError:
        return ()
    return tuple(dict.fromkeys(_DAEMON.findall(text)))[:_DAEMONS_LIMIT]


def init_settings(host: Host) -> Iterator[Autostart | Gap]:
    """Lines that run something in the files that init scripts read as shell text: ``/etc/default/x`` and their like.

    Variables that have programs load something are told by `davy.collect.autostarts.programs.environment`.
    """
    files = Files(host, "init scripts", AutostartKind.INIT_SCRIPT)
    for file in files.texts(*_SETTINGS):
        if isinstance(file, Gap):
            yield file
        elif file.name not in _READ_ELSEWHERE:
            entries = (entry for entry in shell_entries(file.content) if not loads_something(entry.command))
            yield from files.entries(file, entries, schedule="boot", user="root")
