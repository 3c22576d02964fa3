"""The score moves when things get better, and never the other way."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davy.harden.score import BEARING, score
from davy.model.exposures import Exposure, Severity
from davy.model.facts import Gap
from davy.model.services import ReachedFrom

SEVERITIES = st.lists(st.sampled_from(list(Severity)), max_size=200)
GAPS = st.lists(
    st.builds(Gap, st.sampled_from([*sorted(BEARING), "accounts", "logs"]), st.just("x"), st.just("y")), max_size=60
)


def exposed(severity: Severity) -> Exposure:
    return Exposure(
        id="1", kind="redis", opening="no-password", subject="service:redis:1", service="Redis", address="0.0.0.0:6379",
        reached_from=ReachedFrom.ANY, severity=severity, summary="",
    )  # fmt: skip


def scored(severities: list[Severity], gaps: list[Gap]) -> int:
    return score(map(exposed, severities), gaps)


@given(SEVERITIES, GAPS)
def test_it_is_from_0_to_100_and_100_only_where_nothing_is_open_or_unread(
    severities: list[Severity], gaps: list[Gap]
) -> None:
    found = scored(severities, gaps)
    assert 0 <= found <= 100
    assert (found == 100) is (not severities and not any(gap.collector in BEARING for gap in gaps))


@given(SEVERITIES.filter(bool), GAPS, st.data())
def test_closing_a_door_never_lowers_it(severities: list[Severity], gaps: list[Gap], data: st.DataObject) -> None:
    closed = data.draw(st.integers(0, len(severities) - 1))
    rest = severities[:closed] + severities[closed + 1 :]
    assert scored(rest, gaps) >= scored(severities, gaps)


@given(st.lists(st.sampled_from(list(Severity)), max_size=8))
def test_closing_a_critical_door_moves_it(severities: list[Severity]) -> None:
    assert scored(severities, []) > scored([*severities, Severity.CRITICAL], [])


@given(SEVERITIES, GAPS, st.sampled_from(list(Severity)))
def test_a_door_that_becomes_less_bad_never_lowers_it(
    severities: list[Severity], gaps: list[Gap], worse: Severity
) -> None:
    for less in list(Severity)[: worse.rank]:
        assert scored([*severities, less], gaps) >= scored([*severities, worse], gaps)


@pytest.mark.parametrize(
    ("severities", "meant"),
    [
        ([], 100),
        ([Severity.CRITICAL], 50),
        ([Severity.CRITICAL] * 2, 33),
        ([Severity.HIGH], 66),
        ([Severity.MEDIUM], 83),
        ([Severity.LOW], 95),
    ],
)
def test_it_means_what_its_page_says(severities: list[Severity], meant: int) -> None:
    assert scored(severities, []) == meant
