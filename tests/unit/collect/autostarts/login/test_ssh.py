"""What ssh's server and client run, and the scripts of a login."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davy.collect.autostarts.login.ssh import ssh_entries, ssh_lines, ssh_rc_lines
from davy.host import Entry, Host, MemoryRoot
from davy.model.autostarts import Autostart, AutostartKind
from davy.model.facts import Gap

PASSWD = "ada:x:1000:1000::/home/ada:/bin/bash\n"
Files = dict[str, bytes | str | Entry]


def host(files: Files) -> Host:
    return Host(MemoryRoot({"/etc/passwd": PASSWD, **files}))


def lines(files: Files) -> list[Autostart]:
    return [fact for fact in ssh_lines(host(files)) if isinstance(fact, Autostart)]


@pytest.mark.parametrize(
    ("path", "schedule", "user"),
    [
        ("/etc/ssh/sshd_config", "ssh login", None),
        ("/etc/ssh/sshd_config.d/x.conf", "ssh login", None),
        ("/usr/etc/ssh/sshd_config", "ssh login", None),
        ("/etc/ssh/ssh_config", "ssh", None),
        ("/etc/ssh/ssh_config.d/x.conf", "ssh", None),
        ("/home/ada/.ssh/config", "ssh", "ada"),
    ],
)
def test_every_file_is_read(path: str, schedule: str, user: str | None) -> None:
    (found,) = lines({path: Entry(b"# x\n  ForceCommand /tmp/x -a\n", mtime=2.0)})
    assert found == Autostart(
        kind=AutostartKind.SSHD, path=path, line=2, text="  ForceCommand /tmp/x -a", command="/tmp/x -a",
        schedule=schedule, user=user, programs=("/tmp/x",), mtime=2.0, ctime=2.0,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("line", "command", "programs"),
    [
        ("Subsystem sftp /usr/lib/openssh/sftp-server -l INFO", "/usr/lib/openssh/sftp-server -l INFO",
         ("/usr/lib/openssh/sftp-server",)),
        ("Subsystem\tsftp\tinternal-sftp", "internal-sftp", ()),
        ("AuthorizedKeysCommand=/usr/bin/sss_ssh_authorizedkeys %u", "/usr/bin/sss_ssh_authorizedkeys %u",
         ("/usr/bin/sss_ssh_authorizedkeys",)),
        ("ProxyCommand \"/tmp/x\"", "/tmp/x", ("/tmp/x",)),
        ("localcommand curl h | sh", "curl h | sh", ()),
        ("PKCS11Provider /tmp/x.so", "/tmp/x.so", ("/tmp/x.so",)),
        ("AuthorizedKeysFile /etc/ssh/.x", "AuthorizedKeysFile /etc/ssh/.x", ()),
        ("TrustedUserCAKeys /etc/ssh/ca.pub", "TrustedUserCAKeys /etc/ssh/ca.pub", ()),
    ],
)  # fmt: skip
def test_what_has_something_run_or_lets_somebody_in_is_an_entry(
    line: str, command: str, programs: tuple[str, ...]
) -> None:
    (found,) = ssh_entries(f"Port 22\n{line}\n")
    assert (found.line, found.command, found.programs, found.remains) == (2, command, programs, None)


@pytest.mark.parametrize(
    "line",
    [
        "", "# ForceCommand /x", "UsePAM no", "ForceCommand none", "ForceCommand internal-sftp", "Match User x",
        "AuthorizedKeysFile .ssh/authorized_keys .ssh/authorized_keys2", "ProxyJump x", "ForceCommand",
    ],
)  # fmt: skip
def test_settings_that_run_nothing_are_no_entries(line: str) -> None:
    assert list(ssh_entries(line)) == []


def test_a_match_that_asks_a_command_stays_one_and_never_matches() -> None:
    (found,) = ssh_entries('Match host x exec "/tmp/x %h"\n  User y\n')
    assert (found.command, found.remains) == ("/tmp/x %h", "Match host x exec /bin/false")


def test_what_is_included_is_read_and_circles_end() -> None:
    files: Files = {
        "/etc/ssh/sshd_config": "Include more/*.conf /opt/x\nInclude sshd_config\n",
        "/etc/ssh/more/a.conf": "ForceCommand /a\n",
        "/opt/x": "ForceCommand /b\nInclude /opt/x\n",
        "/home/ada/.ssh/config": "Include own ~/.ssh/own\n",
        "/home/ada/.ssh/own": "ProxyCommand /c\n",
    }
    assert [(fact.path, fact.command) for fact in lines(files)] == [
        ("/etc/ssh/more/a.conf", "/a"),
        ("/opt/x", "/b"),
        ("/home/ada/.ssh/own", "/c"),
    ]


def test_very_many_includes_are_cut_and_a_gap_says_so() -> None:
    content = "".join(f"Include /x/{n}\n" for n in range(500))
    assert [type(fact) for fact in ssh_lines(host({"/etc/ssh/sshd_config": content}))] == [Gap]


@pytest.mark.parametrize(("path", "user"), [("/etc/ssh/sshrc", None), ("/home/ada/.ssh/rc", "ada")])
def test_lines_of_the_scripts_of_a_login_are_entries(path: str, user: str | None) -> None:
    content = "if read p c; then\n  echo add $p $c | xauth -q -\nfi\n~/x &\n"
    found = [fact for fact in ssh_rc_lines(host({path: content})) if isinstance(fact, Autostart)]
    assert [(fact.kind, fact.line, fact.command, fact.remains, fact.user, fact.schedule) for fact in found] == [
        (AutostartKind.SSH_RC, 2, "echo add $p $c | xauth -q -", "  :", user, "ssh login"),
        (AutostartKind.SSH_RC, 4, "~/x &", None, user, "ssh login"),
    ]


@given(
    st.lists(
        st.sampled_from(
            ["Match", "exec", "Subsystem", "ForceCommand", "Include", " ", "=", '"', "/x", "\n", "\t", "\0"]
        )
    )
)
def test_any_text_is_read(pieces: list[str]) -> None:
    content = "".join(pieces)
    rows = content.split("\n")
    for entry in ssh_entries(content):
        assert rows[entry.line - 1] == entry.text
