"""Facts on their way into a snapshot: each collector within its time, each fact by its kind."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, TypeVar

from msgspec import Struct

from davy.host import HostError
from davy.model.facts import Gap

COLLECTOR_SECONDS: Final = 10.0
"""How long one collector may take before what is left of it becomes a gap."""

F = TypeVar("F", bound=Struct)
T = TypeVar("T")


def within(seconds: float, name: str, facts: Iterable[T]) -> Iterator[T | Gap]:
    """The facts of one collector until its time is over."""
    deadline = time.monotonic() + seconds
    try:
        for fact in facts:
            yield fact
            if time.monotonic() > deadline:
                yield Gap(name, "the rest", f"took longer than {seconds:g} s")
                return
    except HostError as error:
        yield Gap(name, "the rest", str(error))


def every(facts: Sequence[Struct], kind: type[F]) -> tuple[F, ...]:
    """The facts of one kind, in order."""
    return tuple(fact for fact in facts if isinstance(fact, kind))


def one(facts: Sequence[Struct], kind: type[F]) -> F | None:
    """The first fact of a kind, if there is any."""
    return next(iter(every(facts, kind)), None)
