"""What a sample is."""

from __future__ import annotations

from typing import NamedTuple

from davy.model.snapshot import Snapshot


class Sample(NamedTuple):
    rule: str
    what: str
    snapshot: Snapshot
    subject: str | None = None
    """Whom the rule must name; None: it must name nobody."""
