"""Covers are told from what containers, service managers and sandboxes mount."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from davy.collect.concealment.covers import covers, first_look
from davy.host import Entry, Host, MemoryRoot, RecordedKernel
from davy.host.procfs import RecordedProcfs
from davy.model.concealment import Cover, CoverKind
from davy.model.facts import Gap

BASE = "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n2 1 0:20 / /proc rw - proc proc rw\n3 1 0:22 / /sys rw - sysfs sysfs rw\n"
STAT = "7 (x) R 1 7 7 0 -1 4194560 0 0 0 0 0 0 0 0 20 0 1 0 4711 0 0\n"
SELF = Entry(target="4242", mode=0o120777)
PS = "/usr/bin/ps"


class _Procfs(RecordedProcfs):
    pid_namespace = 0xF0000000

    def inode(self, path: str) -> tuple[int, int]:
        return (4, self.pid_namespace) if path == "self/ns/pid" else super().inode(path)


def _found(
    lines: str,
    *,
    files: Mapping[str, str] | None = None,
    kernels: Mapping[str, str] | None = None,
    own: bool = True,
    itself: Entry = SELF,
    pid_namespace: int = 0xF0000000,
) -> list[Cover | Gap]:
    procfs = _Procfs(
        {"self": "->4242", "self/mountinfo": BASE + lines, "7/stat": STAT, "stat": "cpu 1 0 0 9 0\nctxt 5\n"}
        | dict(kernels or {})
    )
    procfs.own, procfs.pid_namespace = own, pid_namespace
    root = MemoryRoot({"/proc/self": itself, **(files or {})})
    host, kernel = Host(root), RecordedKernel(procfs)
    earlier = first_look(host, kernel)
    kernel.sleep(1.0)
    return list(covers(host, kernel, earlier))


def _covers(lines: str, **options: object) -> list[Cover]:
    return [one for one in _found(lines, **options) if isinstance(one, Cover)]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "line",
    [
        "9 2 0:30 / /proc/7 rw - tmpfs none rw",
        "9 2 8:1 /empty /proc/7 rw - ext4 /dev/sda1 rw",
        "9 2 0:20 /1 /proc/7 rw - proc proc rw",
        "9 2 0:21 /7 /proc/7 rw - proc another rw",
        "9 2 0:50 / /proc/7 rw - fuse.lxcfs lxcfs rw",
        "9 2 8:1 /tmp/x /proc/7/cmdline rw - ext4 /dev/sda1 rw",
    ],
)
def test_whatever_is_mounted_over_a_process_covers_it(line: str) -> None:
    (cover,) = _covers(line)
    assert (cover.kind, cover.pid, cover.hides) == (CoverKind.PROCESS, 7, "process:7:4711")
    assert cover.mount_id == 9


@pytest.mark.parametrize(
    "line",
    [
        "9 2 0:20 /sys /proc/sys ro - proc proc rw",
        "9 2 0:20 /7 /proc/7 ro - proc proc rw",
        "9 2 0:6 /null /proc/kcore rw - devtmpfs devtmpfs rw",
        "9 2 0:6 /null /proc/kallsyms rw - tmpfs tmpfs rw",
        "9 2 0:24 /systemd/inaccessible/reg /proc/kallsyms ro - tmpfs tmpfs rw",
        "9 2 0:6 /null /proc/interrupts rw - tmpfs tmpfs rw",
        "9 2 0:31 / /proc/scsi ro - tmpfs tmpfs ro",
        "9 2 0:32 / /proc/sys/fs/binfmt_misc rw - autofs systemd-1 rw\n"
        "10 9 0:33 / /proc/sys/fs/binfmt_misc rw - binfmt_misc binfmt_misc rw",
        "9 2 0:34 /boot_id /proc/sys/kernel/random/boot_id ro - tmpfs tmpfs rw",
        "9 2 0:50 /proc/stat /proc/stat rw - fuse.lxcfs lxcfs rw",
        "9 2 0:50 /proc/meminfo /proc/meminfo rw - fuse.lxcfs lxcfs rw",
        "9 2 0:50 /proc/uptime /proc/uptime rw - fuse sysboxfs rw",
        "9 2 0:21 /meminfo /proc/meminfo rw - proc proc rw",
        "9 2 0:21 / /proc rw - proc proc rw",
        "9 2 0:30 / /proc/7 rw - tmpfs none rw\n10 2 0:21 / /proc rw - proc proc rw",
        "9 1 0:40 / /procs/7 rw - tmpfs none rw",
        "9 1 8:1 /var/lib/docker/containers/1/hosts /etc/hosts rw - ext4 /dev/sda1 rw",
        "9 3 0:35 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n10 9 0:36 /docker/1 /sys/fs/cgroup/memory ro - cgroup none rw",
        "9 1 8:1 /usr/bin/ps /usr/bin/ps ro - ext4 /dev/sda1 rw",
        "9 1 0:41 / /usr/lib/modules ro - tmpfs tmpfs rw",
    ],
)  # fmt: skip
def test_what_runtimes_and_service_managers_mount_covers_nothing(line: str) -> None:
    assert _found(line, files={PS: "x", "/usr/lib/modules/x": ""}, kernels={"sys": ""}) == []


def test_an_emulator_is_believed_in_containers_only() -> None:
    line = "9 2 0:50 /proc/stat /proc/stat rw - fuse.lxcfs lxcfs rw"
    assert _covers(line) == []
    (cover,) = _covers(line, pid_namespace=0xEFFFFFFC)
    assert (cover.kind, cover.filesystem, cover.forged) == (CoverKind.KERNEL_FILE, "fuse.lxcfs", None)


def test_every_mount_of_a_stack_is_a_cover() -> None:
    found = _covers("9 2 0:30 / /proc/7 rw - tmpfs a rw\n10 9 0:30 / /proc/7 ro - tmpfs a rw")
    assert [(cover.mount_id, cover.parent_id) for cover in found] == [(9, 2), (10, 9)]


def test_a_covered_process_that_has_ended_is_hidden_by_nothing() -> None:
    (cover,) = _covers("9 2 0:30 / /proc/8 rw - tmpfs none rw")
    assert (cover.pid, cover.hides) == (8, None)


def test_a_file_over_the_kernels_figures_is_compared() -> None:
    line = "9 2 8:1 /tmp/stat /proc/stat rw - ext4 /dev/sda1 rw"
    (cover,) = _covers(line, files={"/proc/stat": "cpu 1 0 0 9 0\nctxt 3\n"})
    assert (cover.kind, cover.point) == (CoverKind.KERNEL_FILE, "/proc/stat")
    assert cover.forged == "counts other context switches than the kernel"
    (cover,) = _covers(line, files={"/proc/stat": "cpu 1 0 0 9 0\nctxt 5\n"})
    assert cover.forged is None


def test_a_device_where_the_kernel_has_a_file_is_no_file() -> None:
    line = "9 2 0:6 /null /proc/modules rw - devtmpfs devtmpfs rw"
    (cover,) = _covers(line, files={"/proc/modules": Entry(mode=0o020666)}, kernels={"modules": "x 1 0\n"})  # type: ignore[dict-item]
    assert cover.forged == "is no file where the kernel has one"


def test_a_procfs_of_another_pid_namespace_is_not_compared_and_a_gap_says_so() -> None:
    lines = "9 2 8:1 /tmp/stat /proc/stat rw - ext4 /dev/sda1 rw\n10 2 0:30 / /proc/7 rw - tmpfs none rw"
    found = _found(lines, files={"/proc/stat": "cpu 1 0 0 9 0\nctxt 3\n"}, itself=Entry(target="1", mode=0o120777))
    assert [one.what for one in found if isinstance(one, Gap)] == ["the ordinary /proc"]
    assert [(one.forged, one.hides) for one in found if isinstance(one, Cover)] == [(None, None), (None, None)]


def test_without_a_procfs_of_our_own_covers_are_named_and_a_gap_says_what_is_not_known() -> None:
    lines = "9 2 8:1 /tmp/stat /proc/stat rw - ext4 /dev/sda1 rw\n10 2 0:30 / /proc/7 rw - tmpfs none rw"
    found = _found(lines, files={"/proc/stat": "cpu 1 0 0 9 0\nctxt 3\n"}, own=False)
    assert [one.what for one in found if isinstance(one, Gap)] == ["/proc/stat"]
    assert [(one.point, one.forged, one.hides) for one in found if isinstance(one, Cover)] == [
        ("/proc/stat", None, None),
        ("/proc/7", None, None),
    ]


def test_something_else_than_a_procfs_at_proc_is_a_cover() -> None:
    (cover,) = _covers("9 2 0:60 / /proc rw - tmpfs none rw", files={"/proc/1/x": ""})
    assert (cover.kind, cover.forged) == (CoverKind.KERNEL_FILE, "shows 1 processes fewer than the kernel has")


def test_the_first_process_may_see_other_mounts() -> None:
    theirs = BASE.replace("1 0 ", "101 0 ").replace("2 1 ", "102 101 ").replace("3 1 ", "103 101 ")
    lines = "109 102 0:30 / /proc/7 rw - tmpfs none rw\n110 102 0:31 / /proc/8 rw - tmpfs none rw\n"
    ours = "9 2 0:30 / /proc/7 rw - tmpfs none rw\n"
    found = _covers(ours, kernels={"1/mountinfo": theirs + lines})
    assert [(cover.point, cover.mount_id, cover.elsewhere) for cover in found] == [
        ("/proc/7", 9, False),
        ("/proc/8", 110, True),
    ]
    assert _covers(ours, kernels={"1/mountinfo": BASE + ours}) == _covers(ours)


def test_a_table_of_thousands_ends_in_a_gap() -> None:
    lines = "".join(f"{pid} 2 0:30 / /proc/{pid} rw - tmpfs none rw\n" for pid in range(100, 1200))
    found = _found(lines)
    assert len(found) == 1001
    assert found[-1] == Gap("covers", "the rest", "more than 1000")


def test_a_mount_table_that_cannot_be_read_is_a_gap() -> None:
    kernel = RecordedKernel(RecordedProcfs({"7/stat": STAT}))
    (gap,) = covers(Host(MemoryRoot({})), kernel, {})
    assert isinstance(gap, Gap)
    assert gap.what == "the mount table"
