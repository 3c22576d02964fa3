"""Programs and scripts of the processes that triage named: read through the process, deleted or memory-only too."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from typing import Final

from davy.collect.content.hits import COLLECTOR, at, facts, gaps
from davy.collect.content.own_rules import own_rules
from davy.collect.content.searching import Search, Target
from davy.collect.executables import opened_image
from davy.host import DirectoryRoot, Host, Kernel
from davy.knowledge.matching import NoEngineError, matcher
from davy.model.content import ContentHit, Place
from davy.model.facts import Executable, Gap, Process
from davy.model.lookup import lookup
from davy.model.reach import Reach
from davy.model.snapshot import Snapshot

_SECONDS: Final = 3.0
_BYTES: Final = 1 << 30
_IMAGE_LIMIT: Final = 256 << 20
"""Bytes that are searched of one program."""


def images(host: Host, snapshot: Snapshot, reach: Reach) -> Iterator[ContentHit | Gap]:
    """What the rules find in images and scripts of the processes that have details, each inode once.

    What the hot folders have told already is not told again.  Raises `OwnRulesError` for bad rules of the owner's.
    """
    targets = list(_targets(host, host.kernel, snapshot)) if host.kernel is not None else []
    if not targets:
        return
    try:
        every_rule = matcher(reach.state)
    except NoEngineError as error:
        yield Gap(COLLECTOR, "programs that run", str(error))
        return
    known = {(hit.rule, hit.file) for hit in snapshot.content_hits}
    search = Search(
        every_rule, deadline=time.monotonic() + _SECONDS, bytes_limit=_BYTES, file_limit=_IMAGE_LIMIT,
        own=own_rules(reach.rules) if reach.rules else None,
    )  # fmt: skip
    for found in search.run(targets):
        yield from (hit for hit in facts(found) if (hit.rule, hit.file) not in known)
    yield from gaps(search, "programs that run")


def _targets(host: Host, kernel: Kernel, snapshot: Snapshot) -> Iterator[Target]:
    ways, seen = lookup(snapshot), set[tuple[int, int]]()
    for detail in snapshot.details:
        process = ways.by_subject.get(detail.key.subject)
        if process is None or process.pid in snapshot.own_pids:
            continue
        program, script = detail.executable, detail.script
        if program is not None and program.key not in seen:
            seen.add(program.key)
            if not _installed(program):
                yield _image(kernel, process, program)
        if script is not None and process.script is not None and script.key not in seen:
            seen.add(script.key)
            if not _installed(script):
                inside = ways.container(process) is not None
                opening = partial(_inside, kernel, process, process.script) if inside else at(host, process.script)
                yield Target(process.script, opening, Place.SCRIPT)


@contextmanager
def _inside(kernel: Kernel, process: Process, path: str) -> Iterator[int]:
    """A file of the container that a process is in.  Raises `HostError`."""
    with closing(DirectoryRoot.of_process(kernel.procfs, process.pid)) as root, root.open_regular(path) as descriptor:
        yield descriptor


def _installed(program: Executable) -> bool:
    """Whether a package installed this content: at this path, or at another of which it is a copy."""
    return program.twin is not None or (program.owner_package is not None and program.unmodified is True)


def _image(kernel: Kernel, process: Process, program: Executable) -> Target:
    return Target(program.path, lambda: opened_image(kernel.procfs, process.pid), Place.IMAGE)
