"""Interpreters that the kernel runs for programs of other formats."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davy.collect.autostarts.events.binfmt import binfmt_entries, binfmt_interpreters, format_entries
from davy.host import Entry, Host, MemoryRoot
from davy.model.autostarts import Autostart, AutostartKind
from davy.model.facts import Gap

REGISTERED = "/proc/sys/fs/binfmt_misc"
LIVE = "enabled\ninterpreter /tmp/x\nflags: OC\noffset 0\nmagic 7f454c46\n"


def read(files: dict[str, bytes | str | Entry], *, live: bool = False) -> list[Autostart | Gap]:
    root = MemoryRoot(files)
    root.live = live
    return list(binfmt_interpreters(Host(root)))


def test_a_line_is_read_with_its_interpreter_and_flags() -> None:
    path, line = "/etc/binfmt.d/x.conf", r":x:M::\x7fELF::/tmp/x y:C"
    assert read({path: Entry(f"# none\n{line}\n".encode(), mtime=1.0)}) == [
        Autostart(
            kind=AutostartKind.BINFMT, path=path, line=2, text=line, command="/tmp/x y",
            schedule="program of format x, flags C", programs=("/tmp/x y",), mtime=1.0, ctime=1.0,
        )
    ]  # fmt: skip


@pytest.mark.parametrize("folder", ["/etc", "/run", "/usr/local/lib", "/usr/lib", "/lib"])
def test_every_folder_is_read(folder: str) -> None:
    assert len(read({f"{folder}/binfmt.d/x.conf": ":x:E::jar::/j:"})) == 1


@pytest.mark.parametrize(
    ("line", "interpreter"),
    [(",x,M,,a,,/tmp/x,", ["/tmp/x"]), (":x:E::jar::/j:\r", ["/j"]), ("#x#M##a##/x#", []), (":x:M::a::", []), ("", [])],
)
def test_the_first_character_separates_the_fields(line: str, interpreter: list[str]) -> None:
    assert [entry.command for entry in binfmt_entries(line)] == interpreter


def test_what_is_registered_is_read_of_the_live_host_alone() -> None:
    files: dict[str, bytes | str | Entry] = {
        f"{REGISTERED}/x": LIVE,
        f"{REGISTERED}/off": LIVE.replace("enabled", "disabled"),
        f"{REGISTERED}/status": "enabled\n",
        f"{REGISTERED}/register": "",
    }
    assert read(files) == []
    (found,) = read(files, live=True)
    assert isinstance(found, Autostart)
    assert (found.path, found.line, found.command) == (f"{REGISTERED}/x", None, "/tmp/x")
    assert found.schedule == "program of its format, flags OC"


def test_an_autofs_that_nobody_has_looked_at_is_not_looked_at() -> None:
    mounts = f"31 23 0:30 / {REGISTERED} rw shared:1 - autofs systemd-1 rw,fd=30\n"
    files: dict[str, bytes | str | Entry] = {f"{REGISTERED}/x": LIVE, "/proc/self/mountinfo": mounts}
    assert read(files, live=True) == []
    files["/proc/self/mountinfo"] = mounts + f"99 31 0:41 / {REGISTERED} rw - binfmt_misc binfmt_misc rw\n"
    assert len(read(files, live=True)) == 1


def test_debians_formats_are_read_in_both_of_their_forms() -> None:
    old = "openjdk-17\nmagic\n0\nPK\\x03\\x04\n\n/usr/bin/jexec\n\n\n\n\n"
    assert [entry.command for entry in format_entries(old)] == ["/usr/bin/jexec"]
    (found,) = format_entries("package x\ninterpreter /usr/bin/x\ncredentials yes\n")
    assert (found.command, found.schedule) == ("/usr/bin/x", "program of its format, flags C")


def test_a_fifo_is_a_gap() -> None:
    assert [type(fact) for fact in read({"/etc/binfmt.d/x.conf": Entry(mode=0o010644)})] == [Gap]


@given(st.text(alphabet=st.sampled_from(":,xME/\\ \t\r\n#;\0\udcff"), max_size=120))
def test_any_text_is_read(content: str) -> None:
    lines = content.split("\n")
    for entry in binfmt_entries(content):
        assert entry.line is not None
        assert lines[entry.line - 1].removesuffix("\r") == entry.text
    assert all(entry.command for entry in format_entries(content))
