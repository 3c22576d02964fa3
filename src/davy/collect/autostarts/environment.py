"""Variables that have programs load a library or run a script, where environments are made.

A line of ``/etc/environment``: ``LD_PRELOAD=/usr/lib/x.so``.  Of ``/etc/security/pam_env.conf``:
``BASH_ENV DEFAULT=/etc/x.sh``.  Of ``/etc/systemd/system.conf``: ``DefaultEnvironment=LD_PRELOAD=/usr/lib/x.so A=b``.

Source: environment(7), pam_env(8), pam_env.conf(5), environment.d(5), systemd-system.conf(5), sshd(8), ld.so(8).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from davy.collect.autostarts.commands import programs_of
from davy.collect.autostarts.homes import Home, homes
from davy.collect.autostarts.texts import Entry, Text, Texts
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
_SYSTEM: Final = (
    ("/etc/environment", "login"), ("/etc/security/pam_env.conf", "login"),
    *((path, "boot" if path.endswith("system.conf") else "login") for path in _MANAGERS),
)  # fmt: skip
_SYSTEM_FOLDERS: Final = (
    *((f"{top}/environment.d", ".conf", "login") for top in ("/etc", "/run", "/usr/local/lib", "/usr/lib")),
    *((f"{path}.d", ".conf", "boot" if path.endswith("system.conf") else "login") for path in _MANAGERS),
    ("/etc/default", "", "boot"),
    ("/etc/sysconfig", "", "boot"),
    ("/etc/conf.d", "", "boot"),
)
_OF_A_USER: Final = (".pam_environment", ".ssh/environment")


class Variable(NamedTuple):
    """One variable that is set, of those that have a program load something."""

    name: str
    value: str
    entry: Entry


def variables(content: str) -> Iterator[Variable]:
    """The variables of a text that have a program load something, in any of the formats above."""
    for number, raw in enumerate(content.split("\n"), 1):
        text = raw.removesuffix("\r")
        line = text.partition("\0")[0]
        if line.lstrip()[:1] in ("#", ";", ""):
            continue
        if manager := _MANAGER.match(line):
            yield from _of_a_manager(number, text, manager)
        elif (found := _ASSIGNMENT.match(line) or _PAM_ENV.match(line)) and loading(found["name"]):
            value = _plain(found["value"])
            if value:
                yield Variable(found["name"], value, _entry(number, text, found["name"], value))


def _of_a_manager(number: int, text: str, manager: re.Match[str]) -> Iterator[Variable]:
    """Those among the variables of one ``DefaultEnvironment=`` line; the others stay."""
    words = list(_WORD.finditer(text, manager.start("value")))
    guilty = []
    for word in words:
        name, _, value = _plain(word[0]).partition("=")
        if loading(name) and value:
            guilty.append((word, name, value))
    for word, name, value in guilty:
        alone = len(words) == 1
        remains = None if alone else text[: word.start()] + text[word.end() :]
        entry = _entry(number, text, name, value)
        column = word.start() + 1 if len(guilty) > 1 else None
        yield Variable(name, value, entry._replace(remains=remains, column=column))


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


def _entry(number: int, text: str, name: str, value: str) -> Entry:
    return Entry(number, text, f"{name}={value}", programs=files_of_value(name, value))


def environment_lines(host: Host) -> Iterator[Autostart | Gap]:
    """Lines that give programs a variable by which they load what nobody asked them to."""
    for found in environment_files(host):
        if isinstance(found, Gap):
            yield found
        else:
            entries = (variable.entry for variable in variables(found.file.content))
            yield from found.texts.entries(
                found.file, AutostartKind.ENVIRONMENT, entries, schedule=found.schedule, user=found.user
            )


def start_scripts(host: Host) -> Iterator[tuple[str, str | None, str | None]]:
    """The scripts that ``BASH_ENV`` and ``ENV`` have every shell read, as whom, and whose home says so, if one does.

    What cannot be read is told by `environment_lines`.
    """
    for found in environment_files(host):
        if not isinstance(found, Gap):
            for variable in variables(found.file.content):
                if variable.name in _SCRIPTS and variable.value.startswith("/"):
                    yield variable.value, found.user, found.home


class EnvironmentFile(NamedTuple):
    """A file that makes an environment, when it is read and whose it is; None when it is everybody's."""

    texts: Texts
    file: Text
    schedule: str
    user: str | None
    home: str | None


def environment_files(host: Host) -> Iterator[EnvironmentFile | Gap]:
    """Every file of the host that environments are made from."""
    texts = Texts(host, "environment")

    def told(files: Iterator[Text | Gap], schedule: str, home: Home | None = None) -> Iterator[EnvironmentFile | Gap]:
        for file in files:
            if isinstance(file, Gap):
                yield file
            else:
                yield EnvironmentFile(texts, file, schedule, home and home.user, home and home.path)

    for path, schedule in _SYSTEM:
        yield from told(texts.read(path), schedule)
    for folder, suffix, schedule in _SYSTEM_FOLDERS:
        yield from told(texts.folder(folder, suffix), schedule)
    for home in homes(host, "environment"):
        if isinstance(home, Gap):
            yield home
            continue
        texts.next_home(home.path)
        for name in _OF_A_USER:
            yield from told(texts.read(f"{home.path}/{name}"), "login", home)
        yield from told(texts.folder(f"{home.path}/.config/environment.d", ".conf"), "login", home)
