"""Autostarts as people and machines read them: all of them, what changed since, and what a baseline holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from rich.console import Console
from rich.text import Text

from davy.detect.places import in_a_home
from davy.knowledge.autostart_kinds import autostart_kinds
from davy.knowledge.schedules import in_words, when
from davy.model.autostarts import Autostart, AutostartKind, News
from davy.model.memory import Change, Changes, Memory, Seen
from davy.model.text import printable
from davy.present.columns import columns
from davy.present.times import clock, moment, since

_NOBODYS: Final = "no package's"


def autostart_object(each: Autostart) -> dict[str, Any]:
    """One autostart, whole."""
    known = autostart_kinds().get(each.kind)
    return {
        "kind": each.kind,
        "technique": known.technique if known else None,
        "path": each.path,
        "line": each.line,
        "command": each.command,
        "schedule": each.schedule,
        "when": when(each),
        "user": each.user,
        "unit": each.unit,
        "within": each.within,
        "programs": list(each.programs),
        "links": list(each.links),
        "owner_package": each.owner_package,
        "unmodified": each.unmodified,
        "modified": moment(each.mtime),
        "first_seen": moment(each.first_seen),
        "news": each.news,
    }


def seen_object(each: Seen) -> dict[str, Any]:
    """An autostart as it is remembered."""
    return {
        "kind": each.kind,
        "path": each.path,
        "line": each.line,
        "command": each.command,
        "schedule": each.schedule,
        "when": in_words(each.schedule),
        "user": each.user,
        "unit": each.unit,
        "owner_package": each.owner_package,
        "modified": moment(each.mtime),
        "first_seen": moment(each.first_seen),
    }


def changes_object(found: Changes) -> dict[str, Any]:
    """What ``--since`` adds under ``compared``."""
    return {
        "since": moment(found.since),
        "by": "file times" if found.by_times else "memory",
        "new": [autostart_object(each) for each in found.new],
        "changed": [
            {**autostart_object(each.now), "before": seen_object(each.before) if each.before else None}
            for each in found.changed
        ],
        "gone": [seen_object(each) for each in found.gone],
    }


def baseline_object(memory: Memory | None, incidents: int = 0) -> dict[str, Any]:
    """What ``davy baseline --json`` prints; ``incidents`` are those that the baseline holds."""
    return {
        "schema": 1,
        "recorded": moment(memory.taken) if memory else None,
        "incidents": incidents,
        "autostarts": [seen_object(each) for each in memory.seen.values()] if memory else [],
    }


def whose(each: Autostart) -> str:
    """Whose an entry is, in words: an installed package's, changed or not, an account's, or no package's."""
    if each.owner_package is None:
        return f"of account {printable(each.user or '', 40)}" if _of_an_account(each) else _NOBODYS
    how = {True: "", False: ", changed", None: ", which keeps no sum of it"}[each.unmodified]
    return f"of {printable(each.owner_package, 60)}{how}"


def _of_an_account(each: Autostart) -> bool:
    """Whether it lies where an account keeps its own: in its home, or its crontab."""
    return each.user is not None and (in_a_home(each.path) or each.path.startswith("/var/spool/cron/"))


def told(each: Autostart, now: float) -> str:
    """When it starts, whose it is and what the memory says of it: in the words of one line."""
    words = []
    if starts := when(each):
        words.append(printable(starts, 160))
    words.append(whose(each))
    if each.news is not None:
        words.append(each.news)
    if each.first_seen is not None:
        words.append(f"first seen {since(each.first_seen, now)} ago")
    return ", ".join(words)


def show_autostarts(out: Console, autostarts: Sequence[Autostart], now: float) -> None:
    """All of them, kind by kind; those that no package put there first."""
    by_kind: dict[AutostartKind, list[Autostart]] = {kind: [] for kind in AutostartKind}
    for each in autostarts:
        by_kind[each.kind].append(each)
    for kind, found in by_kind.items():
        if found:
            of_packages = sum(each.vendor for each in found)
            out.print(Text(f"{kind}: {len(found)}" + (f", {of_packages} of packages" if of_packages else ""), "bold"))
            columns(out, [_row(each, now) for each in sorted(found, key=_order)])
    out.print(f"{len(autostarts)} autostarts: {', '.join(_counts(autostarts))}")
    out.print()


