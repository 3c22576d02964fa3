"""What took the place of wtmp and lastlog where times after 2038 are wanted: wtmpdb and lastlog2, both of sqlite.

    login user ada from 192.0.2.7 on pts/0
    logout on pts/0
    boot 6.12.38+deb13-amd64
    shutdown
    last login of ada from 192.0.2.7 on pts/0

They are read as pages, like all databases here; what is still in a log beside them is not seen.

Source: wtmpdb(8) and lib/sqlite.c of wtmpdb; lastlog2(8) and liblastlog2 of util-linux; Debian 13's release notes.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import Final

from davy.collect.logs.formats.login_words import boot, last_login, login, logout, word
from davy.collect.logs.record import Record
from davy.host import HostError
from davy.host.root import OpenFile
from davy.host.sqlite_pages import Limits, Pages, columns
from davy.model.facts import Gap
from davy.model.logs import Span

MAGIC: Final = b"SQLite format 3\0"
_LIMITS: Final = Limits(rows=1_000_000, row_bytes=1 << 16, total_bytes=256 << 20)
_BOOT, _USER = 1, 3
_LATEST: Final = 1 << 40
"""Seconds; no record is of a later time."""

Row = list[bytes]


def is_database(file: OpenFile) -> bool:
    """Raises `HostError`."""
    return file.pread(len(MAGIC), 0) == MAGIC


def sessions(file: OpenFile, span: Span | None) -> Iterator[Record | Gap]:
    """Of wtmpdb: who came and went."""
    yield from _records(file, "wtmp", "utmp", _session, span)


def last_logins(file: OpenFile, span: Span | None) -> Iterator[Record | Gap]:
    """Of lastlog2: each user's last login."""
    yield from _records(file, "Lastlog2", "lastlog", _last_login, span)


def _records(
    file: OpenFile, table: str, form: str, told: Callable[[Row], Iterator[tuple[float, bytes]]], span: Span | None
) -> Iterator[Record | Gap]:
    try:
        pages = Pages(form, file, None, _LIMITS)
        for place in pages.cells(pages.table(table)):
            offset = (place[0] - 1) * pages.size
            for time, text in told(list(columns(pages.payload(place)))):
                if 0 < time < _LATEST and (span is None or span.holds(time)):
                    yield Record(time, offset, text.decode("ascii"))
    except HostError as error:
        yield Gap("logs", form, str(error))
    except (struct.error, IndexError):
        yield Gap("logs", form, "it is damaged")


def _session(row: Row) -> Iterator[tuple[float, bytes]]:
    _, kind, user, begun, ended, line, host, *_ = [*row, *[b""] * 8]
    line, host = word(line), word(host)
    # A number that is 0 or 1 takes no bytes, and 0 is no kind.
    if (int.from_bytes(kind, "big") or _BOOT) == _BOOT:
        yield _number(begun) / 1e6, boot(host)
        yield _number(ended) / 1e6, b"shutdown"
    elif int.from_bytes(kind, "big") == _USER:
        yield _number(begun) / 1e6, login(word(user), host, line)
        yield _number(ended) / 1e6, logout(line)


def _last_login(row: Row) -> Iterator[tuple[float, bytes]]:
    user, time, line, host, *_ = [*row, *[b""] * 5]
    yield float(_number(time)), last_login(word(user), word(host), word(line))


def _number(value: bytes) -> int:
    return int.from_bytes(value, "big", signed=True) if len(value) <= 8 else 0
