"""Which rounding is proof, and which is not."""

from __future__ import annotations

import pytest
from tests.unit.snapshots import process, rounding, snapshot

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
    ],
    ids=["up and down", "interval arithmetic", "two directions", "a constant one beside", "shared out", "by pairs"],
)
def test_two_directions_a_thread_are_no_proof_and_count_next_to_nothing(threads: tuple[str, ...]) -> None:
    found = judged(*threads)
    assert not found.conclusive
    assert found.bits <= 2.0
