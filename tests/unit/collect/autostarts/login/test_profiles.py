"""What shells run as they start and end."""

from __future__ import annotations

import pytest

from davy.collect.autostarts.login.profiles import profile_lines
from davy.host import Entry, Host, MemoryRoot
from davy.model.autostarts import Autostart, AutostartKind

PASSWD = "root:x:0:0::/root:/bin/bash\nada:x:1000:1000::/home/ada:/bin/bash\n"
Files = dict[str, bytes | str | Entry]


def lines(files: Files) -> list[Autostart]:
    root = MemoryRoot({"/etc/passwd": PASSWD, **files})
    return [fact for fact in profile_lines(Host(root)) if isinstance(fact, Autostart)]


@pytest.mark.parametrize(
    ("path", "schedule", "user"),
    [
        ("/etc/profile", "login", None),
        ("/etc/profile.d/x.sh", "login", None),
        ("/etc/bash.bashrc", "shell", None),
        ("/etc/bashrc", "shell", None),
        ("/etc/bash/bashrc", "shell", None),
        ("/etc/bash.bash_logout", "logout", None),
        ("/etc/zsh/zshenv", "shell", None),
        ("/etc/zshrc", "shell", None),
        ("/etc/zsh/zlogout", "logout", None),
        ("/etc/csh.login", "login", None),
        ("/etc/profile.d/x.csh", "login", None),
        ("/etc/fish/config.fish", "shell", None),
        ("/etc/fish/conf.d/x.fish", "shell", None),
        ("/etc/skel/.bashrc", "shell", None),
        ("/root/.bash_profile", "login", "root"),
        ("/home/ada/.bashrc", "shell", "ada"),
        ("/home/ada/.bash_login", "login", "ada"),
        ("/home/ada/.bash_logout", "logout", "ada"),
        ("/home/ada/.bash_aliases", "shell", "ada"),
        ("/home/ada/.bashrc.d/x", "shell", "ada"),
        ("/home/ada/.profile", "login", "ada"),
        ("/home/ada/.zshenv", "shell", "ada"),
        ("/home/ada/.zlogin", "login", "ada"),
        ("/home/ada/.config/fish/config.fish", "shell", "ada"),
        ("/home/ada/.config/fish/conf.d/x.fish", "shell", "ada"),
        ("/home/ada/.cshrc", "shell", "ada"),
        ("/home/ada/.logout", "logout", "ada"),
        ("/home/grace/.profile", "login", None),
    ],
)
def test_every_file_of_every_shell_is_read(path: str, schedule: str, user: str | None) -> None:
    (found,) = lines({path: Entry(b"# x\n/tmp/x -a\n", mtime=4.0)})
    assert found == Autostart(
        kind=AutostartKind.PROFILE, path=path, line=2, text="/tmp/x -a", command="/tmp/x -a", schedule=schedule,
        user=user, programs=("/tmp/x",), mtime=4.0, ctime=4.0,
    )  # fmt: skip


def test_a_file_that_several_homes_link_to_is_told_once_under_its_own_path() -> None:
    files: Files = {
        "/etc/skel/.bashrc": "/tmp/x\n",
        "/root/.bashrc": Entry(target="/etc/skel/.bashrc"),
        "/home/ada/.bashrc": Entry(target="../../etc/skel/.bashrc"),
    }
    assert [fact.path for fact in lines(files)] == ["/etc/skel/.bashrc"]


def test_a_script_that_an_environment_has_every_shell_read_is_a_profile_too() -> None:
    files: Files = {"/etc/environment": "BASH_ENV=/opt/x/env.sh\n", "/opt/x/env.sh": "/tmp/x\n"}
    assert [(fact.path, fact.schedule, fact.command) for fact in lines(files)] == [("/opt/x/env.sh", "shell", "/tmp/x")]


def test_a_file_is_read_as_the_shell_reads_that_looks_for_it() -> None:
    content = "if /tmp/x; then\n  true\nfi\n"
    files: Files = {"/home/ada/.bashrc": Entry(target="x.fish"), "/home/ada/x.fish": content}
    assert [(fact.path, fact.remains) for fact in lines(files)] == [("/home/ada/x.fish", "if false; then")]


def test_programs_in_a_home_are_found_by_it() -> None:
    (found,) = lines({"/home/ada/.profile": '. "$HOME/.cargo/env"\n'})
    assert found.programs == ("/home/ada/.cargo/env",)
