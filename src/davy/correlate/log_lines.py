"""Log lines as facts: what each is worth by its sign, what it means, and each told once."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Final

from davy.knowledge.services import KnownService, Sign, known_services
from davy.model.logs import LogHit, Shows
from davy.model.services import Service

SSH: Final = "ssh"
"""The service by which people log in."""
_UNKNOWN_SIGN: Final = 3.0
"""What a line counts whose sign this Davy does not know: a newer one wrote the capsule."""
_CUT: Final = 2048
"""A line of so many characters has lost its end."""
_NEGATED: Final = re.compile(r"\[\^[^\]]*\]")
_RANKS: Final = {Shows.SUCCESS: 3, Shows.ATTEMPT: 2, Shows.STATE: 1, Shows.NOISE: 0}


def service_name(kind: str) -> str:
    """What people call a service."""
    known = known_services().get(kind)
    return known.name if known else kind


def tells_only(kind: str) -> bool:
    """Whether nobody comes in by a service: it only writes down what others do, as cron and the kernel."""
    known = known_services().get(kind)
    return known is not None and not known.opening and not known.ports


def only_overheard(service: Service) -> bool:
    """Whether nothing of a service is here but logs of others that would tell of it, as web servers' of their pages."""
    known = known_services().get(service.kind)
    if known is None or service.running or service.files or service.container:
        return False
    places = [place for log in known.log if log.shared for place in log.places]
    return all(any(fnmatchcase(path, place) for place in places) for path in service.logs)


def sign_of(hit: LogHit) -> Sign | None:
    known: KnownService | None = known_services().get(hit.kind)
    return known.sign_by_id(hit.sign) if known else None


def worth(hit: LogHit) -> float:
    """What a line says for its door whenever it was written, in bits; nothing if it only imitates its record."""
    if hit.shows not in (Shows.SUCCESS, Shows.ATTEMPT) or not believed(hit):
        return 0.0
    sign = sign_of(hit)
    return sign.bits if sign else _UNKNOWN_SIGN


def believed(hit: LogHit) -> bool:
    """Whether a line is still the record that its sign means: what a name or a user agent imitates is not.

    A record of several lines, of which the first alone is kept, and one that was cut, were looked at when they were
    read.
    """
    sign = sign_of(hit)
    if sign is None or sign.groups is None or len(hit.text) >= _CUT:
        return True
    plain = _NEGATED.sub("", sign.groups)
    if r"\n" in plain or r"[\s\S]" in plain:
        return True
    return re.search(sign.groups, hit.text) is not None


def meaning(hit: LogHit) -> str:
    """What a line means, in a sentence."""
    sign = sign_of(hit)
    if sign is None:
        return f"its log says so ({hit.sign})"
    known = {"address": hit.address or "?", "user": hit.user or "?", "detail": hit.detail or "?"}
    return re.sub(r"\{(\w+)\}", lambda named: known.get(named[1], named[0]), sign.meaning)


def _rank(hit: LogHit) -> tuple[bool, int, float]:
    return worth(hit) > 0.0, _RANKS[hit.shows], worth(hit)


def distinct(hits: Iterable[LogHit]) -> list[LogHit]:
    """Each record once for each service, by the sign that says most, though several match it."""
    best: dict[tuple[str, str, object, str], LogHit] = {}
    for hit in hits:
        key = (hit.kind, hit.path, hit.offset if hit.offset is not None else hit.time, hit.text)
        known = best.get(key)
        if known is None or _rank(hit) > _rank(known):
            best[key] = hit
    return list(best.values())
