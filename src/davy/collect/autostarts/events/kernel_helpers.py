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

from davy.collect.autostarts.formats.kernel_parameters import started_by
from davy.collect.autostarts.reading import Entry, Files, rows
from davy.host import Host
from davy.model.autostarts import Autostart, AutostartKind
from davy.model.facts import Gap

_SYSCTL: Final = (
    "/etc/sysctl.conf",
    *(f"{folder}/sysctl.d/*.conf" for folder in ("/etc", "/run", "/usr/local/lib", "/usr/lib", "/lib")),
)
_REQUEST_KEYS: Final = ("/etc/request-key.conf", "/etc/request-key.d/*.conf")
_CORE_PATTERN: Final = "kernel.core_pattern"
_EVENTS: Final = {
    _CORE_PATTERN: "core dump",
    "kernel.modprobe": "module wanted",
    "kernel.hotplug": "device event",
    "kernel.poweroff_cmd": "power off",
}
"""The settings whose value is a program, and when the kernel runs it."""
_VALUES: Final = (
    ("uevent_helper", "device event", "/sys/kernel/uevent_helper"),
    ("release_agent", "control group empty", "/sys/fs/cgroup/*/release_agent"),
)
"""What else the kernel runs, when, and where it stands."""
_COMMAND_LINE: Final = "/proc/cmdline"

_SETTING: Final = re.compile(r"[ \t]*-?[ \t]*(?P<key>[\w./*?\[\]!-]{1,256})[ \t]*=[ \t]*(?P<value>\S.*)")
_REQUEST_KEY: Final = re.compile(
    r"[ \t]*(?P<operation>create|negate|\*|[a-z]+)[ \t]+(?P<type>\S+)[ \t]+\S+[ \t]+\S+[ \t]+\|?(?P<command>/.*)"
)


def sysctl_entries(content: str) -> Iterator[Entry]:
    """The settings of a file of sysctl.d(5) that name a program."""
    for row in rows(content):
        text = row.text.partition("\0")[0]
        setting = _SETTING.match(text) if not text.lstrip().startswith(("#", ";")) else None
        for key in _meant(setting["key"]) if setting else ():
            if setting and (command := _program(key, setting["value"])):
                yield row.entry(command, _EVENTS[key])
                break


def _meant(written: str) -> list[str]:
    """The settings that a key stands for: systemd takes patterns (``kernel.core_*``), and either separator."""
    written = written.replace("/", ".")
    return [key for key in _EVENTS if written == key or fnmatch.fnmatchcase(key, written)]


def request_key_entries(content: str) -> Iterator[Entry]:
    """The programs that make keys, of a file of request-key.conf(5)."""
    for row in rows(content):
        if entry := _REQUEST_KEY.match(row.text.partition("\0")[0]):
            yield row.entry(entry["command"].strip(), f"key {entry['type']} wanted")


def value_entries(content: str, key: str, event: str) -> Iterator[Entry]:
    """The program in a file of ``/proc/sys`` or ``/sys``, which holds one value."""
    text = content.partition("\n")[0]
    if command := _program(key, text):
        yield Entry(command, event, line=1, text=text)


def init_entries(content: str) -> Iterator[Entry]:
    """The first program by a kernel's command line, where that names one."""
    text = content.partition("\n")[0]
    if command := started_by(text):
        yield Entry(command, "boot", line=1, text=text)


def _program(key: str, value: str) -> str:
    """The command in a value; a core_pattern without a bar is only the name of a file."""
    value = value.strip().partition("\0")[0]
    if key == _CORE_PATTERN:
        return value[1:].strip() if value.startswith("|") else ""
    return value


def kernel_helpers(host: Host) -> Iterator[Autostart | Gap]:
    """What the kernel is told to run: by files when the machine starts, and on the live host by its values now."""
    files = Files(host, "kernel helpers", AutostartKind.KERNEL_HELPER)
    yield from files.autostarts(sysctl_entries, *_SYSCTL, user="root")
    yield from files.autostarts(request_key_entries, *_REQUEST_KEYS, user="root")
    if host.root.live:
        yield from _in_force(Files(host, "kernel helpers", AutostartKind.KERNEL_HELPER, kernels=True))


def _in_force(files: Files) -> Iterator[Autostart | Gap]:
    for key, event in _EVENTS.items():
        parse = partial(value_entries, key=key, event=event)
        yield from files.autostarts(parse, f"/proc/sys/{key.replace('.', '/')}", user="root")
    for key, event, pattern in _VALUES:
        yield from files.autostarts(partial(value_entries, key=key, event=event), pattern, user="root")
    yield from files.autostarts(init_entries, _COMMAND_LINE, user="root")
