"""What is searched: images and scripts of the processes that triage named, then the hot folders, newest files first."""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Final

import davy
from davy.collect.accounts import accounts
from davy.collect.content.own_rules import own_rules
from davy.collect.content.searching import OwnRules, Search, Searched, Target
from davy.collect.executables import opened_image
from davy.host import DirectoryRoot, Host, Kernel, Root
from davy.host.walking import NAMES_LIMIT, Found, Walk
from davy.knowledge.hot_folders import HotFolder, hot_folders
from davy.knowledge.matching import Matcher, NoEngineError, matcher, rule_by_id
from davy.model.content import ContentHit, Place
from davy.model.facts import Account, Executable, Gap, Process
from davy.model.lookup import lookup
from davy.model.reach import Reach
from davy.model.snapshot import Snapshot

COLLECTOR: Final = "content"
_IMAGES_SECONDS: Final = 3.0
_IMAGES_BYTES: Final = 1 << 30
_IMAGE_LIMIT: Final = 256 << 20
"""Bytes that are searched of one program."""
_HOT_SECONDS: Final = 1.0
_HOT_BYTES: Final = 256 << 20
_DEEP: Final = 10
"""So many times as much is searched in the hot folders by a deep scan."""
_FILE_LIMIT: Final = 32 << 20
"""Bytes that are searched of one file that nobody runs."""
_FILES_LIMIT: Final = 4_000
"""Files that are searched in the hot folders, the newest of each."""
_WALK_SECONDS: Final = 0.3
"""For one hot folder."""
_WALKS_SECONDS: Final = 1.0
"""For all of them."""
_HOMES_LIMIT: Final = 256
_TEXT_LIMIT: Final = 160
_NAMED: Final = 3
"""Files named in one gap; the others are counted."""


def contents(host: Host, snapshot: Snapshot, reach: Reach) -> Iterator[ContentHit | Gap]:
    """What the rules find in images, scripts and hot files.  Raises `OwnRulesError` for bad rules of the owner's."""
    own = own_rules(reach.rules) if reach.rules else None
    try:
        every_rule = matcher(reach.state)
    except NoEngineError as error:
        yield Gap(COLLECTOR, "every file", str(error))
        return
    ran: set[tuple[int, int]] = set()
    if host.kernel is not None:
        yield from _running(host, host.kernel, snapshot, every_rule, own, ran)
    yield from _hot(host, snapshot, every_rule, own, reach, ran)


def _running(
    host: Host, kernel: Kernel, snapshot: Snapshot, every_rule: Matcher, own: OwnRules | None, ran: set[tuple[int, int]]
) -> Iterator[ContentHit | Gap]:
    """Images and scripts of the processes that have details, each inode once."""
    ways, targets = lookup(snapshot), []
    for detail in snapshot.details:
        process = ways.by_subject.get(detail.key.subject)
        if process is None or process.pid in snapshot.own_pids:
            continue
        program, script = detail.executable, detail.script
        if program is not None and program.key not in ran:
            ran.add(program.key)
            if not _installed(program):
                targets.append(_image(kernel, process, program))
        if script is not None and process.script is not None and script.key not in ran:
            ran.add(script.key)
            if not _installed(script):
                targets.append(Target(process.script, _at(host, process.script), Place.SCRIPT))
    search = Search(
        every_rule, deadline=time.monotonic() + _IMAGES_SECONDS, bytes_limit=_IMAGES_BYTES, file_limit=_IMAGE_LIMIT,
        own=own,
    )  # fmt: skip
    for found in search.run(targets):
        yield from _facts(found)
    yield from _gaps(search, "programs that run")


def _installed(program: Executable) -> bool:
    """Whether a package installed this content: at this path, or at another of which it is a copy."""
    return program.twin is not None or (program.owner_package is not None and program.unmodified is True)


def _image(kernel: Kernel, process: Process, program: Executable) -> Target:
    return Target(program.path, lambda: opened_image(kernel.procfs, process.pid), Place.IMAGE)


def _at(host: Host, path: str) -> Callable[[], AbstractContextManager[int]]:
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
        os.write(descriptor, root.read(path, _FILE_LIMIT))
        yield descriptor
    finally:
        os.close(descriptor)


def _hot(
    host: Host, snapshot: Snapshot, every_rule: Matcher, own: OwnRules | None, reach: Reach, ran: set[tuple[int, int]]
) -> Iterator[ContentHit | Gap]:
    """Files in the hot folders that nobody is known to run."""
    passed = frozenset(ran) | _ours(reach)
    found: dict[tuple[int, int], tuple[Found, HotFolder]] = {}
    more = _DEEP if reach.deep else 1
    until = time.monotonic() + _WALKS_SECONDS
    for folder, path in _folders(host, snapshot):
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
        every_rule, deadline=time.monotonic() + _HOT_SECONDS * more, bytes_limit=_HOT_BYTES * more,
        file_limit=_FILE_LIMIT, own=own,
    )  # fmt: skip
    targets = [
        Target(each.path, _at(host, each.path), only_programs=folder.look_at == "programs")
        for each, folder in newest[: _FILES_LIMIT * more]
    ]
    for hit in search.run(targets):
        yield from _facts(hit)
    yield from _gaps(search, "hot folders")


def _folders(host: Host, snapshot: Snapshot) -> Iterator[tuple[HotFolder, str]]:
    homes = {account.home for account in snapshot.accounts or _accounts(host)} | {"/root"}
    for folder in hot_folders():
        if folder.path != "~":
            yield folder, folder.path
            continue
        for home in sorted(homes)[:_HOMES_LIMIT]:
            if home.count("/") >= 1 and home not in ("/", "/nonexistent") and not home.startswith(_NO_HOMES):
                yield folder, home


_NO_HOMES: Final = ("/bin", "/sbin", "/usr/", "/dev", "/proc", "/run/", "/etc")
"""What is written as the home of accounts that nobody logs in to."""


def _accounts(host: Host) -> Iterator[Account]:
    return (each for each in accounts(host) if isinstance(each, Account))


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


def _facts(found: Searched) -> Iterator[ContentHit]:
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


def _gaps(search: Search, what: str) -> Iterator[Gap]:
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
