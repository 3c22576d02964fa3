"""Log4j's usual layout, as Flink, YARN, Kafka and Solr have it; what follows an error are lines without a time.

    2020-10-17 03:17:44,464 INFO  org.apache.flink.client.ClientUtils [] - Starting program (detached: true)

Source: Flink's conf/log4j.properties (``%d{yyyy-MM-dd HH:mm:ss,SSS} %-5p %-60c %x - %m%n``).
"""

from __future__ import annotations

import functools
import re
from datetime import datetime, tzinfo
from typing import Final

from davy.collect.logs.record import Clock

_TIME: Final = re.compile(rb"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)[,.](\d{3})(?!\d)")


def time_of(line: bytes, clock: Clock) -> float | None:
    found = _TIME.match(line)
    if found is None:
        return None
    second = _second(found[1], clock.zone)
    return None if second is None else second + int(found[2]) / 1000


@functools.lru_cache(maxsize=1024)
def _second(text: bytes, zone: tzinfo) -> float | None:
    try:
        return datetime.fromisoformat(text.decode()).replace(tzinfo=zone).timestamp()
    except (ValueError, OverflowError):
        return None
