"""`davy.collect.executables` on real processes and this machine's own package database."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from davy.collect.executables import executable
from davy.host import Denied, Gone, live
from davy.host.packages import packages
from davy.model.facts import Executable

pytestmark = pytest.mark.live

needs_dpkg = pytest.mark.skipif(not shutil.which("dpkg"), reason="no dpkg here")
SLEEP = Path("/bin/sleep").resolve()


@contextmanager
def running(command: Sequence[str | Path], **options: object) -> Iterator[int]:
    """A process past its exec, ended afterwards."""
    process = subprocess.Popen(command, **options)  # type: ignore[call-overload]
    try:
        yield process.pid
    finally:
        process.kill()
        process.wait()


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copy(SLEEP, tmp_path / "kdevtmpfsi"))


def test_a_running_program_is_read_though_its_file_is_gone(copy: Path) -> None:
    inode = copy.stat().st_ino
    with running([copy, "60"]) as pid:
        copy.unlink()
        found = executable(live(), str(copy), pid)
    assert (found.path, found.inode, found.links) == (str(copy), inode, 0)
    assert (found.sha256, found.size) == (sha256(SLEEP), SLEEP.stat().st_size)
    assert found.elf


def test_a_running_program_is_read_though_another_file_has_its_name(copy: Path) -> None:
    with running([copy, "60"]) as pid:
        copy.unlink()
        copy.write_text("innocent")
        assert executable(live(), str(copy), pid).sha256 == sha256(SLEEP)
        assert executable(live(), str(copy)).sha256 == hashlib.sha256(b"innocent").hexdigest()


def test_a_program_that_was_never_on_disk_is_read() -> None:
    memory = os.memfd_create("kworker", 0)
    try:
        os.write(memory, SLEEP.read_bytes())
        with running([f"/proc/self/fd/{memory}", "60"], pass_fds=[memory]) as pid:
            found = executable(live(), "/memfd:kworker", pid)
    finally:
        os.close(memory)
    assert (found.sha256, found.links, found.elf) == (sha256(SLEEP), 0, True)


@needs_dpkg
def test_a_copy_of_a_packaged_program_has_a_twin(copy: Path) -> None:
    host = live()
    database = packages(host.root)
    with running([copy, "60"]) as pid:
        copy.unlink()
        found = executable(host, str(copy), pid, database)
    assert (found.owner_package, found.unmodified) == (None, None)
    assert found.twin is not None
    assert Path(found.twin).resolve() == SLEEP


@needs_dpkg
@pytest.mark.skipif(not Path("/var/lib/dpkg/info/openssl.list").exists(), reason="the openssl package is not installed")
def test_a_packaged_program_has_an_owner_and_is_unmodified() -> None:
    host = live()
    found = executable(host, "/usr/bin/openssl", packages=packages(host.root))
    assert (found.owner_package, found.unmodified, found.twin) == ("openssl", True, None)
    assert (found.elf, found.static, found.stripped) == (True, False, True)


@needs_dpkg
def test_a_packaged_program_running_from_its_own_path_is_unmodified() -> None:
    host = live()
    with running([SLEEP, "60"]) as pid:
        found = executable(host, str(SLEEP), pid, packages(host.root))
    assert (found.owner_package, found.unmodified, found.twin) == ("coreutils", True, None)
    at_path = executable(host, str(SLEEP))
    for field in ("device", "inode", "mode", "uid", "mtime", "ctime", "birth", "sha256", "md5", "elf"):
        assert getattr(found, field) == getattr(at_path, field)


def test_a_kernel_thread_and_a_vanished_process_have_no_program() -> None:
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    threads = [2] if Path("/proc/2/comm").read_text() == "kthreadd\n" else []
    for pid in (child, *threads):
        with pytest.raises(Gone):
            executable(live(), "/x", pid)


def test_without_root_another_users_process_is_denied() -> None:
    if os.geteuid() != 0:
        with pytest.raises(Denied):
            executable(live(), "/x", 1)
        return
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgid(65534)
            os.setuid(65534)
            executable(live(), "/x", 1)
        except Denied:
            os.write(writer, b"denied")
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        assert pipe.read() == b"denied"


def test_readelf_says_the_same_of_the_systems_programs() -> None:
    if not shutil.which("readelf"):
        pytest.skip("no readelf here")
    programs = sorted(path for path in Path("/usr/bin").iterdir() if path.is_file() and not path.is_symlink())[::25]
    host, seen = live(), 0
    for path in programs:
        found: Executable = executable(host, str(path))
        with path.open("rb") as file:
            assert found.elf == (file.read(4) == b"\x7fELF")
        if found.elf:
            told = subprocess.run(["readelf", "-lSW", path], capture_output=True, text=True, check=True).stdout
            assert (found.static, found.stripped) == ("INTERP" not in told, " SYMTAB " not in told)
            seen += 1
    assert seen
