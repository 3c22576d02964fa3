"""Autostarts that go only when the operator names them: keys that let somebody in.

A key is named by its fingerprint, as ``ssh-keygen -l`` shows it, or by its place, ``PATH:LINE``.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator, Sequence
from typing import Final

from davy.knowledge.autostart_kinds import Removal, autostart_kinds
from davy.model.autostarts import Autostart
from davy.model.snapshot import Snapshot

_BLOB: Final = re.compile(r"(?:^|[\s\"])(?:ssh|ecdsa|sk)-[A-Za-z0-9@.-]+[ \t]+([A-Za-z0-9+/]{16,}={0,2})")
"""What follows a key's type: sshd(8), "AUTHORIZED_KEYS FILE FORMAT"."""


def named(snapshot: Snapshot, names: Sequence[str]) -> Iterator[Autostart]:
    """The entries that the operator named.  Raises `LookupError` for a name that none has."""
    for name in names:
        found = [each for each in _nameable(snapshot) if name in (fingerprint(each), _place(each))]
        if not found:
            raise LookupError(f"no key {name} lets anybody in: name it as SHA256:... or PATH:LINE")
        yield from found


def naming(autostart: Autostart) -> str:
    """How the operator has an entry taken out."""
    return f"davy evict --key {fingerprint(autostart) or _place(autostart)}"


def fingerprint(autostart: Autostart) -> str | None:
    """The fingerprint of the key in an entry's line, if there is one."""
    found = _BLOB.search(autostart.text)
    if found is None:
        return None
    try:
        blob = base64.b64decode(found[1], validate=True)
    except (binascii.Error, ValueError):
        return None
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


def _nameable(snapshot: Snapshot) -> Iterator[Autostart]:
    kinds = autostart_kinds()
    return (each for each in snapshot.autostarts if each.kind in kinds and Removal.NAMED in kinds[each.kind].removal)


def _place(autostart: Autostart) -> str:
    return f"{autostart.path}:{autostart.line}" if autostart.line is not None else autostart.path
