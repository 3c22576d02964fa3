"""What shells run as they start and end: ``/etc/profile``, ``~/.bashrc``, ``~/.zshenv``, fish's ``config.fish``, ...

A line of ``~/.bashrc``: ``eval "$(dircolors -b)"``.  Source: bash(1) (INVOCATION), dash(1), ksh(1), zsh(1) (STARTUP/
SHUTDOWN FILES), fish(1), tcsh(1) (Startup and shutdown).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from davy.collect.autostarts.csh_lines import csh_entries
from davy.collect.autostarts.environment import start_scripts
from davy.collect.autostarts.fish_lines import fish_entries
from davy.collect.autostarts.homes import Home, homes
from davy.collect.autostarts.shell_lines import shell_entries
from davy.collect.autostarts.texts import Entry, Text, Texts
from davy.host import Host
from davy.model.autostarts import Autostart, AutostartKind
from davy.model.facts import Gap

_LOGIN, _SHELL, _LOGOUT = "login", "shell", "logout"
_SYSTEM: Final = {
    "/etc/profile": _LOGIN, "/etc/profile.local": _LOGIN, "/etc/bash.bashrc": _SHELL, "/etc/bash.bashrc.local": _SHELL,
    "/etc/bashrc": _SHELL, "/etc/bash/bashrc": _SHELL, "/etc/bash.bash_logout": _LOGOUT, "/etc/bash_logout": _LOGOUT,
    "/etc/bash/bash_logout": _LOGOUT, "/etc/shinit": _SHELL, "/etc/kshrc": _SHELL, "/etc/ksh.kshrc": _SHELL,
    "/etc/mkshrc": _SHELL, "/etc/suid_profile": _LOGIN, "/etc/csh.cshrc": _SHELL, "/etc/csh.login": _LOGIN,
    "/etc/csh.logout": _LOGOUT, "/etc/csh.cshrc.local": _SHELL, "/etc/csh.login.local": _LOGIN,
    "/etc/fish/config.fish": _SHELL, "/usr/share/fish/config.fish": _SHELL,
    **{
        f"{folder}/{name}": schedule
        for folder in ("/etc/zsh", "/etc")
        for name, schedule in (
            ("zshenv", _SHELL), ("zprofile", _LOGIN), ("zshrc", _SHELL), ("zlogin", _LOGIN), ("zlogout", _LOGOUT),
        )
    },
}  # fmt: skip
_SYSTEM_FOLDERS: Final = (
    ("/etc/profile.d", "", _LOGIN),
    ("/etc/bash/bashrc.d", "", _SHELL),
    ("/etc/bashrc.d", "", _SHELL),
    ("/etc/fish/conf.d", ".fish", _SHELL),
    ("/usr/share/fish/vendor_conf.d", ".fish", _SHELL),
)
_HOME: Final = {
    ".profile": _LOGIN, ".bash_profile": _LOGIN, ".bash_login": _LOGIN, ".bashrc": _SHELL, ".bash_aliases": _SHELL,
    ".bash_logout": _LOGOUT, ".shrc": _SHELL, ".shinit": _SHELL, ".ashrc": _SHELL, ".kshrc": _SHELL, ".mkshrc": _SHELL,
    ".zshenv": _SHELL, ".zprofile": _LOGIN, ".zshrc": _SHELL, ".zshrc.local": _SHELL, ".zlogin": _LOGIN,
    ".zlogout": _LOGOUT, ".config/zsh/.zshenv": _SHELL, ".config/zsh/.zprofile": _LOGIN, ".config/zsh/.zshrc": _SHELL,
    ".cshrc": _SHELL, ".tcshrc": _SHELL, ".login": _LOGIN, ".logout": _LOGOUT, ".config/fish/config.fish": _SHELL,
}  # fmt: skip
_HOME_FOLDERS: Final = ((".bashrc.d", ""), (".config/fish/conf.d", ".fish"))
_SKELETON: Final = Home("/etc/skel", None)
_CSH: Final = ("/.cshrc", "/.tcshrc", "/.login", "/.logout")


def profile_lines(host: Host) -> Iterator[Autostart | Gap]:
    """The lines that run something, of the system's files, of every home's and of the one that new homes begin as.

    Of files that only one shell reads, too, whoever uses that.  ``user`` is None for those that every user's shell
    reads.
    """
    texts = Texts(host, "profiles")
    for path, schedule in _SYSTEM.items():
        yield from _of(texts, texts.read(path), schedule, None, None)
    for folder, suffix, schedule in _SYSTEM_FOLDERS:
        yield from _of(texts, texts.folder(folder, suffix), schedule, None, None)
    for home in (_SKELETON, *homes(host, "profiles")):
        if isinstance(home, Gap):
            yield home
            continue
        texts.next_home(home.path)
        for name, schedule in _HOME.items():
            yield from _of(texts, texts.read(f"{home.path}/{name}"), schedule, home.user, home.path)
        for folder, suffix in _HOME_FOLDERS:
            yield from _of(texts, texts.folder(f"{home.path}/{folder}", suffix), _SHELL, home.user, home.path)
    for path, user, home_path in start_scripts(host):
        texts.next_home(home_path)
        yield from _of(texts, texts.read(path), _SHELL, user, None)


def _of(
    texts: Texts, files: Iterator[Text | Gap], schedule: str, user: str | None, home: str | None
) -> Iterator[Autostart | Gap]:
    for file in files:
        if isinstance(file, Gap):
            yield file
        else:
            entries = _reader(file.place)(file.content, home=home)
            yield from texts.entries(file, AutostartKind.PROFILE, entries, schedule=schedule, user=user, home=home)


def _reader(path: str) -> Callable[..., Iterator[Entry]]:
    """How the shell reads a file, by the place where it looks for it."""
    if path.endswith(".fish"):
        return fish_entries
    if path.startswith("/etc/csh.") or path.endswith((".csh", *_CSH)):
        return csh_entries
    return shell_entries
