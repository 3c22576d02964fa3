"""What ssh runs: the server's for whoever logs in, the client's for whoever calls it, and the scripts of ``ssh rc``.

A line of ``/etc/ssh/sshd_config``: ``Subsystem sftp /usr/lib/openssh/sftp-server``.  Of ``~/.ssh/config``:
``ProxyCommand nc %h %p``.  ``~/.ssh/rc`` is shell text.

Source: sshd_config(5), ssh_config(5), sshd(8) (SSHRC).
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from davy.collect.autostarts.formats.shell_lines import shell_entries
from davy.collect.autostarts.reading import Entry, File, Files, Row, rows
from davy.collect.commands import programs_of
from davy.host import Host
from davy.model.autostarts import Autostart, AutostartKind
from davy.model.facts import Gap

_DAEMON: Final = (
    "/etc/ssh/sshd_config", "/usr/etc/ssh/sshd_config", "/usr/local/etc/ssh/sshd_config",
    "/etc/ssh/sshd_config.d/*.conf",    "/usr/etc/ssh/sshd_config.d/*.conf", "/usr/lib/ssh/sshd_config.d/*.conf",
)  # fmt: skip
_CLIENT: Final = (
    "/etc/ssh/ssh_config", "/usr/etc/ssh/ssh_config", "/etc/ssh/ssh_config.d/*.conf",
    "/usr/etc/ssh/ssh_config.d/*.conf", "/usr/lib/ssh/ssh_config.d/*.conf",
)  # fmt: skip
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

    row: Row
    name: str
    """In small letters."""
    value: str

    @property
    def words(self) -> list[str]:
        return [word["quoted"] or word["plain"] or "" for word in _WORD.finditer(self.value)]


def directives(content: str) -> Iterator[Directive]:
    """The lines that are no comment."""
    for row in rows(content):
        if found := _DIRECTIVE.fullmatch(row.text.partition("\0")[0]):
            yield Directive(row, found["name"].lower(), found["value"])


def ssh_entries(content: str) -> Iterator[Entry]:
    """The lines of a configuration that have something run or loaded, or somebody let in by another file than usual."""
    for each in directives(content):
        if each.name in _COMMANDS and each.value.lower() not in _NO_COMMAND:
            command = each.value[1:-1] if re.fullmatch(r'"[^"]*"', each.value) else each.value
            yield each.row.entry(command, programs=programs_of(command.replace("%%", "%")))
        elif each.name == "subsystem":
            command = (
                each.value.partition(" ")[2].strip() if " " in each.value else each.value.partition("\t")[2].strip()
            )
            yield each.row.entry(command or each.value, programs=programs_of(command))
        elif each.name == "match" and (found := _MATCH_EXEC.search(each.value)):
            remains = each.row.text.replace(found[0], "exec /bin/false", 1)
            yield each.row.entry(found["quoted"] or found["plain"] or "", remains=remains)
        elif each.name in _LIBRARIES and each.value.startswith("/"):
            yield each.row.entry(each.value, programs=(each.value,))
        elif each.name in _LET_IN and not _USUAL_KEY_FILES.issuperset(each.words):
            yield each.row.entry(f"{each.row.text.split()[0]} {each.value}", programs=())


def daemon_files(files: Files) -> Iterator[File | Gap]:
    """The files of sshd's configuration."""
    return files.texts(*_DAEMON, includes=_included)


def _included(file: File) -> Iterator[str]:
    """The patterns of ``Include``; one that is not absolute is below the folder of the system's files or the user's."""
    base = f"{file.home.path}/.ssh" if file.home else "/etc/ssh"
    for directive in directives(file.content):
        if directive.name == "include":
            yield from (posixpath.join(base, name.replace("~/", "")) for name in directive.words)


def ssh_lines(host: Host) -> Iterator[Autostart | Gap]:
    """What the configurations of sshd and of ssh have run; a line of a user's own is the user's."""
    files = Files(host, "ssh", AutostartKind.SSHD)
    yield from files.autostarts(ssh_entries, *_DAEMON, schedule="ssh login", includes=_included)
    yield from files.autostarts(ssh_entries, *_CLIENT, own=(".ssh/config",), schedule="ssh", includes=_included)


def ssh_rc_lines(host: Host) -> Iterator[Autostart | Gap]:
    """The lines of the scripts that sshd runs at a login: a user's own, or else the system's."""
    files = Files(host, "ssh rc", AutostartKind.SSH_RC)
    for file in files.texts("/etc/ssh/sshrc", own=(".ssh/rc",)):
        if isinstance(file, Gap):
            yield file
        else:
            yield from files.entries(file, shell_entries(file.content, home=file.home_path), schedule="ssh login")
