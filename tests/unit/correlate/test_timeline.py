"""The timeline has everything with a time in one order, with its source, and says where nobody tells."""

from __future__ import annotations

from tests.unit.correlate.stories import ENTRY, HOUR, container, host, incident_at, known, line, read
from tests.unit.snapshots import BOOT, TAKEN, cron, process, restart

from davy.model.incidents import Happening
from davy.model.logs import ClockStep, Shows
from davy.model.snapshot import Snapshot

JAVA = process(100, "/usr/bin/java", user="nobody", age=2 * 86_400)
KINSING = process(200, "/var/tmp/kinsing", user="nobody", ppid=100)
MINER = process(201, "/tmp/kdevtmpfsi", user="nobody", ppid=200, cores=1.0)


def told(of: Snapshot) -> list[Happening]:
    found = list(incident_at(of).timeline)
    assert [one.time for one in found] == sorted(one.time for one in found)
    return found


def words(of: Snapshot) -> str:
    return "\n".join(f"{one.what} ({one.source})" for one in told(of))


def test_boot_service_entry_files_processes_and_autostarts_come_in_their_order() -> None:
    came = line("flink", "newer", Shows.SUCCESS, text="Starting program", path="/opt/flink/log/x.log")
    of = host(JAVA, KINSING, MINER, cron("/tmp/kdevtmpfsi"), services=[known("flink", JAVA)], hits=[came])
    order = [one.what for one in told(of)]
    expected = [
        "the machine was started", "the service java (100) started", "Apache Flink: success: Starting program",
        "/tmp/kdevtmpfsi was last written", "kinsing (200) started", "/var/spool/cron/crontabs/root was last changed",
    ]  # fmt: skip
    places = [order.index(what) for what in expected]
    assert places == sorted(places)
    assert told(of)[0].time == BOOT


def test_attempts_in_a_row_are_one_line_with_their_count() -> None:
    tried = [
        line("redis", "newer", Shows.ATTEMPT, time=ENTRY + 10 * number, address="192.0.2.7", count=3, text="refused")
        for number in range(20)
    ]
    later = line("redis", "newer", Shows.ATTEMPT, time=ENTRY + 5 * HOUR, address="192.0.2.7", text="refused")
    found = [one.what for one in told(host(KINSING, MINER, hits=[*tried, later])) if "tried" in one.what]
    assert found == ["Redis: tried, 60 times from 192.0.2.7: refused", "Redis: tried from 192.0.2.7: refused"]


def test_noise_is_left_out_and_one_record_that_two_signs_match_is_told_once() -> None:
    hits = [
        line("ssh", "newer-scan", Shows.NOISE, text="Connection closed"),
        line("ssh", "newer-a", Shows.SUCCESS, text="Accepted password", offset=7),
        line("ssh", "newer-b", Shows.ATTEMPT, text="Accepted password", offset=7),
    ]
    found = words(host(KINSING, MINER, hits=hits))
    assert "Connection closed" not in found
    assert found.count("Accepted password") == 1


def test_what_other_services_say_of_themselves_is_no_part_of_the_story() -> None:
    hits = [
        line("mosquitto", "newer-state", Shows.STATE, text="Opening listen socket"),
        line("mosquitto", "newer-try", Shows.ATTEMPT, text="from the host itself", address="127.0.0.1"),
        line("mosquitto", "newer-try", Shows.ATTEMPT, text="from a stranger", address="192.0.2.7", offset=9),
    ]
    found = words(host(KINSING, MINER, hits=hits))
    assert "Opening" not in found
    assert "from the host itself" not in found
    assert "from a stranger" in found


def test_a_clock_that_was_set_back_is_said() -> None:
    step = ClockStep(path="/var/log/syslog", before=ENTRY + 3 * HOUR, after=ENTRY, text="clock")
    found = words(host(KINSING, MINER, clock_steps=(step,)))
    assert "the clock was set back by 3 h: times before may be wrong by that (/var/log/syslog)" in found


def test_times_that_no_log_covers_are_said() -> None:
    late = read("ssh", "/var/log/auth.log", ENTRY + HOUR, TAKEN)
    found = words(host(KINSING, MINER, reads=[late]))
    assert "covers the next 7 h (/var/log/auth.log)" in found or "covers the next 6 h (/var/log/auth.log)" in found
    whole = read("ssh", "/var/log/auth.log", ENTRY - 9 * HOUR, TAKEN)
    assert "covers the next" not in words(host(KINSING, MINER, reads=[whole]))


def test_containers_and_what_came_back_are_told() -> None:
    group = f"/docker/{'a' * 64}"
    kinsing = process(200, "/var/tmp/kinsing", cgroup=group)
    miner = process(201, "/tmp/kdevtmpfsi", ppid=200, cores=1.0, cgroup=group)
    box = container(200, created=TAKEN - 9 * HOUR, started=TAKEN - 8 * HOUR)
    found = words(host(kinsing, miner, restart(kinsing, "/tmp/kdevtmpfsi"), containers=[box]))
    assert "container web-1 was created" in found
    assert "container web-1 was started" in found
    assert "kinsing (200) started /tmp/kdevtmpfsi again after it was evicted" in found
