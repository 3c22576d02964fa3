"""The memory of the host, in the journal: which autostarts each look saw.

A row is one autostart as it was from one look on until another that saw it changed or gone; so the state at any look
is known, and a look that sees nothing new writes next to nothing.  Looks are told apart by number: a clock that is set
back makes nothing forgotten.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec import structs

from davy import __version__
from davy.journal.comparing import AUTOSTARTS_KEPT, Compared, compared, seen, truly_gone
from davy.journal.state import StateError
from davy.model.autostarts import Autostart
from davy.model.facts import Gap
from davy.model.memory import Memory, Seen
from davy.model.text import encodable

if TYPE_CHECKING:
    from davy.journal import Journal

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS looks (
  id INTEGER PRIMARY KEY AUTOINCREMENT, taken REAL NOT NULL, until REAL NOT NULL, davy TEXT NOT NULL, baseline REAL);
CREATE TABLE IF NOT EXISTS autostarts (
  id INTEGER PRIMARY KEY, identity BLOB NOT NULL, came INTEGER NOT NULL, went INTEGER, seen BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS autostarts_went ON autostarts (went);
CREATE INDEX IF NOT EXISTS autostarts_present ON autostarts (identity) WHERE went IS NULL;
"""
NEWS_SECONDS: Final = 86_400.0
"""So long something is news: an eviction after a scan must judge by the same evidence."""
_PAST_KEPT: Final = 20_000
"""Rows of what is no longer so, beside those of the baseline."""
_DECODER: Final = msgspec.msgpack.Decoder(Seen)


def usual(journal: Journal, now: float) -> Memory | None:
    """What the news of a scan is told by: the last look that is a day old, or the first, or a later baseline.

    None when nothing was ever looked at.  Raises `StateError`, as all of these do but one.
    """
    with journal.transaction() as db:
        look = _before(db, now - NEWS_SECONDS) or _one(db, "SELECT MIN(id) FROM looks")
        good = _one(db, "SELECT id FROM looks WHERE baseline IS NOT NULL")
        return _at(db, max(look, good or 0)) if look is not None else None


def recalled(journal: Journal | None, now: float) -> tuple[Memory | Gap, ...]:
    """The same for a scan, which goes on without: a `Gap` where the memory cannot be read, and why."""
    try:
        memory = usual(journal, now) if journal is not None else None
    except StateError as error:
        return (Gap("memory", "what earlier scans saw", str(error)),)
    return (memory,) if memory is not None else ()


def last(journal: Journal) -> Memory | None:
    """What the last look saw."""
    with journal.transaction() as db:
        look = _one(db, "SELECT MAX(id) FROM looks")
        return _at(db, look) if look is not None else None


def at_time(journal: Journal, when: float) -> Memory | None:
    """What was there at a time; None when no look was taken until then, or it is forgotten."""
    with journal.transaction() as db:
        look = _before(db, when)
        memory = _at(db, look) if look is not None else None
    return memory and structs.replace(memory, taken=min(memory.taken, when))


def at_baseline(journal: Journal) -> Memory | None:
    """What the baseline holds, taken when it was recorded; None when there is none."""
    with journal.transaction() as db:
        good = db.execute("SELECT id, baseline FROM looks WHERE baseline IS NOT NULL").fetchone()
        return structs.replace(_at(db, good[0]), taken=good[1]) if good else None


def record_baseline(journal: Journal, now: float) -> None:
    """Declare what the last look saw good; the former baseline is none any more."""
    with journal.transaction() as db:
        db.execute("UPDATE looks SET baseline = NULL")
        db.execute("UPDATE looks SET baseline = ? WHERE id = (SELECT MAX(id) FROM looks)", (now,))


def clear_baseline(journal: Journal) -> bool:
    """Have no baseline; whether there was one."""
    with journal.transaction() as db:
        return db.execute("UPDATE looks SET baseline = NULL WHERE baseline IS NOT NULL").rowcount > 0


