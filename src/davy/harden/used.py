"""Whether somebody came through a door that stands open: what its service's own logs say.  Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from davy.model.exposures import Exposure
from davy.model.logs import LogHit, Shows
from davy.model.services import Service

HITS_KEPT: Final = 200
"""Of one exposure; those that show most, and of them the latest."""
_TELLING: Final = (Shows.NOISE, Shows.ATTEMPT, Shows.SUCCESS)


def with_uses(
    exposures: Sequence[Exposure], services: Sequence[Service], hits: Sequence[LogHit]
) -> tuple[Exposure, ...]:
    """The exposures, each with the log lines of its service that show that somebody came in, or tried.

    What a service says of itself shows neither.
    """
    logs = {service.subject: frozenset(service.logs) for service in services}
    return tuple(
        msgspec.structs.replace(exposure, used=found) if found else exposure
        for exposure in exposures
        for found in [_uses(exposure, logs.get(exposure.subject, frozenset()), hits)]
    )


def _uses(exposure: Exposure, logs: frozenset[str], hits: Sequence[LogHit]) -> tuple[LogHit, ...]:
    own = [hit for hit in hits if hit.kind == exposure.kind and hit.path in logs and hit.shows in _TELLING]
    own.sort(key=lambda hit: (_TELLING.index(hit.shows), hit.time or 0.0), reverse=True)
    kept = own[:HITS_KEPT]
    return tuple(sorted(kept, key=lambda hit: hit.time or 0.0))
