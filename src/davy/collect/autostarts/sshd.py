"""What ssh runs: the server's for whoever logs in, the client's for whoever calls it, and the scripts of ``ssh rc``.

A line of ``/etc/ssh/sshd_config``: ``Subsystem sftp /usr/lib/openssh/sftp-server``.  Of ``~/.ssh/config``:
``ProxyCommand nc %h %p``.  ``~/.ssh/rc`` is shell text.

Source: sshd_config(5), ssh_config(5), sshd(8) (SSHRC).
"""

from __future__ import annotations

import fnmatch
import posixpath
import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from davy.collect.autostarts.commands import programs_of
from davy.collect.autostarts.homes import homes
from davy.collect.autostarts.shell_lines import shell_entries
from davy.collect.autostarts.texts import Entry, Text, Texts
from davy.host import Host, HostError
from davy.model.autostarts import Autostart, AutostartKind
from davy.model.facts import Gap

_DAEMON: Final = ("/etc/ssh/sshd_config", "/usr/etc/ssh/sshd_config", "/usr/local/etc/ssh/sshd_config")
_DAEMON_FOLDERS: Final = ("/etc/ssh/sshd_config.d", "/usr/etc/ssh/sshd_config.d", "/usr/lib/ssh/sshd_config.d")
_CLIENT: Final = ("/etc/ssh/ssh_config", "/usr/etc/ssh/ssh_config")
_CLIENT_FOLDERS: Final = ("/etc/ssh/ssh_config.d", "/usr/etc/ssh/ssh_config.d", "/usr/lib/ssh/ssh_config.d")
_INCLUDES_LIMIT: Final = 64
_DIRECTIVE: Final = re.compile(r"[ \t]*(?P<name>[A-Za-z]\w*)(?:[ \t]*=[ \t]*|[ \t]+)(?P<value>\S.*?)\s*", re.ASCII)
_WORD: Final = re.compile(r'"(?P<quoted>[^"]*)"|(?P<plain>[^\s"]+)')
_MATCH_EXEC: Final = re.compile(r'\bexec[ \t]+(?:"(?P<quoted>[^"]*)"|(?P<plain>\S+))', re.IGNORECASE)

_COMMANDS: Final = frozenset({
    "authorizedkeyscommand", "authorizedprincipalscommand", "forcecommand", "proxycommand", "localcommand",
    "remotecommand", "knownhostscommand", "xauthlocation",
})  # fmt: skip
_LIBRARIES: Final = frozenset({"pkcs11provider", "securitykeyprovider"})
_LET_IN: Final = frozenset({"trustedusercakeys", "authorizedkeysfile"})
_USUAL_KEY_FILES: Final = frozenset(
    {".ssh/authorized_keys", ".ssh/authorized_keys2", "%h/.ssh/authorized_keys", "none"}
)
_NO_COMMAND: Final = frozenset({"none", "internal-sftp"})


class Directive(NamedTuple):
    """One line of a configuration of ssh."""

    line: int
    text: str
    name: str
    """In small letters."""
    value: str

    @property
    def words(self) -> list[str]:
        return [word["quoted"] or word["plain"] or "" for word in _WORD.finditer(self.value)]


def directives(content: str) -> Iterator[Directive]:
    """The lines that are no comment."""
    for number, raw in enumerate(content.split("\n"), 1):
        text = raw.removesuffix("\r")
        if found := _DIRECTIVE.fullmatch(text.partition("\0")[0]):
            yield Directive(number, text, found["name"].lower(), found["value"])


def ssh_entries(content: str) -> Iterator[Entry]:
    """The lines of a configuration that have something run or loaded, or somebody let in by another file than usual."""
    for each in directives(content):
        if each.name in _COMMANDS and each.value.lower() not in _NO_COMMAND:
            command = each.value[1:-1] if re.fullmatch(r'"[^"]*"', each.value) else each.value
            yield Entry(each.line, each.text, command, programs=programs_of(command.replace("%%", "%")))
        elif each.name == "subsystem":
            command = (
                each.value.partition(" ")[2].strip() if " " in each.value else each.value.partition("\t")[2].strip()
            )
            yield Entry(each.line, each.text, command or each.value, programs=programs_of(command))
        elif each.name == "match" and (found := _MATCH_EXEC.search(each.value)):
            remains = each.text.replace(found[0], "exec /bin/false", 1)
            yield Entry(each.line, each.text, found["quoted"] or found["plain"] or "", remains=remains)
        elif each.name in _LIBRARIES and each.value.startswith("/"):
            yield Entry(each.line, each.text, each.value, programs=(each.value,))
        elif each.name in _LET_IN and not _USUAL_KEY_FILES.issuperset(each.words):
            yield Entry(each.line, each.text, f"{each.text.split()[0]} {each.value}", programs=())


