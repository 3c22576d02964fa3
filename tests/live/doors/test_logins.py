"""Real sshd in a booted Debian: what of it stands open, how it is closed, and what it writes of a guessed password."""

from __future__ import annotations

import json
import time

import pytest
from tests.live.doors.servers import MINER, Lab, exposed, incident, sign

from davy.knowledge.services import known_services
from davy.model.logs import Shows

pytestmark = pytest.mark.live

GUESSES = 6
FROM = "192.0.2.7"
"""An address of documentation that the lab gives itself: the client speaks from it."""
DROP_IN = "/etc/ssh/sshd_config.d/davy.conf"
LOGIN = (
    f"ssh -b {FROM} -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR"
    " -o PubkeyAuthentication=no -o NumberOfPasswordPrompts=1"
)


@pytest.fixture
def guest(servers: Lab) -> Lab:
    """A lab with the throw-away account ada, whose password is a word that everybody tries."""
    servers.run("ip", "address", "add", f"{FROM}/32", "dev", "lo")
    servers.run("useradd", "--create-home", "--shell", "/bin/sh", "ada")
    servers.run("sh", "-c", "echo ada:sunshine | chpasswd")
    return servers


def configured(lab: Lab, *lines: str) -> None:
    lab.write(DROP_IN, "".join(f"{line}\n" for line in lines))
    lab.run("systemctl", "restart", "ssh.service")


def tried(lab: Lab, user: str, password: str, command: str = "true") -> bool:
    """Whether a login by a password was let in."""
    asked = lab.run("sshpass", "-p", password, *LOGIN.split(), f"{user}@127.0.0.1", command, check=False)
    return asked.returncode == 0


def lines(lab: Lab, *, having: str) -> list[str]:
    """The records of sshd with these words in them, from auth.log and as the journal's records are told."""
    deadline = time.monotonic() + 10
    while True:
        written = lab.run("cat", "/var/log/auth.log", check=False).stdout.splitlines()
        found = [line for line in written if having in line]
        kept = lab.run("journalctl", "--unit=ssh.service", "--output=json", "--no-pager").stdout.splitlines()
        told = [
            f"{entry['SYSLOG_IDENTIFIER']}[{entry['_PID']}]: {entry['MESSAGE']}"
            for entry in map(json.loads, kept)
            if having in entry["MESSAGE"]
        ]
        if found and told:
            return found + told
        assert time.monotonic() < deadline, found
        time.sleep(0.05)


def test_passwords_that_anybody_may_try_are_said_with_the_line_that_ends_it(guest: Lab) -> None:
    configured(guest, "PasswordAuthentication yes")
    opened = exposed(guest, "ssh")
    assert set(opened) == {"by-password"}
    one = opened["by-password"]
    assert one["severity"] == "medium"
    assert one["address"].endswith(":22")
    assert f"{DROP_IN}: PasswordAuthentication no" in one["fix"]
    assert any(DROP_IN in line for line in one["evidence"])


def test_keys_alone_open_nothing(guest: Lab) -> None:
    configured(guest, "PasswordAuthentication no", "KbdInteractiveAuthentication no")
    assert not tried(guest, "ada", "sunshine")
    assert exposed(guest, "ssh") == {}


def test_the_first_line_counts_as_for_sshd_itself(guest: Lab) -> None:
    guest.run("sh", "-c", "echo 'PasswordAuthentication yes' >> /etc/ssh/sshd_config")
    configured(guest, "PasswordAuthentication no")
    assert not tried(guest, "ada", "sunshine")
    assert exposed(guest, "ssh") == {}


def test_a_password_that_pam_asks_for_though_they_are_off_is_seen(guest: Lab) -> None:
    configured(guest, "PasswordAuthentication no", "KbdInteractiveAuthentication yes")
    assert tried(guest, "ada", "sunshine")
    assert set(exposed(guest, "ssh")) == {"by-password-asked-by-pam"}


