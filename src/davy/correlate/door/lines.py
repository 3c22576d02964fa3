"""What the logs say of a door: lines that show an entry near the time at which it began, and mere attempts."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from operator import itemgetter
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
_BY_KEY: Final = "key-accepted"
_ONE_LOGIN: Final = 30.0
"""Lines about one login are written within so many seconds."""
_BEFORE: Final = 600.0
_AFTER: Final = 120.0
_TOGETHER: Final = 600.0
"""Lines of one door within so many seconds tell of one entry."""
_SAID: Final = 8
_STEPS: Final = 4
"""So many settings of the clock are reckoned with."""
_OWN: Final = "login"
"""All that is told of logins that may be the account's owner's."""


def nearness(story: Story, hit: LogHit) -> float:
    """How well a line's time fits, 0 to 1: the entry comes shortly before the first thing that is known to happen.

    Where no time can be relied on, a line that shows success may stand for the beginning by itself.  Where the clock
    was set, a line may have been written by the clock as it was before.
    """
    if hit.time is None:
        return 0.4
    return max(_nearness(story, hit.time), *(_nearness(story, hit.time + shift) for shift in _shifts(story)), 0.0)


def _shifts(story: Story) -> list[float]:
    """By how much the clock was set, the largest of its steps first."""
    steps = {step.after - step.before for step in story.snapshot.clock_steps}
    return sorted(steps, key=abs, reverse=True)[:_STEPS]


def _nearness(story: Story, time: float) -> float:
    inside = any(span.holds(time) for span in story.spans)
    if story.first is None or story.first.weight < STRONG:
        return 0.8 if inside else 0.6
    late = time - story.first.time
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
    failures = _Failures(candidate)
    for hit in candidate.hits:
        bits = bits_of(story, hit)
        if hit.shows is Shows.SUCCESS and bits > 0.0:
            failed = failures.before(hit)
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


class _Failures:
    """How often each address failed to log in, and when; a key is nothing that is found by trying passwords."""

    def __init__(self, candidate: Candidate) -> None:
        self._times: dict[str, list[float]] = defaultdict(list)
        self._counts: dict[str, list[int]] = defaultdict(lambda: [0])
        self._keys: dict[str, list[float]] = defaultdict(list)
        told = candidate.hits if candidate.way is Way.LOGIN else ()
        timed = [(hit.time, hit.address, hit) for hit in told if hit.time is not None and hit.address]
        for time, address, hit in sorted(timed, key=itemgetter(0)):
            if _failed(hit):
                self._times[address].append(time)
                self._counts[address].append(self._counts[address][-1] + hit.count)
            elif hit.sign == _BY_KEY:
                self._keys[address].append(time)

    def before(self, success: LogHit) -> int:
        """How often the address that logged in had failed within the day before; none where the sign asks that."""
        sign = sign_of(success)
        if success.time is None or success.address not in self._times or (sign and sign.after):
            return 0
        keys = self._keys.get(success.address, [])
        at = bisect_left(keys, success.time - _ONE_LOGIN)
        if at < len(keys) and keys[at] <= success.time + _ONE_LOGIN:
            return 0
        times, counts = self._times[success.address], self._counts[success.address]
        first, last = bisect_left(times, success.time - _BURST_SECONDS), bisect_right(times, success.time)
        return counts[last] - counts[first]


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
