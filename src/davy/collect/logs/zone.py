"""The time zone in which a root's programs write times that name none."""

from __future__ import annotations

from datetime import UTC, tzinfo
from io import BytesIO
from typing import Final
from zoneinfo import ZoneInfo

from davy.host import HostError, Root

_LIMIT: Final = 1 << 16


def root_zone(root: Root) -> tzinfo:
    """By ``/etc/localtime``, else by the name in ``/etc/timezone``; UTC, as the C library has it, without both.

    Source: tzset(3), tzfile(5).
    """
    for path in ("/etc/localtime", _named(root)):
        if path is None:
            continue
        try:
            return ZoneInfo.from_file(BytesIO(root.read(path, _LIMIT)), key=path)
        except (HostError, ValueError, EOFError):
            continue
    return UTC


def _named(root: Root) -> str | None:
    try:
        name = root.read("/etc/timezone", 256).decode("ascii", "replace").strip()
    except HostError:
        return None
    return f"/usr/share/zoneinfo/{name}" if name and ".." not in name else None
