"""What PAM loads and runs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davy.collect.autostarts.login.pam import pam_entries, pam_lines
from davy.host import Entry, Host, MemoryRoot
from davy.model.autostarts import Autostart, AutostartKind

Files = dict[str, bytes | str | Entry]


def lines(files: Files) -> list[Autostart]:
    return [fact for fact in pam_lines(Host(MemoryRoot(files))) if isinstance(fact, Autostart)]


@pytest.mark.parametrize("path", ["/etc/pam.d/sshd", "/usr/lib/pam.d/sshd", "/etc/pam.conf", "/usr/etc/pam.d/x"])
def test_a_module_is_an_entry_with_its_type(path: str) -> None:
    text = f"{'sshd ' if path.endswith('.conf') else ''}session  optional  pam_motd.so motd=/run/x # y"
    (found,) = lines({path: Entry(f"# x\n{text}\n".encode(), mtime=2.0)})
    assert found == Autostart(
        kind=AutostartKind.PAM, path=path, line=2, text=text, command="pam_motd.so motd=/run/x", schedule="session",
        user="root", mtime=2.0, ctime=2.0,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("line", "command", "programs"),
    [
        ("auth optional pam_exec.so quiet expose_authtok log=/x /tmp/x -a", "/tmp/x -a", ("/tmp/x",)),
        ("auth optional /lib/security/pam_exec.so /tmp/x", "/tmp/x", ("/lib/security/pam_exec.so", "/tmp/x")),
        ("auth sufficient /tmp/pam_x.so a [b c]", "/tmp/pam_x.so a b c", ("/tmp/pam_x.so",)),
        ("-auth [success=1 default=ignore] pam_sss.so forward_pass", "pam_sss.so forward_pass", ()),
        ("AUTH\tREQUIRED\tpam_unix.so", "pam_unix.so", ()),
        ("auth required pam_exec.so", "pam_exec.so", ()),
        ("auth required pam_unix.so\r", "pam_unix.so", ()),
    ],
)
def test_what_is_loaded_or_run_is_told(line: str, command: str, programs: tuple[str, ...]) -> None:
    (found,) = pam_entries(line)
    assert (found.command, found.programs) == (command, programs)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "# auth required x.so",
        "@include common-auth",
        "auth include common-auth",
        "auth substack x",
        "auth",
        "x y z",
        "auth [default=ignore] pam_permit.so",
    ],
)
def test_lines_that_load_nothing_themselves_are_no_entries(line: str) -> None:
    assert list(pam_entries(line)) == []


def test_a_line_that_goes_on_is_one_entry() -> None:
    (found,) = pam_entries("# x\nauth required \\\n  pam_exec.so \\\n /tmp/x\n")
    assert (found.line, found.end_line, found.command) == (2, 4, "/tmp/x")
    assert found.text == "auth required \\\n  pam_exec.so \\\n /tmp/x"


def test_a_line_that_another_jumps_over_leaves_one_that_does_nothing() -> None:
    content = (
        "auth [success=2 default=ignore] pam_unix.so\nauth optional pam_exec.so /tmp/x\naccount required pam_a.so\n"
        "auth requisite pam_deny.so\nauth required pam_permit.so\n"
    )
    assert [(entry.line, entry.remains) for entry in pam_entries(content)] == [
        (1, None),
        (2, "auth\t[default=ignore]\tpam_permit.so"),
        (3, None),
        (4, "auth\t[default=ignore]\tpam_permit.so"),
        (5, None),
    ]


@given(
    st.lists(st.sampled_from(["auth", "required", "[a=1]", "pam_exec.so", "/x", " ", "\t", "\\", "\n", "#", "[", "\0"]))
)
def test_any_text_is_read(pieces: list[str]) -> None:
    content = "".join(pieces)
    rows = content.split("\n")
    for entry in pam_entries(content):
        assert "\n".join(rows[entry.line - 1 : entry.end_line or entry.line]) == entry.text
        assert entry.command
