"""Closing doors by the hands and the journal of an eviction: written ahead, finished by the next run, undoable."""

from __future__ import annotations

from collections.abc import Callable

from davy.harden.plan import plan
from davy.host import Kernel
from davy.journal import Eviction, Journal
from davy.model.plan import Plan, SetLines
from davy.respond import Finished, Interest, finish
from davy.respond.carry_out import Carried, carry_out

__all__ = ["apply", "finish_former", "is_hardening", "plan"]


def apply(kernel: Kernel, journal: Journal, made: Plan, progress: Callable[[str], None] = lambda _: None) -> Carried:
    """Carry out a plan that closes doors.  What is refused is in `Carried.left`.

    Raises `davy.journal.state.StateError` when the journal cannot be written: then nothing more is touched.
    """
    hardening = journal.begin(made)
    carried = carry_out(kernel, journal, hardening, progress)
    journal.close(hardening.id)
    return carried


def is_hardening(eviction: Eviction) -> bool:
    """Whether what the journal has there set lines, and evicted nobody."""
    return bool(eviction.plan.steps) and all(isinstance(step, SetLines) for step in eviction.plan.steps)


def finish_former(kernel: Kernel, journal: Journal, cut_short: Eviction) -> Finished:
    """Finish what was cut short.  Its plan was agreed to then, and is checked step by step again."""
    return finish(kernel, journal, cut_short, Interest())
