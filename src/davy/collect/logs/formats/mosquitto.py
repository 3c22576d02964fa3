"""Mosquitto's log.

    1602904664: New client connected from 192.0.2.7:50312 as auto-5E2A0B (p2, c1, k60).
    2020-10-17T03:17:44: mosquitto version 2.0.11 starting

Seconds since the epoch, or what ``log_timestamp_format`` asks for, of which ISO forms are understood.

Source: mosquitto.conf(5), ``log_timestamp``; ``log__vprintf`` in src/logging.c.
"""

from __future__ import annotations

import re
from typing import Final

from davy.collect.logs.formats import iso
from davy.collect.logs.formats.times import HEAD, since_epoch
from davy.collect.logs.record import Clock

_EPOCH: Final = re.compile(rb"(\d{9,11}): ")


def time_of(line: bytes, clock: Clock) -> float | None:
    found = _EPOCH.match(line, 0, HEAD)
    return since_epoch(found[1]) if found else iso.time_of(line, clock)
