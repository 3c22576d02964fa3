"""Known services of a host: recognised, with their addresses and logs, and those that do not run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from tests.unit.collect.services.sample import kernel, listener, process

from davy.collect.services import services
from davy.collect.services.recognition import recognised
from davy.host import Entry, Host, MemoryRoot
from davy.model.autostarts import Autostart, AutostartKind
from davy.model.containers import Bind, Container, PublishedPort
from davy.model.facts import Gap, Process, Socket
from davy.model.housing import Housing
from davy.model.services import ReachedFrom, Service, SettingSource

REDIS = "/usr/bin/redis-server"
DOCKER = "/system.slice/docker-" + "a" * 64 + ".scope"
FLINK = (
    "-cp", "/opt/flink/lib/flink-dist-1.11.2.jar",
    "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint", "--configDir", "/opt/flink/conf",
)  # fmt: skip


def found(
    files: Mapping[str, bytes | str | Entry], processes: Sequence[Process] = (), sockets: Sequence[Socket] = (),
    containers: Sequence[Container] = (), environment: Mapping[int, str] | None = None,
    holding: Mapping[int, tuple[int, ...]] | None = None,
) -> tuple[list[Service], list[Gap]]:  # fmt: skip
    held = holding or {one.pid: tuple(socket.inode for socket in sockets) for one in processes}
    host = Host(MemoryRoot(files), kernel(held, environment) if processes else None)
    facts = list(services(host, processes, sockets, containers))
    return [one for one in facts if isinstance(one, Service)], [one for one in facts if isinstance(one, Gap)]


def container(**changes: object) -> Container:
    given: dict[str, object] = {
        "runtime": "docker", "id": "a" * 64, "name": "shop-cache-1", "image": "redis:7", "running": True,
        "cgroup": DOCKER, **changes,
    }  # fmt: skip
    return Container(**given)  # type: ignore[arg-type]


def test_a_process_and_those_below_it_are_one_service() -> None:
    postgres = "/usr/lib/redis/redis-server"
    rows = [process(5, postgres, "redis-server", ppid=1), process(6, postgres, "redis-server", ppid=5),
            process(7, postgres, "redis-server", ppid=6), process(8, postgres, "redis-server", ppid=1),
            process(9, "/usr/bin/redis-cli", "redis-cli")]  # fmt: skip
    assert [[one.pid for one in each.processes] for each in recognised(rows, Housing(rows, ()))] == [[5, 6, 7], [8]]


def test_processes_that_are_each_others_parents_are_borne() -> None:
    rows = [process(5, REDIS, "redis-server", ppid=6), process(6, REDIS, "redis-server", ppid=5)]
    assert {one.pid for each in recognised(rows, Housing(rows, ())) for one in each.processes} == {5, 6}


def test_a_service_listens_where_its_own_sockets_do() -> None:
    (redis,), gaps = found(
        {
            "/etc/redis/redis.conf": "bind 127.0.0.1\nport 6379\nlogfile /var/log/redis/r.log\n",
            "/var/log/redis/r.log": "x",
        },
        [process(5, REDIS, "redis-server *:6379", cgroup="/system.slice/redis-server.service")],
        [listener(50, "0.0.0.0", 6379), listener(51, "::", 6379)],
    )
    assert (redis.kind, redis.running, redis.pid, redis.unit) == ("redis", True, 5, "redis-server.service")
    assert [one.spoken for one in redis.listening] == ["0.0.0.0:6379", "[::]:6379"]
    assert redis.reached_from is ReachedFrom.ANY
    assert redis.files == ("/etc/redis/redis.conf",)
    assert redis.logs == ("/var/log/redis/r.log",)
    assert gaps == []


def test_a_usual_file_that_speaks_of_another_port_is_not_its_own() -> None:
    both, gaps = found(
        {"/etc/redis/redis.conf": "port 6379\nprotected-mode yes\n"},
        [process(5, REDIS, "redis-server *:7777")],
        [listener(50, "0.0.0.0", 7777)],
    )
    assert [(one.running, one.files) for one in both] == [(True, ()), (False, ("/etc/redis/redis.conf",))]
    assert [gap.what for gap in gaps] == ["the settings of Redis on port 7777"]
    assert [one.unread for one in both] == ["it names no file, and no usual one fits that port", None]


def test_its_unit_says_with_what_a_service_began_that_wrote_over_its_command_line() -> None:
    unit = "[Service]\nExecStart=/usr/bin/redis-server /srv/%i.conf --daemonize no\n"
    (redis,), _ = found(
        {"/etc/systemd/system/redis@.service": unit, "/srv/shop.conf": "port 7777\nrequirepass x\n"},
        [process(5, REDIS, "redis-server *:7777", cgroup="/system.slice/system-redis.slice/redis@shop.service")],
        [listener(50, "0.0.0.0", 7777)],
    )
    assert redis.files == ("/srv/shop.conf",)
    assert redis.values("requirepass") == ("(set)",)


def test_of_many_sockets_those_count_that_are_the_services() -> None:
    (flink,), _ = found(
        {}, [process(5, "/usr/bin/java", "java", *FLINK)],
        [listener(50, "127.0.0.1", 8081), listener(51, "0.0.0.0", 40123), listener(52, "0.0.0.0", 6123)],
    )  # fmt: skip
    assert [one.spoken for one in flink.listening] == ["127.0.0.1:8081"]
    assert flink.version == "1.11.2"


def test_sockets_of_others_are_not_its_own() -> None:
    (redis,), _ = found(
        {}, [process(5, REDIS, "redis-server")], [listener(50, "0.0.0.0", 6379)], holding={5: (99,)},
    )  # fmt: skip
    assert redis.listening == ()


def test_where_nobody_may_tell_its_sockets_it_is_taken_at_its_word() -> None:
    host = Host(MemoryRoot({"/etc/redis/redis.conf": "bind 10.0.0.5\n"}), kernel({5: (50,)}, closed=True))
    redis, gap = services(host, (process(5, REDIS, "redis-server"),), (listener(50, "0.0.0.0", 6379),))
    assert isinstance(redis, Service)
    assert isinstance(gap, Gap)
    assert [(one.spoken, one.reached_from) for one in redis.listening] == [("10.0.0.5:6379", ReachedFrom.PRIVATE)]
    assert redis.listening[0].source == "bind 10.0.0.5: /etc/redis/redis.conf line 1"
    assert gap.what == "the sockets of redis-server (5)"


def test_what_has_vanished_meanwhile_listens_nowhere() -> None:
    (redis,), _ = found(
        {"/etc/redis/redis.conf": "bind 0.0.0.0\n"}, [process(5, REDIS, "redis-server")],
        [listener(50, "0.0.0.0", 6379)], holding={6: (50,)},
    )  # fmt: skip
    assert redis.listening == ()


def test_a_published_port_is_reached_from_the_hosts_address() -> None:
    (redis,), _ = found(
        {}, [process(5, REDIS, "redis-server", "*:6379", cgroup=DOCKER)], [listener(50, "0.0.0.0", 6379)],
        [container(published=(PublishedPort(address="0.0.0.0", port=16379, container_port=6379),))],
    )  # fmt: skip
    assert [(one.spoken, one.reached_from) for one in redis.listening] == [
        ("0.0.0.0:16379", ReachedFrom.ANY), ("0.0.0.0:6379", ReachedFrom.PRIVATE),
    ]  # fmt: skip
    assert redis.listening[0].source == "docker publishes port 6379 of the container shop-cache-1"
    assert redis.container == "a" * 64
    assert redis.values("protected-mode") == ("no",), "as the image is built"


def test_a_port_published_on_loopback_is_reached_from_this_host() -> None:
    (redis,), _ = found(
        {}, [process(5, REDIS, "redis-server", cgroup=DOCKER)], [listener(50, "127.0.0.1", 6379)],
        [container(published=(PublishedPort(address="127.0.0.1", port=6379, container_port=6379),))],
    )  # fmt: skip
    assert redis.reached_from is ReachedFrom.LOOPBACK


def test_in_the_hosts_network_a_container_listens_as_the_host_does() -> None:
    (redis,), _ = found(
        {}, [process(5, REDIS, "redis-server", cgroup=DOCKER)], [listener(50, "0.0.0.0", 6379)],
        [container(network_mode="host")],
    )  # fmt: skip
    assert redis.reached_from is ReachedFrom.ANY


def test_its_container_says_with_what_a_service_began() -> None:
    (redis,), _ = found(
        {}, [process(5, REDIS, "redis-server *:6379", cgroup=DOCKER)], [listener(50, "0.0.0.0", 6379)],
        [container(command=("redis-server", "--requirepass", "hunter2"))],
    )  # fmt: skip
    assert [(one.value, one.source) for one in redis.settings if one.name == "requirepass"] == [
        ("(set)", SettingSource.ARGUMENT)
    ]


def test_the_environment_is_the_processs_and_its_containers() -> None:
    (redis,), _ = found(
        {}, [process(5, REDIS, "redis-server", cgroup=DOCKER)], [listener(50, "0.0.0.0", 6379)], [container()],
        environment={5: "A=b\0REDIS_PASSWORD=x\0"},
    )  # fmt: skip
    assert redis.values("requirepass") == ("(set)",)


def test_what_is_configured_and_does_not_run_is_told_apart() -> None:
    (redis,), _ = found({"/etc/redis/redis.conf": "bind 0.0.0.0\nprotected-mode no\n"})
    assert (redis.running, redis.pid) == (False, None)
    assert [(one.spoken, one.reached_from) for one in redis.listening] == [("0.0.0.0:6379", ReachedFrom.ANY)]


def test_what_a_unit_would_start_is_there_with_the_files_it_names() -> None:
    unit = "/etc/systemd/system/shop-cache.service"
    line = Autostart(kind=AutostartKind.SERVICE, path=unit, command="/usr/bin/redis-server /data/r.conf --port 7777")
    files = {"/data/r.conf": "bind 10.0.0.5\nlogfile /data/r.log\n", "/data/r.log": "x"}
    facts = list(services(Host(MemoryRoot(files)), (), (), (), (line,)))
    (redis,) = [one for one in facts if isinstance(one, Service)]
    assert (redis.running, redis.unit, redis.files, redis.logs) == (
        False, "shop-cache.service", ("/data/r.conf",), ("/data/r.log",),
    )  # fmt: skip
    assert [one.spoken for one in redis.listening] == ["10.0.0.5:7777"]


def test_a_unit_that_runs_more_than_its_service_is_known_by_the_command_that_is_one() -> None:
    command = "/bin/mkdir -p /run/r; /usr/bin/redis-server /data/r.conf; /bin/kill -s HUP $MAINPID"
    line = Autostart(kind=AutostartKind.SERVICE, path="/etc/systemd/system/shop-cache.service", command=command)
    facts = list(services(Host(MemoryRoot({"/data/r.conf": "bind 127.0.0.1\n"})), (), (), (), (line,)))
    (redis,) = [one for one in facts if isinstance(one, Service)]
    assert (redis.files, redis.reached_from) == (("/data/r.conf",), ReachedFrom.LOOPBACK)


def test_the_unit_of_what_runs_is_no_other_service() -> None:
    line = Autostart(
        kind=AutostartKind.SERVICE, path="/lib/systemd/system/redis-server.service",
        command="/usr/bin/redis-server /etc/redis/redis.conf",
    )  # fmt: skip
    host = Host(MemoryRoot({"/etc/redis/redis.conf": "port 6379\n"}), kernel({5: (50,)}))
    for cgroup in ("/system.slice/redis-server.service", "/"):
        rows = (process(5, REDIS, "redis-server", cgroup=cgroup),)
        facts = list(services(host, rows, (listener(50, "127.0.0.1", 6379),), (), (line,)))
        assert [one.pid for one in facts if isinstance(one, Service)] == [5]


def test_what_has_left_only_logs_is_there_and_listens_nowhere() -> None:
    log = "/home/u/flink-1.11/log/flink-u-standalonesession-0-web.log"
    (flink,), _ = found({log: "2020-10-17 03:17:44,446 WARN x\n"})
    assert (flink.kind, flink.running, flink.logs, flink.listening) == ("flink", False, (log,), ())


def test_nothing_is_found_on_a_bare_host() -> None:
    assert found({"/etc/passwd": "root:x:0:0::/root:/bin/sh\n"}) == ([], [])


def test_a_stopped_container_is_known_by_its_image_and_its_own_files() -> None:
    merged = "/var/lib/docker/overlay2/x/merged"
    (redis,), _ = found(
        {f"{merged}/etc/redis/redis.conf": Entry(target="/conf/r.conf"), f"{merged}/conf/r.conf": "requirepass x\n",
         "/conf/r.conf": "protected-mode yes\n"},
        containers=[container(running=False, root=merged, published=(
            PublishedPort(address="0.0.0.0", port=6379, container_port=6379),))],
    )  # fmt: skip
    assert (redis.running, redis.container) == (False, "a" * 64)
    assert redis.files == (f"{merged}/conf/r.conf",)
    assert redis.values("requirepass") == ("(set)",)
    assert redis.reached_from is ReachedFrom.ANY


def test_a_file_that_the_host_binds_into_a_container_is_told_by_the_hosts_path() -> None:
    (redis,), _ = found(
        {"/srv/shop/r.conf": "requirepass x\n"},
        containers=[container(
            running=False, root="/nowhere", binds=(Bind("/srv/shop/r.conf", "/usr/local/etc/redis/redis.conf"),),
            command=("redis-server", "/usr/local/etc/redis/redis.conf"),
        )],
    )  # fmt: skip
    assert redis.files == ("/srv/shop/r.conf",)


@pytest.mark.parametrize("words", [("redis-server",), ("redis-server", "\0\x1b[2J"), ("x" * 100_000,)])
def test_any_command_line_is_borne(words: tuple[str, ...]) -> None:
    (redis,), _ = found({}, [process(5, REDIS, *words)])
    assert redis.pid == 5
