"""The parts of a sparse file that are no holes: what nobody ever wrote is not read."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator


def data(descriptor: int, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The parts of an open file between ``start`` and ``end`` that are no holes.  Source: lseek(2)."""
    while start < end:
        try:
            start = os.lseek(descriptor, start, os.SEEK_DATA)
            stop = min(os.lseek(descriptor, start, os.SEEK_HOLE), end)
        except OSError as error:
            if error.errno == errno.ENXIO:
                return
            stop = end
        if start < stop:
            yield start, stop
        start = max(stop, start + 1)
