"""Exposures as the contract has them, and in the one line of a scan."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from davy.model.exposures import Exposure, LineChange
from davy.model.logs import LogHit
from davy.model.text import printable
from davy.present.times import moment


def exposure_object(exposure: Exposure) -> dict[str, Any]:
    """One exposure, of built-in values."""
    return {
        "service": exposure.service,
        "address": exposure.address,
        "severity": exposure.severity,
        "summary": exposure.summary,
        "fix": list(exposure.fix),
        "id": exposure.id,
        "kind": exposure.kind,
        "opening": exposure.opening,
        "subject": exposure.subject,
        "reached_from": exposure.reached_from,
        "container": exposure.container,
        "evidence": list(exposure.evidence),
        "change": _change(exposure.change),
        "used": [_used(hit) for hit in exposure.used],
        "cves": list(exposure.cves),
        "references": list(exposure.references),
    }


def _change(change: LineChange | None) -> dict[str, Any] | None:
    if change is None:
        return None
    return {
        "path": change.path,
        "line": change.line,
        "before": change.before,
        "after": change.after,
        "restart": change.restart,
    }


def _used(hit: LogHit) -> dict[str, Any]:
    return {
        "time": moment(hit.time),
        "last_time": moment(hit.last_time),
        "count": hit.count,
        "shows": hit.shows,
        "sign": hit.sign,
        "path": hit.path,
        "text": hit.text,
        "address": hit.address,
        "user": hit.user,
        "detail": hit.detail,
    }


def show_exposed(out: Console, exposures: Sequence[Exposure]) -> None:
    """That doors stand open, and which is the worst."""
    if exposures:
        worst = exposures[0]
        more = f" and {len(exposures) - 1} more" if len(exposures) > 1 else ""
        words = f"exposed ({worst.severity}): {printable(worst.summary, 200)}{more}: davy harden"
        out.print(Text(words, "bold yellow"))