def _counts(autostarts: Sequence[Autostart]) -> Iterator[str]:
    """Whose they are, and how many are news, each only where there are any."""
    free = [each for each in autostarts if each.owner_package is None]
    theirs = [each for each in autostarts if each.owner_package is not None]
    own, news = sum(map(_of_an_account, free)), Counter(each.news for each in autostarts)
    for count, words in (
        (sum(each.vendor for each in autostarts), "of packages"),
        (sum(each.unmodified is False for each in theirs), "of packages and changed"),
        (sum(each.unmodified is None for each in theirs), "of packages that keep no sum of them"),
        (own, "of accounts"),
        (len(free) - own, "of neither"),
        (news[News.NEW], "new"),
        (news[News.CHANGED], "changed since Davy looked before"),
    ):
        if count:
            yield f"{count} {words}"


def _order(each: Autostart) -> tuple[bool, bool, str, int]:
    return each.vendor, each.news is None, each.path, each.line or 0


def _row(each: Autostart, now: float) -> tuple[Text, ...]:
    style = "bold yellow" if each.news is not None else "dim" if each.vendor else ""
    path = each.path if each.within is None else f"{each.path} {each.within}"
    return _place(path, each.line, style), Text(_as_whom(each, now), style), _command(each.command, style)


def _as_whom(each: Autostart, now: float) -> str:
    return f"{printable(each.user, 40) if each.user else 'whoever starts it'}, {told(each, now)}"


def _place(path: str, line: int | None, style: str = "") -> Text:
    return Text(printable(path, 160) + (f" line {line}" if line is not None else ""), style)


def _command(command: str, style: str = "") -> Text:
    return Text(printable(command, 160), style)


def show_changes(out: Console, found: Changes, now: float) -> None:
    """What is new, changed and gone; of what packages put there only how many."""
    out.print(Text(f"autostarts since {clock(found.since)}", "bold"), end="")
    out.print(", by the times of the files, which do not tell what is gone" if found.by_times else "")
    rows = [*_changed_rows(found, now)]
    columns(out, rows)
    theirs = [each for each in (*found.new, *(change.now for change in found.changed)) if each.vendor]
    if theirs:
        out.print(f"   {'and ' if rows else ''}{len(theirs)} that installed packages put there (--json shows them)")
    elif not rows:
        out.print("   nothing is new, changed or gone" if not found.by_times else "   nothing is new or changed")
    out.print()


def _changed_rows(found: Changes, now: float) -> Iterator[tuple[Text, ...]]:
    for each in sorted((each for each in found.new if not each.vendor), key=_order):
        yield _line("new", each.path, each.line, f"{_as_whom(each, now)}, {_written(each.mtime)}", each.command)
    own = [change for change in found.changed if not change.now.vendor]
    for change in sorted(own, key=lambda change: _order(change.now)):
        yield from _change_rows(change, now)
    for gone in found.gone:
        owner = f"of {printable(gone.owner_package, 60)}" if gone.owner_package else _NOBODYS
        yield _line("gone", gone.path, gone.line, f"{owner}, {_written(gone.mtime)}", gone.command)


def _change_rows(change: Change, now: float) -> Iterator[tuple[Text, ...]]:
    each, before = change.now, change.before
    yield _line("changed", each.path, each.line, f"{_as_whom(each, now)}, {_written(each.mtime)}", each.command)
    if before is not None and (before.command, before.schedule) != (each.command, each.schedule):
        yield _line("was", before.path, before.line, printable(in_words(before.schedule), 120), before.command)


def _line(word: str, path: str, line: int | None, said: str, command: str) -> tuple[Text, ...]:
    style = {"new": "bold yellow", "changed": "bold yellow", "was": "dim"}.get(word, "")
    return Text(word.ljust(7), style), _place(path, line), Text(said), _command(command)


def _written(mtime: float | None) -> str:
    return f"written {clock(mtime)}" if mtime is not None else "written at a time that is not known"


def show_baseline(out: Console, memory: Memory, *, entries: bool, incidents: int) -> None:
    """When the baseline was recorded and what it holds; a word of warning where it holds an incident's."""
    seen: Iterable[Seen] = memory.seen.values()
    owned = sum(each.owner_package is not None for each in seen)
    out.print(f"baseline of {clock(memory.taken)}: {len(memory.seen)} autostarts, {owned} of packages")
    if entries:
        ordered = sorted(seen, key=lambda each: (each.owner_package is not None, each.path, each.line or 0))
        columns(out, [(_place(each.path, each.line), _command(each.command)) for each in ordered])
    if incidents:
        what = "1 incident is" if incidents == 1 else f"{incidents} incidents are"
        out.print(Text(f"{what} found on this host, and in the baseline: davy scan, davy evict", "bold red"))
