"""lastlog: the last login of each user, at the place of the user's number.

    last login of uid 1000 from 192.0.2.7 on pts/0

The file is one hole with a few records in it, and as long as the highest number asks for: of more than a number of
users it is read to a bound.  The layouts of 292 bytes (x86 and most) and of 296 bytes (64-bit Arm, RISC-V) are
understood.

Where it is a database (`login_databases`), that is read in the same words.

Source: lastlog(8), glibc's bits/utmp.h (``struct lastlog``).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

from davy.collect.logs.formats.login_databases import is_database, last_logins
from davy.collect.logs.formats.login_words import last_login, word
from davy.collect.logs.record import Clock, Record
from davy.host import HostError
from davy.host.root import OpenFile
from davy.model.facts import Gap
from davy.model.logs import Span

_SHORT: Final = struct.Struct("<I32s256s")
_LONG: Final = struct.Struct("<Q32s256s")
_AT_ONCE: Final = 4096
_USERS_LIMIT: Final = 1 << 20
"""User numbers that are looked at."""
_LATEST: Final = 1 << 32


def records(file: OpenFile, size: int, clock: Clock, span: Span | None) -> Iterator[Record | Gap]:  # noqa: ARG001
    """Who logged in last and when, by user number; those of a span alone if one is given."""
    layout = _LONG if size % _SHORT.size and not size % _LONG.size else _SHORT
    users = min(size // layout.size, _USERS_LIMIT)
    empty = bytes(_AT_ONCE * layout.size)
    try:
        if is_database(file):
            yield from last_logins(file, span)
            return
        for first in range(0, users, _AT_ONCE):
            data = file.pread(min(_AT_ONCE, users - first) * layout.size, first * layout.size)
            if data == empty:
                continue
            for number in range(len(data) // layout.size):
                at = number * layout.size
                time, line, host = layout.unpack_from(data, at)
                if 0 < time < _LATEST and (span is None or span.holds(time)):
                    yield Record(float(time), first * layout.size + at, _text(first + number, line, host))
    except HostError as error:
        yield Gap("logs", "lastlog", str(error))
    if size // layout.size > users:
        yield Gap("logs", "lastlog", f"users with numbers from {users} on were not looked at")


def _text(uid: int, line: bytes, host: bytes) -> str:
    return last_login(b"uid %d" % uid, word(host), word(line)).decode("ascii")
