"""Which mounts can be reached, and which lies on top."""

from __future__ import annotations

import time

from davy.host.mount_tree import MountTree, below
from davy.host.mounts import Mount, parse_mountinfo

TABLE = r"""
1 0 8:1 / / rw - ext4 /dev/sda1 rw
2 1 0:20 / /proc rw - proc proc rw
3 2 0:30 / /proc/7 rw - tmpfs a rw
4 3 8:1 /empty /proc/7 rw shared:3 - ext4 /dev/sda1 rw
5 2 8:1 /tmp/st\040at /proc/stat rw - ext4 /dev/sda1 rw
6 1 0:31 / /procs rw - tmpfs b rw
not a mount
x y 0:31 / /z rw - tmpfs b rw
"""
OVERLAID = TABLE + "7 2 0:21 / /proc rw - proc proc rw\n8 7 0:32 / /proc/9 rw - tmpfs c rw\n"


def _tree(text: str) -> MountTree:
    return MountTree(parse_mountinfo(text))


def _reachable(tree: MountTree) -> list[int]:
    return [mount.mount_id for mount in tree.mounts if tree.reachable(mount)]


def test_a_source_may_hold_whatever_ends_a_line_elsewhere() -> None:
    text = "1 0 0:1 / /proc/7 rw - tmpfs a\u2028b\x0b\x0c\x1d\x85c\r rw\n2 0 0:2 / /x rw - tmpfs d rw\n"
    assert [(mount.point, mount.source) for mount in parse_mountinfo(text)] == [
        ("/proc/7", "a\u2028b\x0b\x0c\x1d\x85c\r"),
        ("/x", "d"),
    ]


def test_the_one_on_top_of_a_stack_is_where_a_path_leads() -> None:
    tree = _tree(TABLE)
    assert _reachable(tree) == [1, 2, 3, 4, 5, 6]
    assert [tree.topmost(point).mount_id for point in ("/", "/proc", "/proc/7", "/proc/stat")] == [1, 2, 4, 5]  # type: ignore[union-attr]
    assert tree.topmost("/proc/8") is None


def test_what_stood_on_a_procfs_that_another_was_laid_over_is_out_of_reach() -> None:
    tree = _tree(OVERLAID)
    assert _reachable(tree) == [1, 2, 6, 7, 8]
    assert [tree.topmost(point) for point in ("/proc/7", "/proc/stat")] == [None, None]


def test_a_table_that_holds_a_circle_ends() -> None:
    tree = _tree("1 2 0:1 / /a rw - tmpfs a rw\n2 1 0:1 / /a/b rw - tmpfs a rw\n3 3 0:1 / / rw - tmpfs a rw\n")
    assert len(list(tree.ancestors(tree.mounts[0]))) == 1
    assert list(tree.ancestors(tree.mounts[2])) == []
    assert tree.topmost("/a") is not None


def test_a_folder_is_no_beginning_of_a_name() -> None:
    assert below("/proc/7/exe", "/proc/7")
    assert below("/proc", "/")
    assert not below("/proc/77", "/proc/7")


def test_tens_of_thousands_of_mounts_cost_no_more_than_a_look_at_each() -> None:
    many = [Mount(f"/m/{i}", "tmpfs", "none", (0, 9), "/", 10 + i, 1) for i in range(20_000)]
    root = Mount("/", "ext4", "none", (8, 1), "/", 1, 1)
    tree = MountTree([root, *many])
    started = time.process_time()
    assert all(tree.topmost(mount.point) is mount for mount in many)
    assert time.process_time() - started < 5
