"""Kernel modules that are loaded when the machine starts, and the commands that modprobe runs in their stead.

A line of ``/etc/modules-load.d/x.conf``: ``br_netfilter``.  Of ``/etc/modprobe.d/x.conf``: ``install usb /bin/true``.
Source: modules-load.d(5), modules(5) of Debian, initramfs-tools(7), modprobe.d(5).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from davy.collect.autostarts.reading import Entry, Files, rows
from davy.host import Host
from davy.model.autostarts import Autostart, AutostartKind
from davy.model.facts import Gap

_TOPS: Final = ("/etc", "/run", "/usr/local/lib", "/usr/lib", "/lib")
_LOAD: Final = ("/etc/modules", "/etc/initramfs-tools/modules", *(f"{top}/modules-load.d/*.conf" for top in _TOPS))
_MODPROBE: Final = ("/etc/modprobe.conf", *(f"{top}/modprobe.d/*.conf" for top in _TOPS))
_MODULE_LINE: Final = re.compile(r"[ \t]*(?P<module>[^\s#;]\S*)(?P<options>[^#]*)")
_COMMAND_LINE: Final = re.compile(
    r"[ \t]*(?P<what>install|remove)[ \t]+(?P<module>\S+)[ \t]+(?P<command>\S.*)", re.DOTALL
)
_INSTEAD: Final = re.compile(r"/?(?:usr/)?(?:bin/)?(?:true|false)")
"""``install x /bin/false`` only forbids the module."""


def modules_load_entries(content: str) -> Iterator[Entry]:
    """The modules that a file of modules-load.d(5) or modules(5) names, one a line."""
    for row in rows(content):
        if entry := _MODULE_LINE.match(row.text.partition("\0")[0]):
            command = f"modprobe {entry['module']}{entry['options'].rstrip()}"
            yield row.entry(command, "boot", activates=entry["module"].replace("-", "_"))


def modprobe_entries(content: str) -> Iterator[Entry]:
    """The commands of a file of modprobe.d(5), of which a backslash joins lines.

    Commands that do nothing are passed over: they only keep a module out.
    """
    for row in rows(content, continued=True, joint=" "):
        entry = _COMMAND_LINE.match(row.whole.partition("\0")[0])
        if entry and not _INSTEAD.fullmatch(entry["command"].strip()):
            yield row.entry(entry["command"].strip(), entry["what"], activates=entry["module"].replace("-", "_"))


def modules_load_lines(host: Host) -> Iterator[Autostart | Gap]:
    """Lines that have a kernel module loaded when the machine starts; ``activates`` is the module.

    Every file is read, also one that another of the same name overrides.
    """
    yield from Files(host, "modules", AutostartKind.MODULE).autostarts(modules_load_entries, *_LOAD, user="root")


def modprobe_lines(host: Host) -> Iterator[Autostart | Gap]:
    """What modprobe runs instead of loading or unloading a module; ``activates`` is the module."""
    yield from Files(host, "modules", AutostartKind.MODPROBE).autostarts(modprobe_entries, *_MODPROBE, user="root")
