"""What the kernel itself runs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davy.collect.autostarts.events.kernel_helpers import (
    init_entries,
    kernel_helpers,
    request_key_entries,
    sysctl_entries,
)
from davy.host import Entry, Host, MemoryRoot
from davy.model.autostarts import Autostart, AutostartKind
from davy.model.facts import Gap


def read(files: dict[str, bytes | str | Entry], *, live: bool = False) -> list[Autostart | Gap]:
    root = MemoryRoot(files)
    root.live = live
    return list(kernel_helpers(Host(root)))


def test_a_setting_that_names_a_program_is_an_entry() -> None:
    path, line = "/etc/sysctl.d/x.conf", "kernel.core_pattern = |/tmp/x %p"
    assert read({path: Entry(f"vm.swappiness=1\n{line}\n".encode(), mtime=1.0)}) == [
        Autostart(
            kind=AutostartKind.KERNEL_HELPER, path=path, line=2, text=line, command="/tmp/x %p", schedule="core dump",
            user="root", programs=("/tmp/x",), mtime=1.0, ctime=1.0,
        )
    ]  # fmt: skip


@pytest.mark.parametrize(
    "path", ["/etc/sysctl.conf", *(f"{top}/sysctl.d/x.conf" for top in ("/run", "/usr/local/lib", "/usr/lib", "/lib"))]
)
def test_every_place_is_read(path: str) -> None:
    assert len(read({path: "kernel.modprobe=/tmp/x\n"})) == 1


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("-kernel/core_pattern=|/tmp/x", ["/tmp/x"]),
        ("  kernel.hotplug = /tmp/x", ["/tmp/x"]),
        ("kernel.poweroff_cmd=/tmp/x", ["/tmp/x"]),
        ("kernel.core_pat*=|/tmp/x", ["/tmp/x"]),
        ("kernel/modprob[a-e] = /tmp/x", ["/tmp/x"]),
        ("net.ipv4.conf.*.rp_filter=1", []),
        ("kernel.core_pattern = core.%p", []),
        ("#kernel.modprobe=/tmp/x", []),
        ("; kernel.modprobe=/tmp/x", []),
        ("kernel.modprobe=", []),
        ("kernel.modprobes=/tmp/x", []),
        ("kernel.core_pattern=|", []),
    ],
)
def test_settings_are_read_as_sysctl_reads_them(line: str, command: list[str]) -> None:
    assert [entry.command for entry in sysctl_entries(line)] == command


def test_values_in_force_are_read_of_the_live_host_alone() -> None:
    values = {
        "/proc/sys/kernel/core_pattern": "|/usr/share/apport/apport %p\n",
        "/proc/sys/kernel/modprobe": "/sbin/modprobe\n",
        "/sys/kernel/uevent_helper": "/tmp/x\n",
        "/proc/sys/kernel/hotplug": "\n",
        "/sys/fs/cgroup/rdma/release_agent": "/tmp/y\n",
        "/proc/cmdline": "BOOT_IMAGE=/vmlinuz root=/dev/sda1 init=/tmp/z quiet\n",
    }
    files: dict[str, bytes | str | Entry] = dict(values)
    assert read(files) == []
    found = [fact for fact in read(files, live=True) if isinstance(fact, Autostart)]
    assert {(fact.path, fact.line, fact.command, fact.schedule) for fact in found} == {
        ("/proc/sys/kernel/core_pattern", 1, "/usr/share/apport/apport %p", "core dump"),
        ("/proc/sys/kernel/modprobe", 1, "/sbin/modprobe", "module wanted"),
        ("/sys/kernel/uevent_helper", 1, "/tmp/x", "device event"),
        ("/sys/fs/cgroup/rdma/release_agent", 1, "/tmp/y", "control group empty"),
        ("/proc/cmdline", 1, "/tmp/z", "boot"),
    }
    assert next(fact.text for fact in found if "core" in fact.path) == "|/usr/share/apport/apport %p"


def test_programs_that_make_keys_are_read() -> None:
    content = "#OP TYPE\ncreate user debug:* negate /bin/keyctl negate %k 30 %S\ncreate user x * |/tmp/x %k\n"
    found = list(request_key_entries(content))
    assert [(entry.line, entry.command) for entry in found] == [(2, "/bin/keyctl negate %k 30 %S"), (3, "/tmp/x %k")]
    assert found[0].schedule == "key user wanted"


@pytest.mark.parametrize(("text", "init"), [("rdinit=/x", ["/x"]), ("a init=/b", ["/b"]), ("sysinit=/x", []), ("", [])])
def test_the_first_program_is_read_off_the_command_line(text: str, init: list[str]) -> None:
    assert [entry.command for entry in init_entries(text)] == init


def test_a_fifo_is_a_gap() -> None:
    assert [type(fact) for fact in read({"/etc/sysctl.conf": Entry(mode=0o010644)})] == [Gap]


@given(st.text(alphabet=st.sampled_from("kernel.modprobe=|/ -\t\r\n#;\0\udcff"), max_size=120))
def test_any_text_is_read(content: str) -> None:
    lines = content.split("\n")
    for parse in (sysctl_entries, request_key_entries):
        for entry in parse(content):
            assert entry.line is not None
            assert lines[entry.line - 1].removesuffix("\r") == entry.text
    assert all(entry.line == 1 for entry in init_entries(content))
