"""Which hierarchy is read, and what the kernel writes in a control group."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davy.host import Gone
from davy.host.cgroups import every_group, hierarchy, parse_ids, parse_usage
from davy.host.mounts import parse_mountinfo
from davy.host.procfs import RecordedProcfs

HYBRID = """\
31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct
40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd
"""
UNIFIED = "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw,nsdelegate\n"
PART = "50 31 0:38 /a/b /srv/part rw - cgroup2 cgroup2 rw\n"


@pytest.mark.parametrize(
    ("table", "point", "version"),
    [
        (PART + HYBRID + UNIFIED, "/sys/fs/cgroup/unified", 2),
        (HYBRID, "/sys/fs/cgroup/systemd", 1),
        (HYBRID.splitlines()[1] + "\n", "/sys/fs/cgroup/cpu", 1),
        (PART, "/srv/part", 2),
    ],
)
def test_the_unified_hierarchy_is_read_and_an_older_one_where_there_is_none(
    table: str, point: str, version: int
) -> None:
    found = hierarchy(parse_mountinfo(table))
    assert found is not None
    assert (found[0].point, found[1]) == (point, version)


def test_without_a_hierarchy_nothing_is_walked() -> None:
    with pytest.raises(Gone):
        every_group(RecordedProcfs({"self/mountinfo": "22 27 0:21 / /proc rw - proc proc rw\n"}))


def test_a_process_of_another_pid_namespace_is_a_zero() -> None:
    assert parse_ids(b"1\n0\n77\n0\n") == ((1, 77), 2)
    assert parse_ids(b"") == ((), 0)


def test_usage_is_read_in_seconds() -> None:
    assert parse_usage(b"usage_usec 634321355\nuser_usec 467972391\n") == 634.321355
    assert parse_usage(b"nr_periods 0\n") is parse_usage(b"") is None


@given(st.binary(max_size=80))
def test_whatever_stands_in_a_group_is_ids_or_passed_over(data: bytes) -> None:
    known, strangers = parse_ids(data)
    assert all(0 < pid < 10**10 for pid in known)
    assert len(known) + strangers <= len(data)
    assert parse_usage(data) is None or b"usage_usec" in data
