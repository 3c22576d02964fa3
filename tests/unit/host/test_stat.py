"""The kernel's lines about a process, whatever name it gave itself."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davy.host import Gone
from davy.host.stat import parse_cgroup, parse_exe, parse_schedstat, parse_sleeps, parse_stat, parse_uid, parse_unified

FIELDS = b" S 7 8 9 34816 -1 4194560 1 2 3 4 150 50 20 10 25 5 3 0 98765 4096 321 0 0"


@given(st.binary(min_size=0, max_size=15).filter(lambda name: b"\0" not in name))
def test_fields_start_after_the_last_parenthesis_whatever_the_name(name: bytes) -> None:
    stat = parse_stat(b"42 (" + name + b")" + FIELDS)
    assert (stat.ppid, stat.pgrp, stat.session, stat.tty) == (7, 8, 9, 34816)
    assert (stat.cpu_ticks, stat.children_ticks, stat.nice, stat.threads) == (200, 30, 5, 3)
    assert (stat.start_ticks, stat.rss_pages, stat.state) == (98765, 321, "S")


@given(st.binary(max_size=60))
def test_a_line_that_is_no_stat_line_is_gone(data: bytes) -> None:
    try:
        parse_stat(data)
    except Gone:
        return
    assert data.count(b" ") >= 20


def test_a_line_cut_short_is_gone() -> None:
    with pytest.raises(Gone):
        parse_stat(b"42 (sh) S 1 2")


def test_what_the_kernel_does_not_write_is_gone() -> None:
    with pytest.raises(Gone):
        parse_stat(b"42 (sh) R a b c d e f g h i j k l m n o p q r s t u v w\n")


def test_the_effective_user_is_read_and_a_name_cannot_forge_it() -> None:
    assert parse_uid(b"Name:\tx\\nUid:\t0\nUmask:\t0022\nUid:\t1000\t33\t33\t33\nGid:\t1\n") == 33
    assert parse_uid(b"Name:\tx\n") is None


def test_the_unified_hierarchy_wins_unless_it_is_the_root() -> None:
    hybrid = b"5:memory:/m\n1:name=systemd:/system.slice/x.service\n0::/\n"
    assert parse_cgroup(hybrid) == "/system.slice/x.service"
    assert parse_unified(hybrid) == "/"
    assert parse_cgroup(b"0::/user.slice/a:b\n") == "/user.slice/a:b"
    assert parse_unified(b"1:name=systemd:/\n") is None


def test_a_deleted_program_and_one_in_memory_are_told() -> None:
    deleted = parse_exe("/tmp/x (deleted)")
    assert (deleted.path, deleted.deleted, deleted.memory_only) == ("/tmp/x", True, False)
    assert parse_exe("/memfd:x (deleted)").memory_only
    assert not parse_exe("/usr/bin/sh").deleted


def test_schedstat_is_in_seconds() -> None:
    assert parse_schedstat(b"1500000000 250000000 7\n") == (1.5, 0.25)


def test_a_thread_that_wants_a_cpu_is_told_from_one_that_sleeps() -> None:
    status = b"Name:\tx\nState:\tR (running)\nvoluntary_ctxt_switches:\t12\nnonvoluntary_ctxt_switches:\t3\n"
    assert parse_sleeps(status) == (True, 12)
    assert parse_sleeps(status.replace(b"R (running)", b"S (sleeping)")) == (False, 12)
    with pytest.raises(ValueError, match="not found"):
        parse_sleeps(b"Name:\tx\n")
