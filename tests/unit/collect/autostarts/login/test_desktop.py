"""What desktops start at login."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davy.collect.autostarts.formats.desktop_files import groups
from davy.collect.autostarts.login.desktop import desktop_autostarts, desktop_entries, lxsession_entries
from davy.host import Entry, Host, MemoryRoot
from davy.model.autostarts import Autostart, AutostartKind
from davy.model.facts import Gap

PASSWD = "root:x:0:0:root:/root:/bin/bash\nada:x:1000:1000::/home/ada:/bin/bash\n"
DESKTOP = "[Desktop Entry]\nType=Application\nExec=/opt/x/run --tray %U\n"


def read(files: dict[str, bytes | str | Entry]) -> list[Autostart | Gap]:
    return list(desktop_autostarts(Host(MemoryRoot({"/etc/passwd": PASSWD, **files}))))


def test_a_desktop_file_of_a_user_runs_as_that_user_at_login() -> None:
    path = "/home/ada/.config/autostart/x.desktop"
    assert read({path: Entry(DESKTOP.encode(), mtime=3.5)}) == [
        Autostart(
            kind=AutostartKind.XDG, path=path, command="/opt/x/run --tray", schedule="login", user="ada",
            programs=("/opt/x/run",), mtime=3.5, ctime=3.5,
        )
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "user"),
    [
        ("/etc/xdg/autostart/x.desktop", None),
        ("/usr/share/gnome/autostart/x.desktop", None),
        ("/root/.config/autostart/x.desktop", "root"),
        ("/home/stranger/.kde/Autostart/x.desktop", None),
    ],
)
def test_every_place_is_read(path: str, user: str | None) -> None:
    (found,) = read({path: DESKTOP})
    assert isinstance(found, Autostart)
    assert (found.path, found.user) == (path, user)


@pytest.mark.parametrize(
    "content",
    [
        "[Desktop Entry]\nExec=/x\nHidden=true\n",
        "[Desktop Action A]\nExec=/x\n",
        "Exec=/x\n",
        "[Desktop Entry]\n#Exec=/x\n",
        "[Desktop Entry]\nExec=\n",
    ],
)
def test_what_starts_nothing_is_no_autostart(content: str) -> None:
    assert list(desktop_entries(content)) == []


def test_blanks_around_the_equals_sign_and_crlf_are_read() -> None:
    (found,) = desktop_entries("[Desktop Entry]\r\nExec = /x y\r\nPath=/srv\r\n")
    assert (found.command, found.directory) == ("/x y", "/srv")


def test_scripts_that_are_sourced_need_no_mode_and_those_that_are_run_do() -> None:
    env, shutdown = (f"/home/ada/.config/plasma-workspace/{name}/x.sh" for name in ("env", "shutdown"))
    assert [fact.path for fact in read({env: "a", shutdown: "a"}) if isinstance(fact, Autostart)] == [env]
    found = read({env: "a", shutdown: Entry(b"a", mode=0o100755)})
    assert [(fact.path, fact.schedule) for fact in found if isinstance(fact, Autostart)] == [
        (env, "login"),
        (shutdown, "logout"),
    ]


def test_lxsession_has_a_command_a_line() -> None:
    path = "/etc/xdg/lxsession/LXDE/autostart"
    (first, second) = read({path: "# panel\n@lxpanel --profile LXDE\n/tmp/x\n"})
    assert isinstance(first, Autostart)
    assert isinstance(second, Autostart)
    assert (first.line, first.command) == (2, "lxpanel --profile LXDE")
    assert (second.line, second.programs) == (3, ("/tmp/x",))


def test_a_link_out_of_the_root_leads_nowhere_and_a_fifo_is_a_gap() -> None:
    folder = "/home/ada/.config/autostart"
    assert read({f"{folder}/x.desktop": Entry(target="../../../../../../x")}) == []
    assert [type(fact) for fact in read({f"{folder}/x.desktop": Entry(mode=0o010644)})] == [Gap]


@given(st.text(alphabet=st.sampled_from("ab[]= \t\r\n#;\0\udcff"), max_size=200))
def test_any_text_is_read(content: str) -> None:
    lines = content.split("\n")
    for group in groups(f"[Desktop Entry]\n{content}"):
        assert 1 <= group.line <= group.end_line <= len(lines) + 1
        assert group.text.count("\n") == group.end_line - group.line
    assert all("\n" not in each.command for each in desktop_entries(f"[Desktop Entry]\nExec={content}"))
    assert all(lines[each.line - 1].removesuffix("\r") == each.text for each in lxsession_entries(content) if each.line)


def test_lines_that_a_sessions_shell_runs_are_entries() -> None:
    found = read({"/home/ada/.xprofile": "export A=1\n~/bin/tray &\nif true; then\n  /tmp/x\nfi\n"})
    assert [(fact.line, fact.user, fact.programs) for fact in found if isinstance(fact, Autostart)] == [
        (2, "ada", ("/home/ada/bin/tray",)),
        (4, "ada", ("/tmp/x",)),
    ]


def test_a_file_that_two_users_link_to_is_one_entry_with_both_links() -> None:
    links = tuple(f"{home}/.config/autostart/x.desktop" for home in ("/home/ada", "/home/grace"))
    (found,) = read({"/opt/x.desktop": DESKTOP, **{link: Entry(target="/opt/x.desktop") for link in links}})
    assert isinstance(found, Autostart)
    assert (found.path, found.links) == ("/opt/x.desktop", links)
