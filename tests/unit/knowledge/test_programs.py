"""Names and folders of programs: imitations stand out, honest ones do not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davy.knowledge.programs import (
    honest_hidden,
    kernel_thread_like,
    login_shell,
    near_miss,
    programs,
    shared_parent,
    system_daemon,
)


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("rsyslogdd", "rsyslogd"),
        ("NetworkManger", "NetworkManager"),
        ("systemd-logindd", "systemd-logind"),
        ("irqbalence", "irqbalance"),
        ("lntpdate", "ntpdate"),
        ("kswapd00", "kswapd0"),
        ("kauditd0", "kauditd"),
        ("ksoftirqds", "ksoftirqd"),
        ("khugepageds", "khugepaged"),
        ("kthrotlds", "kthrotld"),
        ("kpsmouseds", "kpsmoused"),
        ("kintegrityds", "kintegrityd"),
        ("kworkerds", "kworker"),
        ("kaudited", "kauditd"),
    ],
)
def test_imitations(name: str, target: str) -> None:
    assert near_miss(name) == target


@pytest.mark.parametrize(
    "name",
    [
        "minerd",
        "python3",
        "train",
        "worker",
        "container",
        "multipath",
        "firewall",
        "sshfs",
        "ddclient",
        "a" * 1000,
        "sss",
    ],
)
def test_other_names_imitate_nothing(name: str) -> None:
    assert near_miss(name) is None


def test_daemons_are_known_by_their_exact_names() -> None:
    assert system_daemon("rsyslogd")
    assert not system_daemon("rsyslog")
    assert not system_daemon("systemd-network")


def test_shortened_daemons_are_honest() -> None:
    assert [name for name in programs().daemons.names if near_miss(name[:15])] == []


def test_own_shortened_shared_parents_are_known() -> None:
    assert shared_parent("containerd-shim")
    assert shared_parent("gnome-terminal-server"[:15])


@pytest.mark.parametrize("folder", ["/tmp", "/var/tmp", "/dev/shm", "/run/user/1000"])
def test_no_hidden_folder_is_honest_where_anyone_may_write(folder: str) -> None:
    for each in programs().honest_hidden.folders:
        assert not honest_hidden(f"{folder}/{each}/bin/x")
        assert honest_hidden(f"/home/ada/{each}/bin/x")


@given(st.text(max_size=80))
def test_any_name_is_taken(name: str) -> None:
    near_miss(name)
    kernel_thread_like(name)
    honest_hidden(name)
    login_shell(name)
    shared_parent(name)
    system_daemon(name)