def keep(journal: Journal, autostarts: Sequence[Autostart], now: float, gaps: Collection[Gap] = ()) -> None:
    """Remember what a look at ``now`` saw, in one transaction."""
    with journal.transaction() as db:
        look = _one(db, "SELECT MAX(id) FROM looks")
        former = _at(db, look) if look is not None else Memory(taken=now, davy=__version__, seen={}, first_seen={})
        rows, left = compared(autostarts[:AUTOSTARTS_KEPT], former)
        came = [row for row in rows if row.news is not None or row.before is None]
        gone = [identity for identity, _ in truly_gone(left, gaps)]
        if len(left) - len(gone) > AUTOSTARTS_KEPT:  # whoever keeps Davy from reading must not fill the disk
            gone = list(left)
        gone += [row.former for row in came if row.former is not None]
        if look is None or came or gone or former.davy != __version__:
            look = db.execute(
                "INSERT INTO looks (taken, until, davy) VALUES (?, ?, ?)", (now, now, __version__)
            ).lastrowid
        else:
            db.execute("UPDATE looks SET until = ? WHERE id = ?", (now, look))
        db.executemany(
            "UPDATE autostarts SET went = ? WHERE identity = ? AND went IS NULL", ((look, one) for one in gone)
        )
        db.executemany(
            "INSERT INTO autostarts (identity, came, seen) VALUES (?, ?, ?)",
            ((row.seal.identity, look, _packed(_remembered(row, now))) for row in came),
        )
        db.executemany(
            "UPDATE autostarts SET seen = ? WHERE identity = ? AND went IS NULL",
            [(_packed(fresh), identity) for identity, fresh in _moved(rows)],
        )
        _forget(db)


def _remembered(row: Compared, now: float) -> Seen:
    """What is remembered of it; ``now`` where it was not seen before."""
    return seen(row.autostart, row.seal.content, row.before.first_seen if row.before else now)


def _moved(rows: Iterable[Compared]) -> Iterable[tuple[bytes, Seen]]:
    """What is the same as before but for its line or its times, which an upgrade of its package sets."""
    for row in rows:
        before, now = row.before, row.autostart
        if before is None or row.news is not None:
            continue
        if before.line != now.line or before.mtime != now.mtime or before.ctime != now.ctime:
            yield row.seal.identity, _remembered(row, before.first_seen)


def _forget(db: sqlite3.Connection) -> None:
    """Forget the longest past where there is too much of it; never the baseline, or what is there now."""
    good = _one(db, "SELECT id FROM looks WHERE baseline IS NOT NULL") or 0
    past = "went IS NOT NULL AND NOT (came <= ? AND went > ?)"
    excess = (_one(db, f"SELECT COUNT(*) FROM autostarts WHERE {past}", good, good) or 0) - _PAST_KEPT
    if excess <= 0:
        return
    oldest = f"SELECT went FROM autostarts WHERE {past} ORDER BY went LIMIT 1 OFFSET ?"
    end = _one(db, oldest, good, good, excess - 1)
    db.execute(f"DELETE FROM autostarts WHERE {past} AND went <= ?", (good, good, end))
    db.execute("DELETE FROM looks WHERE id < ? AND baseline IS NULL", (end,))


def _before(db: sqlite3.Connection, when: float) -> int | None:
    """The last look before any that was, or may have been, taken later than ``when``.

    One that claims to be older than the look before it was taken while the clock was wrong: at some time until the
    next, for all that is known.
    """
    looks = db.execute("SELECT id, taken, until FROM looks ORDER BY id").fetchall()
    found, latest = None, math.inf
    for index in range(len(looks) - 1, -1, -1):
        look, taken, _ = looks[index]
        latest = taken if not index or taken >= looks[index - 1][2] else latest
        if latest > when:
            found = None
        elif found is None:
            found = look
    return found


def _at(db: sqlite3.Connection, look: int) -> Memory:
    ((taken, davy),) = db.execute("SELECT until, davy FROM looks WHERE id = ?", (look,)).fetchall()
    then: dict[bytes, Seen] = {}
    first: dict[bytes, float] = {}
    rows = db.execute("SELECT identity, came, went, seen FROM autostarts WHERE went IS NULL OR went > ?", (look,))
    for identity, came, went, blob in rows:
        each = _DECODER.decode(blob)
        if came <= look:
            then[identity] = each
        if came <= look or went is None:
            first[identity] = min(each.first_seen, first.get(identity, each.first_seen))
    return Memory(taken=taken, davy=davy, seen=then, first_seen=first)


def _one(db: sqlite3.Connection, statement: str, *values: float) -> int | None:
    """The number that a query finds, if it finds one."""
    row = db.execute(statement, values).fetchone()
    return row[0] if row else None


def _packed(each: Seen) -> bytes:
    try:
        return msgspec.msgpack.encode(each)
    except UnicodeEncodeError:
        return msgspec.msgpack.encode(encodable(each))
