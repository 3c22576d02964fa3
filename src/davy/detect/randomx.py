"""RandomX by what it does to the processor: it changes the rounding of floating point, in every direction."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from davy.detect.behaviour import BURNING_CORES, wanted_cores
from davy.detect.rule import Observation, detector
from davy.detect.trust import person_shell
from davy.model.computation import Rounding, ThreadRounding
from davy.model.facts import Process
from davy.model.findings import Aspect
from davy.model.lookup import lookup
from davy.model.snapshot import Snapshot

_SAMPLES_LEAST: Final = 16
_DIRECTED_LEAST: Final = 8
"""Of 32 samples of the reference library 19 to 27 were not of the usual mode; 24 are to be expected."""
_CHANGES_LEAST: Final = 8
"""A test suite that works through the modes stays in each of them for longer than a few milliseconds."""
_EACH_LEAST: Final = 3
_EACH_SHARE: Final = 1 / 10
"""Of the samples; RandomX is found a fifth of its time and more in each direction.

Of 96 samples of a program that spends a fiftieth of its time in one of them, 6 were of that one, once in 50 trials; 10
or more are to be expected once in 50,000.
"""


def _proven(restless: list[ThreadRounding]) -> bool:
    """Whether threads go to and fro between all directions, one thread through all of them.

    Interval arithmetic that cuts a number off now and then is caught rounding toward zero once in many samples.
    """
    samples = sum(thread.samples for thread in restless)
    rarest = min(
        sum(thread.down for thread in restless),
        sum(thread.up for thread in restless),
        sum(thread.zero for thread in restless),
    )
    return (
        samples >= _SAMPLES_LEAST
        and rarest >= max(_EACH_LEAST, _EACH_SHARE * samples)
        and sum(thread.directed for thread in restless) >= _DIRECTED_LEAST
        and sum(thread.changes for thread in restless) >= _CHANGES_LEAST
        and any(min(thread.down, thread.up, thread.zero) > 0 for thread in restless)
    )


def _told(threads: list[ThreadRounding]) -> Iterator[str]:
    for thread in threads:
        yield (
            f"thread {thread.tid}: {thread.directed} of {thread.samples} samples not to nearest "
            f"({thread.up} up, {thread.down} down, {thread.zero} toward zero), changed {thread.changes} times"
        )


@detector("behaviour.rounding", aspect=Aspect.BEHAVIOUR, technique="T1496.001")
def rounding(snapshot: Snapshot) -> Iterator[Observation]:
    """A burning process changes the rounding direction of its floating point all the time.

    RandomX (Monero and its kin) sets the direction by an instruction of its ever new programs, so each of its threads
    is found rounding up, down and toward zero within milliseconds: hardly anything else does so, and that proves it.
    A person's own program in a terminal that talks to nobody and writes no code may test mathematics: no proof.
    Interval arithmetic knows up and down only, a program that sets its mode once stays in it, and a test of all modes
    spends longer in each: none of them is proof.  What rounds in some directions is named, and counts next to nothing.
    """
    ways = lookup(snapshot)
    for fact in snapshot.roundings:
        process = ways.by_subject.get(fact.key.subject)
        if process is None or process.kernel_thread or process.pid in snapshot.own_pids:
            continue
        if wanted_cores(snapshot, process) >= BURNING_CORES:
            yield from _observed(snapshot, process, fact)


def _at_a_desk(snapshot: Snapshot, process: Process) -> bool:
    """Whether a person started a program of their own in a terminal, which talks to nobody, and writes no code.

    Who tests mathematics does so.  RandomX runs programs that it writes as code, and whoever mines has somebody to
    tell the results.  Root's shell may be an intruder's, and what is root's is nobody's own test.
    """
    detail = lookup(snapshot).detail.get(process.subject)
    program = detail.executable if detail else None
    own = program is not None and program.uid == process.uid != 0
    workload = next((one for one in snapshot.workloads if one.key == process.key), None)
    talks = any(process.pid in socket.pids for socket in snapshot.sockets)
    quiet = workload is not None and not workload.code_bytes and not talks
    return own and quiet and person_shell(snapshot, process) is not None


def _observed(snapshot: Snapshot, process: Process, fact: Rounding) -> Iterator[Observation]:
    restless = [thread for thread in fact.threads if thread.directed and thread.changes]
    if _proven(restless):
        yield Observation(
            subject=process.subject,
            degree="all directions, at a desk" if _at_a_desk(snapshot, process) else "all directions",
            summary="changes the rounding direction of its floating point all the time, in all directions: "
            "RandomX does, hardly anything else",
            evidence=tuple(_told(restless)),
        )
    elif sum(thread.changes for thread in restless) >= _CHANGES_LEAST:
        yield Observation(
            subject=process.subject,
            degree="some directions",
            summary="changes the rounding direction of its floating point, as interval arithmetic does",
            evidence=tuple(_told(restless)),
        )
