"""What every reader of a log is given: the file's place in the whole look, and where its hits go."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from msgspec import Struct

from davy.collect.logs.budget import Purse
from davy.collect.logs.formats import INNER
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

    def reads(
        self, file: OpenFile, first: float | None, last: float | None, size: int, whole: bool
    ) -> Iterator[LogRead]:
        """What is told of it, with ``size`` bytes read, to each service whose log it is."""
        for kind in self.watched.kinds:
            yield LogRead(
                kind=kind, path=self.path, format=self.watched.form.value, size=file.size, first=first, last=last,
                read_bytes=size, whole=whole,
            )  # fmt: skip

    def words(self, line: bytes) -> Iterator[str]:
        """What a record may be understood as: what it carries, and what it is."""
        inner = INNER.get(self.watched.form)
        carried = inner(line) if inner is not None else None
        if carried is not None:
            yield os.fsdecode(carried)
        yield os.fsdecode(line)
