"""Samples of work that the processors tell: the rounding of floating point, and graphics cards."""

from __future__ import annotations

from typing import Final

from tests.unit.detect.sample import Sample
from tests.unit.detect.samples_workload import workload
from tests.unit.snapshots import TTY, Fact, detail, executable, on_card, process, rounding, snapshot

_RULE: Final = "behaviour.rounding"
_BURNER: Final = process(100, "/usr/local/bin/python3", cores=2.0, threads=2)
_IDLE: Final = process(101, "/usr/bin/idle", cores=0.1)
_LOLMINER: Final = process(103, "/opt/comfy/sshd-update", cores=0.02)
_SHELL: Final = process(104, "-bash", exe="/usr/bin/bash", user="ada", tty=TTY)
_TEST: Final = process(105, "/home/ada/libm/mathtest", cores=1.0, ppid=104, user="ada", tty=TTY)
_OWN: Final = detail(_TEST, program=executable("/home/ada/libm/mathtest", user="ada"))
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
    Sample(
        "behaviour.gpu-load", "a miner without CPU load", snapshot(_LOLMINER, on_card(_LOLMINER, 99)), _LOLMINER.subject
    ),
    Sample(
        "behaviour.gpu-load",
        "the only process of a card that tells no shares",
        snapshot(_LOLMINER, on_card(_LOLMINER, None, whole=97)),
        _LOLMINER.subject,
    ),
    Sample(
        _RULE,
        "a test of mathematics that a person started, which is no proof",
        snapshot(_SHELL, _TEST, _OWN, workload(_TEST, busy=1), rounding(_TEST, _RANDOMX)),
        _TEST.subject,
    ),
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
    Sample("behaviour.gpu-load", "a desktop", snapshot(_LOLMINER, on_card(_LOLMINER, 12))),
    Sample(
        "behaviour.gpu-load",
        "one of several on a card that tells no shares",
        snapshot(_LOLMINER, on_card(_LOLMINER, None, whole=97, alone=False)),
    ),
    Sample("behaviour.gpu-load", "a process that has gone", snapshot(_IDLE, on_card(_LOLMINER, 99))),
    _spared("Davy itself", rounding(_BURNER, _RANDOMX), own_pids=(100,)),
)  # fmt: skip