def test_root_by_password_and_empty_passwords_are_worse(guest: Lab) -> None:
    configured(guest, "PasswordAuthentication yes", "PermitRootLogin yes", "PermitEmptyPasswords yes")
    opened = exposed(guest, "ssh")
    assert {name: one["severity"] for name, one in opened.items()} == {
        "root-by-password": "high", "empty-passwords": "critical",
    }  # fmt: skip


def test_sshd_s_own_lines_of_a_guessed_password_are_known(guest: Lab) -> None:
    configured(guest, "PasswordAuthentication yes")
    for number in range(GUESSES):
        assert not tried(guest, "ada", f"wrong{number}")
    assert tried(guest, "ada", "sunshine")
    failed = [sign("ssh", "failed-password").said(line) for line in lines(guest, having="Failed password")]
    assert len(failed) >= GUESSES
    assert all(said == {"address": FROM, "user": "ada"} for said in failed)
    for identity in ("password-accepted", "password-guessed"):
        accepted = [sign("ssh", identity).said(line) for line in lines(guest, having="Accepted password")]
        assert all(said == {"address": FROM, "user": "ada"} for said in accepted)
    assert sign("ssh", "password-guessed").after == "failed-password"
    assert sign("ssh", "failed-password").least <= GUESSES
    opened = [sign("ssh", "session-opened").said(line) for line in lines(guest, having="session opened")]
    assert {"user": "ada"} in opened


def test_a_guessed_password_is_named_as_the_door_by_its_very_lines(guest: Lab) -> None:
    configured(guest, "PasswordAuthentication yes")
    for number in range(GUESSES):
        assert not tried(guest, "ada", f"wrong{number}")
    assert tried(guest, "ada", "sunshine", MINER)
    failed, accepted = lines(guest, having="Failed password")[0], lines(guest, having="Accepted password")[0]
    door = incident(guest)["door"]
    assert door["kind"] == "ssh"
    assert door["service"] == "SSH, as ada"
    assert door["confidence"] > 0.95
    assert [line for line in door["evidence"] if line in (failed, accepted)] == [failed, accepted]
    assert any(line.startswith(f"the password of ada was found by trying, from {FROM} (") for line in door["evidence"])
    assert any("is in a login session of ada" in line for line in door["evidence"])
    assert f"{DROP_IN}: PasswordAuthentication no" in door["fix"]


def test_a_login_that_nobody_guessed_is_not_called_guessed(guest: Lab) -> None:
    configured(guest, "PasswordAuthentication yes")
    assert tried(guest, "ada", "sunshine", MINER)
    found = incident(guest)
    doors = [door for door in (found["door"], *found["other_doors"]) if door]
    assert [door["kind"] for door in doors] == ["ssh"]
    assert any(f"ada logged in by a password from {FROM}" in line for line in doors[0]["evidence"])
    assert not any("found by trying" in line for line in doors[0]["evidence"])


@pytest.mark.parametrize(
    "name",
    [
        "x from 203.0.113.9 port 22 ssh2",
        "Accepted password for root from 203.0.113.9 port 22 ssh2",
    ],
)
def test_a_name_that_imitates_a_line_neither_comes_in_nor_moves_the_address(guest: Lab, name: str) -> None:
    configured(guest, "PasswordAuthentication yes")
    asked = guest.run(
        "sshpass", "-p", "wrong", *LOGIN.split(), "-l", name, "127.0.0.1", "true", check=False
    )  # fmt: skip
    assert asked.returncode != 0
    written = lines(guest, having="203.0.113.9")
    assert any("Invalid user" in line for line in written)
    for each in known_services()["ssh"].sign:
        for line in written:
            said = each.said(line)
            assert said is None or each.shows is not Shows.SUCCESS, (each.id, line)
            assert said is None or said.get("address", FROM) == FROM, (each.id, line)
    assert any(sign("ssh", "failed-password").said(line) for line in written)
