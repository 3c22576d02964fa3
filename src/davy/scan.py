"""The road from a host to a judgement: survey, triage, examine, detect, correlate."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

import msgspec

from davy.collect.examine import examine
from davy.collect.facts import COLLECTOR_SECONDS, every, one, within
from davy.collect.survey import survey
from davy.correlate import correlate
from davy.detect import detect, triage
from davy.host import Host
from davy.host.packages import packages
from davy.journal.comparing import with_news
from davy.model.allowance import Allowance
from davy.model.autostarts import Autostart
from davy.model.facts import Gap, Restart
from davy.model.incidents import Judgement
from davy.model.memory import Memory
from davy.model.reach import USUAL, Reach
from davy.model.snapshot import Snapshot

WINDOW_SECONDS = 1.0
"""How long CPU use is sampled."""


def scan(
    host: Host,
    window_seconds: float = WINDOW_SECONDS,
    progress: Callable[[str], None] = lambda _: None,
    restarts: tuple[Restart, ...] = (),
    reach: Reach = USUAL,
    decided: Iterable[Allowance | Gap] = (),
    seen: Iterable[Memory | Gap] = (),
) -> tuple[Snapshot, Judgement]:
    """All facts of a host, and what they come to.  Reads, and never changes the host.  Raises `HostError`.

    ``decided`` is what its owner has allowed before: `davy.journal.allowances`; ``seen`` what an earlier look saw:
    `davy.journal.seen`.
    """
    started = time.monotonic()
    database = packages(host.root, forgiving=True)
    surveyed = survey(host, window_seconds, database, progress, restarts, reach)
    progress("a closer look")
    examined = examine(host, surveyed, triage(surveyed), database, reach)
    known = (*decided, *seen)
    memory = one(known, Memory)
    snapshot = msgspec.structs.replace(
        examined,
        seconds=time.monotonic() - started,
        autostarts=with_news(examined.autostarts, memory, examined.taken) if memory else examined.autostarts,
        allowances=every(known, Allowance),
        gaps=examined.gaps + every(known, Gap),
    )
    return snapshot, correlate(snapshot, detect(snapshot))


def autostarts_of(host: Host) -> tuple[tuple[Autostart, ...], tuple[Gap, ...]]:
    """The autostarts alone, and what of them could not be read: for a look that judges nothing."""
    from davy.collect.autostarts.readers import AUTOSTARTS

    facts = [
        fact for name, collector in AUTOSTARTS for fact in within(COLLECTOR_SECONDS, name, collector(host))
    ]  # fmt: skip
    return every(facts, Autostart), every(facts, Gap)


def autostart_gaps(snapshot: Snapshot) -> tuple[Gap, ...]:
    """What of the autostarts a scan could not read."""
    from davy.collect.autostarts.readers import AUTOSTARTS

    readers = {name for name, _ in AUTOSTARTS}
    return tuple(gap for gap in snapshot.gaps if gap.collector in readers)


def replay(file: str) -> tuple[Snapshot, Judgement]:
    """The snapshot in a capsule, and what it comes to: the same as when it was taken.  Raises `CapsuleError`."""
    from davy import capsule

    snapshot = capsule.read(file)
    return snapshot, correlate(snapshot, detect(snapshot))
