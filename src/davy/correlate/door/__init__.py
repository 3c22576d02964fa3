"""How the intruder came in: every door that comes into question, weighed by what speaks for it.

An incident and the exposures of its host come in; the likeliest door, the others, those that it was not, and what to
keep go out.  A file for each kind of reason: `ancestry` (who started the first of them), `lines` (what logs say),
`openness` (how far it stands open, and the family's habits), `traces` (what is left behind); `weighing` adds them up.
Pure.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from davy.correlate.cast import Cast
from davy.correlate.door.ancestry import ancestry
from davy.correlate.door.candidates import candidates
from davy.correlate.door.lines import entry, lines, telling
from davy.correlate.door.openness import habits, openness
from davy.correlate.door.ruled_out import keep, ruled_out
from davy.correlate.door.story import Candidate, Speaks, Story, Way
from davy.correlate.door.traces import traces
from davy.correlate.door.weighing import named as is_named
from davy.correlate.door.weighing import shares, total
from davy.correlate.moments import beginning, moments, spans_of
from davy.model.exposures import Exposure
from davy.model.facts import Process
from davy.model.incidents import Actor, Door, Kind, Reason, Role, RuledOut
from davy.model.services import ReachedFrom
from davy.model.snapshot import Snapshot

_GROUNDS: Final = (ancestry, lines, openness, traces, habits)
_POSSIBLE_BITS: Final = 2.0
"""A candidate with less comes into no question."""
_OTHERS: Final = 5
_EVIDENCE: Final = 12


class Doors(NamedTuple):
    """What is known of how somebody came in."""

    door: Door | None = None
    others: tuple[Door, ...] = ()
    ruled_out: tuple[RuledOut, ...] = ()
    keep: tuple[str, ...] = ()
    actor: Actor | None = None
    """The door as an actor of the incident."""
    processes: tuple[Process, ...] = ()
    """The service's own, of the likeliest doors."""
    kinds: frozenset[str] = frozenset()
    """The ids of the services that come into question."""


class _Weighed(NamedTuple):
    candidate: Candidate
    reasons: tuple[Speaks, ...]
    bits: float
    share: float


def doors(
    snapshot: Snapshot, cast: Cast, family: str | None, exposures: Iterable[Exposure], owners: bool = False
) -> Doors:
    """The door of an incident, as far as the facts tell.

    None is named, and nothing to be kept, of what may be its ``owners`` own: what shows where it was started from is
    told, and what only stands open is not.
    """
    found = moments(snapshot, cast)
    story = Story(snapshot, cast, family, beginning(found), spans_of(found))
    weighed = _weighed(story, candidates(story, exposures))
    possible = [one for one in weighed if one.bits >= _POSSIBLE_BITS and (_shows(one) or not owners)]
    each = [_door(story, one) for one in possible]
    sure = not owners and bool(possible) and is_named(possible[0].bits, possible[0].share, possible[0].reasons)
    return Doors(
        door=each[0] if sure else None,
        others=tuple(each[1:] if sure else each)[:_OTHERS],
        ruled_out=ruled_out(
            story,
            [one.candidate for one in weighed if one.bits < _POSSIBLE_BITS],
            [one.candidate for one in possible],
        ),
        keep=() if sure or owners else keep(story, [one.candidate for one in possible]),
        actor=_actor(possible[0].candidate, each[0]) if sure else None,
        kinds=frozenset(one.candidate.kind for one in possible if one.candidate.kind is not None),
        processes=tuple(process for one in possible[:2] for process in one.candidate.processes[:1]),
    )


def _weighed(story: Story, found: Sequence[Candidate]) -> list[_Weighed]:
    """The candidates with what speaks for each, the likeliest first."""
    reasons = [
        tuple(sorted((one for ground in _GROUNDS for one in ground(story, each) if one.bits > 0.0), key=_strength))
        for each in found
    ]
    each = (_Weighed(*one) for one in zip(found, reasons, map(total, reasons), shares(reasons), strict=True))
    return sorted(each, key=lambda one: (-one.share, -one.bits))


def _strength(reason: Speaks) -> float:
    return -reason.bits


def _door(story: Story, weighed: _Weighed) -> Door:
    candidate = weighed.candidate
    came = entry(story, candidate)
    reasons = [Reason(round(one.bits, 2), one.what) for one in weighed.reasons]
    reasons += _from_within(weighed)
    logged = [hit.text.partition("\n")[0] for hit in telling(story, candidate)]
    return Door(
        service=candidate.name,
        confidence=round(weighed.share, 3),
        time=came.time if came is not None else story.first.time if story.first and _shows(weighed) else None,
        evidence=tuple(dict.fromkeys([*logged, *(reason.what for reason in reasons)]))[:_EVIDENCE],
        kind=candidate.kind,
        subject=candidate.subject,
        address=_address(candidate),
        bits=round(weighed.bits, 2),
        reasons=tuple(reasons),
        fix=_fix(candidate),
    )


def _shows(weighed: _Weighed) -> bool:
    return any(reason.shows for reason in weighed.reasons)


def _from_within(weighed: _Weighed) -> Iterable[Reason]:
    """That a service which only this host reaches was led to it by a program that speaks to it."""
    service = weighed.candidate.service
    alone = service is not None and service.reached_from is ReachedFrom.LOOPBACK
    if alone and weighed.candidate.way is Way.SERVICE and _shows(weighed):
        what = "it is reached from this host only: whoever did it spoke through a program here that speaks to it"
        yield Reason(0.0, f"{what}, as by an injection into what it asks for")


def _address(candidate: Candidate) -> str | None:
    """Where one comes in: the address of its worst exposure, or the widest on which it listens."""
    if candidate.exposures:
        return max(candidate.exposures, key=lambda one: one.severity.rank).address
    if candidate.container is not None and candidate.container.published:
        port = candidate.container.published[0]
        return f"[{port.address}]:{port.port}" if ":" in port.address else f"{port.address}:{port.port}"
    listening: Sequence[str] = ()
    if candidate.service is not None and candidate.service.listening:
        widest = max(candidate.service.listening, key=lambda one: one.reached_from.rank)
        listening = (widest.spoken,)
    return listening[0] if listening else None


def _fix(candidate: Candidate) -> tuple[str, ...]:
    worst = sorted(candidate.exposures, key=lambda one: -one.severity.rank)
    found = [line for one in worst for line in one.fix]
    box = candidate.container
    if candidate.way is Way.CONTAINER and box is not None:
        found += [
            f"publish port {port.port} of {box.name} on 127.0.0.1 only: 127.0.0.1:{port.port}:{port.container_port}"
            for port in box.published
        ]
        if not box.published and box.runtime in ("docker", "podman"):
            found.append(f"{box.runtime} rm -f {shlex.quote(box.name)}, and look for others that nobody of yours made")
    return tuple(dict.fromkeys(found))


def _actor(candidate: Candidate, door: Door) -> Actor:
    """The door in its role.  It has no files and no path: nothing of it is ever touched by an eviction."""
    kinds = {
        Way.SERVICE: Kind.SERVICE,
        Way.LOGIN: Kind.ACCOUNT,
        Way.CONTAINER: Kind.CONTAINER,
        Way.PACKAGE: Kind.SERVICE,
    }
    pid = candidate.service.pid if candidate.service and candidate.way is Way.SERVICE else None
    why = door.reasons[0].what if door.reasons else door.service
    return Actor(
        role=Role.DOOR, kind=kinds[candidate.way], subject=candidate.subject, name=candidate.name, detail=why, pid=pid,
        user=candidate.user,
    )  # fmt: skip
