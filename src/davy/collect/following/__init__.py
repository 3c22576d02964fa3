"""Following: what the command of an autostart comes to, as facts.

In go the autostarts that no package put there as they are; out come the program files with their identity, the lines of
scripts that run something as text, the texts that are decoded, and what the content rules find in those files.
Scripts are read one level deep.  Everything is bounded: entries, files, bytes and seconds; what was left is a gap.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from davy.collect.content.hits import COLLECTOR as CONTENT
from davy.collect.content.hits import at, facts, gaps
from davy.collect.content.searching import Search, Target
from davy.collect.following.follower import Follower
from davy.host import Host
from davy.host.packages import PackageDatabase
from davy.knowledge.matching import NoEngineError, matcher
from davy.model.autostarts import Autostart, Followed
from davy.model.content import ContentHit, Place
from davy.model.facts import Account, Gap
from davy.model.reach import Reach

__all__ = ["following"]

ENTRIES_LIMIT: Final = 400
"""Autostarts that are followed."""
_TOGETHER: Final = 50
"""Lines of one file that are followed before those of others."""
_SECONDS: Final = 1.5
_SEARCH_SECONDS: Final = 1.0
_SEARCH_BYTES: Final = 64 << 20
_SEARCH_FILE: Final = 16 << 20
_WHAT: Final = "what autostarts run"


def following(
    host: Host,
    autostarts: Sequence[Autostart],
    accounts: Sequence[Account],
    told: Sequence[ContentHit],
    database: PackageDatabase,
    reach: Reach,
) -> Iterator[Followed | ContentHit | Gap]:
    """What the autostarts of nobody's package come to, and what the content rules find in it that is not ``told``."""
    foreign = [autostart for autostart in autostarts if not autostart.vendor]
    homes = {account.name: account.home for account in accounts if account.home.startswith("/")}
    follower = Follower(host, database, homes, frozenset(autostart.path for autostart in autostarts))
    if (left := len(foreign) - ENTRIES_LIMIT) > 0:
        yield Gap("autostarts", f"what {left} of them run", f"more than {ENTRIES_LIMIT} are nobody's package's")
    yield from follower.follow(_most_pressing(foreign)[:ENTRIES_LIMIT], time.monotonic() + _SECONDS)
    yield from follower.gaps
    yield from _contents(host, told, reach, follower)


def _most_pressing(foreign: list[Autostart]) -> list[Autostart]:
    """Those last changed first: an intruder is the latest to have come.

    Many lines of one file come after some of every other's, so that nobody hides one entry behind a thousand decoys.
    """
    seen = Counter[str]()
    ranks: dict[str, int] = {}
    for autostart in foreign:
        ranks[autostart.subject] = seen[autostart.path] // _TOGETHER
        seen[autostart.path] += 1
    return sorted(foreign, key=lambda one: (ranks[one.subject], -(one.ctime or one.mtime or 0.0)))


def _contents(host: Host, told: Sequence[ContentHit], reach: Reach, follower: Follower) -> Iterator[ContentHit | Gap]:
    """What the rules find in the programs and scripts of nobody's package; what is known already is not told again."""
    targets = [
        Target(file.path, at(host, file.path), Place.SCRIPT if follower.interpreted(file.path) else None)
        for file in follower.strangers
    ]
    if not targets:
        return
    try:
        every_rule = matcher(reach.state)
    except NoEngineError as error:
        yield Gap(CONTENT, _WHAT, str(error))
        return
    known = {(hit.rule, hit.file) for hit in told}
    search = Search(
        every_rule, deadline=time.monotonic() + _SEARCH_SECONDS, bytes_limit=_SEARCH_BYTES, file_limit=_SEARCH_FILE
    )
    for found in search.run(targets):
        yield from (hit for hit in facts(found) if (hit.rule, hit.file) not in known)
    yield from gaps(search, _WHAT)
