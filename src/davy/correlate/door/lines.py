"""What the logs say of a door: lines that show an entry near the time at which it began, and mere attempts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from davy.correlate.door.story import Candidate, Ground, Speaks, Story, Way
from davy.correlate.log_lines import meaning, sign_of, worth
from davy.correlate.moments import STRONG
from davy.model.logs import LogHit, Shows

_ATTEMPTS: Final = 1.0
"""What attempts count at most, however many: scanners try everywhere."""
_BURST: Final = 3.0
"""What failures from the same address before it add to a login."""
_BURST_LEAST: Final = 5
_BURST_SECONDS: Final = 24 * 3600.0
_BEFORE: Final = 600.0
_AFTER: Final = 120.0
_TOGETHER: Final = 600.0
"""Lines of one door within so many seconds tell of one entry."""
_SAID: Final = 8
_OWN: Final = "login"
"""All that is told of logins that may be the account's owner's."""


def nearness(story: Story, hit: LogHit) -> float:
    """How well a line's time fits, 0 to 1: the entry comes shortly before the first thing that is known to happen.

    Where no time can be relied on, a line that shows success may stand for the beginning by itself.
    """
    if hit.time is None:
        return 0.4
    inside = any(span.holds(hit.time) for span in story.spans)
    if story.first is None or story.first.weight < STRONG:
        return 0.8 if inside else 0.6
    late = hit.time - story.first.time
    if -_BEFORE <= late <= _AFTER:
        return 1.0
    if late < 0:
        return 0.8 if inside else 0.35
    return 0.4 if inside else 0.15


def bits_of(story: Story, hit: LogHit) -> float:
    """What one line says for its door, at its time."""
    bits = worth(hit)
    if hit.shows is Shows.ATTEMPT:
        bits = min(bits / 2, _ATTEMPTS)
    return bits * nearness(story, hit)


def lines(story: Story, candidate: Candidate) -> Iterator[Speaks]:
    """What the log lines of a candidate say; of each sign the line that says most."""
    best: dict[object, tuple[float, int, LogHit]] = {}
    tried: tuple[float, LogHit] | None = None
    for hit in candidate.hits:
        bits = bits_of(story, hit)
        if hit.shows is Shows.SUCCESS and bits > 0.0:
            failed = _failures_before(candidate, hit)
            if failed >= _BURST_LEAST:
                bits += _BURST * nearness(story, hit)
            one = _OWN if failed < _BURST_LEAST and _plain_login(candidate, hit) else hit.sign
            if bits > best.get(one, (0.0,))[0]:
                best[one] = (bits, failed, hit)
        elif hit.shows is Shows.ATTEMPT and bits > (tried[0] if tried else 0.0):
            tried = (bits, hit)
    for bits, failed, hit in best.values():
        burst = f", after {failed} failed attempts from there" if failed >= _BURST_LEAST else ""
        shows = bool(burst) or not _plain_login(candidate, hit)
        yield Speaks(Ground.LOG, bits, f"{meaning(hit)}{burst} ({hit.path})", shows=shows)
    if tried is not None:
        yield Speaks(Ground.LOG, tried[0], f"somebody tried: {meaning(tried[1])} ({tried[1].path})")


def _plain_login(candidate: Candidate, hit: LogHit) -> bool:
    """Whether a line tells of a login as the account's owner leaves it each day, too.

    Whatever logs tell of it, it is one login, and does not show that a stranger came in.
    """
    sign = sign_of(hit)
    return candidate.way is Way.LOGIN and (sign is None or sign.after is None)


def _failures_before(candidate: Candidate, success: LogHit) -> int:
    """How often the address that logged in had failed within the day before; none where the sign itself asks that."""
    sign = sign_of(success)
    if candidate.way is not Way.LOGIN or success.time is None or success.address is None or (sign and sign.after):
        return 0
    return sum(
        hit.count
        for hit in candidate.hits
        if _failed(hit)
        and hit.address == success.address
        and hit.time is not None
        and 0.0 <= success.time - hit.time <= _BURST_SECONDS
    )


def _failed(hit: LogHit) -> bool:
    """Whether a line tells of an attempt, also where it was too seldom to be one by itself."""
    sign = sign_of(hit)
    return hit.shows is Shows.ATTEMPT or (sign is not None and sign.shows is Shows.ATTEMPT)


def entry(story: Story, candidate: Candidate) -> LogHit | None:
    """The line that shows when somebody came in: the first of those that belong to the strongest one."""
    came = [hit for hit in candidate.hits if hit.shows is Shows.SUCCESS and bits_of(story, hit) > 0.0]
    if not came:
        return None
    strongest = max(came, key=lambda hit: (bits_of(story, hit), -(hit.time or 0.0)))
    return min(_near(came, strongest), key=lambda hit: hit.time or 0.0)


def telling(story: Story, candidate: Candidate) -> list[LogHit]:
    """The lines that tell of the entry, in the order in which they were written; where none does, the attempts."""
    shown = [hit for hit in candidate.hits if bits_of(story, hit) > 0.0]
    first = entry(story, candidate)
    near = _near(shown, first) if first is not None else shown
    strongest = sorted(near, key=lambda hit: (hit.shows is not Shows.SUCCESS, -bits_of(story, hit)))[:_SAID]
    return sorted(strongest, key=lambda hit: (hit.time or 0.0, hit.offset or 0))


def _near(hits: Sequence[LogHit], one: LogHit) -> list[LogHit]:
    """Those that belong to the same entry as ``one``, which is among them."""
    at = one.time
    if at is None:
        return [one]
    return [hit for hit in hits if hit.time is not None and abs(hit.time - at) <= _TOGETHER]
