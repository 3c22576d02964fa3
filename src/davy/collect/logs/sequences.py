"""What hits mean together: bursts, what follows what, and a million of the same.  Pure.

Hits of one log come in stretches, each in its order.  What says the same in a row becomes one hit at once, so that
no log can fill the memory; what needs all of them is decided at the end.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

import msgspec

from davy.knowledge.services import Sign
from davy.model.logs import LogHit, Shows, Span

_APART: Final = 600.0
"""Seconds within which hits that say the same are in a row, and within which a burst must be."""
_MOST: Final = 1000
"""Runs of one sign that are told apart in one log; all others become one without an address."""
_CAME_IN: Final = 256
"""Addresses from which somebody came in: their runs are told apart in any case."""

SignOf = Callable[[LogHit], Sign]


class _Key(NamedTuple):
    kind: str
    sign: str
    path: str
    address: str | None
    user: str | None
    detail: str | None


class _Run:
    """Hits that say the same in a row."""

    __slots__ = ("burst", "count", "first", "heads", "last", "least", "mixed", "tails")

    def __init__(self, hit: LogHit, least: int, mixed: bool) -> None:
        """``mixed``: of addresses that are not told apart."""
        self.mixed = mixed
        self.first, self.last, self.least, self.count = hit, hit.time, least, 0
        self.heads: list[float] = []
        self.tails: deque[float] = deque(maxlen=least)
        self.burst = least <= 1
        self.add(hit)

    def add(self, hit: LogHit) -> None:
        self.count += 1
        if hit.user != self.first.user or hit.detail != self.first.detail:
            self._agree(hit)
        if hit.time is None:
            return
        self.last = hit.time if self.last is None else max(self.last, hit.time)
        if not self.burst:
            self._note(hit.time)

    def _note(self, time: float) -> None:
        if len(self.heads) < self.least:
            self.heads.append(time)
        self.tails.append(time)
        self.burst = len(self.tails) == self.least and abs(self.tails[-1] - self.tails[0]) <= _APART

    def join(self, later: _Run) -> None:
        """Take over a run that follows."""
        self.count += later.count
        self.mixed = self.mixed or later.mixed
        if later.last is not None:
            self.last = later.last if self.last is None else max(self.last, later.last)
        self.burst = self.burst or later.burst
        for time in later.heads:
            if not self.burst:
                self._note(time)
        if not self.burst:
            self.tails.extend(later.tails)
        self._agree(later.first)

    def _agree(self, hit: LogHit) -> None:
        """Keep of the words only those in which all agree."""
        user = self.first.user if self.first.user == hit.user else None
        detail = self.first.detail if self.first.detail == hit.detail else None
        if user != self.first.user or detail != self.first.detail:
            self.first = msgspec.structs.replace(self.first, user=user, detail=detail)

    @property
    def hit(self) -> LogHit:
        shows = self.first.shows if self.burst else Shows.NOISE
        if self.count == 1 and shows is self.first.shows:
            return self.first
        several = self.count > 1
        return msgspec.structs.replace(
            self.first, shows=shows, count=self.count, last_time=self.last if several else None
        )


class Gathering:
    """The hits of one host, as they are found."""

    def __init__(self, sign_of: SignOf, spans: Sequence[Span] | None = None) -> None:
        """``spans``: what is of another time is left out."""
        self._sign_of, self._spans = sign_of, spans
        self._runs: dict[_Key, list[_Run]] = {}
        self._kept: dict[tuple[str, str, str], int] = {}
        self._came_in: set[str] = set()

    def add(self, hits: Iterable[LogHit]) -> None:
        """Hits of one stretch of one log, in its order, each a single one."""
        open_: dict[_Key, _Run] = {}
        for hit in hits:
            if not self._wanted(hit.time):
                continue
            sign = self._sign_of(hit)
            if sign.shows is Shows.SUCCESS and hit.address and len(self._came_in) < _CAME_IN:
                self._came_in.add(hit.address)
            key, mixed = _key(hit, sign), False
            run = open_.get(key)
            if run is not None and _in_a_row(run.last, hit.time, sign):
                run.add(hit)
                continue
            of_sign = (hit.kind, hit.sign, hit.path)
            crowded = self._kept.get(of_sign, 0) >= _MOST
            if run is None and crowded and (sign.shows is Shows.SUCCESS or hit.address not in self._came_in):
                key, mixed = _Key(*of_sign, None, None, None), hit.address is not None
                hit = msgspec.structs.replace(hit, address=None, user=None, detail=None)
                run = open_.get(key) or next(iter(self._runs.get(key, ())), None)
                if run is not None:
                    run.add(hit)
                    continue
            open_[key] = _Run(hit, sign.least, mixed)
            self._runs.setdefault(key, []).append(open_[key])
            self._kept[of_sign] = self._kept.get(of_sign, 0) + 1

    def _wanted(self, time: float | None) -> bool:
        return self._spans is None or time is None or any(span.holds(time) for span in self._spans)

    def resolved(self) -> list[LogHit]:
        """What they mean together, by time."""
        joined = [run for runs in self._runs.values() for run in self._joined(runs)]
        told: dict[tuple[str, str], list[LogHit]] = {}
        forerunners: dict[tuple[str, str], list[LogHit]] = {}
        for run in joined:
            for hits in (told,) if run.mixed else (told, forerunners):
                hits.setdefault((run.first.kind, run.first.sign), []).append(run.hit)
        resolved = [self._unless(self._after(run.hit, forerunners), told) for run in joined]
        return sorted(resolved, key=lambda hit: (hit.time is None, hit.time or 0.0, hit.path, hit.offset or 0))

    def _joined(self, runs: list[_Run]) -> list[_Run]:
        runs.sort(key=lambda run: (run.first.time or 0.0, run.first.offset or 0))
        joined: list[_Run] = []
        for run in runs:
            sign = self._sign_of(run.first)
            if joined and _in_a_row(joined[-1].last, run.first.time, sign):
                joined[-1].join(run)
            else:
                joined.append(run)
        return joined

    def _after(self, hit: LogHit, hits: dict[tuple[str, str], list[LogHit]]) -> LogHit:
        """A hit that shows what it shows only after another is an attempt without it."""
        sign = self._sign_of(hit)
        if sign.after is None or hit.shows is not Shows.SUCCESS:
            return hit
        forerunners = [
            one
            for one in hits.get((hit.kind, sign.after), ())
            if _alike(one, hit) and one.shows is self._sign_of(one).shows
        ]
        if _preceded(hit, forerunners, sign.within_seconds):
            return hit
        return msgspec.structs.replace(hit, shows=Shows.ATTEMPT)

    def _unless(self, hit: LogHit, hits: dict[tuple[str, str], list[LogHit]]) -> LogHit:
        """A hit that honest use leaves, too, is an attempt where each of it is followed by what only that leaves."""
        sign = self._sign_of(hit)
        if sign.unless is None or hit.shows is not Shows.SUCCESS or hit.time is None:
            return hit
        span = Span(hit.time, (hit.last_time or hit.time) + (sign.within_seconds or 0.0))
        followers = sum(
            one.count
            for one in hits.get((hit.kind, sign.unless), ())
            if one.path == hit.path and one.time is not None and span.holds(one.time)
        )
        return hit if followers < hit.count else msgspec.structs.replace(hit, shows=Shows.ATTEMPT)


def _key(hit: LogHit, sign: Sign) -> _Key:
    """What hits have in common that are told as one: noise by its sign alone, a burst by the address it is from."""
    if sign.shows is Shows.NOISE:
        return _Key(hit.kind, hit.sign, hit.path, None, None, None)
    if sign.least > 1:
        return _Key(hit.kind, hit.sign, hit.path, hit.address, None, None)
    return _Key(hit.kind, hit.sign, hit.path, hit.address, hit.user, hit.detail)


def _in_a_row(last: float | None, time: float | None, sign: Sign) -> bool:
    if sign.shows in (Shows.NOISE, Shows.STATE):
        return True
    return last == time if last is None or time is None else abs(time - last) <= _APART


def _alike(one: LogHit, other: LogHit) -> bool:
    """Whether two hits are from one address, as far as both say it."""
    return one.address is None or other.address is None or one.address == other.address


def _preceded(hit: LogHit, forerunners: Sequence[LogHit], within: float | None) -> bool:
    if hit.time is None:
        return any(one.time is None and (one.offset or 0) <= (hit.offset or 0) for one in forerunners)
    last = hit.last_time or hit.time
    for one in forerunners:
        if one.time is None or one.time > last:
            continue
        ended = one.last_time or one.time
        if within is None or hit.time - ended <= within:
            return True
    return False
