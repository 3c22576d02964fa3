"""Variables that have programs load a library or run a script."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davy.collect.autostarts.programs.environment import environment_lines, start_scripts, variables
from davy.collect.autostarts.reading import Home
from davy.host import Entry, Host, MemoryRoot
from davy.model.autostarts import Autostart, AutostartKind

PASSWD = "ada:x:1000:1000::/home/ada:/bin/bash\n"
Files = dict[str, bytes | str | Entry]


def lines(files: Files) -> list[Autostart]:
    root = MemoryRoot({"/etc/passwd": PASSWD, **files})
    return [fact for fact in environment_lines(Host(root)) if isinstance(fact, Autostart)]


@pytest.mark.parametrize(
    ("path", "schedule", "user"),
    [
        ("/etc/environment", "login", None),
        ("/etc/environment.d/x.conf", "login", None),
        ("/usr/lib/environment.d/x.conf", "login", None),
        ("/etc/security/pam_env.conf", "login", None),
        ("/etc/default/x", "boot", None),
        ("/etc/sysconfig/x", "boot", None),
        ("/etc/conf.d/x", "boot", None),
        ("/etc/systemd/system.conf", "boot", None),
        ("/etc/systemd/user.conf.d/x.conf", "login", None),
        ("/home/ada/.pam_environment", "login", "ada"),
        ("/home/ada/.ssh/environment", "login", "ada"),
        ("/home/ada/.config/environment.d/x.conf", "login", "ada"),
    ],
)
def test_every_place_is_read(path: str, schedule: str, user: str | None) -> None:
    (found,) = lines({path: Entry(b"LANG=C\nLD_PRELOAD=/tmp/x.so\n", mtime=2.0)})
    assert found == Autostart(
        kind=AutostartKind.ENVIRONMENT, path=path, line=2, text="LD_PRELOAD=/tmp/x.so", command="LD_PRELOAD=/tmp/x.so",
        schedule=schedule, user=user, programs=("/tmp/x.so",), mtime=2.0, ctime=2.0,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("line", "command", "programs"),
    [
        ("export LD_PRELOAD='/a.so:/b.so c.so'", "LD_PRELOAD=/a.so:/b.so c.so", ("/a.so", "/b.so")),
        ("BASH_ENV DEFAULT=/tmp/x", "BASH_ENV=/tmp/x", ("/tmp/x",)),
        ("LD_AUDIT\tOVERRIDE=\"/a.so\"", "LD_AUDIT=/a.so", ("/a.so",)),
        ("LD_LIBRARY_PATH=/opt/oracle/lib", "LD_LIBRARY_PATH=/opt/oracle/lib", ()),
        ("PROMPT_COMMAND=/tmp/x -a", "PROMPT_COMMAND=/tmp/x -a", ("/tmp/x",)),
        ("DefaultEnvironment=LD_PRELOAD=/a.so", "LD_PRELOAD=/a.so", ("/a.so",)),
        (" ENV=/x\r", "ENV=/x", ("/x",)),
    ],
)  # fmt: skip
def test_every_way_to_write_one_is_understood(line: str, command: str, programs: tuple[str, ...]) -> None:
    (found,) = variables(line)
    assert (found.entry.command, found.entry.programs, found.entry.remains) == (command, programs, None)


@pytest.mark.parametrize(
    "line",
    ["PATH=/bin", "#LD_PRELOAD=/a", "LD_PRELOAD=", "LD_PRELOAD=''", "MY_LD_PRELOAD=/a", "x LD_PRELOAD=/a", "", "="],
)
def test_settings_that_load_nothing_are_no_entries(line: str) -> None:
    assert list(variables(line)) == []


def test_of_several_variables_in_a_line_the_others_stay() -> None:
    text = 'DefaultEnvironment=A=b LD_PRELOAD=/a.so "LD_AUDIT=/b.so" C=d'
    first, second = (found.entry for found in variables(text))
    assert (first.command, first.remains, first.column) == (
        "LD_PRELOAD=/a.so",
        'DefaultEnvironment=A=b  "LD_AUDIT=/b.so" C=d',
        text.index("LD_P") + 1,
    )
    assert second.remains == "DefaultEnvironment=A=b LD_PRELOAD=/a.so  C=d"


def test_scripts_that_every_shell_reads_are_known() -> None:
    files = {"/etc/environment": "BASH_ENV=/a\nENV=b\n", "/home/ada/.pam_environment": "ENV DEFAULT=/c\n"}
    root = MemoryRoot({"/etc/passwd": PASSWD, **files})
    assert list(start_scripts(Host(root))) == [("/a", None), ("/c", Home("/home/ada", "ada"))]


@given(
    st.lists(
        st.sampled_from(["DefaultEnvironment=", "LD_PRELOAD", "ENV", "=", " DEFAULT=", "a", '"', "'", " ", "\n", "é"])
    )
)
def test_any_text_is_read(pieces: list[str]) -> None:
    content = "".join(pieces)
    rows = content.split("\n")
    for found in variables(content):
        assert rows[found.entry.line - 1] == found.entry.text
        assert found.value
