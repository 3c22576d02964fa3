"""Samples of rounding: RandomX, and who else touches the direction of rounding."""

from __future__ import annotations

from typing import Final

from tests.unit.detect.sample import Sample
from tests.unit.snapshots import Fact, process, rounding, snapshot

_RULE: Final = "behaviour.rounding"
_BURNER: Final = process(100, "/usr/local/bin/python3", cores=2.0, threads=2)
_IDLE: Final = process(101, "/usr/bin/idle", cores=0.1)
_RANDOMX: Final = "nuzdzudnzunddzunzudnzdunzzudnuzd"


def _seen(what: str, *facts: Fact) -> Sample:
    return Sample(_RULE, what, snapshot(_BURNER, *facts), _BURNER.subject)


def _spared(what: str, *facts: Fact, own_pids: tuple[int, ...] = ()) -> Sample:
    return Sample(_RULE, what, snapshot(_BURNER, *facts, own_pids=own_pids))


MATCHING: Final = (
    _seen("RandomX, one thread", rounding(_BURNER, _RANDOMX)),
    _seen(
        "RandomX, two threads on a machine so busy that few samples were taken",
        rounding(_BURNER, "nuzdzudnzu", "dnuzznud"),
    ),
    _seen("RandomX beside threads that do something else", rounding(_BURNER, "n" * 32, _RANDOMX, "n" * 32)),
    _seen("interval arithmetic, which is no proof", rounding(_BURNER, "ud" * 16)),
)
SPARED: Final = (
    _spared("ordinary floating point", rounding(_BURNER, "n" * 32, "n" * 32)),
    _spared("a program that sets its mode once", rounding(_BURNER, "z" * 32)),
    _spared("a mode of its own for each thread", rounding(_BURNER, "u" * 32, "d" * 32, "z" * 32, "n" * 32)),
    _spared("a test that works through all modes", rounding(_BURNER, "nnnnnnnnuuuuuuuuddddddddzzzzzzzz")),
    _spared("too few samples", rounding(_BURNER, "nuzd")),
    _spared("hardly any CPU", _IDLE, rounding(_IDLE, _RANDOMX)),
    _spared("a process that has gone", rounding(process(102, "/tmp/gone"), _RANDOMX)),
    _spared("Davy itself", rounding(_BURNER, _RANDOMX), own_pids=(100,)),
)  # fmt: skip
