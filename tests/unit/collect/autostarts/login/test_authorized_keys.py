"""Whom sshd lets in without a password."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davy.collect.autostarts.login.authorized_keys import authorized_keys, fingerprint, key_entries
from davy.host import Entry, Host, MemoryRoot
from davy.model.autostarts import Autostart, AutostartKind

PASSWD = "root:x:0:0::/root:/bin/bash\nada:x:1000:1000::/home/ada:/bin/bash\n"
KEY = "AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
PRINT = "SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU"
Files = dict[str, bytes | str | Entry]


def keys(files: Files) -> list[Autostart]:
    root = MemoryRoot({"/etc/passwd": PASSWD, **files})
    return [fact for fact in authorized_keys(Host(root)) if isinstance(fact, Autostart)]


@pytest.mark.parametrize(
    ("path", "user"),
    [
        ("/root/.ssh/authorized_keys", "root"),
        ("/home/ada/.ssh/authorized_keys2", "ada"),
        ("/home/x/.ssh/authorized_keys", None),
    ],
)
def test_a_key_is_an_entry_with_its_fingerprint(path: str, user: str | None) -> None:
    text = f"ssh-ed25519 {KEY} ada@laptop"
    (found,) = keys({path: Entry(f"# x\n{text}\n".encode(), mtime=2.0)})
    assert found == Autostart(
        kind=AutostartKind.AUTHORIZED_KEY, path=path, line=2, text=text, command=f"ssh-ed25519 ada@laptop {PRINT}",
        schedule="ssh login", user=user, activates=PRINT, mtime=2.0, ctime=2.0,
    )  # fmt: skip


def test_a_key_that_is_bound_to_a_command_is_told_with_it() -> None:
    text = f'from="192.0.2.0/24",command="sh -c \\"/tmp/x\\"",no-pty ssh-rsa {KEY}\r\n'
    (found,) = keys({"/root/.ssh/authorized_keys": text})
    assert (found.command, found.programs, found.activates) == ('sh -c "/tmp/x"', ("/tmp/x",), PRINT)


@pytest.mark.parametrize(
    "kind",
    [
        "ssh-rsa",
        "ssh-dss",
        "ssh-ed25519",
        "ecdsa-sha2-nistp256",
        "sk-ssh-ed25519@openssh.com",
        "ssh-rsa-cert-v01@openssh.com",
    ],
)
def test_every_type_of_key_is_known(kind: str) -> None:
    assert [entry.activates for entry in key_entries(f"restrict {kind} {KEY} x y")] == [PRINT]


@pytest.mark.parametrize("line", ["", f"# ssh-rsa {KEY}", "ssh-rsa", "ssh-rsa AAAA", "x y z", f"ssh-rsa {KEY}A x"])
def test_what_is_no_key_is_no_entry(line: str) -> None:
    assert list(key_entries(line)) == []


def test_files_that_sshd_is_told_of_are_read() -> None:
    files: Files = {
        "/etc/ssh/sshd_config": "Include sshd_config.d/*.conf\nAuthorizedKeysFile .ssh/keys /etc/ssh/keys/%u\n",
        "/etc/ssh/sshd_config.d/a.conf": "authorizedkeysfile /etc/ssh/.all none %h/.k\n",
        "/home/ada/.ssh/keys": f"ssh-rsa {KEY}\n",
        "/etc/ssh/keys/ada": f"ssh-rsa {KEY}\n",
        "/etc/ssh/.all": f"ssh-rsa {KEY}\n",
        "/home/ada/.k": f"ssh-rsa {KEY}\n",
        "/etc/ssh/keys/nobodys": f"ssh-rsa {KEY}\n",
    }
    assert sorted((fact.path, fact.user or "") for fact in keys(files)) == [
        ("/etc/ssh/.all", ""),
        ("/etc/ssh/keys/ada", "ada"),
        ("/home/ada/.k", "ada"),
        ("/home/ada/.ssh/keys", "ada"),
    ]


@pytest.mark.skipif(not shutil.which("ssh-keygen"), reason="no ssh-keygen to compare with")
def test_the_fingerprint_is_that_of_ssh_keygen(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(f"ssh-ed25519 {KEY} x\n")
    shown = subprocess.run(
        ["ssh-keygen", "-lf", str(tmp_path / "key")], capture_output=True, text=True, check=True
    ).stdout
    assert fingerprint(KEY) in shown.split()


@given(
    st.lists(st.sampled_from(['command="', '"', ",", " ", "ssh-rsa", KEY, "=", "\n", "\\", "x", "#", "\0"])).map(
        "".join
    )
)
def test_any_text_is_read(content: str) -> None:
    rows = content.split("\n")
    for entry in key_entries(content):
        assert rows[entry.line - 1] == entry.text
        assert entry.activates == PRINT or entry.activates
