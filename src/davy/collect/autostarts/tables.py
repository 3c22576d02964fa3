"""Files of entries, one to a line, as cron and what loads kernel modules read them: bounded, whoever wrote them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeVar

from davy.host import Gone, Host, HostError
from davy.model.facts import Gap

T = TypeVar("T")


class Bounds(NamedTuple):
    """How much of one file is read."""

    size: int
    """In bytes: a last line that is not whole is left out."""
    entries: int


def entries(
    host: Host, collector: str, path: str, parse: Callable[[str], Iterator[T]], bounds: Bounds
) -> Iterator[tuple[T, float] | Gap]:
    """The entries of one file, each with the time the file was last changed; none where there is no such file."""
    try:
        mtime = host.root.stat(path).mtime
        data = host.root.read(path, bounds.size + 1)
    except Gone:
        return
    except HostError as error:
        yield Gap(collector, path, str(error))
        return
    if len(data) > bounds.size:
        yield Gap(collector, f"the rest of {path}", f"larger than {bounds.size >> 10} KiB")
        data = data[: data.rfind(b"\n", 0, bounds.size) + 1]
    for count, entry in enumerate(parse(os.fsdecode(data))):
        if count == bounds.entries:
            yield Gap(collector, f"the rest of {path}", f"more than {bounds.entries} entries")
            return
        yield entry, mtime
