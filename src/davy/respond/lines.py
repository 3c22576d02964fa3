"""What is taken out of files of many entries: the guilty ones' lines, or their part of a line; one step a file."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import msgspec

from davy.hands.edits import EDIT_LIMIT, without_lines
from davy.hands.errors import Untouched
from davy.host import HostError
from davy.model.autostarts import Autostart
from davy.model.plan import FileIdentity, RemoveLines, RestorePackaged
from davy.respond.draft import Draft, Taken
from davy.respond.packaged import becomes_packaged, from_archive, reinstalling

_LINES_LIMIT: Final = 100_000
"""Lines that one entry may take."""


def taken_of(autostart: Autostart) -> list[Taken] | None:
    """The lines that an entry takes, the first with what remains of it; None when its text has others."""
    first = autostart.line or 0
    last = autostart.end_line or first
    texts = autostart.text.split("\n") if last > first else [autostart.text]
    if first < 1 or last - first >= _LINES_LIMIT or len(texts) != last - first + 1:
        return None
    remains = os.fsencode(autostart.remains or "")
    return [
        Taken(number, os.fsencode(text), remains if number == first else b"")
        for number, text in enumerate(texts, first)
    ]


def lines(draft: Draft) -> None:
    """One step a file, for all that is taken out of it."""
    for path, taken in draft.lines.items():
        identity = draft.identity(path, limit=EDIT_LIMIT, follow=True)
        if identity is None or identity.path in draft.moved or not draft.mine(path):
            continue
        try:
            step = _step(draft, path, identity, taken)
        except (Untouched, HostError) as error:
            draft.leave(path, str(error))
            continue
        if step is not None:
            draft.entries.append(step)


def _step(
    draft: Draft, path: str, identity: FileIdentity, taken: Iterable[Taken]
) -> RemoveLines | RestorePackaged | None:
    """Raises `Untouched` and `HostError`."""
    step = _removal(identity, taken)
    real = os.fsdecode(identity.path)
    content = draft.host.root.read(real, EDIT_LIMIT)
    after = without_lines(content, step.lines, step.texts, step.remains)
    owner = draft.database.owners([real]).get(real)
    if owner is None:
        return step
    expected = draft.database.expected(real)
    if expected is None or expected.sum is None or becomes_packaged(expected, content):
        draft.leave(path, f"belongs to the installed package {owner}")
        return None
    if becomes_packaged(expected, after):
        return msgspec.structs.replace(step, restores=expected.package)
    if expected.configuration:
        return step
    if restored := from_archive(draft, real, identity, expected):
        return restored
    how = reinstalling(draft.host.root, owner)
    draft.leave(f"the rest of {path}", f"it is not as the package {owner} installed it, whoever changed it: {how}")
    return step


def _removal(identity: FileIdentity, taken: Iterable[Taken]) -> RemoveLines:
    """Raises `Untouched`."""
    by_number: dict[int, list[Taken]] = {}
    for each in taken:
        by_number.setdefault(each.number, []).append(each)
    numbers = tuple(sorted(by_number))
    remains = tuple(left_of(by_number[number]) for number in numbers)
    return RemoveLines(
        file=identity,
        lines=numbers,
        texts=tuple(by_number[number][0].text for number in numbers),
        remains=remains if any(remains) else (),
    )


def left_of(taken: Sequence[Taken]) -> bytes:
    """What stays of one line of which several entries are taken.  Raises `Untouched` when they do not fit together."""
    text, number = taken[0].text, taken[0].number
    if any(each.text != text for each in taken):
        raise Untouched(f"line {number} was read in two ways")
    if any(not each.remains for each in taken):
        return b""
    changes = sorted({_change(text, each.remains) for each in taken})
    end, parts = 0, []
    for change in changes:
        if change.start < end:
            raise Untouched(f"what is to be taken out of line {number} overlaps")
        parts += [text[end : change.start], change.put]
        end = change.end
    return b"".join((*parts, text[end:]))


class _Change(NamedTuple):
    """A stretch of a line, and what comes in its place."""

    start: int
    end: int
    put: bytes


def _change(before: bytes, after: bytes) -> _Change:
    """The one stretch in which two lines differ."""
    head = _alike(before, after)
    tail = _alike(before[head:][::-1], after[head:][::-1])
    return _Change(head, len(before) - tail, after[head : len(after) - tail])


def _alike(one: bytes, other: bytes) -> int:
    """How many bytes two texts begin with alike."""
    most = min(len(one), len(other))
    return next((at for at in range(most) if one[at] != other[at]), most)
