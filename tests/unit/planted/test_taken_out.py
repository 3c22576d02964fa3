"""Every planted entry that stands among others can be taken out alone: the rest is read as before."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import msgspec
import pytest
from tests.planted.planting import ACCOUNTS, File, planted

from davy.collect.autostarts.readers import AUTOSTARTS
from davy.host import Entry, Host, MemoryRoot
from davy.model.autostarts import Autostart
from davy.model.facts import Gap

Reader = Callable[[Host], Iterator[Autostart | Gap]]


def entry(file: File) -> Entry:
    return Entry(
        content=file.content.encode("utf-8", "surrogateescape"), mode=0o100000 | int(file.mode, 8), target=file.link
    )


def everything() -> dict[str, Entry]:
    return {"/etc/passwd": Entry(ACCOUNTS.encode())} | {
        file.path: entry(file) for kind in planted().values() for file in kind.file
    }


def read(reader: Reader, files: dict[str, Entry]) -> list[Autostart]:
    return [fact for fact in reader(Host(MemoryRoot(files))) if isinstance(fact, Autostart)]


def within_lines() -> Iterator[object]:
    for name, reader in AUTOSTARTS:
        for autostart in read(reader, everything()):
            if autostart.line is not None:
                yield pytest.param(reader, autostart, id=f"{name}:{autostart.subject}".replace(" ", "-"))


def without(content: str, autostart: Autostart) -> str:
    """The text without the lines of an entry, but with what has to remain of them."""
    assert autostart.line is not None
    rows = re.findall(r"[^\n]*\n|[^\n]+", content)
    last = autostart.end_line or autostart.line
    taken = "".join(rows[autostart.line - 1 : last])
    assert taken.replace("\r\n", "\n").removesuffix("\n") == autostart.text
    kept = "" if autostart.remains is None else f"{autostart.remains}\n"
    return "".join(rows[: autostart.line - 1]) + kept + "".join(rows[last:])


@pytest.mark.parametrize(("reader", "autostart"), list(within_lines()))
def test_what_was_taken_out_is_gone_and_all_else_in_its_file_is_read_as_before(
    reader: Reader, autostart: Autostart
) -> None:
    files = everything()
    before = read(reader, files)
    content = files[autostart.path].content.decode("utf-8", "surrogateescape")
    left = without(content, autostart).encode("utf-8", "surrogateescape")
    files[autostart.path] = msgspec.structs.replace(files[autostart.path], content=left)
    after = [each for each in read(reader, files) if each.path == autostart.path]
    assert said(after) == said([each for each in before if each.path == autostart.path and each != autostart])


def said(autostarts: list[Autostart]) -> list[tuple[object, ...]]:
    """What they run: their lines may have moved."""
    return [(each.command, each.schedule, each.user, each.programs) for each in autostarts]
