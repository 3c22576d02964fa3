"""Davy's reading of one log as a process of its own.

python -m bench.logs.ours STATE PATH BEGIN END    what a scan does: the signs of its format, in a span
python -m bench.logs.ours STATE PATH              the same for the whole log
python -m bench.logs.ours STATE PATH all          the search alone, by the signs of all formats
"""

from __future__ import annotations

import os
import resource
import sys
import time

from davy.collect.logs import Budget, log_facts
from davy.collect.logs.searching import Searching
from davy.collect.logs.signs import signs
from davy.host import DirectoryRoot, Host
from davy.model.logs import LogHit, LogRead, Span
from davy.model.services import Service

_FOR_EVER = 3600.0


def scanned(state: str, path: str, *window: str) -> tuple[int, int]:
    """The hits, and the bytes that were read."""
    host = Host(DirectoryRoot(os.path.dirname(path)))
    service = Service(kind="flink", running=False, logs=(f"/{os.path.basename(path)}",))
    spans = [Span(*map(float, window))] if window else None
    facts = list(log_facts(host, [service], spans, state, Budget(seconds=_FOR_EVER, bytes=1 << 42)))
    hits = sum(fact.count for fact in facts if isinstance(fact, LogHit))
    return hits, sum(fact.read_bytes for fact in facts if isinstance(fact, LogRead))


def searched(state: str, path: str) -> tuple[int, int]:
    """Places that any sign's pattern has, and the bytes that were read."""
    searching = Searching(signs(None, state))
    with DirectoryRoot(os.path.dirname(path)).opened(f"/{os.path.basename(path)}") as file:
        stretches = list(searching.stretches(file, 0, file.size, time.monotonic() + _FOR_EVER))
    places = sum(len(block.places) for stretch in stretches for block in stretch.found)
    return places, sum(stretch.end - stretch.begin for stretch in stretches)


def main(state: str, path: str, *what: str) -> None:
    before = time.perf_counter()
    hits, read = searched(state, path) if what == ("all",) else scanned(state, path, *what)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
    print(hits, read, time.perf_counter() - before, peak)


if __name__ == "__main__":
    main(*sys.argv[1:])
