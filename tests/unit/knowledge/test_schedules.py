"""Schedules in words: what a person reads is what cron and systemd do, and nothing an enemy writes breaks it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from davy.knowledge.schedules import in_words, when
from davy.model.autostarts import Autostart, AutostartKind


@pytest.mark.parametrize(
    ("schedule", "words"),
    [
        ("* * * * *", "every minute"),
        ("*/1 * * * *", "every minute"),
        ("*/5 * * * *", "every 5 minutes"),
        ("0-59/10 * * * *", "every 10 minutes"),
        ("*/30 * * * *", "every 30 minutes"),
        ("*/7 * * * *", "every 7 minutes"),
        ("* 3 * * *", "every minute from 03:00 to 03:59"),
        ("*/5 9-17 * * 1-5", "every 5 minutes from 09:00 to 17:59, from Monday to Friday"),
        ("*/20 1,4 * * *", "every 20 minutes of the hours 1 and 4"),
        ("0 * * * *", "every hour"),
        ("17 * * * *", "every hour at minute 17"),
        ("5,35 * * * *", "every hour at minutes 5 and 35"),
        ("1,2,3,30 * * * *", "every hour at minutes 1 to 3 and 30"),
        ("0 */2 * * *", "every 2 hours"),
        ("10 */6 * * *", "every 6 hours at minute 10"),
        ("0 9-17 * * *", "every hour from 09:00 to 17:59"),
        ("0 3 * * *", "at 03:00 every day"),
        ("0 3,15 * * *", "at 03:00 and 15:00 every day"),
        ("0 */12 * * *", "at 00:00 and 12:00 every day"),
        ("25 6 * * 1", "on Mondays at 06:25"),
        ("47 6 * * 7", "on Sundays at 06:47"),
        ("47 6 * * sun", "on Sundays at 06:47"),
        ("0 4 * * Mon,THU", "on Mondays and Thursdays at 04:00"),
        ("0 4 * * 1-5", "from Monday to Friday at 04:00"),
        ("0 4 * * 6,0", "on Saturdays and Sundays at 04:00"),
        ("0 4 * * 0-6", "at 04:00 every day"),
        ("52 6 1 * *", "on day 1 of every month at 06:52"),
        ("0 0 1,15 * *", "on days 1 and 15 of every month at 00:00"),
        ("0 0 1 1 *", "on 1 January at 00:00"),
        ("0 0 1 jan,jul *", "on 1 January and July at 00:00"),
        ("0 0 1,2 6 *", "on days 1 and 2 of June at 00:00"),
        ("0 5 * 12 *", "every day in December at 05:00"),
        ("0 5 * 12 1", "on Mondays in December at 05:00"),
        ("0 5 13 * 5", "on day 13 of every month and on Fridays at 05:00"),
        ("0 5 */10 * 5", "on Fridays, when it is days 1, 11, 21 and 31 of every month at 05:00"),
        ("@reboot", "when the machine starts"),
        ("@Daily", "at 00:00 every day"),
        ("@midnight", "at 00:00 every day"),
        ("@hourly", "every hour"),
        ("@weekly", "on Sundays at 00:00"),
        ("@monthly", "on day 1 of every month at 00:00"),
        ("@yearly", "on 1 January at 00:00"),
        ("@every_minute", "every minute"),
    ],
)  # fmt: skip
def test_cron(schedule: str, words: str) -> None:
    assert in_words(schedule) == words


@pytest.mark.parametrize(
    "schedule",
    ["60 * * * *", "* 24 * * *", "5-1 * * * *", "*/0 * * * *", "~ * * * *", "* * * *", "a b c d e", "*/ * * * *",
     "1- * * * *", "run whenever", "kernel package: postinst", "", "=", ";", "@sometimes", "1/x * * * *",
     "²/1 * * * *", "*/" + "9" * 900 + " * * * *"],
)  # fmt: skip
def test_what_is_not_understood_is_given_back_as_it_stands(schedule: str) -> None:
    assert in_words(schedule) == schedule


@pytest.mark.parametrize(
    ("schedule", "words"),
    [
        ("1 5", "every day, 5 minutes after anacron starts"),
        ("7 10", "every 7 days, 10 minutes after anacron starts"),
        ("@monthly 1", "every month, 1 minute after anacron starts"),
        ("hourly", "every hour"),
        ("daily", "every day"),
        ("weekly", "every week"),
        ("monthly", "every month"),
        ("15min", "every 15 minutes"),
        ("2026-11-25T03:00:00Z", "once, on 2026-11-25 at 03:00 UTC"),
        ("boot", "when the machine starts"),
        ("login", "when somebody logs in"),
    ],
)
def test_anacron_folders_at_and_starts(schedule: str, words: str) -> None:
    assert in_words(schedule) == words


@pytest.mark.parametrize(
    ("schedule", "words"),
    [
        ("OnCalendar=daily", "at 00:00 every day"),
        ("OnCalendar=weekly", "on Mondays at 00:00"),
        ("OnCalendar=minutely", "every minute"),
        ("OnCalendar=quarterly", "on 1 January, April, July and October at 00:00"),
        ("OnCalendar=*-*-* 6,18:00", "at 06:00 and 18:00 every day"),
        ("OnCalendar=*-*-* 03:10:00", "at 03:10 every day"),
        ("OnCalendar=*-*-* 00/6:00", "every 6 hours"),
        ("OnCalendar=*:0/15", "every 15 minutes"),
        ("OnCalendar=*:*:00", "every minute"),
        ("OnCalendar=Mon..Fri 22:30", "from Monday to Friday at 22:30"),
        ("OnCalendar=Monday *-*-* 06:25 UTC", "on Mondays at 06:25 UTC"),
        ("OnCalendar=Sun *-*-* 03:10:00 Europe/Vienna", "on Sundays at 03:10 Europe/Vienna"),
        ("OnCalendar=*-*-01 04:00", "on day 1 of every month at 04:00"),
        ("OnCalendar=*-01-01", "on 1 January at 00:00"),
        ("OnCalendar=01-01", "on 1 January at 00:00"),
        ("OnCalendar=Fri *-*-13 04:00", "on Fridays, when it is day 13 of every month at 04:00"),
        ("OnCalendar=2031-01-01 04:00", "OnCalendar=2031-01-01 04:00"),
        ("OnCalendar=*:*:0/10", "OnCalendar=*:*:0/10"),
        ("OnCalendar=*-*~1", "OnCalendar=*-*~1"),
        ("OnBootSec=15min", "15 minutes after the machine starts"),
        ("OnBootSec=0", "when the machine starts"),
        ("OnBootSec=10", "10 seconds after the machine starts"),
        ("OnStartupSec=1h 30min", "1 hour and 30 minutes after systemd starts"),
        ("OnBootSec=15min; OnUnitActiveSec=1d", "15 minutes after the machine starts; 1 day after it last started"),
        ("OnUnitActiveSec=2weeks", "2 weeks after it last started"),
        ("OnUnitInactiveSec=5m", "5 minutes after it last ended"),
        ("OnActiveSec=1 hour", "1 hour after the timer starts"),
        ("OnClockChange=true", "when the clock is set"),
        ("OnBootSec=soon", "OnBootSec=soon"),
        ("PathExists=/tmp/go", "when /tmp/go is there"),
        ("PathChanged=/etc/{x}", "when /etc/{x} was changed"),
        ("DirectoryNotEmpty=/var/spool/x", "when /var/spool/x holds a file"),
        ("ListenStream=/run/docker.sock", "when somebody connects to /run/docker.sock"),
        ("restart=always", "whenever it ends"),
        ("restart=on-failure", "whenever it fails"),
        ("restart=never-heard", "restart=never-heard"),
    ],
)
def test_systemd(schedule: str, words: str) -> None:
    assert in_words(schedule) == words


def test_a_unit_that_others_want_starts_with_the_machine() -> None:
    unit = Autostart(
        kind=AutostartKind.SERVICE, path="/etc/systemd/system/x.service", command="/opt/x", schedule="restart=always",
        links=("/etc/systemd/system/multi-user.target.wants/x.service",),
    )  # fmt: skip
    assert when(unit) == "when the machine starts; whenever it ends"
    assert when(structs.replace(unit, links=("/etc/systemd/system/alias.service",))) == "whenever it ends"
    assert when(structs.replace(unit, kind=AutostartKind.TIMER, schedule="OnBootSec=5min")) == (
        "5 minutes after the machine starts"
    )


ALPHABET = "0123456789*/,-.:~ @;=abnu\x00\x1b\n\udcff²"


@given(
    st.text() | st.text(alphabet=ALPHABET, max_size=60)
    | st.lists(st.text(alphabet="0123456789*/,-", min_size=1, max_size=8), min_size=5, max_size=5).map(" ".join)
    | st.text(alphabet=ALPHABET).map("OnCalendar={}".format)
)  # fmt: skip
def test_whatever_an_enemy_writes_has_some_words(schedule: str) -> None:
    words = in_words(schedule)
    assert len(words) <= 60 * len(schedule) + 400


@given(st.integers(0, 59), st.integers(0, 23))
def test_a_time_of_day_is_told_to_the_minute(minute: int, hour: int) -> None:
    assert in_words(f"{minute} {hour} * * *") == f"at {hour:02}:{minute:02} every day"
