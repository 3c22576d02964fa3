"""What stands open, how bad it is, what says so, and the one line that closes it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from davy.detect.exposures import anybody_here, exposures
from davy.model.containers import Container
from davy.model.exposures import Exposure, LineChange, Severity
from davy.model.facts import Host
from davy.model.logs import LogHit, Shows
from davy.model.services import Listening, ReachedFrom, Service, Setting, SettingSource
from davy.model.snapshot import Snapshot

CONF = "/etc/redis/redis.conf"
OPEN = Setting(
    name="protected-mode", value="no", source=SettingSource.FILE, path=CONF, line=111, text="protected-mode no"
)
BIND = Setting(name="bind", value="0.0.0.0", source=SettingSource.FILE, path=CONF, line=87, text="  bind 0.0.0.0")


def at(address: str, reached_from: ReachedFrom, port: int = 6379) -> Listening:
    return Listening(address=address, port=port, reached_from=reached_from, source="a socket of its own")


ANYWHERE = at("0.0.0.0", ReachedFrom.ANY)


def redis(**changes: Any) -> Service:
    given: dict[str, Any] = {
        "kind": "redis", "running": True, "pid": 5, "pids": (5,), "user": "redis", "unit": "redis-server.service",
        "program": "/usr/bin/redis-server", "files": (CONF,), "settings": (BIND, OPEN), "listening": (ANYWHERE,),
        **changes,
    }  # fmt: skip
    return Service(**given)


def of(
    *services: Service, containers: tuple[Container, ...] = (), hits: tuple[LogHit, ...] = ()
) -> tuple[Exposure, ...]:
    return exposures(
        Snapshot(host=Host(name="web1"), taken=1.0, live=True, services=services, containers=containers, log_hits=hits)
    )


def test_an_exposure_says_who_may_do_what_and_what_says_so() -> None:
    (found,) = of(redis())
    assert found.severity is Severity.CRITICAL
    assert found.summary == (
        "Redis on 0.0.0.0:6379: anybody may write files as redis and so run programs, "
        "for nobody is asked for a password"
    )
    assert found.evidence == (
        "listens on 0.0.0.0:6379, reached from anywhere: a socket of its own",
        "requirepass: nowhere set",
        "protected-mode no: /etc/redis/redis.conf line 111",
    )
    assert found.subject == "service:redis:5"


def test_the_fix_names_the_file_the_unit_and_the_port() -> None:
    (found,) = of(redis())
    assert found.fix[0] == f"{CONF}: bind 127.0.0.1 -::1"
    assert found.fix[-1] == "systemctl restart redis-server.service"
    assert not any("{" in line for line in found.fix)


def test_the_line_that_closes_it_takes_the_place_of_the_one_that_opens_it() -> None:
    (found,) = of(redis())
    assert found.change == LineChange(
        path=CONF, line=87, before="  bind 0.0.0.0", after="  bind 127.0.0.1 -::1",
        restart="systemctl restart redis-server.service",
    )  # fmt: skip


def test_the_line_is_added_where_the_file_has_none() -> None:
    usual = Setting(name="bind", value="*", source=SettingSource.DEFAULT)
    (found,) = of(redis(settings=(usual, OPEN)))
    assert found.change is not None
    assert (found.change.line, found.change.before, found.change.after) == (None, None, "bind 127.0.0.1 -::1")


@pytest.mark.parametrize(
    "service",
    [
        redis(settings=(msgspec.structs.replace(BIND, source=SettingSource.ARGUMENT, path=None), OPEN)),
        redis(settings=(msgspec.structs.replace(BIND, source=SettingSource.ENVIRONMENT, path=None), OPEN)),
        redis(settings=(BIND, BIND, OPEN)),
        redis(settings=(msgspec.structs.replace(BIND, text="include other.conf"), OPEN)),
        redis(settings=(msgspec.structs.replace(BIND, path="/proc/5/root/etc/redis.conf"), OPEN)),
        redis(files=(), settings=(OPEN,)),
    ],
)
def test_no_line_is_offered_that_would_change_nothing_or_another_thing(service: Service) -> None:
    (found,) = of(service)
    assert found.change is None


def test_a_file_in_a_container_is_not_changed_and_one_that_is_bound_into_it_is() -> None:
    container = Container(
        runtime="docker", id="c1", name="shop-cache-1", image="redis:7", root="/var/lib/docker/x/merged"
    )
    inside = msgspec.structs.replace(BIND, path="/var/lib/docker/x/merged/etc/redis.conf")
    bound = msgspec.structs.replace(BIND, path="/srv/shop/redis.conf")
    (found,) = of(redis(container="c1", settings=(inside, OPEN)), containers=(container,))
    assert found.change is None
    assert found.container == "shop-cache-1 of the image redis:7, run by docker"
    assert found.summary.startswith("Redis in the container shop-cache-1 on 0.0.0.0:6379: anybody may")
    (found,) = of(redis(container="c1", settings=(bound, OPEN)), containers=(container,))
    assert found.change is not None
    assert found.change.path == "/srv/shop/redis.conf"


@pytest.mark.parametrize(
    ("listening", "severity", "who"),
    [
        ((ANYWHERE,), Severity.CRITICAL, "anybody may"),
        ((at("10.0.0.5", ReachedFrom.PRIVATE),), Severity.HIGH, "anybody in its private network may"),
        ((at("127.0.0.1", ReachedFrom.LOOPBACK), at("10.0.0.5", ReachedFrom.PRIVATE)), Severity.HIGH, "anybody in its"),
    ],
)
def test_it_is_as_bad_as_it_is_reached_from_far(listening: tuple[Listening, ...], severity: Severity, who: str) -> None:
    (found,) = of(redis(listening=listening))
    assert found.severity is severity
    assert who in found.summary


@pytest.mark.parametrize(
    "service",
    [
        redis(listening=(at("127.0.0.1", ReachedFrom.LOOPBACK),)),
        redis(listening=()),
        redis(settings=(BIND, OPEN, Setting(name="requirepass", value="(set)", source=SettingSource.FILE))),
        redis(settings=(BIND, Setting(name="protected-mode", value="yes", source=SettingSource.DEFAULT))),
        redis(kind="nobody knows it"),
    ],
)
def test_what_is_closed_or_not_known_is_no_exposure(service: Service) -> None:
    assert of(service) == ()


def test_what_lets_in_who_is_here_already_is_told_of_what_only_this_host_reaches_and_exposes_nothing() -> None:
    guarded = Setting(name="protected-mode", value="yes", source=SettingSource.DEFAULT)
    here = redis(settings=(BIND, guarded), listening=(at("127.0.0.1", ReachedFrom.LOOPBACK),))
    assert of(here) == ()
    assert "without a password" in (anybody_here(here) or "")
    asking = Setting(name="requirepass", value="(set)", source=SettingSource.FILE)
    assert anybody_here(msgspec.structs.replace(here, settings=(BIND, guarded, asking))) is None
    assert anybody_here(redis(settings=(BIND, guarded))) is None


def test_what_does_not_run_is_said_to_and_comes_after_what_runs() -> None:
    waiting = redis(running=False, pid=None, pids=(), unit=None, files=("/srv/compose.yml",), settings=(OPEN,))
    first, second = of(waiting, redis())
    assert first.subject == "service:redis:5"
    assert second.summary.startswith("Redis, which does not run now, on 0.0.0.0:6379: anybody may")
    assert second.evidence[0].startswith("is to listen on 0.0.0.0:6379")


def test_the_worst_comes_first() -> None:
    near = redis(pid=6, unit="near.service", listening=(at("10.0.0.5", ReachedFrom.PRIVATE),))
    assert [one.severity for one in of(near, redis())] == [Severity.CRITICAL, Severity.HIGH]


def test_an_exposure_keeps_its_id_when_the_service_starts_anew_and_has_another_elsewhere() -> None:
    (found,), (again,), (other,) = of(redis()), of(redis(pid=77, pids=(77,))), of(redis(unit="other.service"))
    assert found.id == again.id != other.id
    assert len(found.id) == 8


def test_the_log_lines_of_the_service_that_show_a_way_in_belong_to_it() -> None:
    def hit(shows: Shows, path: str, kind: str = "redis") -> LogHit:
        return LogHit(kind=kind, sign="x", shows=shows, path=path, time=1.0, text="x")

    own, log = redis(logs=("/var/log/redis.log",)), "/var/log/redis.log"
    hits = (
        hit(Shows.ATTEMPT, log), hit(Shows.SUCCESS, log), hit(Shows.NOISE, log), hit(Shows.STATE, log),
        hit(Shows.SUCCESS, "/var/log/other.log"), hit(Shows.SUCCESS, log, kind="flink"),
    )  # fmt: skip
    (found,) = of(own, hits=hits)
    assert [one.shows for one in found.used] == [Shows.ATTEMPT, Shows.SUCCESS]


def test_braces_that_a_host_writes_are_not_filled() -> None:
    (found,) = of(redis(user="{file}"))
    assert "as '{file}' and so" in found.summary


def test_what_people_paste_is_quoted_where_a_shell_would_read_it_otherwise() -> None:
    planned = redis(running=False, pid=None, pids=(), composed="/home/ada/a b/compose.yml:x;id", files=(CONF,))
    (found,) = of(planned)
    assert found.change is not None
    assert found.change.restart == "docker compose -f '/home/ada/a b/compose.yml' up -d 'x;id'"
    box = Container(runtime="docker", id="c1", name="a$(id)")
    (found,) = of(redis(container="c1"), containers=(box,))
    assert found.change is not None
    assert found.change.restart == "docker restart 'a$(id)'"
    (found,) = of(redis(unit="a`id`.service"))
    assert any("systemctl restart 'a`id`.service'" in line for line in found.fix)


@pytest.mark.parametrize(
    ("row", "after"),
    [
        ("  bind-address: 0.0.0.0", "  bind-address: 127.0.0.1"),
        ("rest.bind-address: '*'", "rest.bind-address: 127.0.0.1"),
        ("- bind-address: 0.0.0.0", None),
        ("  address: 0.0.0.0", None),
    ],
)
def test_a_line_whose_key_stands_below_others_is_set_as_it_is_spelled_there(row: str, after: str | None) -> None:
    bind = Setting(
        name="rest.bind-address", value="0.0.0.0", source=SettingSource.FILE, path="/f/config.yaml", line=2, text=row
    )
    others = (("web.submit.enable", "true"), ("rest-authentication", "false"))
    usual = (Setting(name=name, value=text, source=SettingSource.DEFAULT) for name, text in others)
    flink = Service(
        kind="flink", running=True, pid=5, files=("/f/config.yaml",), settings=(bind, *usual), listening=(ANYWHERE,)
    )
    (found,) = [one.change for one in of(flink) if one.opening == "jobs-by-anybody"]
    assert (found.after if found else None) == after


def test_a_compose_file_is_named_and_never_has_a_services_line_added() -> None:
    waiting = redis(
        running=False, pid=None, pids=(), unit=None, files=(), settings=(OPEN,), composed="/srv/shop/compose.yml:cache",
    )  # fmt: skip
    (found,) = of(waiting)
    assert found.change is None
    assert found.summary.startswith("Redis, which is to run by /srv/shop/compose.yml:cache, on 0.0.0.0:6379: anybody")
    assert found.fix[0] == (
        "/srv/shop/compose.yml:cache: publish 127.0.0.1:6379 in place of 0.0.0.0:6379, or nothing at all"
    )
    (bound,) = of(msgspec.structs.replace(waiting, files=("/srv/shop/redis.conf",)))
    assert bound.change is not None
    assert (bound.change.path, bound.change.restart) == (
        "/srv/shop/redis.conf", "docker compose -f /srv/shop/compose.yml up -d cache",
    )  # fmt: skip


def test_no_line_is_added_to_another_of_the_services_files() -> None:
    (found,) = of(redis(files=("/etc/redis/users.acl",), settings=(OPEN,)))
    assert found.change is None
    (found,) = of(redis(files=("/etc/redis/users.acl", "/srv/own.conf"), settings=(OPEN,)))
    assert found.change is not None
    assert found.change.path == "/srv/own.conf"
