"""Autostarts against the memory of them: what is new, what changed, what is gone.  Pure.

The same is what has the same kind, place and unit; of a line also its text, so that one that only moved is the same; of
what lies within a database also its name.  What was changed has another command, schedule, user or link, or, where the
whole file is the entry and no package owns it, another change time.  A line that was edited is known by its number or
by what it runs.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from hashlib import blake2b
from typing import Final, NamedTuple

import msgspec

from davy import __version__
from davy.model.autostarts import Autostart, News
from davy.model.facts import Gap
from davy.model.memory import Change, Changes, Memory, Seen

AUTOSTARTS_KEPT: Final = 20_000
"""More autostarts of one look than this are not remembered."""
_COMMAND_KEPT: Final = 500
"""Characters of a command; its digest is of all of it."""
_DIGEST_BYTES: Final = 16
_REST: Final = "the rest"


class Seal(NamedTuple):
    """By what an autostart is known again, and by what it is found to have changed."""

    identity: bytes
    content: bytes


class Compared(NamedTuple):
    """One autostart of this look, beside what it was."""

    autostart: Autostart
    seal: Seal
    news: News | None
    before: Seen | None
    former: bytes | None
    """The identity that it had before."""


def seals(autostarts: Iterable[Autostart]) -> Iterator[Seal]:
    """The seal of each, in order; of several that are alike the first is the first again."""
    times: Counter[str] = Counter()
    for each in autostarts:
        place = f"{each.kind}\0{each.path}\0{each.unit}\0{'' if each.line is None else each.text}"
        if each.within is not None:
            place += f"\0{each.within}"
        times[place] += 1
        command, schedule = each.command, each.schedule
        links = "\0".join(each.links)
        runs = f"{len(command)} {len(schedule)} {command}{schedule}{each.user}\0{each.activates}\0{links}"
        yield Seal(_digest(f"{times[place]}\0{place}"), _digest(runs))


def _digest(text: str) -> bytes:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=_DIGEST_BYTES).digest()


def seen(autostart: Autostart, content: bytes, first_seen: float) -> Seen:
    """What is remembered of an autostart."""
    return Seen(
        content=content, kind=autostart.kind, path=autostart.path, line=autostart.line,
        command=autostart.command[:_COMMAND_KEPT], schedule=autostart.schedule[:_COMMAND_KEPT], user=autostart.user,
        unit=autostart.unit, owner_package=autostart.owner_package, mtime=autostart.mtime, ctime=autostart.ctime,
        first_seen=first_seen,
    )  # fmt: skip


def compared(autostarts: Sequence[Autostart], memory: Memory) -> tuple[list[Compared], dict[bytes, Seen]]:
    """Each autostart beside what it was, and what of the memory was not met again.

    A kind that another version of Davy remembers none of may not have been read then: it is no news.
    """
    left = dict(memory.seen)
    kinds = None if memory.davy == __version__ else {each.kind for each in left.values()}
    rows = []
    for autostart, seal in zip(autostarts, seals(autostarts), strict=True):
        before = left.pop(seal.identity, None)
        if before is None:
            news = News.NEW if kinds is None or autostart.kind in kinds else None
        else:
            news = News.CHANGED if _differs(autostart, seal, before) else None
        rows.append(Compared(autostart, seal, news, before, seal.identity if before else None))
    return _with_edited_lines(rows, left), left


def _differs(autostart: Autostart, seal: Seal, before: Seen) -> bool:
    """Whether it is no longer what it was.  A package's own file has other times after every upgrade."""
    if seal.content != before.content:
        return True
    if autostart.line is not None or autostart.vendor:
        return False
    if autostart.ctime is not None and before.ctime is not None:
        return autostart.ctime != before.ctime
    return autostart.mtime is not None and before.mtime is not None and autostart.mtime != before.mtime


def _with_edited_lines(rows: list[Compared], left: dict[bytes, Seen]) -> list[Compared]:
    """The same, with new lines that stand for lines which are gone; these are no longer in ``left``."""
    gone: dict[tuple[str, str], dict[bytes, Seen]] = defaultdict(dict)
    for identity, before in left.items():
        if before.line is not None:
            gone[before.kind, before.path][identity] = before
    found = []
    for row in rows:
        former = None
        if row.news is News.NEW and row.autostart.line is not None:
            former = _former(row.autostart, gone.get((row.autostart.kind, row.autostart.path), {}))
        if former is None:
            found.append(row)
            continue
        before = gone[row.autostart.kind, row.autostart.path].pop(former)
        del left[former]
        found.append(row._replace(news=News.CHANGED, before=before, former=former))
    return found


def _former(autostart: Autostart, gone: dict[bytes, Seen]) -> bytes | None:
    """Which line of the same file, that is no longer there, a new one stands for."""
    command = autostart.command[:_COMMAND_KEPT]
    alike = (identity for identity, before in gone.items() if before.command == command)
    there = (identity for identity, before in gone.items() if before.line == autostart.line)
    return next(alike, None) or next(there, None)


def with_news(autostarts: Sequence[Autostart], memory: Memory, now: float) -> tuple[Autostart, ...]:
    """The autostarts, each with what the memory says of it."""
    rows, _ = compared(autostarts[:AUTOSTARTS_KEPT], memory)
    marked = (
        msgspec.structs.replace(
            row.autostart,
            news=row.news,
            first_seen=row.before.first_seen if row.before else memory.first_seen.get(row.seal.identity, now),
        )
        for row in rows
    )
    return (*marked, *autostarts[AUTOSTARTS_KEPT:])


def changes(autostarts: Sequence[Autostart], memory: Memory, gaps: Collection[Gap] = ()) -> Changes:
    """What has changed since one look.  What could not be read this time is not gone."""
    rows, left = compared(autostarts[:AUTOSTARTS_KEPT], memory)
    return Changes(
        since=memory.taken,
        by_times=False,
        new=tuple(row.autostart for row in rows if row.news is News.NEW),
        changed=tuple(Change(now=row.autostart, before=row.before) for row in rows if row.news is News.CHANGED),
        gone=tuple(each for _, each in truly_gone(left, gaps)),
    )


def changes_by_times(autostarts: Iterable[Autostart], since: float) -> Changes:
    """What the files themselves say was made, or changed, since a time: for a host of which nothing is remembered."""
    new, changed = [], []
    for each in autostarts:
        if each.birth is not None and each.birth > since:
            new.append(each)
        elif max(each.mtime or 0.0, each.ctime or 0.0) > since:
            changed.append(Change(now=each, before=None))
    return Changes(since=since, by_times=True, new=tuple(new), changed=tuple(changed))


def truly_gone(left: dict[bytes, Seen], gaps: Collection[Gap]) -> Iterator[tuple[bytes, Seen]]:
    """Of what was not met again that which is gone, for all that could be read."""
    if any(gap.what.startswith(_REST) and "/" not in gap.what for gap in gaps):
        return
    unread = {gap.what.removeprefix(f"{_REST} of ") for gap in gaps}
    for identity, each in left.items():
        path = each.path
        while path and path not in unread:
            path = path.rpartition("/")[0]
        if not path:
            yield identity, each
