"""What a detector is: a pure function with a name, an aspect and a technique."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator

from msgspec import Struct

from davy.knowledge.weights import weight_of
from davy.model.findings import Aspect, Finding
from davy.model.lookup import lookup
from davy.model.snapshot import Snapshot


class Observation(Struct, frozen=True, kw_only=True):
    """What a detector sees of one subject; the detector's name, aspect and technique make it a `Finding`.

    What it is worth is looked up by the rule and the degree: see `davy.knowledge.weights`.
    """

    subject: str
    summary: str
    degree: str = ""
    """Which of the detector's weights it has; "" where there is one only."""
    evidence: tuple[str, ...] = ()
    family: str | None = None
    related: tuple[str, ...] = ()
    technique: str | None = None
    """Where it is another than its detector's."""


class Detector(Struct, frozen=True, kw_only=True):
    """One question put to a snapshot."""

    rule: str
    aspect: Aspect
    technique: str | None
    meaning: str
    """What it means, what else looks like it, what to do: the function's docstring."""
    observe: Callable[[Snapshot], Iterator[Observation]]

    def __call__(self, snapshot: Snapshot) -> Iterator[Finding]:
        for seen in self.observe(snapshot):
            weight = weight_of(self.rule, seen.degree)
            yield Finding(
                rule=self.rule,
                aspect=self.aspect,
                technique=seen.technique or self.technique,
                subject=seen.subject,
                bits=weight.bits,
                conclusive=weight.conclusive,
                summary=seen.summary + _where(snapshot, seen.subject),
                evidence=seen.evidence,
                family=seen.family,
                related=seen.related,
            )


def _where(snapshot: Snapshot, subject: str) -> str:
    """The container that a process is in, for the end of a sentence."""
    ways = lookup(snapshot)
    process = ways.by_subject.get(subject)
    container = ways.container(process) if process is not None else None
    return f", in container {container.name}" if container is not None else ""


def detector(
    rule: str, *, aspect: Aspect, technique: str | None = None
) -> Callable[[Callable[[Snapshot], Iterator[Observation]]], Detector]:
    """Make a function of a snapshot a detector.  ``rule`` never changes once it is published."""

    def make(observe: Callable[[Snapshot], Iterator[Observation]]) -> Detector:
        return Detector(
            rule=rule, aspect=aspect, technique=technique, meaning=inspect.getdoc(observe) or "", observe=observe
        )

    return make
