"""The timeline of an incident: everything with a time in one order, with its source, and the times nobody tells of."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Final

from davy.correlate.cast import Cast
from davy.correlate.containers import happenings
from davy.correlate.log_lines import SSH, distinct, service_name, tells_only, worth
from davy.correlate.moments import Moment, beginning, moments, spans_of
from davy.correlate.uncovered import uncovered
from davy.model.facts import Process, ProcessKey
from davy.model.incidents import Happening
from davy.model.logs import LogHit, Shows, Span
from davy.model.lookup import lookup
from davy.model.snapshot import Snapshot

_HITS: Final = 60
"""So many log lines at most, those that show most first; the others are counted."""
_ATTEMPTS_APART: Final = 600.0
"""Attempts of one kind from one address are one line, while no longer pause is between them."""
_LOOPBACK: Final = ("127.", "::1", "localhost")
_LINE: Final = 300
"""Characters of a log line that the timeline shows."""


def timeline(
    snapshot: Snapshot, cast: Cast, services: Sequence[Process] = (), kinds: Collection[str] = ()
) -> tuple[Happening, ...]:
    """What is known to have happened when, in order.

    ``services`` are processes of what may have been the door; ``kinds`` the ids of all services that may have been:
    of these, and of logins, it is said where no log tells.
    """
    found = moments(snapshot, cast)
    told = [
        *_host(snapshot),
        *(Happening(one.time, one.what, one.source) for one in found),
        *(_started(process, "the service") for process in services),
        *happenings(cast.containers),
        *_restarts(snapshot, cast),
        *_hits(_telling(snapshot, found, {*kinds, SSH})),
        *_clock_steps(snapshot),
        *_silences(snapshot, spans_of(found), {*kinds, SSH}),
    ]
    unique = {(round(one.time, 2), one.what): one for one in told}
    return tuple(sorted(unique.values(), key=lambda one: one.time))


def _host(snapshot: Snapshot) -> Iterator[Happening]:
    if snapshot.host.boot_time is not None:
        yield Happening(snapshot.host.boot_time, "the machine was started", "the kernel")
    if snapshot.host.installed is not None:
        what = "the system was installed, or started for the first time"
        yield Happening(snapshot.host.installed, what, "the oldest of the files that are made then")


def _started(process: Process, what: str) -> Happening:
    return Happening(process.start_time, f"{what} {process.name} ({process.pid}) started", "process start")


def _restarts(snapshot: Snapshot, cast: Cast) -> Iterator[Happening]:
    """What an eviction saw coming back."""
    own = {ProcessKey(one.pid, one.start_ticks) for one in cast.processes}
    ways = lookup(snapshot)
    for restart in snapshot.restarts:
        starter = ways.by_subject.get(restart.starter.subject)
        if starter is not None and starter.key in own:
            what = f"{starter.name} ({starter.pid}) started {restart.program} again after it was evicted"
            yield Happening(snapshot.taken, what, "the eviction's watch")


def _telling(snapshot: Snapshot, found: Sequence[Moment], kinds: Collection[str]) -> list[LogHit]:
    """The log lines that belong to the story, those in the spans of time and successes first."""
    spans, first = spans_of(found), beginning(found)

    def matters(hit: LogHit) -> tuple[bool, bool, float]:
        time = hit.time or 0.0
        inside = any(span.holds(time) for span in spans)
        return (not inside, hit.shows is not Shows.SUCCESS, abs(time - first.time) if first else 0.0)

    timed = [hit for hit in distinct(snapshot.log_hits) if hit.time is not None and _says_something(hit, kinds)]
    return sorted(timed, key=matters)


def _says_something(hit: LogHit, kinds: Collection[str]) -> bool:
    """Whether a line is of this story: not what services that come into no question say of themselves and this host."""
    concerns = hit.kind in kinds or tells_only(hit.kind)
    if hit.shows is Shows.STATE:
        return concerns
    from_here = hit.address is not None and hit.address.startswith(_LOOPBACK)
    return worth(hit) > 0.0 and (concerns or not from_here)


def _hits(hits: Sequence[LogHit]) -> Iterator[Happening]:
    attempts: dict[tuple[str, str, str, str | None], list[LogHit]] = {}
    said = 0
    for hit in hits:
        if hit.shows is Shows.ATTEMPT:
            attempts.setdefault((hit.kind, hit.sign, hit.path, hit.address), []).append(hit)
        elif said < _HITS:
            said += 1
            yield Happening(hit.time or 0.0, f"{_meaning(hit)}: {_short(hit.text)}", hit.path)
    for together in list(attempts.values())[:_HITS]:
        yield from _bursts(sorted(together, key=lambda one: one.time or 0.0))


def _bursts(attempts: Sequence[LogHit]) -> Iterator[Happening]:
    """Attempts that follow one another as one line with their count."""
    burst: list[LogHit] = []
    for hit in attempts:
        if burst and (hit.time or 0.0) - (burst[-1].last_time or burst[-1].time or 0.0) > _ATTEMPTS_APART:
            yield _burst(burst)
            burst = []
        burst.append(hit)
    yield _burst(burst)


def _burst(hits: Sequence[LogHit]) -> Happening:
    first = hits[0]
    count = sum(hit.count for hit in hits)
    from_where = f" from {first.address}" if first.address else ""
    times = f", {count} times{from_where}" if count > 1 else from_where
    return Happening(first.time or 0.0, f"{_meaning(first)}{times}: {_short(first.text)}", first.path)


def _meaning(hit: LogHit) -> str:
    return f"{service_name(hit.kind)}: {'tried' if hit.shows is Shows.ATTEMPT else hit.shows.value}"


def _short(text: str) -> str:
    line = text.partition("\n")[0]
    return line if len(line) <= _LINE else f"{line[:_LINE]}..."


def _clock_steps(snapshot: Snapshot) -> Iterator[Happening]:
    for step in snapshot.clock_steps:
        change = step.after - step.before
        way = "back" if change < 0 else "forward"
        what = f"the clock was set {way} by {in_words(abs(change))}: times before may be wrong by that"
        yield Happening(min(step.before, step.after), what, step.path)


def _silences(snapshot: Snapshot, spans: Iterable[Span], kinds: Collection[str]) -> Iterator[Happening]:
    """Times within the spans that no log of a service covers, though logs of it are there."""
    for gap in uncovered(snapshot, spans):
        if gap.kind not in kinds:
            continue
        what = f"no log of {service_name(gap.kind)} covers the next {in_words(gap.span.end - gap.span.begin)}"
        yield Happening(gap.span.begin, what, ", ".join(gap.paths[:3]))


def in_words(seconds: float) -> str:
    """A length of time in the largest unit that fits: ``3 h``, ``90 s``."""
    for size, unit in ((86_400.0, "days"), (3600.0, "h"), (60.0, "min")):
        if seconds >= 2 * size or (seconds >= size and unit != "days"):
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
