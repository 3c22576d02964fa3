"""Times that do not say it all: zones, hours that come twice, years that are not written."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from davy.collect.logs.formats import TEXT
from davy.collect.logs.record import Clock
from davy.knowledge.services import LogFormat

BERLIN, ST_JOHNS, KATHMANDU = ZoneInfo("Europe/Berlin"), ZoneInfo("America/St_Johns"), ZoneInfo("Asia/Kathmandu")


def at(*parts: int, zone: timezone | ZoneInfo = UTC) -> float:
    return datetime(*parts, tzinfo=zone).timestamp()


def told(form: LogFormat, line: bytes, zone: timezone | ZoneInfo = UTC, latest: float = 0.0) -> str | None:
    time = TEXT[form](line, Clock(zone, latest))
    return None if time is None else datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%dT%H:%M:%S")


@pytest.mark.parametrize(
    ("zone", "moment"),
    [
        (UTC, "2020-10-17T03:17:44"),
        (BERLIN, "2020-10-17T01:17:44"),
        (ST_JOHNS, "2020-10-17T05:47:44"),
        (KATHMANDU, "2020-10-16T21:32:44"),
        (timezone(timedelta(hours=14)), "2020-10-16T13:17:44"),
    ],
)
def test_a_time_without_a_zone_is_the_machines(zone: timezone | ZoneInfo, moment: str) -> None:
    assert told(LogFormat.LOG4J, b"2020-10-17 03:17:44,000 INFO x", zone) == moment
    assert told(LogFormat.SYSLOG, b"Oct 17 03:17:44 web1 x: y", zone, at(2020, 10, 18)) == moment


def test_summer_time_counts_on_the_days_on_which_it_holds() -> None:
    assert told(LogFormat.LOG4J, b"2020-03-29 01:59:59,000 INFO x", BERLIN) == "2020-03-29T00:59:59"
    assert told(LogFormat.LOG4J, b"2020-03-29 03:00:00,000 INFO x", BERLIN) == "2020-03-29T01:00:00"
    assert told(LogFormat.LOG4J, b"2020-10-25 01:59:59,000 INFO x", BERLIN) == "2020-10-24T23:59:59"
    assert told(LogFormat.LOG4J, b"2020-10-25 03:00:00,000 INFO x", BERLIN) == "2020-10-25T02:00:00"


def test_an_hour_that_comes_twice_is_the_first_unless_its_abbreviation_says_otherwise() -> None:
    assert told(LogFormat.LOG4J, b"2020-10-25 02:30:00,000 INFO x", BERLIN) == "2020-10-25T00:30:00"
    assert told(LogFormat.POSTGRESQL, b"2020-10-25 02:30:00 CEST [1] LOG:  x", BERLIN) == "2020-10-25T00:30:00"
    assert told(LogFormat.POSTGRESQL, b"2020-10-25 02:30:00 CET [1] LOG:  x", BERLIN) == "2020-10-25T01:30:00"


def test_an_abbreviation_of_several_zones_is_that_of_the_machine() -> None:
    line = b"2020-01-01 12:00:00 CST [1] LOG:  x"
    assert told(LogFormat.POSTGRESQL, line, ZoneInfo("Asia/Shanghai")) == "2020-01-01T04:00:00"
    assert told(LogFormat.POSTGRESQL, line, ZoneInfo("America/Chicago")) == "2020-01-01T18:00:00"


def test_a_time_without_a_year_is_of_the_latest_year_that_fits() -> None:
    assert told(LogFormat.SYSLOG, b"Dec 31 23:59:59 h x: y", UTC, at(2021, 1, 1, 0, 5)) == "2020-12-31T23:59:59"
    assert told(LogFormat.SYSLOG, b"Jan  1 00:00:01 h x: y", UTC, at(2021, 1, 1, 0, 5)) == "2021-01-01T00:00:01"
    assert told(LogFormat.SYSLOG, b"Jan  3 00:00:01 h x: y", UTC, at(2021, 1, 1, 0, 5)) == "2020-01-03T00:00:01"
    assert told(LogFormat.REDIS, b"1:M 31 Dec 23:59:59.000 # x", UTC, at(2021, 1, 1, 0, 5)) == "2020-12-31T23:59:59"
    assert told(LogFormat.KLOG, b"I1231 23:59:59.000000 1 a.go:1] x", UTC, at(2021, 1, 1)) == "2020-12-31T23:59:59"


def test_new_year_is_the_zones() -> None:
    latest = at(2020, 12, 31, 23, 30)
    assert told(LogFormat.SYSLOG, b"Jan  1 00:20:00 h x: y", BERLIN, latest) == "2020-12-31T23:20:00"
    assert told(LogFormat.SYSLOG, b"Dec 31 23:20:00 h x: y", BERLIN, latest) == "2020-12-31T22:20:00"
    assert told(LogFormat.SYSLOG, b"Dec 31 19:20:00 h x: y", ST_JOHNS, at(2021, 1, 1, 1)) == "2020-12-31T22:50:00"


def test_a_clock_that_was_set_back_by_hours_does_not_make_records_a_year_old() -> None:
    assert told(LogFormat.SYSLOG, b"Oct 17 12:00:00 h x: y", UTC, at(2020, 10, 17, 3)) == "2020-10-17T12:00:00"


def test_a_leap_day_is_of_the_latest_leap_year() -> None:
    assert told(LogFormat.SYSLOG, b"Feb 29 12:00:00 h x: y", UTC, at(2020, 10, 17)) == "2020-02-29T12:00:00"
    assert told(LogFormat.SYSLOG, b"Feb 29 12:00:00 h x: y", UTC, at(2023, 3, 1)) == "2020-02-29T12:00:00"
    assert told(LogFormat.SYSLOG, b"Feb 29 12:00:00 h x: y", UTC, at(1903, 3, 1)) == "1896-02-29T12:00:00"


def test_a_time_without_a_date_is_of_the_last_day_before_the_logs_end() -> None:
    latest = at(2020, 10, 17, 3, 17, zone=BERLIN)
    assert told(LogFormat.TORNADO, b"[W 03:16:44.000 NotebookApp] x", BERLIN, latest) == "2020-10-17T01:16:44"
    assert told(LogFormat.TORNADO, b"[W 23:16:44.000 NotebookApp] x", BERLIN, latest) == "2020-10-16T21:16:44"
