"""The scores of this host over time, in the journal: so that a look can say what it was before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import Struct

if TYPE_CHECKING:
    from davy.journal import Journal

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS scores (
  id INTEGER PRIMARY KEY, taken REAL NOT NULL, score INTEGER NOT NULL, exposures INTEGER NOT NULL);
"""
_KEPT: Final = 1000


class Score(Struct, frozen=True, kw_only=True):
    """What a look at the doors came to."""

    taken: float
    score: int
    exposures: int
    """How many stood open."""


def last(journal: Journal) -> Score | None:
    """The score that was kept last.  Raises `StateError`."""
    with journal.transaction() as db:
        row = db.execute("SELECT taken, score, exposures FROM scores ORDER BY id DESC LIMIT 1").fetchone()
    return Score(taken=row[0], score=row[1], exposures=row[2]) if row else None


def keep(journal: Journal, score: Score) -> None:
    """Remember a score.  Raises `StateError`."""
    with journal.transaction() as db:
        db.execute(
            "INSERT INTO scores (taken, score, exposures) VALUES (?, ?, ?)", (score.taken, score.score, score.exposures)
        )
        db.execute("DELETE FROM scores WHERE id NOT IN (SELECT id FROM scores ORDER BY id DESC LIMIT ?)", (_KEPT,))
