"""Hits mean something together: bursts, what follows what, and a million of the same."""

from __future__ import annotations

import pytest

from davy.collect.logs.sequences import Gathering
from davy.knowledge.services import Sign
from davy.model.logs import LogHit, Shows

FAILED = Sign(
    id="failed", logs=("auth",), pattern="Failed password", shows=Shows.ATTEMPT, bits=1.0, least=5, meaning="a burst",
    must_match=(), must_not_match=(),
)  # fmt: skip
ACCEPTED = Sign(
    id="accepted", logs=("auth",), pattern="Accepted password", shows=Shows.SUCCESS, bits=6.0, after="failed",
    within_seconds=600.0, meaning="guessed", must_match=(), must_not_match=(),
)  # fmt: skip
UPLOADED = Sign(
    id="uploaded", logs=("auth",), pattern="uploaded", shows=Shows.SUCCESS, bits=6.0, meaning="uploaded",
    must_match=(), must_not_match=(),
)  # fmt: skip
STARTED = Sign(
    id="started", logs=("auth",), pattern="started", shows=Shows.SUCCESS, bits=5.0, unless="submitted",
    within_seconds=60.0, meaning="started", must_match=(), must_not_match=(),
)  # fmt: skip
SUBMITTED = Sign(
    id="submitted", logs=("auth",), pattern="submitted", shows=Shows.ATTEMPT, bits=1.0, meaning="a job",
    must_match=(), must_not_match=(),
)  # fmt: skip
SIGNS = {sign.id: sign for sign in (FAILED, ACCEPTED, UPLOADED, STARTED, SUBMITTED)}


def hit(sign: str, time: float | None, address: str | None = "192.0.2.7", user: str | None = None) -> LogHit:
    return LogHit(
        kind="ssh", sign=sign, shows=SIGNS[sign].shows, path="/var/log/auth.log", time=time, text=sign,
        offset=int((time or 0) * 10), address=address, user=user,
    )  # fmt: skip


def gathered(*stretches: list[LogHit]) -> list[tuple[str, Shows, float | None, int]]:
    gathering = Gathering(lambda one: SIGNS[one.sign])
    for stretch in stretches:
        gathering.add(stretch)
    return [(one.sign, one.shows, one.time, one.count) for one in gathering.resolved()]


def burst(begin: float, count: int, address: str = "192.0.2.7", every: float = 2.0) -> list[LogHit]:
    return [hit("failed", begin + every * number, address, f"user{number}") for number in range(count)]


def test_enough_of_one_address_within_ten_minutes_is_a_burst() -> None:
    assert gathered(burst(1000, 5)) == [("failed", Shows.ATTEMPT, 1000, 5)]


def test_fewer_are_noise() -> None:
    assert gathered(burst(1000, 4)) == [("failed", Shows.NOISE, 1000, 4)]


def test_as_many_of_several_addresses_are_noise() -> None:
    mixed = [one for number in range(3) for one in burst(1000, 2, f"192.0.2.{number}")]
    assert {shows for _, shows, _, _ in gathered(mixed)} == {Shows.NOISE}


def test_as_many_over_an_hour_are_noise() -> None:
    assert gathered(burst(1000, 5, every=599.0)) == [("failed", Shows.NOISE, 1000, 5)]


def test_a_burst_among_slow_ones_is_a_burst() -> None:
    slow = burst(1000, 5, every=500.0)
    fast = burst(3400, 5)
    assert gathered(slow + fast) == [("failed", Shows.ATTEMPT, 1000, 10)]


@pytest.mark.parametrize("cut", [1, 2, 3, 4])
def test_a_burst_across_stretches_is_a_burst_whichever_is_read_first(cut: int) -> None:
    hits = burst(1000, 5)
    assert gathered(hits[cut:], hits[:cut]) == gathered(hits[:cut], hits[cut:]) == [("failed", Shows.ATTEMPT, 1000, 5)]


def test_users_of_a_burst_are_told_only_where_they_are_one() -> None:
    gathering = Gathering(lambda one: SIGNS[one.sign])
    gathering.add(hit("failed", 1000.0 + number, user="root") for number in range(5))
    gathering.add(burst(9000, 5))
    assert [one.user for one in gathering.resolved()] == ["root", None]


def test_a_login_after_a_burst_of_the_same_address_is_a_success() -> None:
    assert gathered([*burst(1000, 5), hit("accepted", 1020)])[-1] == ("accepted", Shows.SUCCESS, 1020, 1)


@pytest.mark.parametrize(
    "before",
    [[], burst(1000, 4), burst(1000, 5, "198.51.100.9"), burst(1, 5, every=1.0), burst(2000, 5)],
    ids=["nothing", "too few", "of another address", "too long before", "afterwards"],
)
def test_a_login_without_one_is_an_attempt(before: list[LogHit]) -> None:
    assert ("accepted", Shows.ATTEMPT, 1020, 1) in gathered([*before, hit("accepted", 1020)])


def test_what_says_the_same_in_a_row_is_one_hit() -> None:
    found = [hit("uploaded", at) for at in (0.0, 300.0, 900.0, 1501.0)]
    assert gathered(found) == [("uploaded", Shows.SUCCESS, 0.0, 3), ("uploaded", Shows.SUCCESS, 1501.0, 1)]
    assert gathered(found[2:], found[:2]) == gathered(found)


def test_what_says_something_else_is_another() -> None:
    assert len(gathered([hit("uploaded", 1.0), hit("uploaded", 2.0, "198.51.100.9")])) == 2


def test_hits_without_a_time_are_told_last_and_as_one() -> None:
    found = gathered([hit("uploaded", None), hit("uploaded", None), hit("uploaded", 5.0)])
    assert found == [("uploaded", Shows.SUCCESS, 5.0, 1), ("uploaded", Shows.SUCCESS, None, 2)]


def test_a_hundred_thousand_addresses_are_told_within_bounds() -> None:
    found = gathered([hit("uploaded", float(number), f"2001:db8::{number:x}") for number in range(100_000)])
    assert len(found) <= 1001
    assert sum(count for *_, count in found) == 100_000


def test_a_start_that_an_honest_job_follows_is_an_attempt_and_one_without_is_a_success() -> None:
    honest = [hit("started", 1000.0), hit("submitted", 1003.0)]
    assert gathered(honest)[0] == ("started", Shows.ATTEMPT, 1000.0, 1)
    assert gathered([*honest, hit("started", 2000.0)])[-1] == ("started", Shows.SUCCESS, 2000.0, 1)


def test_one_start_too_many_among_honest_jobs_is_a_success() -> None:
    among = [one for at in (0.0, 100.0, 200.0) for one in (hit("started", at), hit("submitted", at + 3.0))]
    assert gathered(among)[0] == ("started", Shows.ATTEMPT, 0.0, 3)
    assert gathered([*among[:2], hit("started", 50.0), *among[2:]])[0] == ("started", Shows.SUCCESS, 0.0, 4)


def test_a_job_before_a_start_or_long_after_it_says_nothing_of_it() -> None:
    assert ("started", Shows.SUCCESS, 1000.0, 1) in gathered([hit("submitted", 999.0), hit("started", 1000.0)])
    assert ("started", Shows.SUCCESS, 1000.0, 1) in gathered([hit("started", 1000.0), hit("submitted", 1061.0)])
