"""Whom sudo lets run what as whom."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davy.collect.autostarts.login.sudoers import sudoers_entries, sudoers_rules
from davy.host import Entry, Host, MemoryRoot
from davy.model.autostarts import Autostart, AutostartKind

Files = dict[str, bytes | str | Entry]


def rules(files: Files) -> list[Autostart]:
    return [fact for fact in sudoers_rules(Host(MemoryRoot(files))) if isinstance(fact, Autostart)]


@pytest.mark.parametrize("path", ["/etc/sudoers", "/etc/sudoers.d/x", "/etc/sudoers.d/passed.over", "/usr/etc/sudoers"])
def test_a_rule_is_an_entry_with_whom_it_lets(path: str) -> None:
    text = "www-data ALL=(root) NOPASSWD: /usr/bin/systemctl restart x, /opt/y"
    (found,) = rules({path: Entry(f"Defaults env_reset\n{text}\n".encode(), mtime=2.0)})
    assert found == Autostart(
        kind=AutostartKind.SUDOERS, path=path, line=2, text=text, command=text, schedule="sudo", user="www-data",
        programs=("/usr/bin/systemctl", "/opt/y"), mtime=2.0, ctime=2.0,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("line", "user"),
    [
        ("root ALL=(ALL:ALL) ALL", "root"),
        ("%wheel\tALL = (ALL) NOPASSWD: ALL", "%wheel"),
        ("#1000 ALL=(ALL) ALL", "#1000"),
        ("ada, grace ALL=ALL", "ada, grace"),
        ("ada host1, host2 = (root) ALL", "ada"),
        ("%domain\\ users ALL=ALL", "%domain\\ users"),
        ('"%domain users" ALL=ALL', '"%domain users"'),
        ("ADMINS ALL=ALL : OTHER = ALL", "ADMINS"),
        ("ada ALL=ALL # all", "ada"),
        ("Defaults:ada !authenticate", "ALL"),
        ("Defaults env_keep += \"LD_PRELOAD\"", "ALL"),
    ],
)  # fmt: skip
def test_every_way_to_write_one_is_understood(line: str, user: str) -> None:
    (found,) = sudoers_entries(line)
    assert (found.text, found.command, found.user) == (line, line.removesuffix(" # all"), user)


@pytest.mark.parametrize(
    "line",
    [
        "", "# ada ALL=ALL", "Defaults secure_path=\"/sbin:/bin\"", "Defaults env_keep += \"LANG\"", "@includedir /x",
        "#includedir /etc/sudoers.d", "#include /x", "User_Alias A = ada", "Cmnd_Alias B = /bin/x", "ada",
    ],
)  # fmt: skip
def test_settings_and_aliases_are_no_rules(line: str) -> None:
    assert list(sudoers_entries(line)) == []


def test_a_rule_that_goes_on_is_one_entry() -> None:
    (found,) = sudoers_entries("\nada ALL=(root) \\\n  /bin/a, \\\n\t/bin/b\nDefaults x\n")
    assert (found.line, found.end_line, found.command) == (2, 4, "ada ALL=(root) /bin/a, /bin/b")
    assert found.text == "ada ALL=(root) \\\n  /bin/a, \\\n\t/bin/b"


def test_what_is_included_is_read_wherever_it_lies() -> None:
    files: Files = {
        "/etc/sudoers": "@include /opt/.x/sudo\n#includedir /srv/sudo.d\n#include /etc/sudoers\n",
        "/opt/.x/sudo": "www-data ALL=(ALL) NOPASSWD: ALL\n",
        "/srv/sudo.d/a": "ada ALL=ALL\n",
    }
    assert [fact.path for fact in rules(files)] == ["/opt/.x/sudo", "/srv/sudo.d/a"]


@given(
    st.lists(
        st.sampled_from(["ada", "ALL", "=", "(", ")", ":", ",", " ", "\t", "\\", "\n", "#", "/x", '"', "Defaults "])
    )
)
def test_any_text_is_read(pieces: list[str]) -> None:
    content = "".join(pieces)
    rows = content.split("\n")
    for entry in sudoers_entries(content):
        assert "\n".join(rows[entry.line - 1 : entry.end_line or entry.line]) == entry.text
