r"""Programs that the kernel itself runs: for a core dump, an unknown module, a device's event, a key, an empty group.

A line of ``/etc/sysctl.d/x.conf``: ``kernel.core_pattern = |/usr/lib/systemd/systemd-coredump %P %u``.  Of
``/etc/request-key.d/x.conf``: ``create dns_resolver * * /sbin/key.dns_resolver %k``.  On the live host also the values
in force, and the ``init=`` it was started with.
Source: core(5), sysctl.d(5), proc(5) (``/proc/sys/kernel``), request-key.conf(5), cgroups(7) (``release_agent``), the
kernel's admin-guide/kernel-parameters.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterator
from functools import partial
from typing import Final

from davy.collect.autostarts.kernel_parameters import started_by
from davy.collect.autostarts.reading import Place, Reading
from davy.collect.autostarts.written import Written, rows
from davy.host import Host
from davy.model.autostarts import Autostart, AutostartKind
from davy.model.facts import Gap

_SYSCTL_FILES: Final = ("/etc/sysctl.conf",)
_SYSCTL_FOLDERS: Final = tuple(
    f"{folder}/sysctl.d" for folder in ("/etc", "/run", "/usr/local/lib", "/usr/lib", "/lib")
)
_CORE_PATTERN: Final = "kernel.core_pattern"
_EVENTS: Final = {
    _CORE_PATTERN: "core dump",
    "kernel.modprobe": "module wanted",
    "kernel.hotplug": "device event",
    "kernel.poweroff_cmd": "power off",
}
"""The settings whose value is a program, and when the kernel runs it."""
_UEVENT_HELPER: Final = "/sys/kernel/uevent_helper"
_CONTROL_GROUPS: Final = "/sys/fs/cgroup"
_COMMAND_LINE: Final = "/proc/cmdline"

_SETTING: Final = re.compile(r"[ \t]*-?[ \t]*(?P<key>[\w./*?\[\]!-]{1,256})[ \t]*=[ \t]*(?P<value>\S.*)")
_REQUEST_KEY: Final = re.compile(
    r"[ \t]*(?P<operation>create|negate|\*|[a-z]+)[ \t]+(?P<type>\S+)[ \t]+\S+[ \t]+\S+[ \t]+\|?(?P<command>/.*)"
)


def sysctl_entries(content: str) -> Iterator[Written]:
    """The settings of a file of sysctl.d(5) that name a program."""
    for row in rows(content, continued=False):
        text = row.text.partition("\0")[0]
        setting = _SETTING.match(text) if not text.lstrip().startswith(("#", ";")) else None
        for key in _meant(setting["key"]) if setting else ():
            if setting and (command := _program(key, setting["value"])):
                yield row.written(command, _EVENTS[key])
                break


def _meant(written: str) -> list[str]:
    """The settings that a key stands for: systemd takes patterns (``kernel.core_*``), and either separator."""
    written = written.replace("/", ".")
    return [key for key in _EVENTS if written == key or fnmatch.fnmatchcase(key, written)]


def request_key_entries(content: str) -> Iterator[Written]:
    """The programs that make keys, of a file of request-key.conf(5)."""
    for row in rows(content, continued=False):
        if entry := _REQUEST_KEY.match(row.text.partition("\0")[0]):
            yield row.written(entry["command"].strip(), f"key {entry['type']} wanted")


def value_entries(content: str, key: str, event: str) -> Iterator[Written]:
    """The program in a file of ``/proc/sys`` or ``/sys``, which holds one value."""
    text = content.partition("\n")[0]
    if command := _program(key, text):
        yield Written(command, event, line=1, text=text)


def init_entries(content: str) -> Iterator[Written]:
    """The first program by a kernel's command line, where that names one."""
    text = content.partition("\n")[0]
    if command := started_by(text):
        yield Written(command, "boot", line=1, text=text)


def _program(key: str, value: str) -> str:
    """The command in a value; a core_pattern without a bar is only the name of a file."""
    value = value.strip().partition("\0")[0]
    if key == _CORE_PATTERN:
        return value[1:].strip() if value.startswith("|") else ""
    return value


def kernel_helpers(host: Host) -> Iterator[Autostart | Gap]:
    """What the kernel is told to run: by files when the machine starts, and on the live host by its values now."""
    reading = Reading(host, "kernel helpers", AutostartKind.KERNEL_HELPER)
    yield from reading.entries(reading.places(_SYSCTL_FOLDERS, _SYSCTL_FILES, suffix=".conf"), sysctl_entries)
    found = reading.places(("/etc/request-key.d",), ("/etc/request-key.conf",), suffix=".conf")
    yield from reading.entries(found, request_key_entries)
    if host.root.live:
        yield from _in_force(reading)


def _in_force(reading: Reading) -> Iterator[Autostart | Gap]:
    values = {f"/proc/sys/{key.replace('.', '/')}": (key, event) for key, event in _EVENTS.items()}
    values[_UEVENT_HELPER] = ("uevent_helper", "device event")
    for group in reading.inside(_CONTROL_GROUPS):
        if isinstance(group, Gap):
            yield group
        else:
            values[f"{group}/release_agent"] = ("release_agent", "control group empty")
    for path, (key, event) in values.items():
        yield from reading.entries((Place(path, path),), partial(value_entries, key=key, event=event))
    yield from reading.entries((Place(_COMMAND_LINE, _COMMAND_LINE),), init_entries)
