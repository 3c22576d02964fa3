"""Variables that have programs load a library or run a script, where environments are made.

A line of ``/etc/environment``: ``LD_PRELOAD=/usr/lib/x.so``.  Of ``/etc/security/pam_env.conf``:
``BASH_ENV DEFAULT=/etc/x.sh``.  Of ``/etc/systemd/system.conf``: ``DefaultEnvironment=LD_PRELOAD=/usr/lib/x.so A=b``.

Source: environment(7), pam_env(8), pam_env.conf(5), environment.d(5), systemd-system.conf(5), sshd(8), ld.so(8).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from davy.collect.autostarts.reading import Entry, File, Files, Home, Row, rows
from davy.collect.commands import programs_of
from davy.host import Host
from davy.knowledge.start_variables import COMMANDS, loading
from davy.model.autostarts import Autostart, AutostartKind
from davy.model.facts import Gap

_ASSIGNMENT: Final = re.compile(r"[ \t]*(?:export[ \t]+)?(?P<name>[A-Za-z_]\w*)\+?=(?P<value>.*)", re.DOTALL | re.ASCII)
_PAM_ENV: Final = re.compile(
    r"[ \t]*(?P<name>[A-Za-z_]\w*)[ \t]+(?:DEFAULT|OVERRIDE)=(?P<value>.*)", re.DOTALL | re.ASCII
)
_MANAGER: Final = re.compile(r"[ \t]*(?:Default|Manager)Environment[ \t]*=(?P<value>.*)", re.DOTALL)
_WORD: Final = re.compile(r"""(?:[^\s"']+|"[^"]*"?|'[^']*'?)+""")
_FILES_OF_VALUE: Final = frozenset({"LD_PRELOAD", "LD_AUDIT", "BASH_ENV", "ENV", "PYTHONSTARTUP"})
_SCRIPTS: Final = frozenset({"BASH_ENV", "ENV"})
_MANAGERS: Final = tuple(
    f"{top}/systemd/{name}.conf"
    for top in ("/etc", "/run", "/usr/local/lib", "/usr/lib")
    for name in ("system", "user")
)
_AT_BOOT: Final = (
    *(file for path in _MANAGERS if path.endswith("system.conf") for file in (path, f"{path}.d/*.conf")),
    "/etc/default/*", "/etc/sysconfig/*", "/etc/conf.d/*",
)  # fmt: skip
_AT_LOGIN: Final = (
    "/etc/environment", "/etc/security/pam_env.conf",
    *(file for path in _MANAGERS if path.endswith("user.conf") for file in (path, f"{path}.d/*.conf")),
    *(f"{top}/environment.d/*.conf" for top in ("/etc", "/run", "/usr/local/lib", "/usr/lib")),
)  # fmt: skip
_BOOT: Final = re.compile(r"/.*/systemd/system\.conf|/etc/(?:default|sysconfig|conf\.d)/")
_OF_A_USER: Final = (".pam_environment", ".ssh/environment", ".config/environment.d/*.conf")


class Variable(NamedTuple):
    """One variable that is set, of those that have a program load something."""

    name: str
    value: str
    entry: Entry


def variables(content: str) -> Iterator[Variable]:
    """The variables of a text that have a program load something, in any of the formats above."""
    for row in rows(content):
        line = row.text.partition("\0")[0]
        if line.lstrip()[:1] in ("#", ";", ""):
            continue
        if manager := _MANAGER.match(line):
            yield from _of_a_manager(row, manager)
        elif (found := _ASSIGNMENT.match(line) or _PAM_ENV.match(line)) and loading(found["name"]):
            value = _plain(found["value"])
            if value:
                yield Variable(found["name"], value, _entry(row, found["name"], value))


def _of_a_manager(row: Row, manager: re.Match[str]) -> Iterator[Variable]:
    """Those among the variables of one ``DefaultEnvironment=`` line; the others stay."""
    words = list(_WORD.finditer(row.text, manager.start("value")))
    guilty = []
    for word in words:
        name, _, value = _plain(word[0]).partition("=")
        if loading(name) and value:
            guilty.append((word, name, value))
    for word, name, value in guilty:
        alone = len(words) == 1
        remains = None if alone else row.text[: word.start()] + row.text[word.end() :]
        column = word.start() + 1 if len(guilty) > 1 else None
        yield Variable(name, value, _entry(row, name, value)._replace(remains=remains, column=column))


def _plain(value: str) -> str:
    value = value.strip()
    return value[1:-1] if len(value) > 1 and value[0] in "'\"" and value[-1] == value[0] else value


def loading_words(value: str) -> list[str]:
    """The ``LD_PRELOAD=x`` among the assignments of a setting of systemd: ``A=b "LD_PRELOAD=x"``."""
    words = (_plain(word[0]) for word in _WORD.finditer(value))
    return [word for word in words if loading(word.partition("=")[0]) and word.partition("=")[2]]


def files_of_value(name: str, value: str) -> tuple[str, ...]:
    """Absolute paths of the files that are loaded, or run, because a variable has a value."""
    if name in COMMANDS:
        return programs_of(value.lstrip("|"))
    if name in _FILES_OF_VALUE:
        return tuple(dict.fromkeys(word for word in re.split(r"[\s:]+", value) if word.startswith("/")))
    return ()


def _entry(row: Row, name: str, value: str) -> Entry:
    return row.entry(f"{name}={value}", programs=files_of_value(name, value))


def environment_lines(host: Host) -> Iterator[Autostart | Gap]:
    """Lines that give programs a variable by which they load what nobody asked them to."""
    files = Files(host, "environment", AutostartKind.ENVIRONMENT)
    for file in _environments(files):
        if isinstance(file, Gap):
            yield file
        else:
            entries = (variable.entry for variable in variables(file.content))
            yield from files.entries(file, entries, schedule=_when)


def start_scripts(host: Host) -> Iterator[tuple[str, Home | None]]:
    """The scripts that ``BASH_ENV`` and ``ENV`` have every shell read, and whose home says so, if one does.

    What cannot be read is told by `environment_lines`.
    """
    for file in _environments(Files(host, "environment", AutostartKind.ENVIRONMENT)):
        if isinstance(file, File):
            for variable in variables(file.content):
                if variable.name in _SCRIPTS and variable.value.startswith("/"):
                    yield variable.value, file.home


def _environments(files: Files) -> Iterator[File | Gap]:
    """Every file of the host that environments are made from."""
    return files.texts(*_AT_LOGIN, *_AT_BOOT, own=_OF_A_USER)


def _when(file: File) -> str:
    return "boot" if _BOOT.match(file.place) else "login"
