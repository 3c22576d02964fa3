"""The kernel's lines about its modules, parsed.

Source: proc_modules(5), Documentation/admin-guide/tainted-kernels.rst, kernel/module/main.c and procfs.c, kallsyms.c.
"""

from __future__ import annotations

import os
import re
from typing import Final, NamedTuple

_FLAGS: Final = re.compile(rb"\(([A-Z]{1,16})[+-]?\)$")
_SYMBOL: Final = re.compile(rb"\t\[([^\]\n]{1,64})\]$", re.MULTILINE)
_TRACED: Final = re.compile(rb" \[([^\]\n]{1,64})\]$", re.MULTILINE)
_LOADING: Final = re.compile(
    rb"^<[0-7]>(?:\[ *[\d.]+\](?:\[ *[TC]\d+\])? )?(?P<name>[\w-]{1,56}): (?:"
    rb"loading out-of-tree module taints kernel"
    rb"|module verification failed: signature and/or required key missing"
    rb"|module license '[^']{0,64}' taints kernel"
    rb"|module is from the staging directory)",
    re.MULTILINE,
)
_LOADERS_AREA: Final = re.compile(rb"^0x[0-9a-f]+-0x[0-9a-f]+ +(\d{1,15}) (?:load_module|move_module)\+", re.MULTILINE)
_GUARD_BYTES: Final = 4096
"""An area has one page more than was asked for, which is never mapped."""
_LED_ELSEWHERE: Final = re.compile(rb"^([^\s()]{1,128}) \(\d+\)[ \t]+(?:[A-HJ-Z][ \t]+){0,8}I\b", re.MULTILINE)
_HOOKS_LIMIT: Final = 256
_NO_MODULES: Final = ("bpf", "__builtin__")
"""What kallsyms puts in brackets besides modules: programs of BPF, trampolines of ftrace and kprobes."""


class LoadedModule(NamedTuple):
    """One line of ``/proc/modules``."""

    name: str
    size: int
    references: int | None
    """None where the kernel cannot unload modules, or not this one."""
    users: tuple[str, ...]
    """Modules that depend on it."""
    taint: str

    @property
    def foreign(self) -> bool:
        """Not of the kernel's tree, unsigned or forced."""
        return not {"O", "E", "F"}.isdisjoint(self.taint)


def parse_modules(data: bytes) -> tuple[LoadedModule, ...]:
    """``/proc/modules``: ``snd 118784 2 snd_pcm,snd_timer, Live 0x0000000000000000 (OE)``.

    Lines of another shape are passed over.
    """
    found = []
    for line in data.splitlines():
        fields = line.split(b" ")
        if len(fields) < 4 or not fields[1].isdigit():
            continue
        users = tuple(os.fsdecode(user) for user in fields[3].split(b",") if user not in (b"", b"-"))
        flags = _FLAGS.search(line)
        found.append(
            LoadedModule(
                name=os.fsdecode(fields[0]),
                size=int(fields[1]),
                references=int(fields[2]) if fields[2].isdigit() and "[permanent]" not in users else None,
                users=tuple(user for user in users if user != "[permanent]"),
                taint=flags[1].decode("ascii") if flags else "",
            )
        )
    return tuple(found)


def modules_of_symbols(data: bytes) -> set[str]:
    """The modules that ``/proc/kallsyms`` names; theirs come after the kernel's own symbols."""
    start = data.find(b"\t[")
    return _names(_SYMBOL, data[start:]) if start >= 0 else set()


def modules_of_functions(data: bytes) -> set[str]:
    """The modules that tracefs's ``available_filter_functions`` names.  Source: Documentation/trace/ftrace.rst."""
    start = data.find(b" [")
    return _names(_TRACED, data[start:]) if start >= 0 else set()


def _names(pattern: re.Pattern[bytes], data: bytes) -> set[str]:
    names = {os.fsdecode(name) for name in set(pattern.findall(data))}
    return {name for name in names if not name.startswith(_NO_MODULES)}


def memory_of_modules(data: bytes) -> int | None:
    """Bytes that the kernel's module loader has allocated and not given back, by ``/proc/vmallocinfo``.

    Whoever takes a module out of every list keeps its memory.  None where no area says that the loader asked for it:
    since Linux 6.10 modules, BPF programs and trampolines are allocated alike.  Source: proc_vmallocinfo(5).
    """
    sizes = [int(size) - _GUARD_BYTES for size in _LOADERS_AREA.findall(data)]
    return sum(sizes) if sizes else None


def functions_hooked(data: bytes) -> tuple[str, ...]:
    """The functions whose execution is led elsewhere by ftrace, by tracefs's ``enabled_functions``.

    Only those marked ``I``, for a changed instruction pointer: tracing and kprobes leave that alone, live patches and
    rootkits do not.  Source: Documentation/trace/ftrace.rst.
    """
    return tuple(sorted({os.fsdecode(name) for name in _LED_ELSEWHERE.findall(data)})[:_HOOKS_LIMIT])


def modules_of_log(data: bytes) -> set[str]:
    """The modules of which the kernel itself wrote to its log that loading them taints it.

    It says so of the first of each kind only.  Lines that programs wrote to ``/dev/kmsg`` are not the kernel's.
    """
    return {os.fsdecode(name) for name in set(_LOADING.findall(data))}
