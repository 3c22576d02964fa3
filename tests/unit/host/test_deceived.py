"""What the C library answered, against what the kernel said just before and just after."""

from __future__ import annotations

import pytest

from davy.host.deceived import _fewer_modules, _other_times, look


def stat(user: int, idle: int) -> bytes:
    return b"cpu %d 0 10 %d 0 0 0 0 0 0\ncpu0 %d 0 10 %d 0 0 0 0 0 0\nprocesses 9\n" % (user, idle, user, idle)


@pytest.mark.parametrize(
    ("shown", "forged"),
    [
        (stat(105, 5000), False),
        (stat(90, 5000), False),
        (stat(5, 90_000), True),
        (b"", True),
        (b"cpu idle\n", True),
    ],
    ids=["in between", "a few ticks off", "another machine's", "nothing", "no times"],
)
def test_times_that_are_not_in_between_are_forged(shown: bytes, forged: bool) -> None:
    assert _other_times(stat(100, 5000), shown, stat(110, 5001)) is forged


def test_times_that_the_kernel_does_not_write_prove_nothing() -> None:
    assert not _other_times(b"", stat(1, 1), b"")


def test_a_module_that_is_listed_before_and_after_is_left_out_in_between() -> None:
    both = b"dm_mod 1 0 - Live 0x0\niptable_mac 1 0 - Live 0x0 (OE)\n"
    assert _fewer_modules(both, both.splitlines(True)[0], both)
    assert not _fewer_modules(both, both, both)
    assert not _fewer_modules(both, both.splitlines(True)[0], both.splitlines(True)[0])


def test_this_process_is_not_deceived() -> None:
    seen = look([])
    assert (seen.unlisted, seen.unlisted_names, seen.forged) == ((), (), ())
    assert seen.listing
