"""One case against its truth: the verdict, who was accused, who was let go, and by how many bits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct

from bench.corpus.case import Case, capsule_of, cases, names_actor
from davy import capsule
from davy.correlate import correlate
from davy.correlate.verdict import confidence
from davy.detect import DETECTORS, detect
from davy.model.incidents import Actor, Judgement, Role, Verdict
from davy.model.snapshot import Snapshot


class Played(Struct, frozen=True, kw_only=True):
    """A case and the facts that were recorded of it."""

    name: str
    kind: str
    case: Case
    snapshot: Snapshot


class Outcome(Struct, frozen=True, kw_only=True):
    """What was said of a case, and how much of it is true."""

    name: str
    kind: str
    case: Case
    got: Verdict
    bits: float
    """Of the worst incident, else of the worst subject that was let go."""
    confidence: float
    family: str | None
    found: int
    """Of the gang's patterns, those that an incident names."""
    missed: tuple[str, ...]
    right: int
    """Actors that the truth names."""
    wrong: tuple[str, ...]
    """Actors that it does not."""
    sure: tuple[tuple[float, bool], ...]
    """Of everybody judged: how sure Davy is that it mines, and whether it does."""
    stood: frozenset[tuple[str, str, str]]
    """Rule, degree and subject of every observation."""
    accused: frozenset[str]
    """Subjects of all actors."""

    @property
    def good(self) -> bool:
        return self.got is self.case.truth.verdict and not self.missed and not self.wrong


def played() -> Iterator[Played]:
    """All cases with their facts.  Raises `CapsuleError` for one that was not recorded."""
    for path, case in cases():
        yield Played(name=path.stem, kind=path.parent.name, case=case, snapshot=capsule.read(str(capsule_of(path))))


def judged(snapshot: Snapshot, forgotten: str | None = None) -> Judgement:
    """What Davy says of these facts; findings that name the ``forgotten`` family are left out."""
    return correlate(snapshot, [one for one in detect(snapshot) if forgotten is None or one.family != forgotten])


def outcome(one: Played) -> Outcome:
    """A case, judged and held against its truth."""
    judgement, truth = judged(one.snapshot), one.case.truth
    actors = [actor for incident in judgement.incidents for actor in incident.actors if actor.role is not Role.DOOR]
    missed = tuple(pattern for pattern in truth.gang if not any(names_actor(pattern, actor) for actor in actors))
    wrong = tuple(_shown(actor) for actor in actors if not _named((*truth.gang, *truth.also), actor))
    worst = max(judgement.incidents, key=lambda incident: (incident.verdict.rank, incident.bits), default=None)
    let_go = max((each.bits for each in judgement.considered), default=0.0)
    return Outcome(
        name=one.name,
        kind=one.kind,
        case=one.case,
        got=judgement.verdict,
        bits=worst.bits if worst else let_go,
        confidence=worst.confidence if worst else confidence(let_go),
        family=worst.family if worst else None,
        found=len(truth.gang) - len(missed),
        missed=missed,
        right=len(actors) - len(wrong),
        wrong=wrong,
        sure=tuple(_sure(judgement, one.case)),
        stood=frozenset(
            (detector.rule, seen.degree, seen.subject)
            for detector in DETECTORS
            for seen in detector.observe(one.snapshot)
        ),
        accused=frozenset(actor.subject for actor in actors),
    )


def _sure(judgement: Judgement, case: Case) -> Iterator[tuple[float, bool]]:
    for incident in judgement.incidents:
        yield incident.confidence, any(_named(case.truth.gang, actor) for actor in incident.actors)
    for each in judgement.considered:
        if each.subject.startswith("process:"):
            yield confidence(each.bits), False


def _named(patterns: Iterable[str], actor: Actor) -> bool:
    return any(names_actor(pattern, actor) for pattern in patterns)


def _shown(actor: Actor) -> str:
    return f"{actor.role} {actor.cmdline or actor.path or actor.name}"[:120]
