"""Facts as JSON."""

from __future__ import annotations

from typing import Any

import msgspec

from davy.model.text import encodable, escaped_json


def as_json(value: Any) -> str:
    """One JSON text, indented, whatever bytes the host's names hold; a terminal finds nothing in it to obey."""
    return escaped_json(msgspec.json.format(msgspec.json.encode(encodable(value)), indent=2).decode())
