"""Settings that RandomX gains by, on the running machine and on a disk."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davy.collect.computation.tuning import parse_huge_page_lines, parse_msr_writes, tuning
from davy.collect.facts import every, one
from davy.host import Entry, Host, MemoryRoot, RecordedKernel
from davy.host.procfs import RecordedProcfs
from davy.model.computation import HugePageLine, MsrWrite, Tuning
from davy.model.facts import Gap

LOG = b"""\
<6>[    1.000000] Linux version 6.1.0
<3>[   61.234567] msr: Write to unrecognized MSR 0x1a4 by xmrig (pid: 684).
<4>[   91.5] msr: Write to unrecognized MSR 0xc0011020 by a b) (pid: 1 (pid: 685), tainting CPU_OUT_OF_SPEC.
<4>[   92.5] msr: Write to unrecognized MSR 0x150 by intel-undervolt
<4>[   92.6] msr: See https://git.kernel.org/pub/scm/linux/kernel/git/tip/tip.git/about for details.
<12>[   99.0] msr: Write to unrecognized MSR 0x1a4 by postgres (pid: 1).
"""
KERN_LOG = b"Nov 25 13:37:02 box kernel: [   61.234567] msr: Write to unrecognized MSR 0x1a4 by x (pid: 684).\n"


def asked(files: dict[str, bytes | str | Entry], kernel: RecordedKernel | None = None) -> Tuning:
    found = one(list(tuning(Host(MemoryRoot(files), kernel))), Tuning)
    assert found is not None
    return found


def test_the_log_names_who_wrote_a_register_and_when() -> None:
    assert list(parse_msr_writes(LOG)) == [
        MsrWrite("xmrig", 684, 0x1A4, 61.234567),
        MsrWrite("a b) (pid: 1", 685, 0xC0011020, 91.5),
        MsrWrite("intel-undervolt", 0, 0x150, 92.5),
    ]


def test_a_line_that_a_program_wrote_into_the_log_is_not_believed() -> None:
    assert "postgres" not in {write.name for write in parse_msr_writes(LOG)}


@pytest.mark.parametrize(
    ("line", "pages"),
    [
        ("vm.nr_hugepages=1280", 1280),
        ("  vm.nr_hugepages = 1168 ", 1168),
        ("vm/nr_hugepages=3", 3),
        ("-vm.nr_overcommit_hugepages=5", 5),
        ("vm.nr_hugepages=0", None),
        ("# vm.nr_hugepages=1280", None),
        ("vm.swappiness=10", None),
        ("kernel.vm.nr_hugepages=1", None),
    ],
)
def test_a_line_that_keeps_huge_pages_back(line: str, pages: int | None) -> None:
    assert list(parse_huge_page_lines(f"x=1\n{line}\r\n")) == ([] if pages is None else [(2, line, pages)])


def test_on_a_disk_the_lines_of_files_and_logs_are_all_there_is() -> None:
    found = asked({"/etc/sysctl.conf": "vm.nr_hugepages=1280\n", "/var/log/kern.log": KERN_LOG})
    assert found.huge_page_lines == (HugePageLine("/etc/sysctl.conf", 1, "vm.nr_hugepages=1280", 1280),)
    assert found.msr_writes == (MsrWrite("x", 684, 0x1A4, 61.234567),)
    assert (found.huge_pages, found.msr_writes_allowed, found.out_of_specification) == (None, None, None)


@pytest.mark.parametrize("folder", ["/etc/sysctl.d", "/run/sysctl.d", "/usr/local/lib/sysctl.d", "/usr/lib/sysctl.d"])
def test_every_place_is_read(folder: str) -> None:
    found = asked({f"{folder}/90-x.conf": "vm.nr_hugepages=8", f"{folder}/README": "vm.nr_hugepages=9"})
    assert [line.path for line in found.huge_page_lines] == [f"{folder}/90-x.conf"]


def test_the_running_kernel_says_what_is_set_now() -> None:
    procfs = RecordedProcfs({"sys/vm/nr_hugepages": "1280\n", "sys/kernel/tainted": "4\n"})
    files: dict[str, bytes | str | Entry] = {
        "/sys/module/msr/parameters/allow_writes": "on\n",
        "/sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages": "3\n",
    }
    found = asked(files, RecordedKernel(procfs, log=LOG))
    assert (found.huge_pages, found.giant_pages) == (1280, 3)
    assert (found.msr_writes_allowed, found.out_of_specification) == (True, True)
    assert len(found.msr_writes) == 3


def test_what_cannot_be_read_is_a_gap() -> None:
    facts = list(tuning(Host(MemoryRoot({"/etc/sysctl.conf": Entry(mode=0o010644)}))))
    assert [gap.what for gap in every(facts, Gap)] == ["/etc/sysctl.conf"]


@given(st.binary(max_size=300))
def test_any_log_is_read(log: bytes) -> None:
    for write in parse_msr_writes(log + b"\n" + LOG[:100]):
        assert write.register >= 0


@given(st.text(max_size=200))
def test_any_file_is_read(content: str) -> None:
    assert all(pages > 0 for _, _, pages in parse_huge_page_lines(content))
