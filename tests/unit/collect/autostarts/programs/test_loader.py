"""What the loader of shared libraries is told for every program."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davy.collect.autostarts.programs.loader import folder_entries, loader_lines, preload_entries
from davy.host import Entry, Host, MemoryRoot
from davy.host.clean_start import named_in, without_comments
from davy.model.autostarts import Autostart, AutostartKind

Files = dict[str, bytes | str | Entry]


def lines(files: Files) -> list[Autostart]:
    return [fact for fact in loader_lines(Host(MemoryRoot(files))) if isinstance(fact, Autostart)]


def test_a_preloaded_library_is_an_entry() -> None:
    (found,) = lines({"/etc/ld.so.preload": Entry(b"# x\n/usr/local/lib/x.so\n", mtime=2.0)})
    assert found == Autostart(
        kind=AutostartKind.LOADER, path="/etc/ld.so.preload", line=2, text="/usr/local/lib/x.so",
        command="/usr/local/lib/x.so", schedule="exec", programs=("/usr/local/lib/x.so",), mtime=2.0, ctime=2.0,
    )  # fmt: skip


def test_of_several_in_a_line_each_is_an_entry_that_leaves_the_others() -> None:
    found = lines({"/etc/ld.so.preload": "/a.so  /b.so:c.so\n"})
    assert [(fact.subject, fact.command, fact.remains, fact.programs) for fact in found] == [
        ("autostart:/etc/ld.so.preload:1:1", "/a.so", "  /b.so:c.so", ("/a.so",)),
        ("autostart:/etc/ld.so.preload:1:8", "/b.so", "/a.so  :c.so", ("/b.so",)),
        ("autostart:/etc/ld.so.preload:1:14", "c.so", "/a.so  /b.so:", ()),
    ]


def test_folders_and_included_files_are_read_each_once() -> None:
    files: Files = {
        "/etc/ld.so.conf": "include /etc/ld.so.conf.d/*.conf\ninclude more/x.conf\n/opt/a # b\nhwcap 1 nosegneg\n",
        "/etc/ld.so.conf.d/b.conf": "# none\n/usr/local/lib\n",
        "/etc/ld.so.conf.d/README": "/no\n",
        "/etc/more/x.conf": "/dev/shm/.x\ninclude /etc/ld.so.conf\n",
        "/etc/ld-musl-x86_64.path": "/lib:/usr/lib\n",
    }
    assert [(fact.path, fact.line, fact.command) for fact in lines(files)] == [
        ("/etc/ld-musl-x86_64.path", 1, "/lib"),
        ("/etc/ld-musl-x86_64.path", 1, "/usr/lib"),
        ("/etc/ld.so.conf", 1, "include /etc/ld.so.conf.d/*.conf"),
        ("/etc/ld.so.conf", 2, "include more/x.conf"),
        ("/etc/ld.so.conf", 3, "/opt/a"),
        ("/etc/ld.so.conf.d/b.conf", 2, "/usr/local/lib"),
        ("/etc/more/x.conf", 1, "/dev/shm/.x"),
        ("/etc/more/x.conf", 2, "include /etc/ld.so.conf"),
    ]


def test_a_host_of_very_many_includes_is_read_in_part() -> None:
    content = "".join(f"include /etc/{n}/*.conf\n" for n in range(500))
    found = list(loader_lines(Host(MemoryRoot({"/etc/ld.so.conf": content}))))
    assert not isinstance(found[-1], Autostart)


@pytest.mark.parametrize("text", ["/a.so # /b.so\n", "#\n#x\n/a.so\n", "/a.so:/b.so\r\n", "\t/a.so\n\n:/b.so:\n"])
def test_the_entries_are_those_that_glibc_loads(text: str) -> None:
    expected = [name.decode().rstrip("\r") for name in named_in(without_comments(text.encode()))]
    assert [entry.command for entry in preload_entries(text)] == [name for name in expected if name]


@given(st.text(alphabet=st.sampled_from("/ab.:# \t\n\r"), max_size=80))
def test_any_text_is_read(content: str) -> None:
    rows = [row.removesuffix("\r") for row in content.split("\n")]
    for entry in (*preload_entries(content), *folder_entries(content)):
        assert rows[entry.line - 1] == entry.text
        assert entry.command in entry.text
