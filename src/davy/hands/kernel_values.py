"""Hands on what the kernel itself runs: a value gets its usual one back, a binary format is taken out.

Only the few places that a plan may name are written to.  Source: core(5), proc_sys_kernel(5) (``modprobe``,
``hotplug``), cgroups(7) (``release_agent``), Documentation/ABI (``uevent_helper``),
Documentation/admin-guide/binfmt-misc.rst.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from davy.hands.errors import Untouched
from davy.hands.files import Note
from davy.hands.folders import folder_of
from davy.model.plan import SetKernelValue, Unregister
from davy.model.undo import KernelValueSet, Unregistered

USUAL: Final[dict[bytes, bytes]] = {
    b"/proc/sys/kernel/core_pattern": b"core",
    b"/proc/sys/kernel/modprobe": b"/sbin/modprobe",
    b"/proc/sys/kernel/hotplug": b"",
    b"/proc/sys/kernel/poweroff_cmd": b"/sbin/poweroff",
    b"/sys/kernel/uevent_helper": b"",
}
"""What a kernel has there that nobody told otherwise."""
_RELEASE_AGENT: Final = re.compile(rb"/sys/fs/cgroup/[a-z_,=]+/release_agent")
FORMATS: Final = b"/proc/sys/fs/binfmt_misc"
_REGISTER: Final = FORMATS + b"/register"
_CONTROLS: Final = frozenset({b"register", b"status"})
_LIMIT: Final = 4096
_SHOWN: Final = {
    key: re.compile(rb"^%s (.*)$" % key, re.MULTILINE)
    for key in (b"interpreter", b"flags:", b"offset", b"magic", b"mask", b"extension")
}


def usual(path: bytes) -> bytes | None:
    """What a kernel that nobody told otherwise has at a place; None for places that Davy does not set."""
    return b"" if _RELEASE_AGENT.fullmatch(path) else USUAL.get(path)


def set_usual(step: SetKernelValue, note: Note, former: KernelValueSet | None = None) -> None:
    """Write the usual value where the plan saw another.  Raises `Untouched`.

    ``former`` is what an earlier try that was cut short wrote down; it may have written the value.
    """
    if usual(step.path) != step.usual:
        raise Untouched(f"{os.fsdecode(step.path)}: not a value that Davy sets")
    now = value_of(step.path)
    if former is not None and now == former.after:
        return
    if now != step.seen:
        raise Untouched(f"{os.fsdecode(step.path)}: no longer the value that the plan saw")
    note(KernelValueSet(path=step.path, before=step.seen, after=step.usual))
    _write(step.path, step.usual + b"\n")
    if value_of(step.path) != step.usual:
        raise Untouched(f"{os.fsdecode(step.path)}: the kernel keeps its value")


def restore_value(undo: KernelValueSet) -> None:
    """Write the former value back where nobody has changed it since.  Raises `Untouched`."""
    now = value_of(undo.path)
    if now == undo.before:
        return
    if now != undo.after or usual(undo.path) is None:
        raise Untouched(f"{os.fsdecode(undo.path)}: changed since the eviction")
    _write(undo.path, undo.before + b"\n")


def unregister(step: Unregister, note: Note, former: Unregistered | None = None) -> None:
    """Take a binary format out of the kernel that is still registered as the plan saw.  Raises `Untouched`."""
    if not _is_format(step.path):
        raise Untouched(f"{os.fsdecode(step.path)}: not a binary format")
    try:
        shown = value_of(step.path)
    except Untouched:
        if former is not None:
            return
        raise
    if shown != step.seen:
        raise Untouched(f"{os.fsdecode(step.path)}: no longer the binary format that the plan saw")
    enabled = shown.startswith(b"enabled\n")
    note(Unregistered(path=step.path, registration=registration(os.path.basename(step.path), shown), enabled=enabled))
    _write(step.path, b"-1\n")


def restore_format(undo: Unregistered) -> None:
    """Register a binary format again, where nothing else has its name.  Raises `Untouched`."""
    shown = os.fsdecode(undo.path)
    if not _is_format(undo.path):
        raise Untouched(f"{shown}: not a binary format")
    try:
        found = value_of(undo.path)
    except Untouched:
        _write(_REGISTER, undo.registration)
    else:
        if registration(os.path.basename(undo.path), found) != undo.registration:
            raise Untouched(f"{shown}: another binary format has the name now")
    if not undo.enabled:
        _write(undo.path, b"0\n")


def registration(name: bytes, shown: bytes) -> bytes:
    """The line that registers a binary format which the kernel shows so.  Raises `Untouched`."""
    found = {key: match[1] for key, pattern in _SHOWN.items() if (match := pattern.search(shown))}
    interpreter, flags = found.get(b"interpreter"), found.get(b"flags:", b"")
    if interpreter is None or b":" in name + interpreter:
        raise Untouched(f"{os.fsdecode(name)}: the kernel does not say how it was registered")
    if b"extension" in found:
        return b":%s:E::%s::%s:%s" % (name, found[b"extension"].removeprefix(b"."), interpreter, flags)
    if b"magic" not in found:
        raise Untouched(f"{os.fsdecode(name)}: the kernel does not say how it was registered")
    magic, mask = _escaped(found[b"magic"]), _escaped(found.get(b"mask", b""))
    return b":%s:M:%s:%s:%s:%s:%s" % (name, found.get(b"offset", b"0"), magic, mask, interpreter, flags)


def _escaped(digits: bytes) -> bytes:
    return re.sub(rb"(..)", rb"\\x\1", digits)


def _is_format(path: bytes) -> bool:
    folder, name = os.path.split(path)
    return folder == FORMATS and name not in _CONTROLS


def value_of(path: bytes) -> bytes:
    """What the kernel shows there, without the end of its last line.  Raises `Untouched`."""
    with _opened(path, os.O_RDONLY) as descriptor:
        return os.read(descriptor, _LIMIT).removesuffix(b"\n")


def _write(path: bytes, value: bytes) -> None:
    with _opened(path, os.O_WRONLY | os.O_TRUNC) as descriptor:
        os.write(descriptor, value)


@contextmanager
def _opened(path: bytes, flags: int) -> Iterator[int]:
    with folder_of(path) as (folder, name):
        try:
            descriptor = os.open(name, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
            try:
                yield descriptor
            finally:
                os.close(descriptor)
        except OSError as error:
            raise Untouched(f"{os.fsdecode(path)}: {error.strerror}") from None
