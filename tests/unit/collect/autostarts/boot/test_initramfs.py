"""What runs in the initial RAM file system, and what builds it."""

from __future__ import annotations

import pytest

from davy.collect.autostarts.boot.initramfs import initramfs_hooks
from davy.collect.autostarts.reading.patterns import MATCHES_LIMIT
from davy.host import Entry, Host, MemoryRoot
from davy.model.autostarts import Autostart, AutostartKind
from davy.model.facts import Gap

RUN = Entry(b"#!/bin/sh\n", mode=0o100755, mtime=4.0)
TEXT = Entry(b"#!/bin/sh\n", mtime=4.0)


def read(files: dict[str, bytes | str | Entry]) -> list[Autostart | Gap]:
    return list(initramfs_hooks(Host(MemoryRoot(files))))


def test_a_script_is_an_entry_of_its_own_that_root_runs() -> None:
    path = "/etc/initramfs-tools/scripts/init-bottom/x"
    assert read({path: RUN}) == [
        Autostart(
            kind=AutostartKind.INITRAMFS, path=path, command=path, schedule="boot init-bottom", user="root",
            programs=(path,), mtime=4.0, ctime=4.0,
        )
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "schedule"),
    [
        ("/etc/initramfs-tools/hooks/x", "initramfs built"),
        ("/usr/share/initramfs-tools/hooks/x", "initramfs built"),
        ("/usr/share/initramfs-tools/scripts/local-top/x", "boot local-top"),
        ("/etc/initramfs/post-update.d/x", "initramfs built"),
        ("/etc/initcpio/install/x", "initramfs built"),
    ],
)
def test_hooks_run_where_they_may_be_executed(path: str, schedule: str) -> None:
    (found,) = read({path: RUN})
    assert isinstance(found, Autostart)
    assert (found.path, found.schedule) == (path, schedule)
    assert read({path: TEXT}) == []


@pytest.mark.parametrize(
    ("path", "schedule"),
    [
        ("/etc/initramfs-tools/scripts/functions", "boot"),
        ("/usr/lib/initcpio/hooks/x", "boot"),
        ("/usr/lib/dracut/modules.d/90x/module-setup.sh", "initramfs built"),
        ("/usr/lib/dracut/modules.d/90x/parse-x.sh", "boot"),
    ],
)
def test_what_others_source_need_not_be_executable(path: str, schedule: str) -> None:
    (found,) = read({path: TEXT})
    assert isinstance(found, Autostart)
    assert (found.path, found.schedule) == (path, schedule)


def test_other_files_of_dracut_are_data() -> None:
    assert read({"/usr/lib/dracut/modules.d/90x/x.rules": TEXT, "/usr/lib/dracut/modules.d/README": TEXT}) == []


def test_what_is_no_regular_file_is_passed_over_and_folders_are_bounded() -> None:
    assert read({"/etc/initramfs-tools/hooks/x": Entry(mode=0o010755)}) == []
    found = read({f"/etc/initramfs-tools/hooks/{number}": RUN for number in range(MATCHES_LIMIT + 1)})
    assert len(found) == MATCHES_LIMIT + 1
    assert sum(isinstance(fact, Gap) for fact in found) == 1
