"""Entries read from one file in memory, and the file as it is when some have been taken out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from davy.hands.edits import without_lines
from davy.host import Entry, Host, MemoryRoot
from davy.model.autostarts import Autostart
from davy.model.facts import Gap

PASSWD = "root:x:0:0:root:/root:/bin/bash\nada:x:1000:1000:Ada:/home/ada:/bin/bash\n"
Reader = Callable[[Host], Iterator[Autostart | Gap]]


def facts(reader: Reader, files: dict[str, bytes | str | Entry]) -> list[Autostart | Gap]:
    return list(reader(Host(MemoryRoot({"/etc/passwd": PASSWD, **files}))))


def found(reader: Reader, files: dict[str, bytes | str | Entry]) -> list[Autostart]:
    return [fact for fact in facts(reader, files) if isinstance(fact, Autostart)]


def without(content: str, entries: Iterable[Autostart]) -> str:
    """The content as the hands leave it."""
    lines: list[int] = []
    texts: list[bytes] = []
    remains: list[bytes] = []
    for entry in entries:
        assert entry.line is not None
        for number, text in enumerate(entry.text.split("\n"), entry.line):
            lines.append(number)
            texts.append(text.encode())
            remains.append((entry.remains or "").encode() if number == entry.line else b"")
        assert lines[-1] == (entry.end_line or entry.line)
    return without_lines(content.encode(), tuple(lines), tuple(texts), tuple(remains)).decode()
