"""What was done and what undoes it, written ahead.

Plans and undo records come in before anything is touched; they come out again for the next run that must
finish an eviction, and for `undo`.  SQLite keeps it whole when Davy is killed at any point.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from enum import StrEnum
from typing import Any

import msgspec
from msgspec import Struct

from davy.journal import scores, seen
from davy.journal.state import State, StateError
from davy.model.incidents import Judgement
from davy.model.plan import Plan, Step
from davy.model.text import encodable, printable
from davy.model.undo import Undo

_SCHEMA = """
CREATE TABLE IF NOT EXISTS evictions (
  id INTEGER PRIMARY KEY, operation INTEGER NOT NULL, started REAL NOT NULL, state TEXT NOT NULL, plan BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS steps (
  eviction INTEGER NOT NULL REFERENCES evictions, seq INTEGER NOT NULL, state TEXT NOT NULL,
  undo BLOB, note TEXT NOT NULL DEFAULT '', PRIMARY KEY (eviction, seq));
CREATE TABLE IF NOT EXISTS scans (id INTEGER PRIMARY KEY, taken REAL NOT NULL, judgement BLOB NOT NULL);
"""
_SCANS_KEPT = 50


class Progress(StrEnum):
    """How far a step, or an eviction, has come."""

    PLANNED = "planned"
    BEGUN = "begun"
    DONE = "done"
    REFUSED = "refused"
    UNDONE = "undone"
    KEPT = "kept"
    """Its undo was refused: the file is no longer what the eviction left."""


class Entry(Struct, frozen=True, kw_only=True):
    """One step of one eviction as the journal has it."""

    eviction: int
    seq: int
    step: Step
    state: Progress
    undo: Undo | None = None
    note: str = ""


class Eviction(Struct, frozen=True, kw_only=True):
    """One plan that was, or is being, carried out."""

    id: int
    operation: int
    """The first eviction of the same run: further rounds, after something came back, share it."""
    started: float
    state: Progress
    plan: Plan
    entries: tuple[Entry, ...]


class Journal:
    """The journal in one state folder.  Every write is on disk before the call returns.  Raises `StateError`."""

    def __init__(self, state: State) -> None:
        self.state = state
        with self._clearly():
            # Its owner's alone whatever the folder's mode; SQLite gives the files beside it the same.
            flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            os.close(os.open(state.journal, flags, 0o600))
            self._db = sqlite3.connect(state.journal, isolation_level=None, timeout=5.0)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            self._db.executescript(_SCHEMA + seen.SCHEMA + scores.SCHEMA)

    @contextmanager
    def _clearly(self) -> Iterator[None]:
        """Whatever is wrong with the database, or with what is in it, is one `StateError`."""
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise StateError(f"journal {self.state.journal}: {getattr(error, 'strerror', None) or error}") from None
        except (msgspec.MsgspecError, ValueError, TypeError, IndexError) as error:
            raise StateError(f"journal {self.state.journal}: damaged: {error}") from None

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All of it is written, or nothing."""
        with self._clearly():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):
                    self._db.execute("ROLLBACK")
                raise

    def _write(self, statement: str, values: tuple[object, ...]) -> None:
        with self._clearly():
            self._db.execute(statement, values)

    def _rows(self, statement: str, values: tuple[object, ...] = ()) -> Sequence[tuple[Any, ...]]:
        with self._clearly():
            return self._db.execute(statement, values).fetchall()

    def begin(self, plan: Plan, operation: int | None = None) -> Eviction:
        """Write a plan down before its first step; ``operation`` when it is a further round of an earlier one."""
        with self.transaction() as db:
            number = db.execute(
                "INSERT INTO evictions (operation, started, state, plan) VALUES (?, ?, ?, ?)",
                (operation or 0, time.time(), Progress.BEGUN, msgspec.msgpack.encode(plan)),
            ).lastrowid
            db.execute("UPDATE evictions SET operation = id WHERE id = ? AND operation = 0", (number,))
            db.executemany(
                "INSERT INTO steps (eviction, seq, state) VALUES (?, ?, ?)",
                [(number, seq, Progress.PLANNED) for seq in range(len(plan.steps))],
            )
        return self._eviction(number or 0)

    def _eviction(self, number: int) -> Eviction:
        with self._clearly():
            operation, started, state, blob = self._db.execute(
                "SELECT operation, started, state, plan FROM evictions WHERE id = ?", (number,)
            ).fetchone()
            plan = msgspec.msgpack.decode(blob, type=Plan)
            rows = self._db.execute(
                "SELECT seq, state, undo, note FROM steps WHERE eviction = ? ORDER BY seq", (number,)
            )
            entries = tuple(
                Entry(
                    eviction=number,
                    seq=seq,
                    step=plan.steps[seq],
                    state=Progress(progress),
                    undo=msgspec.msgpack.decode(undo, type=Undo) if undo else None,
                    note=note,
                )
                for seq, progress, undo, note in rows
            )
            return Eviction(
                id=number, operation=operation, started=started, state=Progress(state), plan=plan, entries=entries
            )

    def unfinished(self) -> Eviction | None:
        """The eviction that was begun and not ended, if any."""
        rows = self._rows("SELECT id FROM evictions WHERE state = ? ORDER BY id LIMIT 1", (Progress.BEGUN,))
        return self._eviction(rows[0][0]) if rows else None

    def last_operation(self) -> tuple[Eviction, ...]:
        """The evictions of the latest run that has something to undo, or is not finished, the last first.

        One whose undo was refused comes after all others: it may succeed now.  Empty when there is none.
        """
        latest = self._rows(
            "SELECT e.operation FROM evictions e LEFT JOIN steps s ON s.eviction = e.id "
            "WHERE (s.undo IS NOT NULL AND s.state IN (?, ?, ?)) OR e.state = ? "
            "ORDER BY s.state IS ?, e.id DESC LIMIT 1",
            (Progress.DONE, Progress.BEGUN, Progress.KEPT, Progress.BEGUN, Progress.KEPT),
        )
        if not latest:
            return ()
        numbers = self._rows("SELECT id FROM evictions WHERE operation = ? ORDER BY id DESC", latest[0])
        return tuple(self._eviction(number) for (number,) in numbers)

    def begun(self, eviction: int, seq: int, undo: Undo | None) -> None:
        """A step is about to be done; this is what undoes it."""
        blob = msgspec.msgpack.encode(undo) if undo is not None else None
        self._write(
            "UPDATE steps SET state = ?, undo = ? WHERE eviction = ? AND seq = ?", (Progress.BEGUN, blob, eviction, seq)
        )

    def ended(self, eviction: int, seq: int, state: Progress, note: str = "") -> None:
        """A step is done, refused, undone or kept."""
        self._write(
            "UPDATE steps SET state = ?, note = ? WHERE eviction = ? AND seq = ?",
            (state, printable(note), eviction, seq),
        )

    def close(self, eviction: int, state: Progress = Progress.DONE) -> None:
        """Nothing of this eviction is left to do."""
        self._write("UPDATE evictions SET state = ? WHERE id = ?", (state, eviction))

    def remember(self, judgement: Judgement) -> None:
        """Keep a scan, so that its incidents can be named by number."""
        self._write(
            "INSERT INTO scans (taken, judgement) VALUES (?, ?)",
            (judgement.taken, msgspec.msgpack.encode(encodable(judgement))),
        )
        self._write("DELETE FROM scans WHERE id NOT IN (SELECT id FROM scans ORDER BY id DESC LIMIT ?)", (_SCANS_KEPT,))

    def last_scan(self) -> Judgement | None:
        """The scan that was kept last."""
        rows = self._rows("SELECT judgement FROM scans ORDER BY id DESC LIMIT 1")
        with self._clearly():
            return msgspec.msgpack.decode(rows[0][0], type=Judgement) if rows else None
