"""When it began is told by the times that can be relied on, and logs are read around those alone."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.correlate.stories import HOUR, container, host, incident_at
from tests.unit.snapshots import BOOT, TAKEN, cron, detail, executable, process

from davy.correlate.cast import cast_of
from davy.correlate.moments import MOST_SPANS, STRONG, Moment, beginning, merged, moments, spans, spans_of
from davy.model.facts import Process
from davy.model.logs import Span
from davy.model.snapshot import Snapshot

DAY = 24 * HOUR


def story(
    *, age: float = HOUR, birth: float | None = None, mtime: float = TAKEN - 2 * HOUR, live: bool = True
) -> Snapshot:
    kinsing = process(200, "/var/tmp/kinsing", age=age)
    miner = process(201, "/tmp/kdevtmpfsi", ppid=200, cores=1.0, age=age)
    programs = [detail(one, program=made(one, birth, mtime)) for one in (kinsing, miner)]
    return host(kinsing, miner, *programs, live=live)


def made(of: Process, birth: float | None, mtime: float) -> object:
    file = executable(of.exe_path or "", birth=birth, mtime=mtime)
    return msgspec.structs.replace(file, ctime=TAKEN - HOUR)


def found_of(of: Snapshot) -> tuple[Moment, ...]:
    return moments(of, cast_of(of, incident_at(of)))


def test_a_birth_outweighs_a_modification_time_that_anybody_may_set() -> None:
    first = beginning(found_of(story(birth=TAKEN - 5 * HOUR, mtime=TAKEN - 900 * DAY)))
    assert first is not None
    assert (first.time, first.source) == (TAKEN - 5 * HOUR, "birth time")


def test_births_and_changes_of_a_copied_root_are_the_copy_s() -> None:
    found = found_of(story(birth=TAKEN - 60, mtime=TAKEN - 9 * DAY, live=False))
    weights = {one.source: one.weight for one in found}
    assert weights["birth time"] < weights["modification time"]


def test_what_started_with_the_machine_was_started_again_by_it() -> None:
    found = found_of(story(age=TAKEN - BOOT - 60, birth=None, mtime=TAKEN - 40 * DAY))
    starts = [one for one in found if one.source == "process start"]
    assert starts
    assert all(one.weight < STRONG for one in starts)


def test_hours_before_the_first_time_that_can_be_relied_on_are_read() -> None:
    born = TAKEN - 5 * DAY
    first = spans(story(birth=born), [incident_at(story(birth=born))])[0]
    assert first.holds(born - 5 * HOUR)
    assert first.holds(born + 60)
    assert first.end - first.begin < DAY


def test_days_are_read_where_only_weak_times_exist() -> None:
    weak = [Moment(TAKEN - 30 * DAY, 0.4, "written", "modification time")]
    (only,) = spans_of(weak)
    assert only.holds(TAKEN - 30.9 * DAY)
    assert only.holds(TAKEN - 29.1 * DAY)


def test_no_time_no_span() -> None:
    assert spans_of(()) == ()
    assert beginning(()) is None


def test_a_container_s_creation_and_an_autostart_s_times_are_candidates_too() -> None:
    group = f"/docker/{'a' * 64}"
    kinsing = process(200, "/var/tmp/kinsing", cgroup=group)
    miner = process(201, "/tmp/kdevtmpfsi", ppid=200, cores=1.0, cgroup=group)
    box = container(200, created=TAKEN - 3 * DAY)
    entry = msgspec.structs.replace(cron("/tmp/kdevtmpfsi"), first_seen=TAKEN - DAY)
    of = host(kinsing, miner, entry, containers=[box])
    sources = {one.source for one in found_of(of)}
    assert sources >= {"docker's own record", "Davy's own memory", "modification time", "process start"}
    first = beginning(found_of(of))
    assert first is not None
    assert first.time == TAKEN - 3 * DAY


def test_times_that_no_clock_shows_are_left_out() -> None:
    found = found_of(story(mtime=0.0, birth=TAKEN + 900 * DAY))
    assert min(one.time for one in found) > TAKEN - 2 * DAY
    assert max(one.time for one in found) <= TAKEN + DAY


TIMES = st.floats(TAKEN - 900 * DAY, TAKEN, allow_nan=False)
MOMENTS = st.builds(
    Moment, TIMES, st.sampled_from([0.2, 0.4, 0.9]), st.just("x"), st.sampled_from(["a", "b", "c", "d", "e"])
)


@given(st.lists(MOMENTS, max_size=20).map(sorted))
def test_spans_are_few_and_apart_and_hold_the_beginning(found: list[Moment]) -> None:
    told = spans_of(found)
    first = beginning(found)
    assert len(told) <= MOST_SPANS
    assert (first is None) is not any(told)
    assert first is None or told[0].holds(first.time)
    for place, span in enumerate(told):
        assert all(span.end < other.begin or other.end < span.begin for other in told[place + 1 :])


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 5)).map(lambda pair: Span(pair[0], pair[0] + pair[1]))))
def test_merging_loses_no_time(wanted: list[Span]) -> None:
    told = merged(wanted)
    for span in wanted:
        assert any(one.begin <= span.begin and span.end <= one.end for one in told)


@pytest.mark.parametrize("count", [1, 3])
def test_spans_of_several_incidents_are_a_few(count: int) -> None:
    of = story(birth=TAKEN - 5 * DAY)
    assert 1 <= len(spans(of, [incident_at(of)] * count)) <= MOST_SPANS
