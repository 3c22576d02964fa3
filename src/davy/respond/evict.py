"""Evict incidents: carry out the plan, watch, and go round again if anything comes back."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from msgspec import Struct

from davy.host import Host, HostError, Kernel
from davy.journal import Eviction, Journal, Progress
from davy.journal.allowances import decided
from davy.journal.seen import recalled
from davy.journal.state import StateError
from davy.model.facts import ProcessKey, Restart
from davy.model.incidents import Incident, Judgement, Kind, Role, Verdict
from davy.model.plan import Left, Plan
from davy.model.reach import USUAL, Reach
from davy.model.snapshot import Snapshot
from davy.model.text import printable
from davy.respond.carry_out import Carried, bytes_to_keep, carry_out
from davy.respond.plan import plan
from davy.respond.verify import Return, Watch
from davy.scan import scan

ROUNDS: Final = 3
"""So often an eviction goes round again when something comes back."""
MANY_PROCESSES: Final = 20
"""A plan of more processes than this is not done unless its incident is named."""


class Outcome(Struct, frozen=True, kw_only=True):
    """What an eviction came to."""

    operation: int
    rounds: int
    done: tuple[str, ...]
    left: tuple[Left, ...]
    ended: int
    returned: Return | None
    watched_seconds: float
    remaining: tuple[Incident, ...]
    """Incidents that the last look still found."""
    judgement: Judgement
    snapshot: Snapshot
    """What the last look saw."""

    @property
    def clean(self) -> bool:
        """Every step done, nothing came back, nothing left."""
        return not self.left and self.returned is None and not self.remaining


class Interest(Struct, frozen=True):
    """Whom the eviction's progress is told: what is done now, and how long the watch still lasts."""

    step: Callable[[str], None] = lambda _: None
    watch: Callable[[float], None] = lambda _: None


def needs_a_name(made: Plan) -> str | None:
    """Why a plan is not done on a mere yes: it wants its incident named.  None when nothing is out of the way."""
    if len(made.targets) > MANY_PROCESSES:
        return f"the plan ends {len(made.targets)} processes, more than {MANY_PROCESSES}"
    if made.vendor_units:
        return f"the plan meets a unit of an installed package: {made.vendor_units[0]}"
    return None


class Finished(Struct, frozen=True):
    """An eviction that had been cut short, and what came of it now."""

    eviction: Eviction
    carried: Carried


def finish(kernel: Kernel, journal: Journal, cut_short: Eviction, interest: Interest) -> Finished:
    """Finish an eviction that was cut short.  Its plan was agreed to then, and is checked step by step again."""
    carried = carry_out(kernel, journal, cut_short, interest.step)
    journal.close(cut_short.id)
    return Finished(cut_short, carried)


