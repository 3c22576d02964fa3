"""The kernel's own list of tasks, walked by a small BPF program: what hides from ``/proc`` is in it.

It walks the pids of Davy's pid namespace inside the kernel; no file system and no listing is asked.  That a task is in
it is proof; that one is not is none: a rootkit in the kernel may have taken it out of that table, and a virtual machine
was seen whose kernel keeps its init out.
Source: Documentation/bpf/bpf_iterators.rst, bpf(2), bpf-helpers(7).  Linux 5.8, BTF, CAP_BPF with CAP_PERFMON.
"""

from __future__ import annotations

import ctypes
import os
import struct
import time
from collections.abc import Iterator
from typing import Final, NamedTuple

from davy.host.btf import FUNCTION, Btf, kernel_btf
from davy.host.errors import Refused, mapped
from davy.host.syscalls import bpf

_PROG_LOAD: Final = 5
_LINK_CREATE: Final = 28
_ITER_CREATE: Final = 33
_PROG_TYPE_TRACING: Final = 26
_TRACE_ITER: Final = 28
_SEQ_WRITE: Final = 127
_LICENSE: Final = b"Dual MIT/GPL"
"""Of the program below; bpf_seq_write is for programs that may be had under the GPL."""
_CHUNK: Final = 1 << 20
_TASKS_LIMIT: Final = 4 << 20
_SECONDS: Final = 5.0
_RECORD: Final = struct.Struct("=IIQI4x16s")
_OFFSET_LIMIT: Final = 0x7FF0


class Task(NamedTuple):
    """One thread.  Its pids are those of the first pid namespace, whichever Davy is in."""

    tid: int
    pid: int
    """Its process."""
    start_nanoseconds: int
    """When it began, since boot, suspended time included.  In clock ticks it is what ``/proc/PID/stat`` says."""
    flags: int
    """PF_KTHREAD and the others, as in ``/proc/PID/stat``."""
    name: str
    """15 bytes at most; ``/proc/PID/stat`` has longer ones for some kernel threads."""

    @property
    def leads(self) -> bool:
        """Whether it is the first thread of its process."""
        return self.tid == self.pid


def _instruction(code: int, target: int = 0, source: int = 0, offset: int = 0, value: int = 0) -> bytes:
    return struct.pack("=BBhi", code, source << 4 | target, offset, value)


def program(offsets: dict[str, int]) -> bytes:
    """The instructions: copy five members of the task to the stack, and the stack to the reader.

    ``offsets`` are those of struct task_struct.  Raises `Refused` when one is missing.
    Source: Documentation/bpf/standardization/instruction-set.rst.
    """
    members = [
        ("pid", 0, 4),
        ("tgid", 4, 4),
        ("start_boottime", 8, 8),
        ("flags", 16, 4),
        ("comm", 24, 8),
        ("comm", 32, 8),
    ]
    load, store = {4: 0x61, 8: 0x79}, {4: 0x63, 8: 0x7B}
    frame = _RECORD.size
    code = [
        _instruction(0x79, 6, 1, 0),  # r6 = context->meta
        _instruction(0x79, 7, 1, 8),  # r7 = context->task
        b"",  # if there is none, to the end
        _instruction(0x62, 10, 0, 20 - frame, 0),
    ]
    for name, place, size in members:
        offset = offsets.get(name, _OFFSET_LIMIT) + (8 if place == 32 else 0)
        if not 0 <= offset < _OFFSET_LIMIT:
            raise Refused(f"task iterator: struct task_struct has no {name}")
        code += [_instruction(load[size], 2, 7, offset), _instruction(store[size], 10, 2, place - frame)]
    code += [
        _instruction(0x79, 1, 6, 0),  # r1 = meta->seq
        _instruction(0xBF, 2, 10),
        _instruction(0x07, 2, 0, 0, -frame),
        _instruction(0xB7, 3, 0, 0, frame),
        _instruction(0x85, value=_SEQ_WRITE),
        _instruction(0xB7, 0, 0, 0, 0),
        _instruction(0x95),
    ]
    code[2] = _instruction(0x15, 7, 0, len(code) - 2 - 3, 0)
    return b"".join(code)


def parse_tasks(data: bytes) -> Iterator[Task]:
    """The tasks that were written; what follows the last whole one is left out."""
    whole = len(data) - len(data) % _RECORD.size
    for tid, pid, start, flags, name in _RECORD.iter_unpack(memoryview(data)[:whole]):
        yield Task(tid, pid, start, flags, os.fsdecode(name.partition(b"\0")[0]))


class TaskIterator:
    """The program, loaded; each `tasks` walks the list anew.  Close it, or use it in ``with``."""

    def __init__(self) -> None:
        """Raises `Denied` without the capabilities, `Gone` or `Refused` where this kernel has no such thing."""
        btf = Btf(kernel_btf())
        instructions = program(btf.offsets("task_struct"))
        code, license_text = ctypes.create_string_buffer(instructions), ctypes.create_string_buffer(_LICENSE)
        attributes = struct.pack(
            "=IIQQIIQII16sIIIIQIIQIIII",
            _PROG_TYPE_TRACING, len(instructions) // 8, ctypes.addressof(code), ctypes.addressof(license_text),
            0, 0, 0, 0, 0, b"davy_tasks", 0, _TRACE_ITER, 0, 0, 0, 0, 0, 0, 0,
            btf.number("bpf_iter_task", FUNCTION), 0, 0,
        )  # fmt: skip
        loaded = -1
        try:
            loaded = bpf(_PROG_LOAD, attributes)
            self._link = bpf(_LINK_CREATE, struct.pack("=IIIIQII", loaded, 0, _TRACE_ITER, 0, 0, 0, 0))
        except OSError as error:
            raise mapped(error, "task iterator") from None
        finally:
            if loaded >= 0:
                os.close(loaded)

    def __enter__(self) -> TaskIterator:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if self._link >= 0:
            os.close(self._link)
            self._link = -1

    def tasks(self) -> list[Task]:
        """Every thread there is, each as it was when the walk came by.  Raises `HostError`."""
        try:
            reader = bpf(_ITER_CREATE, struct.pack("=II", self._link, 0))
        except OSError as error:
            raise mapped(error, "task iterator") from None
        chunks, size = [], 0
        deadline = time.monotonic() + _SECONDS
        try:
            while time.monotonic() < deadline and size < _TASKS_LIMIT * _RECORD.size:
                try:
                    data = os.read(reader, _CHUNK)
                except BlockingIOError:
                    continue  # many tasks were passed over without one to tell
                if not data:
                    break
                chunks.append(data)
                size += len(data)
            else:
                raise Refused("task iterator: there is no end to it")
        except OSError as error:
            raise mapped(error, "task iterator") from None
        finally:
            os.close(reader)
        return list(parse_tasks(b"".join(chunks)))
