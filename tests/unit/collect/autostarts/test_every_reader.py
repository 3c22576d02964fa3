"""What is promised of every reader of autostarts."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from davy.collect.autostarts.readers import AUTOSTARTS
from davy.host import DirectoryRoot, Host, MemoryRoot, at, live
from davy.host import Entry as File
from davy.model.autostarts import Autostart
from davy.model.facts import Gap

PLACES = (
    "/etc/systemd/system-generators/x", "/etc/systemd/system-sleep/x", "/var/lib/systemd/linger/ada", "/etc/init.d/x",
    "/etc/rc2.d/S01x", "/etc/runlevels/default/x", "/etc/local.d/x.start", "/etc/default/x", "/etc/rc.local",
    "/etc/inittab", "/etc/profile", "/etc/profile.d/x.sh", "/etc/profile.d/x.csh", "/etc/fish/conf.d/x.fish",
    "/home/ada/.bashrc", "/etc/environment", "/etc/security/pam_env.conf", "/etc/systemd/system.conf",
    "/etc/ld.so.preload", "/etc/ld.so.conf", "/etc/ld.so.conf.d/x.conf", "/etc/pam.conf", "/etc/pam.d/x",
    "/etc/sudoers", "/etc/sudoers.d/x", "/etc/update-motd.d/x", "/home/ada/.ssh/authorized_keys",
    "/etc/ssh/sshd_config", "/home/ada/.ssh/config", "/home/ada/.ssh/rc",
)  # fmt: skip
PASSWD = "ada:x:1000:1000::/home/ada:/bin/bash\n"
READERS = [pytest.param(reader, id=reader.__name__) for _, reader in AUTOSTARTS]
Reader = Callable[[Host], Iterator[Autostart | Gap]]


@pytest.mark.parametrize("place", PLACES)
def test_a_fifo_a_loop_or_a_folder_in_any_place_is_at_most_a_gap(place: str, tmp_path: Path) -> None:
    for number, make in enumerate((os.mkfifo, os.mkdir, lambda path: os.symlink(os.path.basename(path), path))):
        root = tmp_path / str(number)
        path = root / place.lstrip("/")
        path.parent.mkdir(parents=True)
        (root / "etc").mkdir(exist_ok=True)
        (root / "etc/passwd").write_text(PASSWD)
        make(str(path))
        host = Host(DirectoryRoot(str(root)))
        found = [fact for _, reader in AUTOSTARTS for fact in reader(host)]
        assert [fact for fact in found if isinstance(fact, Autostart)] == []


@pytest.mark.parametrize("reader", READERS)
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=200))
def test_whatever_the_files_hold_every_reader_reads_them(reader: Reader, content: bytes) -> None:
    root = MemoryRoot({"/etc/passwd": PASSWD} | {place: File(content, mode=0o100755) for place in PLACES})
    rows = [row.removesuffix("\r") for row in os.fsdecode(content).split("\n")]
    found = [fact for fact in reader(Host(root)) if isinstance(fact, Autostart)]
    assert len({fact.subject for fact in found}) == len(found)
    for fact in found:
        if fact.line is not None:
            assert fact.text == "\n".join(rows[fact.line - 1 : fact.end_line or fact.line])
        assert all(program.startswith("/") for program in fact.programs)


@pytest.mark.live
@pytest.mark.parametrize("reader", READERS)
def test_on_this_host_every_fact_is_an_autostart_or_a_gap(reader: Reader) -> None:
    host = live()
    for fact in reader(host):
        assert isinstance(fact, Autostart | Gap)
        if isinstance(fact, Autostart):
            assert fact.path.startswith("/")
            assert fact.mtime
            assert all(program.startswith("/") for program in fact.programs)


def test_a_link_out_of_the_root_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("/tmp/x\n")
    root = tmp_path / "root"
    (root / "etc").mkdir(parents=True)
    (root / "etc/rc.local").symlink_to("../../outside")
    (root / "etc/profile").symlink_to(tmp_path / "outside")
    host = at(str(root))
    assert [fact for _, reader in AUTOSTARTS for fact in reader(host)] == []
