"""Kernel modules that are loaded when the machine starts, and the commands that modprobe runs in their stead.

A line of ``/etc/modules-load.d/x.conf``: ``br_netfilter``.  Of ``/etc/modprobe.d/x.conf``: ``install usb /bin/true``.
Source: modules-load.d(5), modules(5) of Debian, initramfs-tools(7), modprobe.d(5).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from davy.collect.autostarts.commands import programs_of
from davy.collect.autostarts.links import Links
from davy.collect.autostarts.tables import Bounds, entries
from davy.host import Gone, Host, HostError
from davy.model.autostarts import Autostart, AutostartKind
from davy.model.facts import Gap

FILE_BYTES: Final = 256 << 10
"""What is read of one file."""
LINES_LIMIT: Final = 2_000
"""Entries that are taken from one file."""

_LOAD_FILES: Final = ("/etc/modules", "/etc/initramfs-tools/modules")
_LOAD_FOLDERS: Final = tuple(
    f"{folder}/modules-load.d" for folder in ("/etc", "/run", "/usr/local/lib", "/usr/lib", "/lib")
)
_MODPROBE_FILES: Final = ("/etc/modprobe.conf",)
_MODPROBE_FOLDERS: Final = tuple(
    f"{folder}/modprobe.d" for folder in ("/etc", "/run", "/usr/local/lib", "/usr/lib", "/lib")
)
_MODULE_LINE: Final = re.compile(r"[ \t]*(?P<module>[^\s#;]\S*)(?P<options>[^#]*)")
_COMMAND_LINE: Final = re.compile(
    r"[ \t]*(?P<what>install|remove)[ \t]+(?P<module>\S+)[ \t]+(?P<command>\S.*)", re.DOTALL
)
_INSTEAD: Final = re.compile(r"/?(?:usr/)?(?:bin/)?(?:true|false)")
"""``install x /bin/false`` only forbids the module."""


class Line(NamedTuple):
    """One entry of a file."""

    line: int
    text: str
    module: str
    schedule: str
    command: str


def modules_load_entries(content: str) -> Iterator[Line]:
    """The modules that a file of modules-load.d(5) or modules(5) names, one a line."""
    for number, raw in enumerate(content.split("\n"), 1):
        text = raw.removesuffix("\r")
        if entry := _MODULE_LINE.match(text.partition("\0")[0]):
            module = entry["module"].replace("-", "_")
            yield Line(number, text, module, "boot", f"modprobe {entry['module']}{entry['options'].rstrip()}")


def modprobe_entries(content: str) -> Iterator[Line]:
    """The commands of a file of modprobe.d(5); ``text`` is the first line of one that goes on over several.

    Commands that do nothing are passed over: they only keep a module out.
    """
    for number, text, whole in _logical_lines(content):
        entry = _COMMAND_LINE.match(whole.partition("\0")[0])
        if entry and not _INSTEAD.fullmatch(entry["command"].strip()):
            module = entry["module"].replace("-", "_")
            yield Line(number, text, module, entry["what"], entry["command"].strip())


def _logical_lines(content: str) -> Iterator[tuple[int, str, str]]:
    """Number and text of each first line, and the whole with what a backslash at the end joins to it."""
    rows = iter(enumerate(content.split("\n"), 1))
    for number, raw in rows:
        text = whole = raw.removesuffix("\r")
        while whole.endswith("\\"):
            _, following = next(rows, (0, ""))
            whole = f"{whole[:-1]} {following.removesuffix(chr(13))}"
        yield number, text, whole


def modules_load_lines(host: Host) -> Iterator[Autostart | Gap]:
    """Lines that have a kernel module loaded when the machine starts; ``activates`` is the module.

    Every file is read, also one that another of the same name overrides.
    """
    yield from _lines(host, AutostartKind.MODULE, modules_load_entries, _LOAD_FILES, _LOAD_FOLDERS)


def modprobe_lines(host: Host) -> Iterator[Autostart | Gap]:
    """What modprobe runs instead of loading or unloading a module; ``activates`` is the module."""
    yield from _lines(host, AutostartKind.MODPROBE, modprobe_entries, _MODPROBE_FILES, _MODPROBE_FOLDERS)


def _lines(
    host: Host, kind: AutostartKind, parse: Callable[[str], Iterator[Line]], files: tuple[str, ...],
    folders: tuple[str, ...],
) -> Iterator[Autostart | Gap]:  # fmt: skip
    links = Links(host.root)
    paths: dict[str, None] = dict.fromkeys(files)
    for folder in links.distinct(folders):
        try:
            paths |= dict.fromkeys(f"{folder}/{name}" for name in host.root.names(folder) if name.endswith(".conf"))
        except Gone:
            continue
        except HostError as error:
            yield Gap("modules", folder, str(error))
    for path in links.distinct(tuple(paths)):
        yield from _of_file(host, path, kind, parse)


def _of_file(
    host: Host, path: str, kind: AutostartKind, parse: Callable[[str], Iterator[Line]]
) -> Iterator[Autostart | Gap]:
    for found in entries(host, "modules", path, parse, Bounds(FILE_BYTES, LINES_LIMIT)):
        if isinstance(found, Gap):
            yield found
            continue
        entry, mtime = found
        yield Autostart(
            kind=kind,
            path=path,
            line=entry.line,
            text=entry.text,
            command=entry.command,
            schedule=entry.schedule,
            user="root",
            activates=entry.module,
            programs=programs_of(entry.command),
            mtime=mtime,
        )
