"""What the machine was set to: huge pages that are kept back, and who wrote to the processor's own registers.

A line of the kernel's log: ``<3>[   61.234567] msr: Write to unrecognized MSR 0x1a4 by xmrig (pid: 684).``
Source: arch/x86/kernel/msr.c, Documentation/admin-guide/{mm/hugetlbpage,tainted-kernels}.rst, sysctl.conf(5),
sysctl.d(5), syslog(2).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import Final

from davy.host import Gone, Host, HostError, Kernel
from davy.host.packages import packages
from davy.host.procfs import Procfs
from davy.model.computation import HugePageLine, MsrWrite, Tuning
from davy.model.facts import Gap

_FILES: Final = ("/etc/sysctl.conf",)
_FOLDERS: Final = ("/etc/sysctl.d", "/run/sysctl.d", "/usr/local/lib/sysctl.d", "/usr/lib/sysctl.d", "/lib/sysctl.d")
_FOLDER_LIMIT: Final = 256
_LOGS: Final = ("/var/log/kern.log", "/var/log/dmesg")
_WRITES_LIMIT: Final = 64
_LINE: Final = re.compile(
    r"[ \t]*-?[ \t]*vm[./](?:nr_hugepages|nr_overcommit_hugepages|nr_hugepages_mempolicy)[ \t]*=[ \t]*(\d{1,12})"
)
_WRITE: Final = re.compile(
    rb"^(?:<(?P<priority>\d{1,3})>)?.*?(?:\[ *(?P<time>\d{1,9}\.\d{1,9})\] )?msr: Write to unrecognized MSR "
    rb"0x(?P<register>[0-9a-f]{1,8}) by (?:(?P<name>.{1,15}) \(pid: (?P<pid>\d{1,7})\)|(?P<bare>.{1,15}?))(?:[.,].*)?$",
    re.MULTILINE,
)
_FACILITY: Final = 8
"""Below it a line is the kernel's own; what programs write to ``/dev/kmsg`` is not.  Source: dev_kmsg."""
_OUT_OF_SPECIFICATION: Final = 1 << 2


def tuning(host: Host) -> Iterator[Tuning | Gap]:
    """The settings, at most one fact.  Of a root that is not live: the lines of its files, and its logs on disk."""
    gaps: list[Gap] = []
    lines = tuple(_huge_page_lines(host, gaps))
    kernel = host.kernel
    writes = tuple(parse_msr_writes(_log(host, kernel, gaps)))[-_WRITES_LIMIT:]
    yield Tuning(
        huge_pages=_number(kernel.procfs, "sys/vm/nr_hugepages") if kernel else None,
        giant_pages=_file_number(host, "/sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages") if kernel else None,
        huge_page_lines=lines,
        msr_writes=writes,
        msr_writes_allowed=_allowed(host) if kernel else None,
        out_of_specification=_tainted(kernel.procfs) if kernel else None,
    )
    yield from gaps


def parse_msr_writes(log: bytes) -> Iterator[MsrWrite]:
    """The writers that a log names, oldest first.  A line that a program put there by ``/dev/kmsg`` is passed over."""
    told = b"\n".join(line for line in log.split(b"\n") if b"Write to unrecognized MSR" in line)
    for found in _WRITE.finditer(told):
        if found["priority"] is not None and int(found["priority"]) >= _FACILITY:
            continue
        yield MsrWrite(
            name=os.fsdecode(found["name"] or found["bare"]),
            pid=int(found["pid"] or 0),
            register=int(found["register"], 16),
            since_boot=float(found["time"]) if found["time"] else None,
        )


def _log(host: Host, kernel: Kernel | None, gaps: list[Gap]) -> bytes:
    if kernel is not None:
        try:
            return kernel.log()
        except HostError as error:
            gaps.append(Gap("tuning", "the kernel's log", str(error)))
            return b""
    texts = []
    for path in _LOGS:
        try:
            texts.append(host.root.read(path))
        except Gone:
            continue
        except HostError as error:
            gaps.append(Gap("tuning", path, str(error)))
    return b"\n".join(texts)


def _huge_page_lines(host: Host, gaps: list[Gap]) -> Iterator[HugePageLine]:
    paths = dict.fromkeys(_FILES)
    for folder in _FOLDERS:
        try:
            names = sorted(name for name in host.root.names(folder) if name.endswith(".conf"))
        except HostError:
            continue
        if len(names) > _FOLDER_LIMIT:
            gaps.append(Gap("tuning", f"the rest of {folder}", f"more than {_FOLDER_LIMIT} files"))
        paths |= dict.fromkeys(f"{folder}/{name}" for name in names[:_FOLDER_LIMIT])
    found = []
    for path in paths:
        try:
            content = os.fsdecode(host.root.read(path))
        except Gone:
            continue
        except HostError as error:
            gaps.append(Gap("tuning", path, str(error)))
            continue
        if "nr_" in content:
            found += [(path, *row) for row in parse_huge_page_lines(content)]
    owners = packages(host.root, forgiving=True).owners({path for path, *_ in found}) if found else {}
    for path, number, text, pages in found:
        yield HugePageLine(path, number, text, pages, owners.get(path))


def parse_huge_page_lines(content: str) -> Iterator[tuple[int, str, int]]:
    """Number, text and pages of each line that has huge pages kept back."""
    for number, text in enumerate(content.split("\n"), 1):
        if (found := _LINE.match(text)) and int(found[1]):
            yield number, text.rstrip("\r"), int(found[1])


def _number(procfs: Procfs, path: str) -> int | None:
    try:
        return int(procfs.read(path))
    except (HostError, ValueError):
        return None


def _file_number(host: Host, path: str) -> int | None:
    try:
        return int(host.root.read(path, 64))
    except (HostError, ValueError):
        return None


def _allowed(host: Host) -> bool | None:
    """``on``, ``off`` or ``default``, which allows and logs."""
    try:
        return host.root.read("/sys/module/msr/parameters/allow_writes", 64).strip() == b"on"
    except HostError:
        return None


def _tainted(procfs: Procfs) -> bool | None:
    taint = _number(procfs, "sys/kernel/tainted")
    return None if taint is None else bool(taint & _OUT_OF_SPECIFICATION)
