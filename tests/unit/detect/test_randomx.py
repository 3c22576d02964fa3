"""Which rounding is proof, and which is not."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.detect.samples_workload import workload
from tests.unit.snapshots import TTY, connection, detail, executable, process, rounding, snapshot

from davy.detect import randomx
from davy.model.findings import Finding

BURNER = process(100, "/usr/local/bin/python3", cores=1.0)


def judged(*threads: str) -> Finding:
    (found,) = randomx.rounding(snapshot(BURNER, rounding(BURNER, *threads)))
    return found


def test_all_directions_are_proof() -> None:
    found = judged("nuzdzudnzunddzunzudnzdunzzudnuzd")
    assert found.conclusive
    assert found.evidence == (
        "thread 100: 25 of 32 samples not to nearest (8 up, 8 down, 9 toward zero), changed 29 times",
    )


@pytest.mark.parametrize(
    "threads",
    [
        ("ud" * 16,),
        ("undn" * 8,),
        ("uz" * 16,),
        ("ud" * 16, "z" * 32),
        ("ud" * 16, "zn" * 16),
        ("ud" * 16, "uz" * 16, "dz" * 16),
        ("ud" * 20 + "z" + "ud" * 20,),
        ("ud" * 16 + "zz" + "ud" * 31,),
        ("ud" * 47 + "uz", "ud" * 48, "ud" * 47 + "zz", "ud" * 48),
    ],
    ids=[
        "up and down", "interval arithmetic", "two directions", "a constant one beside", "shared out", "by pairs",
        "a third for a moment", "a third for two", "a third at times in some threads",
    ],
)  # fmt: skip
def test_two_directions_a_thread_are_no_proof_and_count_next_to_nothing(threads: tuple[str, ...]) -> None:
    found = judged(*threads)
    assert not found.conclusive
    assert found.bits <= 2.0


def at_a_desk(*, code: int = 0, sockets: int = 0, typed: bool = True, user: str = "ada", owner: str = "ada") -> Finding:
    """What is said of RandomX's rounding in a program that a person may have started to test mathematics."""
    shell = process(90, "-bash", exe="/usr/bin/bash", user=user, tty=TTY)
    burner = process(100, "/home/ada/libm/mathtest", cores=1.0, ppid=90, user=user, tty=TTY if typed else 0)
    program = detail(burner, program=executable("/home/ada/libm/mathtest", user=owner))
    talk = [connection(burner, "203.0.113.9", 443)] * sockets
    facts = (program, workload(burner, code_bytes=code), rounding(burner, "nuzdzudnzunddzunzudnzdunzzudnuzd"), *talk)
    (found,) = randomx.rounding(snapshot(shell, burner, *facts))
    return found


def test_a_person_s_own_program_in_a_terminal_may_test_mathematics() -> None:
    assert not at_a_desk().conclusive


@pytest.mark.parametrize(
    "otherwise",
    [
        {"code": 8 << 10}, {"sockets": 1}, {"typed": False}, {"user": "root", "owner": "root"}, {"owner": "root"},
    ],
    ids=["code", "talk", "no terminal", "root", "a program of the whole machine's"],
)  # fmt: skip
def test_a_terminal_excuses_nobody_else(otherwise: dict[str, Any]) -> None:
    assert at_a_desk(**otherwise).conclusive
