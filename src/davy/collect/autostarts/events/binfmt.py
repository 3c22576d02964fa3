r"""Interpreters that the kernel runs for programs of other formats.

A line of ``/etc/binfmt.d/x.conf``: ``:name:M:offset:magic:mask:/usr/bin/interpreter:flags``, whose first character
separates the fields.  What is registered lies in ``/proc/sys/fs/binfmt_misc``.  With the flag ``C`` an interpreter gets
the rights of the program, of a set-user-id one too; whoever matches ``sudo`` so is root.
Source: binfmt.d(5), the kernel's admin-guide/binfmt-misc.rst, update-binfmts(8).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import Final

from davy.collect.autostarts.reading import Entry, Files, rows
from davy.host import Host, HostError
from davy.host.mounts import parse_mountinfo
from davy.model.autostarts import Autostart, AutostartKind
from davy.model.facts import Gap

_SETTINGS: Final = tuple(
    f"{folder}/binfmt.d/*.conf" for folder in ("/etc", "/run", "/usr/local/lib", "/usr/lib", "/lib")
)
_REGISTERED: Final = "/proc/sys/fs/binfmt_misc"
_NO_FORMATS: Final = frozenset({f"{_REGISTERED}/register", f"{_REGISTERED}/status"})
_MOUNTINFO_LIMIT: Final = 4 << 20
_FORMATS: Final = ("/usr/share/binfmts/*", "/var/lib/binfmts/*")
"""What Debian's update-binfmts registers."""
_FIELDS: Final = 8
_KEY: Final = re.compile(r"^(?P<key>[a-z]+):?[ \t]+(?P<value>\S.*)$", re.MULTILINE)


def binfmt_entries(content: str) -> Iterator[Entry]:
    """The formats that a file of binfmt.d(5) registers."""
    for row in rows(content):
        text = row.text.strip().partition("\0")[0]
        fields = text.split(text[0], _FIELDS) if text and text[0] not in "#;" else []
        if len(fields) >= _FIELDS and fields[6]:
            yield row.entry(fields[6], _schedule(fields[1], fields[7]), programs=_programs(fields[6]))


def registered_entries(content: str) -> Iterator[Entry]:
    """What a file of ``/proc/sys/fs/binfmt_misc`` says of one format: the whole file is the entry."""
    if content.startswith("enabled\n"):
        yield from _keyed(content)


def format_entries(content: str) -> Iterator[Entry]:
    """A file of update-binfmts(8): keys and values, or in ``/var/lib/binfmts`` values, the interpreter sixth."""
    lines = content.split("\n")
    if len(lines) > 5 and lines[1] in ("magic", "extension") and lines[5].startswith("/"):
        yield Entry(lines[5], "program of its format", programs=_programs(lines[5]))
    else:
        yield from _keyed(content)


def _keyed(content: str) -> Iterator[Entry]:
    keys = {found["key"]: found["value"].strip() for found in _KEY.finditer(content)}
    if interpreter := keys.get("interpreter"):
        flags = keys.get("flags", "") + ("C" if keys.get("credentials") == "yes" else "")
        yield Entry(interpreter, _schedule("", flags), programs=_programs(interpreter))


def _schedule(name: str, flags: str) -> str:
    what = f"program of {f'format {name}' if name else 'its format'}"
    return f"{what}, flags {flags}" if flags else what


def _programs(interpreter: str) -> tuple[str, ...]:
    """The interpreter is a path as it stands, blanks and all."""
    return (interpreter,) if interpreter.startswith("/") else ()


def binfmt_interpreters(host: Host) -> Iterator[Autostart | Gap]:
    """Interpreters of other formats: to be registered when the machine starts, and registered now."""
    files = Files(host, "binfmt", AutostartKind.BINFMT)
    yield from files.autostarts(binfmt_entries, *_SETTINGS)
    yield from files.autostarts(format_entries, *_FORMATS)
    if not host.root.live or _untouched(host):
        return
    registered = Files(host, "binfmt", AutostartKind.BINFMT, kernels=True)
    for file in registered.texts(f"{_REGISTERED}/*"):
        if isinstance(file, Gap):
            yield file
        elif file.path not in _NO_FORMATS:
            yield from registered.entries(file, registered_entries(file.content))


def _untouched(host: Host) -> bool:
    """Whether nobody has looked there, so that systemd has nothing mounted yet.  Source: systemd.automount(5)."""
    try:
        mounts = parse_mountinfo(os.fsdecode(host.root.read("/proc/self/mountinfo", _MOUNTINFO_LIMIT)))
    except HostError:
        return False
    return {mount.filesystem for mount in mounts if mount.point == _REGISTERED} == {"autofs"}
