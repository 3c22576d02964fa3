"""The road from a host to a judgement: survey, triage, examine, detect, correlate; of incidents the logs, and again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Final

import msgspec

from davy.collect.examine import examine
from davy.collect.facts import COLLECTOR_SECONDS, every, one, within
from davy.collect.survey import survey
from davy.correlate import correlate
from davy.correlate.moments import spans
from davy.correlate.unseen import unseen
from davy.detect import detect, triage
from davy.host import Host
from davy.host.packages import packages
from davy.journal.comparing import with_news
from davy.model.allowance import Allowance
from davy.model.autostarts import Autostart
from davy.model.facts import Gap, Restart
from davy.model.findings import Finding
from davy.model.incidents import Judgement
from davy.model.logs import ClockStep, LogHit, LogRead, Shows
from davy.model.memory import Memory
from davy.model.reach import USUAL, Reach
from davy.model.snapshot import Snapshot

WINDOW_SECONDS = 1.0
"""How long CPU use is sampled."""
_LOG_SECONDS: Final = 30.0
"""The reading of logs keeps to a budget of its own, and tells what it found at its end: this only ends what hangs."""
_HITS: Final = 4000
"""So many log lines are kept, those that show most first."""
_SHOWN: Final = (Shows.SUCCESS, Shows.STATE, Shows.ATTEMPT, Shows.NOISE)


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
    findings = tuple(detect(snapshot))
    judgement = correlate(snapshot, findings)
    if judgement.incidents:
        progress("logs")
        snapshot, judgement = _with_logs(host, snapshot, findings, judgement, reach)
        seconds = time.monotonic() - started
        snapshot = msgspec.structs.replace(snapshot, seconds=seconds)
        judgement = msgspec.structs.replace(judgement, seconds=seconds)
    return snapshot, judgement


def _with_logs(
    host: Host, snapshot: Snapshot, findings: tuple[Finding, ...], judgement: Judgement, reach: Reach
) -> tuple[Snapshot, Judgement]:
    """The snapshot with what the logs tell of how the incidents came in, and what it comes to with that.

    Around the times that the incidents have, the logs of all services are read.  Where these show nobody coming in, a
    line that does may stand for the beginning itself: the logs of what stands open, or started it, are read whole.
    """
    from davy.collect.logs import log_facts  # only where there is an incident: a clean host's logs are not read

    wanted = spans(snapshot, judgement.incidents)
    found = log_facts(host, snapshot.services, wanted, reach.state) if wanted else iter(())
    taken = with_log_facts(snapshot, within(_LOG_SECONDS, "logs", found))
    judged = correlate(taken, findings)
    if suspected := unseen(taken, judged):
        whole = log_facts(host, suspected, None, reach.state)
        taken = with_log_facts(taken, within(_LOG_SECONDS, "logs", whole))
        judged = correlate(taken, findings)
    return taken, judged


def with_log_facts(snapshot: Snapshot, facts: Iterable[LogHit | LogRead | ClockStep | Gap]) -> Snapshot:
    """The snapshot with what was read of logs; what was read before is told once."""
    found = tuple(facts)
    hits = {(one.path, one.offset, one.kind, one.sign): one for one in (*snapshot.log_hits, *every(found, LogHit))}
    kept = sorted(hits.values(), key=lambda one: _SHOWN.index(one.shows))[:_HITS]
    gaps = list(every(found, Gap))
    if len(kept) < len(hits):
        gaps.append(Gap("logs", f"{len(hits) - len(kept)} log lines", f"more than {_HITS} say something"))
    return msgspec.structs.replace(
        snapshot,
        log_hits=tuple(sorted(kept, key=lambda one: (one.time or 0.0, one.path, one.offset or 0))),
        logs_read=tuple({one.path: one for one in (*snapshot.logs_read, *every(found, LogRead))}.values()),
        clock_steps=tuple(dict.fromkeys((*snapshot.clock_steps, *every(found, ClockStep)))),
        gaps=tuple(dict.fromkeys((*snapshot.gaps, *gaps))),
    )


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