def daemon_files(host: Host, texts: Texts) -> Iterator[Text | Gap]:
    """The files of sshd's configuration."""
    return _configuration(host, texts, _DAEMON, _DAEMON_FOLDERS)


def _configuration(
    host: Host, texts: Texts, files: tuple[str, ...], folders: tuple[str, ...], base: str = "/etc/ssh"
) -> Iterator[Text | Gap]:
    """Files, the ``*.conf`` of folders, and what they include; a name that is not absolute is below ``base``."""
    pending = [*files, *(f"{folder}/*.conf" for folder in folders)]
    for count, pattern in enumerate(pending):
        if count == _INCLUDES_LIMIT:
            yield texts.gap(f"the rest of what {files[0]} includes", f"more than {_INCLUDES_LIMIT} patterns")
            return
        for path in _matching(host, pattern):
            for file in texts.read(path):
                yield file
                if isinstance(file, Text) and len(pending) <= _INCLUDES_LIMIT:
                    included = (each for each in directives(file.content) if each.name == "include")
                    for directive in included:
                        pending += [posixpath.join(base, name.replace("~/", "")) for name in directive.words]


def _matching(host: Host, pattern: str) -> list[str]:
    folder, name = posixpath.split(pattern)
    if not re.search(r"[*?\[]", name):
        return [pattern]
    try:
        return [f"{folder}/{found}" for found in host.root.names(folder) if fnmatch.fnmatchcase(found, name)]
    except HostError:
        return []


def ssh_lines(host: Host) -> Iterator[Autostart | Gap]:
    """What the configurations of sshd and of ssh have run; a line of a user's own is the user's."""
    texts = Texts(host, "ssh")
    for file in daemon_files(host, texts):
        yield from _of(texts, file, "ssh login", None, None)
    for file in _configuration(host, texts, _CLIENT, _CLIENT_FOLDERS):
        yield from _of(texts, file, "ssh", None, None)
    for home in homes(host, "ssh"):
        if isinstance(home, Gap):
            yield home
            continue
        texts.next_home(home.path)
        for file in _configuration(host, texts, (f"{home.path}/.ssh/config",), (), f"{home.path}/.ssh"):
            yield from _of(texts, file, "ssh", home.user, home.path)


def _of(texts: Texts, file: Text | Gap, schedule: str, user: str | None, home: str | None) -> Iterator[Autostart | Gap]:
    if isinstance(file, Gap):
        yield file
    else:
        entries = ssh_entries(file.content)
        yield from texts.entries(file, AutostartKind.SSHD, entries, schedule=schedule, user=user, home=home)


def ssh_rc_lines(host: Host) -> Iterator[Autostart | Gap]:
    """The lines of the scripts that sshd runs at a login: a user's own, or else the system's."""
    texts = Texts(host, "ssh rc")
    for file in texts.read("/etc/ssh/sshrc"):
        yield from _script(texts, file, None, None)
    for home in homes(host, "ssh rc"):
        if isinstance(home, Gap):
            yield home
            continue
        texts.next_home(home.path)
        for file in texts.read(f"{home.path}/.ssh/rc"):
            yield from _script(texts, file, home.user, home.path)


def _script(texts: Texts, file: Text | Gap, user: str | None, home: str | None) -> Iterator[Autostart | Gap]:
    if isinstance(file, Gap):
        yield file
    else:
        entries = shell_entries(file.content, home=home)
        yield from texts.entries(file, AutostartKind.SSH_RC, entries, schedule="ssh login", user=user, home=home)
