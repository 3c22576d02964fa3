"""From places where a pattern stands to the records that say something: the slow and exact half of the search."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from davy.collect.logs.crowding import Crowd
from davy.collect.logs.searching import Found
from davy.collect.logs.task import Task
from davy.collect.logs.text import RECORD_LIMIT, Cut, TimedText
from davy.knowledge.services import Sign
from davy.model.logs import LogHit

_TEXT_LIMIT: Final = 2048
_WORD_LIMIT: Final = 512


def told(task: Task, text: TimedText, found: Sequence[Found], crowd: Crowd, base: int = 0) -> Iterator[LogHit]:
    """What the records say in which something was found, each sign once of each record, and its hits in their order.

    What shows an entry comes first.  Where the time is over the rest is left, and the crowd knows.

    ``base``: bytes of a compressed log in front of this part.  Raises `HostError`.
    """
    for hit in _told(task, text, crowd.telling(found), crowd, base):
        crowd.came_in(hit)
        yield hit
    yield from _told(task, text, crowd.others(found), crowd, base)


def _told(task: Task, text: TimedText, found: Iterable[Found], crowd: Crowd, base: int) -> Iterator[LogHit]:
    record, at, seen = Cut(-1, -1, None), -1, set[int]()
    words: tuple[str, ...] = ()
    for block in found:
        begin = max(block.begin - RECORD_LIMIT, 0)
        data = text.file.pread(block.end + RECORD_LIMIT - begin, begin)
        for end, number in crowd.thinned(block.places, data, begin):
            if not at <= end - 1 < at + record.end - record.begin:
                if end - begin > len(data):
                    break
                if time.monotonic() > task.purse.deadline:
                    crowd.late = True
                    return
                record = text.cut(data, end - 1 - begin)
                if begin + record.begin != at:
                    seen = set()
                at = begin + record.begin
                words = tuple(task.words(data[record.begin : record.end].rstrip(b"\r\n").lstrip(b"\0")))
            if number not in seen:
                seen.add(number)
                for kind, sign in task.signs.of(number, task.watched.uses):
                    for each in words:
                        hit = said(kind, sign, task.path, record.time, each, base + at)
                        if hit is not None:
                            yield hit
                            break


def said(kind: str, sign: Sign, path: str, at: float | None, words: str, offset: int) -> LogHit | None:
    """What one record says by one sign; None if it says something else."""
    groups = sign.said(words)
    if groups is None:
        return None
    return LogHit(
        kind=kind, sign=sign.id, shows=sign.shows, path=path, time=at, offset=offset,
        text=words.partition("\n")[0][:_TEXT_LIMIT], address=_short(groups.get("address")),
        user=_short(groups.get("user")), detail=_short(groups.get("detail")),
    )  # fmt: skip


def _short(word: str | None) -> str | None:
    return word[:_WORD_LIMIT] if word else None
