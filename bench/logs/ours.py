"""Davy's reading of one log as a process of its own: ``python -m bench.logs.ours STATE PATH [BEGIN END]``."""

from __future__ import annotations

import os
import resource
import sys
import time

from davy.collect.logs import Budget, log_facts
from davy.host import DirectoryRoot, Host
from davy.model.logs import LogHit, LogRead, Span
from davy.model.services import Service

_FOR_EVER = Budget(seconds=3600.0, bytes=1 << 42)


def main(state: str, path: str, *window: str) -> None:
    before = time.perf_counter()
    host = Host(DirectoryRoot(os.path.dirname(path)))
    service = Service(kind="flink", running=False, logs=(f"/{os.path.basename(path)}",))
    spans = [Span(*map(float, window))] if window else None
    facts = list(log_facts(host, [service], spans, state, _FOR_EVER))
    hits = sum(fact.count for fact in facts if isinstance(fact, LogHit))
    read = sum(fact.read_bytes for fact in facts if isinstance(fact, LogRead))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
    print(hits, read, time.perf_counter() - before, peak)


if __name__ == "__main__":
    main(*sys.argv[1:])
