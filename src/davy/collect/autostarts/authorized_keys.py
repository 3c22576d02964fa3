"""Whom sshd lets in without a password, and what it runs for them.

A line of ``~/.ssh/authorized_keys``: ``command="/usr/bin/rrsync /srv",no-pty ssh-ed25519 AAAAC3... backup@host``.

Source: sshd(8) (AUTHORIZED_KEYS FILE FORMAT), sshd_config(5) (AuthorizedKeysFile), RFC 4253 6.6.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator
from typing import Final

from davy.collect.accounts import accounts
from davy.collect.autostarts.homes import homes
from davy.collect.autostarts.sshd import daemon_files, directives
from davy.collect.autostarts.texts import Entry, Text, Texts
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
    for number, raw in enumerate(content.split("\n"), 1):
        text = raw.removesuffix("\r")
        if text.lstrip()[:1] in ("#", ""):
            continue
        found = _KEY.fullmatch(text.partition("\0")[0])
        mark = fingerprint(found["key"]) if found else None
        if found is None or mark is None:
            continue
        forced = _COMMAND.search(found["options"] or "")
        if forced:
            yield Entry(number, text, forced["command"].replace('\\"', '"'), activates=mark)
        else:
            words = (found["type"], found["comment"], mark)
            yield Entry(number, text, " ".join(word for word in words if word), activates=mark, programs=())


def authorized_keys(host: Host) -> Iterator[Autostart | Gap]:
    """Every key of every user; ``activates`` is its fingerprint, ``user`` who it lets in as."""
    texts = Texts(host, "authorized keys")
    elsewhere = list(_named_by_sshd(host))
    for home in homes(host, "authorized keys"):
        if isinstance(home, Gap):
            yield home
            continue
        texts.next_home(home.path)
        for name in dict.fromkeys((*_USUAL, *(name for name in elsewhere if not name.startswith(("/", "%h/"))))):
            for file in texts.read(f"{home.path}/{name}"):
                yield from _keys(texts, file, home.user, home.path)
    for pattern in elsewhere:
        yield from _at(host, texts, pattern)


def _named_by_sshd(host: Host) -> Iterator[str]:
    """The patterns of ``AuthorizedKeysFile``; what cannot be read of sshd's files is told by its own reader."""
    found: dict[str, None] = {}
    for file in daemon_files(host, Texts(host, "authorized keys")):
        if isinstance(file, Text):
            for directive in directives(file.content):
                if directive.name == "authorizedkeysfile":
                    found |= dict.fromkeys(directive.words)
    return iter([name for name in found if name.lower() != "none"][:_PATTERNS_LIMIT])


def _at(host: Host, texts: Texts, pattern: str) -> Iterator[Autostart | Gap]:
    """The keys where a pattern leads that is absolute or begins with the home."""
    if not pattern.startswith(("/", "%h/")):
        return
    if "%" not in pattern:
        texts.next_home(None)
        for file in texts.read(pattern):
            yield from _keys(texts, file, None, None)
        return
    users = [fact for fact in accounts(host) if isinstance(fact, Account)]
    for account in users[:_USERS_LIMIT]:
        meaning = {"%h": account.home.rstrip("/"), "%u": account.name, "%U": str(account.uid), "%%": "%"}
        path = "".join(meaning.get(piece, "\0" if piece[0] == "%" else piece) for piece in _TOKEN.findall(pattern))
        if path.startswith("/") and "\0" not in path:
            texts.next_home(account.home)
            for file in texts.read(path):
                yield from _keys(texts, file, account.name, account.home)


def _keys(texts: Texts, file: Text | Gap, user: str | None, home: str | None) -> Iterator[Autostart | Gap]:
    if isinstance(file, Gap):
        yield file
        return
    keys = key_entries(file.content)
    yield from texts.entries(file, AutostartKind.AUTHORIZED_KEY, keys, schedule="ssh login", user=user, home=home)
