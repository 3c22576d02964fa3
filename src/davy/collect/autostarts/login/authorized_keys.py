"""Whom sshd lets in without a password, and what it runs for them.

A line of ``~/.ssh/authorized_keys``: ``command="/usr/bin/rrsync /srv",no-pty ssh-ed25519 AAAAC3... backup@host``.

Source: sshd(8) (AUTHORIZED_KEYS FILE FORMAT), sshd_config(5) (AuthorizedKeysFile), RFC 4253 6.6.
"""

from __future__ import annotations

import base64
import binascii
import glob
import hashlib
import re
from collections.abc import Iterator
from typing import Final

from davy.collect.accounts import accounts
from davy.collect.autostarts.login.ssh import daemon_files, directives
from davy.collect.autostarts.reading import Entry, File, Files, Home, rows
from davy.host import Host
from davy.model.autostarts import Autostart, AutostartKind
from davy.model.facts import Account, Gap

_USUAL: Final = (".ssh/authorized_keys", ".ssh/authorized_keys2")
_PATTERNS_LIMIT: Final = 16
_USERS_LIMIT: Final = 2_000
_KEY: Final = re.compile(
    r"""
    [ \t]* (?: (?P<options> (?: [^\s"] | "(?:[^"\\]|\\.)*" )+ ) [ \t]+ )??
    (?P<type> (?:sk-)?(?:ssh|ecdsa)-[\w.@+-]+ ) [ \t]+ (?P<key> [A-Za-z0-9+/]{16,}={0,3} )
    (?: [ \t]+ (?P<comment> .*? ) )? [ \t]*
    """,
    re.VERBOSE | re.ASCII,
)
_TOKEN: Final = re.compile(r"%.|[^%]+")
_COMMAND: Final = re.compile(r'(?:\A|,)command="(?P<command>(?:[^"\\]|\\.)*)"', re.IGNORECASE)


def fingerprint(key: str) -> str | None:
    """``SHA256:...`` as ssh-keygen shows it; None of what is no base64."""
    try:
        blob = base64.b64decode(key + "=" * (-len(key) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


def key_entries(content: str) -> Iterator[Entry]:
    """The keys of a file, each with its fingerprint as ``activates``.

    ``command`` is the one that the key is bound to; without one it tells the key's type, comment and fingerprint.
    """
    for row in rows(content):
        if row.text.lstrip()[:1] in ("#", ""):
            continue
        found = _KEY.fullmatch(row.text.partition("\0")[0])
        mark = fingerprint(found["key"]) if found else None
        if found is None or mark is None:
            continue
        forced = _COMMAND.search(found["options"] or "")
        if forced:
            yield row.entry(forced["command"].replace('\\"', '"'), activates=mark)
        else:
            words = (found["type"], found["comment"], mark)
            yield row.entry(" ".join(word for word in words if word), activates=mark, programs=())


def authorized_keys(host: Host) -> Iterator[Autostart | Gap]:
    """Every key of every user; ``activates`` is its fingerprint, ``user`` who it lets in as."""
    files = Files(host, "authorized keys", AutostartKind.AUTHORIZED_KEY)
    elsewhere = list(_named_by_sshd(host))
    usual = [*_USUAL, *(name for name in elsewhere if not name.startswith(("/", "%h/")))]
    for home in files.homes():
        yield from (home,) if isinstance(home, Gap) else _keys(files, files.texts(*usual, below=home.path, home=home))
    for pattern in elsewhere:
        yield from _at(host, files, pattern)


def _named_by_sshd(host: Host) -> Iterator[str]:
    """The patterns of ``AuthorizedKeysFile``; what cannot be read of sshd's files is told by its own reader."""
    found: dict[str, None] = {}
    for file in daemon_files(Files(host, "authorized keys", AutostartKind.AUTHORIZED_KEY)):
        if isinstance(file, File):
            for directive in directives(file.content):
                if directive.name == "authorizedkeysfile":
                    found |= dict.fromkeys(directive.words)
    return iter([name for name in found if name.lower() != "none"][:_PATTERNS_LIMIT])


def _at(host: Host, files: Files, pattern: str) -> Iterator[Autostart | Gap]:
    """The keys where a pattern leads that is absolute or begins with the home."""
    if not pattern.startswith(("/", "%h/")):
        return
    if "%" not in pattern:
        yield from _keys(files, files.texts(glob.escape(pattern)))
        return
    users = [fact for fact in accounts(host) if isinstance(fact, Account)]
    for account in users[:_USERS_LIMIT]:
        home = account.home.rstrip("/")
        meaning = {"%h": home, "%u": account.name, "%U": str(account.uid), "%%": "%"}
        path = "".join(meaning.get(piece, "\0" if piece[0] == "%" else piece) for piece in _TOKEN.findall(pattern))
        if path.startswith("/") and "\0" not in path:
            yield from _keys(files, files.texts(glob.escape(path), home=Home(home, account.name)))


def _keys(files: Files, found: Iterator[File | Gap]) -> Iterator[Autostart | Gap]:
    for file in found:
        yield from (
            (file,) if isinstance(file, Gap) else files.entries(file, key_entries(file.content), schedule="ssh login")
        )
