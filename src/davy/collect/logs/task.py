"""What every reader of a log is given: the file's place in the whole look, and where its hits go."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from davy.collect.logs.budget import Purse
from davy.collect.logs.places import Watched
from davy.collect.logs.record import Clock
from davy.collect.logs.sequences import Gathering
from davy.collect.logs.signs import Signs
from davy.host.root import OpenFile
from davy.model.logs import LogRead, Span


class Task(Struct, frozen=True, kw_only=True, eq=False):
    """One file of a log that is to be read."""

    path: str
    watched: Watched
    spans: Sequence[Span] | None
    clock: Clock
    signs: Signs
    purse: Purse
    gathering: Gathering

    def read(self, file: OpenFile, first: float | None, last: float | None, size: int, whole: bool) -> LogRead:
        """What is told of it, with ``size`` bytes read."""
        return LogRead(
            kind=self.watched.kind, path=self.path, format=self.watched.form.value, size=file.size, first=first,
            last=last, read_bytes=size, whole=whole,
        )  # fmt: skip
