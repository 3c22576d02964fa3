"""What a search of contents found, as facts, and what it could not do, as gaps."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Final

from davy.collect.content.searching import Search, Searched
from davy.host import DirectoryRoot, Host, Root
from davy.knowledge.matching import rule_by_id
from davy.model.content import ContentHit
from davy.model.facts import Gap

COLLECTOR: Final = "content"
FILE_LIMIT: Final = 32 << 20
"""Bytes that are searched of one file that nobody runs."""
_TEXT_LIMIT: Final = 160
_NAMED: Final = 3
"""Files named in one gap; the others are counted."""


def at(host: Host, path: str) -> Callable[[], AbstractContextManager[int]]:
    return functools.partial(_opened, host.root, path)


@contextmanager
def _opened(root: Root, path: str) -> Iterator[int]:
    """A descriptor of a file below a root; of a tree in memory it is a copy."""
    if isinstance(root, DirectoryRoot):
        with root.open_regular(path) as descriptor:
            yield descriptor
        return
    descriptor = os.memfd_create("davy", os.MFD_CLOEXEC)
    try:
        os.write(descriptor, root.read(path, FILE_LIMIT))
        yield descriptor
    finally:
        os.close(descriptor)


def facts(found: Searched) -> Iterator[ContentHit]:
    target = found.target
    for hit in found.hits:
        rule = rule_by_id(hit.rule_id)
        yield ContentHit(
            rule=hit.rule_id, subject=f"file:{target.path}", place=found.place, path=target.path, device=found.device,
            inode=found.inode, offset=min(hit.patterns.values()), text=os.fsdecode(hit.excerpt[:_TEXT_LIMIT]),
            patterns=tuple(sorted(hit.patterns)), family=rule.family if rule else None,
        )  # fmt: skip
    for name in found.own:
        yield ContentHit(
            rule=f"own:{name}", subject=f"file:{target.path}", place=found.place, path=target.path,
            device=found.device, inode=found.inode,
        )  # fmt: skip


def gaps(search: Search, what: str) -> Iterator[Gap]:
    """What one search could not do, in few lines, however many files it is true of."""
    if search.left_out:
        yield Gap(COLLECTOR, what, f"{search.left_out} files were not reached: their time or size was too much")
    for paths, why in (
        (search.cut, "only their beginning was searched, the rest is too large"),
        (search.stuck, "reading did not come to an end"),
        (search.unread, "could not be read"),
    ):
        if paths:
            named = ", ".join(paths[:_NAMED]) + (f" and {len(paths) - _NAMED} more" if len(paths) > _NAMED else "")
            yield Gap(COLLECTOR, what, f"{why}: {named}")
