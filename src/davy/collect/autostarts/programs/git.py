"""What git runs by itself: the hooks of repositories, and settings that name a command.

A line of ``~/.gitconfig``: ``fsmonitor = /usr/bin/x``, below ``[core]``.  Source: git-config(1), githooks(5).
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from davy.collect.autostarts.reading import File, Files, Home, Span
from davy.host import Host
from davy.model.autostarts import Autostart, AutostartKind
from davy.model.facts import Gap

_SYSTEM: Final = ("/etc/gitconfig", "/usr/local/etc/gitconfig")
_TEMPLATES: Final = "/usr/share/git-core/templates/hooks"
_OWN: Final = (".gitconfig", ".config/git/config")
_REPOSITORIES: Final = (
    "/.git", "/etc/.git", "/srv/*/.git", "/srv/git/*.git", "/opt/*/.git", "/var/www/.git", "/var/www/*/.git",
    "/var/lib/git/*.git", "/var/www/*/*/.git",
)  # fmt: skip
_OWN_REPOSITORIES: Final = (".git", "*/.git", "*.git", "repositories/*.git")

_RUNNING: Final = re.compile(
    r"""
      core\.(?:pager|editor|fsmonitor|sshcommand|gitproxy|askpass|alternaterefscommand|hookspath)
    | (?:sequence\.editor|diff\.external|init\.templatedir|interactive\.difffilter|web\.browser)
    | (?:credential\.(?:.*\.)?helper|filter\..*\.(?:clean|smudge|process)|diff\..*\.(?:command|textconv))
    | merge\..*\.driver | (?:mergetool|difftool|man|browser)\..*\.(?:cmd|path) | pager\..*
    | gpg\.(?:.*\.)?(?:program|defaultkeycommand) | uploadpack\.packobjectshook | remote\..*\.(?:uploadpack|receivepack)
    | trailer\..*\.(?:command|cmd) | alias\..* | sendemail\..*cmd | tar\..*\.command | hook\..*\.command
    """,
    re.VERBOSE | re.DOTALL,
)
"""Settings whose values are commands or, of hooksPath and templateDir, the folder of hooks."""
_FOLDERS: Final = frozenset({"core.hookspath", "init.templatedir"})
_SWITCH: Final = re.compile(r"|true|false|yes|no|on|off|[01]", re.IGNORECASE)
_HEADER: Final = re.compile(r'[ \t]*\[[ \t]*([\w.-]+)(?:[ \t]+"((?:[^"\\\n]|\\[^\n])*)")?[ \t]*\]')
_SETTING: Final = re.compile(r"[ \t]*([A-Za-z][\w-]*)[ \t]*(?:=[ \t]*((?:[^\\\n]|\\\n|\\[^\n])*))?")


class Setting(NamedTuple):
    """One ``name = value`` of a git-config(1), with where it stands in the text."""

    key: str
    """``section.subsection.name``, section and name in small letters."""
    value: str
    start: int
    end: int


def git_settings(text: str) -> Iterator[Setting]:
    """The settings of a configuration file; lines of another shape are passed over."""
    section, here = "", 0
    while here < len(text):
        if header := _HEADER.match(text, here):
            section = header[1].lower() + (f".{header[2]}" if header[2] is not None else "")
            here = header.end()
        setting = _SETTING.match(text, here)
        if setting is not None and section:
            if setting[2] is not None:
                yield Setting(f"{section}.{setting[1].lower()}", _value(setting[2]), here, setting.end())
            here = setting.end()
        here = (text.find("\n", here) + 1) or len(text)


def _value(written: str) -> str:
    """Without quotes, comments and the backslashes that go on over lines."""
    pieces, quoted, here = [], False, 0
    while here < len(written):
        character = written[here]
        if character == "\\" and here + 1 < len(written):
            here += 1
            pieces.append({"n": "\n", "t": "\t", "b": "\b", "\n": ""}.get(written[here], written[here]))
        elif character == '"':
            quoted = not quoted
        elif character in "#;" and not quoted:
            break
        else:
            pieces.append(character)
        here += 1
    return "".join(pieces).strip()


def git_entries(text: str) -> Iterator[Span]:
    """The settings by which git runs something: of an alias, and of a credential helper, only a command of its own."""
    for setting in git_settings(text):
        command, alias = setting.value, setting.key.startswith("alias.")
        if not _RUNNING.fullmatch(setting.key) or _SWITCH.fullmatch(command) or (alias and command[0] != "!"):
            continue
        if setting.key.startswith("credential.") and command[0] not in "!/~":
            continue
        programs = () if setting.key in _FOLDERS else None
        yield Span(
            command.removeprefix("!"), setting.start, setting.end, schedule=f"git: {setting.key}", programs=programs
        )


def git_hooks(host: Host) -> Iterator[Autostart | Gap]:
    """Settings of the system, of users and of repositories by which git runs a command, and the hooks they come to.

    Repositories are looked for where few folders have to be listed: in ``/srv``, ``/opt`` and ``/var/www``, in homes
    and in their folders.  Whoever uses git there runs it.
    """
    reader = _Reader(host)
    yield from reader.hooks(_TEMPLATES, None)
    yield from reader.configured(_SYSTEM, None)
    yield from reader.repositories(_REPOSITORIES, None)
    for home in reader.files.homes():
        if isinstance(home, Gap):
            yield home
            continue
        yield from reader.configured(_OWN, home, below=home.path)
        yield from reader.repositories(_OWN_REPOSITORIES, home)


class _Reader:
    """Reads files of settings, and the folders of hooks that they come to; ``home`` is in whose they were found."""

    def __init__(self, host: Host) -> None:
        self.files = Files(host, "git", AutostartKind.GIT)

    def repositories(self, places: tuple[str, ...], home: Home | None) -> Iterator[Autostart | Gap]:
        for folder in self.files.paths(*places, below=home.path if home else ""):
            if isinstance(folder, Gap):
                yield folder
                continue
            yield from self.configured(("config",), home, below=folder)
            yield from self.hooks(f"{folder}/hooks", home)

    def configured(self, paths: tuple[str, ...], home: Home | None, below: str = "") -> Iterator[Autostart | Gap]:
        """The entries of files of settings, and the hooks in the folders that these name."""
        for file in self.files.texts(*paths, below=below, home=home, includes=_included):
            if isinstance(file, Gap):
                yield file
                continue
            yield from self.files.entries(file, git_entries(file.content))
            for setting in git_settings(file.content):
                if setting.key in _FOLDERS and (folder := _path(setting.value, file)):
                    yield from self.hooks(f"{folder}/hooks" if setting.key == "init.templatedir" else folder, home)

    def hooks(self, folder: str, home: Home | None) -> Iterator[Autostart | Gap]:
        """The executable files of a folder of hooks; git's own samples are not run."""
        for file in self.files.found("*", below=folder, home=home):
            if isinstance(file, Gap):
                yield file
            elif file.stat.regular and file.stat.mode & 0o111 and not file.name.endswith(".sample"):
                yield self.files.whole(file, schedule=f"git: {posixpath.basename(file.place)}")


def _path(written: str, file: File) -> str:
    """A path in a setting; nothing when it cannot be told."""
    if written.startswith("~"):
        return f"{file.home_path}/{written[2:]}" if file.home and written.startswith("~/") else ""
    return posixpath.normpath(posixpath.join(file.folder, written)) if written else ""


def _included(file: File) -> Iterator[str]:
    for setting in git_settings(file.content):
        if setting.key == "include.path" or (setting.key.startswith("includeif.") and setting.key.endswith(".path")):
            yield from filter(None, (_path(setting.value, file),))
