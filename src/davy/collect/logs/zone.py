"""The time zone in which a root's programs write times that name none."""

from __future__ import annotations

import struct
from datetime import UTC, tzinfo
from io import BytesIO
from typing import Final
from zoneinfo import ZoneInfo

from davy.host import HostError, Root

_LIMIT: Final = 1 << 16


class _Ending(BytesIO):
    """Raises `EOFError` at its end, where the reader of zones would wait for a line feed for ever."""

    def read(self, size: int | None = -1) -> bytes:
        data = super().read(size)
        if size and not data:
            raise EOFError
        return data


def root_zone(root: Root) -> tzinfo:
    """By ``/etc/localtime``, else by the name in ``/etc/timezone``; UTC, as the C library has it, without both.

    Source: tzset(3), tzfile(5).
    """
    return _zone_below(root, "") or UTC


def container_zone(root: Root, log: str) -> tzinfo:
    """The same for a log within a container: by the innermost folder around it that is a root with a zone.

    UTC for one that lies outside, in a folder of the host that the container writes to.
    """
    folder = log
    while folder := folder.rpartition("/")[0]:
        if (zone := _zone_below(root, folder)) is not None:
            return zone
    return UTC


def _zone_below(root: Root, folder: str) -> tzinfo | None:
    for path in (f"{folder}/etc/localtime", _named(root, folder)):
        if path is None:
            continue
        try:
            return ZoneInfo.from_file(_Ending(root.read(path, _LIMIT)), key=path)
        except (HostError, ValueError, EOFError, AssertionError, struct.error):
            continue
    return None


def _named(root: Root, folder: str) -> str | None:
    try:
        name = root.read(f"{folder}/etc/timezone", 256).decode("ascii", "replace").strip()
    except HostError:
        return None
    return f"{folder}/usr/share/zoneinfo/{name}" if name and ".." not in name else None