def evict(
    host: Host,
    journal: Journal,
    made: Plan,
    *,
    watch_seconds: float,
    interest: Interest,
    spared_files: frozenset[tuple[int, int]],
    finished: Finished | None = None,
    passed: frozenset[str] = frozenset(),
    reach: Reach = USUAL,
) -> Outcome:
    """Carry out ``made``, watch for ``watch_seconds``, and look again; up to `ROUNDS` times.

    ``passed`` are the ids of incidents that are left alone on purpose; any other that the last look confirms remains.
    What was ``finished`` before is watched for, too, and one undo puts all of it back.  Every look has the ``reach``
    of the first.  Raises `StateError` when the journal cannot be written, or what goes cannot be kept, and `HostError`
    when the host cannot be read.
    """
    kernel = host.kernel
    if kernel is None:
        raise HostError("only a live host can be evicted from")
    _check_room(journal, made)
    chosen = set(made.incidents)
    operation: int | None = None
    plans: list[Plan] = []
    done: list[str] = []
    former_left: tuple[Left, ...] = ()
    ended = 0
    if finished is not None:
        operation, former_left = finished.eviction.operation, finished.carried.left
        plans.append(finished.eviction.plan)
        chosen |= set(finished.eviction.plan.incidents)
        done += finished.carried.done
        ended += finished.carried.ended
        made = _with_former(made, finished.eviction.plan)
    restarts: tuple[Restart, ...] = ()
    starts: Counter[ProcessKey] = Counter()
    carried = Carried(done=(), left=(), ended=0)

    def look() -> tuple[Snapshot, Judgement]:
        decisions, memory = decided(journal.state.folder), recalled(journal, kernel.now())
        return scan(host, restarts=restarts, reach=reach, decided=decisions, seen=memory)

    for turn in range(1, ROUNDS + 1):
        plans.append(made)
        with Watch(kernel, plans) as watch:
            if made.steps:
                eviction = journal.begin(made, operation)
                operation = eviction.operation
                carried = carry_out(kernel, journal, eviction, _learning(interest, watch))
                journal.close(eviction.id, Progress.DONE)
                done += carried.done
                ended += carried.ended
            returned = watch.for_returns(watch_seconds, interest.watch)
            restarts += returned.started_by if returned else ()
            snapshot, judgement = look()
            remaining = tuple(_remaining(judgement, chosen, made, returned, passed))
            learned = tuple(_repeated(watch, remaining, starts))
        if learned:
            restarts += learned
            snapshot, judgement = look()
            remaining = tuple(_remaining(judgement, chosen, made, returned, passed))
        again = [one for one in remaining if one.verdict is Verdict.CONFIRMED or returned]
        if turn == ROUNDS or not again:
            break
        fresh = plan(host, snapshot, again, spared_files=spared_files)
        if not fresh.steps:
            break
        chosen |= {one.id for one in again}
        made = _with_former(fresh, made)
    return Outcome(
        operation=operation or 0,
        rounds=turn,
        done=tuple(done),
        left=tuple(dict.fromkeys((*made.left, *carried.left, *(one for one in former_left if one.what not in done)))),
        ended=ended,
        returned=returned,
        watched_seconds=watch_seconds,
        remaining=remaining,
        judgement=judgement,
        snapshot=snapshot,
    )


def _check_room(journal: Journal, made: Plan) -> None:
    """Nothing is touched unless there is room for all that must be kept.  Raises `StateError`."""
    found = os.fstatvfs(journal.state.quarantine)
    needed = bytes_to_keep(made)
    if found.f_bavail * found.f_frsize < needed:
        raise StateError(
            f"state folder {journal.state.folder}: no room to keep what is evicted, {needed >> 20} MiB are needed: "
            "name another with --state"
        )


def _learning(interest: Interest, watch: Watch) -> Callable[[str], None]:
    """Tell of a step, and let the watch learn from what happened meanwhile."""

    def step(words: str) -> None:
        watch.drain()
        interest.step(words)

    return step


def _repeated(watch: Watch, remaining: Iterable[Incident], starts: Counter[ProcessKey]) -> Iterator[Restart]:
    """Who has started miners under ever new names: whoever started one in two rounds.  ``starts`` counts the rounds."""
    watch.drain()
    found = {
        restart
        for one in remaining
        for actor in one.actors
        if actor.role is Role.MINER and actor.pid is not None and actor.path
        for restart in watch.starters(actor.pid, actor.files[0] if actor.files else actor.path)
    }
    starts.update({restart.starter for restart in found})
    yield from (restart for restart in found if starts[restart.starter] > 1)


def _remaining(
    judgement: Judgement, chosen: set[str], made: Plan, returned: Return | None, passed: frozenset[str]
) -> Iterable[Incident]:
    """Incidents of a later scan that are what was evicted, hold what came back, or are confirmed and new."""
    names = set(made.names)
    for one in judgement.incidents:
        paths = {
            printable(path)
            for actor in one.actors
            if actor.kind is not Kind.AUTOSTART
            for path in (actor.path, *actor.files)
            if path
        }
        pids = {actor.pid for actor in one.actors}
        new = one.verdict is Verdict.CONFIRMED and one.id not in passed
        if new or one.id in chosen or names & paths or (returned is not None and returned.pid in pids):
            yield one


def _with_former(fresh: Plan, former: Plan) -> Plan:
    """A further round watches for what the former rounds evicted, too."""
    return Plan(
        incidents=fresh.incidents,
        boot_id=fresh.boot_id,
        steps=fresh.steps,
        left=fresh.left,
        vendor_units=fresh.vendor_units,
        names=tuple(sorted({*fresh.names, *former.names})),
    )
