"""What shells run as they start and end: ``/etc/profile``, ``~/.bashrc``, ``~/.zshenv``, fish's ``config.fish``, ...

A line of ``~/.bashrc``: ``eval "$(dircolors -b)"``.  Source: bash(1) (INVOCATION), dash(1), ksh(1), zsh(1) (STARTUP/
SHUTDOWN FILES), fish(1), tcsh(1) (Startup and shutdown).
"""

from __future__ import annotations

import glob
import posixpath
from collections.abc import Callable, Iterator
from typing import Final

from davy.collect.autostarts.formats.csh_lines import csh_entries
from davy.collect.autostarts.formats.fish_lines import fish_entries
from davy.collect.autostarts.formats.shell_lines import shell_entries
from davy.collect.autostarts.programs.environment import start_scripts
from davy.collect.autostarts.reading import Entry, File, Files, Home
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
_SYSTEM_FOLDERS: Final = {
    "/etc/profile.d/*": _LOGIN, "/etc/bash/bashrc.d/*": _SHELL, "/etc/bashrc.d/*": _SHELL,
    "/etc/fish/conf.d/*.fish": _SHELL, "/usr/share/fish/vendor_conf.d/*.fish": _SHELL,
}  # fmt: skip
_HOME: Final = {
    ".profile": _LOGIN, ".bash_profile": _LOGIN, ".bash_login": _LOGIN, ".bashrc": _SHELL, ".bash_aliases": _SHELL,
    ".bash_logout": _LOGOUT, ".shrc": _SHELL, ".shinit": _SHELL, ".ashrc": _SHELL, ".kshrc": _SHELL, ".mkshrc": _SHELL,
    ".zshenv": _SHELL, ".zprofile": _LOGIN, ".zshrc": _SHELL, ".zshrc.local": _SHELL, ".zlogin": _LOGIN,
    ".zlogout": _LOGOUT, ".config/zsh/.zshenv": _SHELL, ".config/zsh/.zprofile": _LOGIN, ".config/zsh/.zshrc": _SHELL,
    ".cshrc": _SHELL, ".tcshrc": _SHELL, ".login": _LOGIN, ".logout": _LOGOUT, ".config/fish/config.fish": _SHELL,
    ".bashrc.d/*": _SHELL, ".config/fish/conf.d/*.fish": _SHELL,
}  # fmt: skip
_SKELETON: Final = Home("/etc/skel", None)
_CSH: Final = ("/.cshrc", "/.tcshrc", "/.login", "/.logout")


def profile_lines(host: Host) -> Iterator[Autostart | Gap]:
    """The lines that run something, of the system's files, of every home's and of the one that new homes begin as.

    Of files that only one shell reads, too, whoever uses that.  ``user`` is None for those that every user's shell
    reads.
    """
    files = Files(host, "profiles", AutostartKind.PROFILE)
    for file in files.texts(*_SYSTEM, *_SYSTEM_FOLDERS):
        yield from (file,) if isinstance(file, Gap) else _lines(files, file)
    for home in (_SKELETON, *files.homes()):
        for file in (home,) if isinstance(home, Gap) else files.texts(*_HOME, below=home.path, home=home):
            yield from (file,) if isinstance(file, Gap) else _lines(files, file)
    for path, whose in start_scripts(host):
        for file in files.texts(glob.escape(path), home=whose):
            yield from (file,) if isinstance(file, Gap) else _lines(files, file)


def _lines(files: Files, file: File) -> Iterator[Autostart | Gap]:
    entries = _reader(file.place)(file.content, home=file.home_path)
    return files.entries(file, entries, schedule=_when(file))


def _when(file: File) -> str:
    """When a shell reads a file, by the place where it looks for it."""
    if file.home:
        name = file.place.removeprefix(f"{file.home.path}/")
        return _HOME.get(name, _SHELL)
    return _SYSTEM.get(file.place) or _SYSTEM_FOLDERS.get(f"{posixpath.dirname(file.place)}/*", _SHELL)


def _reader(path: str) -> Callable[..., Iterator[Entry]]:
    """How the shell reads a file, by the place where it looks for it."""
    if path.endswith(".fish"):
        return fish_entries
    if path.startswith("/etc/csh.") or path.endswith((".csh", *_CSH)):
        return csh_entries
    return shell_entries
