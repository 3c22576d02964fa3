"""The hot folders: where droppers and miners lie, newest files first, whether or not anybody runs them."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from typing import Final

import davy
from davy.collect.content.hits import COLLECTOR, FILE_LIMIT, at, facts, gaps
from davy.collect.content.own_rules import own_rules
from davy.collect.content.searching import Search, Target
from davy.host import Host
from davy.host.walking import NAMES_LIMIT, Found, Walk
from davy.knowledge.hot_folders import HotFolder, hot_folders
from davy.knowledge.matching import NoEngineError, matcher
from davy.model.content import ContentHit
from davy.model.facts import Account, Gap
from davy.model.reach import Reach

_SECONDS: Final = 1.0
_BYTES: Final = 256 << 20
_DEEP: Final = 10
"""So many times as much is searched by a deep scan."""
_FILES_LIMIT: Final = 4_000
"""Files that are searched, the newest of all."""
_WALK_SECONDS: Final = 0.3
"""For one folder."""
_WALKS_SECONDS: Final = 1.0
"""For all of them."""
_HOMES_LIMIT: Final = 256
_NAMED: Final = 3
_NO_HOMES: Final = ("/bin", "/sbin", "/usr/", "/dev", "/proc", "/run/", "/etc")
"""What is written as the home of accounts that nobody logs in to."""


def hot_files(host: Host, accounts: Sequence[Account], reach: Reach) -> Iterator[ContentHit | Gap]:
    """What the rules find in files of the hot folders.  Raises `OwnRulesError` for bad rules of the owner's."""
    try:
        every_rule = matcher(reach.state)
    except NoEngineError as error:
        yield Gap(COLLECTOR, "hot folders", str(error))
        return
    own = own_rules(reach.rules) if reach.rules else None
    passed = _ours(reach)
    found: dict[tuple[int, int], tuple[Found, HotFolder]] = {}
    more = _DEEP if reach.deep else 1
    until = time.monotonic() + _WALKS_SECONDS
    for folder, path in _folders(accounts):
        walk = Walk(
            host.root, path, depth=folder.depth, deadline=min(time.monotonic() + _WALK_SECONDS, until),
            hidden_only=folder.hidden_only, passed=passed,
        )  # fmt: skip
        for each in walk:
            if each.stat.size:
                found.setdefault((each.stat.device, each.stat.inode), (each, folder))
        if walk.cut_short:
            yield Gap(COLLECTOR, path, f"{walk.cut_short} ({NAMES_LIMIT} names, {_WALK_SECONDS:g} s)")
        yield from (Gap(COLLECTOR, path, why) for why in walk.unread[:_NAMED])
    newest = sorted(found.values(), key=lambda pair: -max(pair[0].stat.mtime_ns, pair[0].stat.ctime_ns))
    if len(newest) > _FILES_LIMIT * more:
        yield Gap(COLLECTOR, "hot folders", f"{len(newest)} files: only the {_FILES_LIMIT * more} newest are searched")
    search = Search(
        every_rule, deadline=time.monotonic() + _SECONDS * more, bytes_limit=_BYTES * more,
        file_limit=FILE_LIMIT, own=own,
    )  # fmt: skip
    targets = [
        Target(each.path, at(host, each.path), only_programs=folder.look_at == "programs")
        for each, folder in newest[: _FILES_LIMIT * more]
    ]
    for hit in search.run(targets):
        yield from facts(hit)
    yield from gaps(search, "hot folders")


def _folders(accounts: Sequence[Account]) -> Iterator[tuple[HotFolder, str]]:
    homes = {account.home for account in accounts} | {"/root"}
    for folder in hot_folders():
        if folder.path != "~":
            yield folder, folder.path
            continue
        for home in sorted(homes)[:_HOMES_LIMIT]:
            if home.count("/") >= 1 and home not in ("/", "/nonexistent") and not home.startswith(_NO_HOMES):
                yield folder, home


def _ours(reach: Reach) -> frozenset[tuple[int, int]]:
    """Davy's own folders, by device and inode: its sources, its state, the owner's rules."""
    keys = set()
    for folder in (os.path.dirname(os.path.abspath(davy.__file__)), reach.state, reach.rules):
        if folder is not None:
            try:
                found = os.stat(folder)
            except OSError:
                continue
            keys.add((found.st_dev, found.st_ino))
    return frozenset(keys)
