"""Logs of a Flink session cluster that ran for weeks, with one submission of a job in the middle."""

from __future__ import annotations

import random
import time
from pathlib import Path
from typing import Final

_BEGIN: Final = 1_600_000_000
_STAMP: Final = b"0000-00-00 00:00:00"
_SECOND: Final = 4 << 10
"""Bytes that are written in a second of the log."""
_LINES: Final = (
    b"INFO  org.apache.flink.runtime.checkpoint.CheckpointCoordinator [] - Triggering checkpoint %d (type=CHECKPOINT)",
    b"INFO  org.apache.flink.runtime.checkpoint.CheckpointCoordinator [] - Completed checkpoint %d (817 ms)",
    b"DEBUG org.apache.flink.runtime.resourcemanager.ResourceManager     [] - Received heartbeat from container_%d.",
    b"WARN  akka.remote.ReliableDeliverySupervisor                       [] - Association with [akka.tcp://w%d] failed",
    b"INFO  org.apache.flink.runtime.executiongraph.ExecutionGraph [] - Source: orders (%d/8) switched to RUNNING.",
    b"ERROR org.apache.flink.runtime.taskmanager.Task                    [] - Could not serialise %d\n"
    b"java.lang.IllegalStateException: Buffer pool is destroyed.\n"
    b"\tat org.apache.flink.runtime.io.network.buffer.LocalBufferPool.requestMemorySegment(LocalBufferPool.java:301)\n"
    b"\tat java.lang.Thread.run(Thread.java:748) [?:1.8.0_265]",
)  # fmt: skip
_ENTRY: Final = (
    b"0000-00-00 00:00:00,446 WARN  org.apache.flink.runtime.webmonitor.handlers.JarRunHandler   [] - Configuring the"
    b" job submission via query parameters is deprecated. Please migrate to submitting a JSON request instead.\n"
    b"0000-00-00 00:00:00,464 INFO  org.apache.flink.client.ClientUtils                          [] - Starting program"
    b" (detached: true)\n"
    b"0000-00-00 00:00:00,486 ERROR org.apache.flink.runtime.webmonitor.handlers.JarRunHandler   [] - Exception"
    b" occurred in REST handler: No jobs included in application.\n"
)
HITS: Final = 3


def log(file: Path, size: int) -> float:
    """A log of ``size`` bytes; the time at which somebody came in."""
    chance = random.Random(7)
    seconds = [_second(chance) for _ in range(64)]
    written, now, entry = 0, _BEGIN, 0.0
    with file.open("wb", buffering=1 << 20) as out:
        while written < size:
            stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(now)).encode()
            lines = seconds[now % len(seconds)]
            if not entry and written >= size // 2:
                entry, lines = float(now), _ENTRY
            written += out.write(lines.replace(_STAMP, stamp))
            now += 1
    return entry


def _second(chance: random.Random) -> bytes:
    lines, size, part = [], 0, 0
    while size < _SECOND:
        line = _STAMP + b",%03d " % part + chance.choice(_LINES) % chance.randrange(1 << 24) + b"\n"
        lines.append(line)
        size, part = size + len(line), min(part + chance.randrange(60), 999)
    return b"".join(lines)
