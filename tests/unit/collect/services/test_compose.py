"""Compose files that publish a known image are doors before anybody starts them."""

from __future__ import annotations

import pytest

from davy.collect.services.compose import composed, interpolated
from davy.collect.services.ground import Ground
from davy.host import MemoryRoot
from davy.model.containers import Container
from davy.model.services import ReachedFrom, Service

PLACE = "/srv/shop/docker-compose.yml"


def of(text: str, files: dict[str, str] | None = None, containers: tuple[Container, ...] = ()) -> list[Service]:
    ground = Ground(MemoryRoot({PLACE: text, **(files or {})}))
    return list(composed(ground, containers))


def redis(lines: str) -> str:
    return f"services:\n  cache:\n    image: redis:7\n{lines}"


@pytest.mark.parametrize(
    ("ports", "spoken"),
    [
        ("    ports:\n      - 6379:6379\n", ["0.0.0.0:6379"]),
        ('    ports: ["127.0.0.1:6379:6379"]\n', ["127.0.0.1:6379"]),
        ('    ports:\n    - "[::1]:7000:6379/tcp"\n', ["[::1]:7000"]),
        ('    ports:\n    - "6379"\n', ["0.0.0.0"]),
        ('    ports:\n    - "7000-7001:6379-6380"\n', ["0.0.0.0:7000", "0.0.0.0:7001"]),
        ("    ports:\n    - target: 6379\n      published: 7000\n      host_ip: 10.0.0.5\n", ["10.0.0.5:7000"]),
        ('    ports:\n    - target: 6379\n      published: "7000"\n', ["0.0.0.0:7000"]),
        ('    ports:\n    - "${PORT:-7000}:6379"\n', ["0.0.0.0:7000"]),
        ('    ports:\n    - "${UNKNOWN}:6379"\n', ["0.0.0.0"]),
        ("    network_mode: host\n", ["0.0.0.0:6379"]),
        ("    network_mode: host\n    ports:\n    - 127.0.0.1:1:1\n", ["0.0.0.0:6379"]),
    ],
)
def test_where_it_is_to_be_published(ports: str, spoken: list[str]) -> None:
    (found,) = of(redis(ports))
    assert [one.spoken for one in found.listening] == spoken
    assert (found.kind, found.running, found.files, found.composed) == ("redis", False, (), f"{PLACE}:cache")


@pytest.mark.parametrize(
    "text",
    [
        redis(""),
        redis("    expose: [6379]\n"),
        "services:\n  web:\n    image: example/shop\n    ports: ['80:80']\n",
        "services: {}\n",
        "image: redis\nports: ['6379:6379']\n",
        "services:\n\t- \0\n",
        "services:\n  cache:\n    image: [redis]\n    ports: {a: b}\n",
        redis('    ports:\n    - "::::"\n    - "99999999:1"\n    - "a b"\n'),
    ],
)
def test_what_is_not_published_is_no_door(text: str) -> None:
    assert [one for one in of(text) if any(each.port for each in one.listening)] == []


def test_the_command_and_the_variables_are_the_services_settings() -> None:
    (found,) = of(redis("    ports: ['6379:6379']\n    command: redis-server --requirepass hunter2 --port 7000\n"))
    assert found.values("requirepass") == ("(set)",)
    assert found.values("port") == ("7000",)
    (found,) = of(
        redis("    ports: ['6379:6379']\n    command:\n    - redis-server\n    - --protected-mode\n    - 'yes'\n")
    )
    assert found.values("protected-mode") == ("yes",)
    assert found.values("requirepass") == ()


@pytest.mark.parametrize(
    "lines",
    [
        "    environment:\n      REDIS_PASSWORD: x\n",
        "    environment:\n    - REDIS_PASSWORD=x\n",
        "    environment:\n    - REDIS_PASSWORD=${SECRET}\n",
        "    env_file: shop.env\n",
        "    env_file:\n    - shop.env\n",
        "    env_file:\n    - path: ./shop.env\n",
    ],
)
def test_variables_come_from_the_file_and_from_files_that_it_names(lines: str) -> None:
    (found,) = of(redis(f"    ports: ['6379:6379']\n{lines}"), {"/srv/shop/shop.env": "REDIS_PASSWORD=x\n"})
    assert found.values("requirepass") == ("(set)",)


def test_an_image_is_built_otherwise_than_the_package() -> None:
    (found,) = of(redis("    ports: ['6379:6379']\n"))
    assert found.values("protected-mode") == ("no",)


def test_a_configuration_file_that_is_bound_is_read() -> None:
    (found,) = of(
        redis(
            "    ports: ['6379:6379']\n    command: redis-server /etc/r/redis.conf\n"
            "    volumes:\n    - ./conf:/etc/r:ro\n"
        ),
        {"/srv/shop/conf/redis.conf": "requirepass x\n", "/etc/r/redis.conf": "protected-mode yes\n"},
    )
    assert found.files == ("/srv/shop/conf/redis.conf",)
    assert found.values("requirepass") == ("(set)",)
    assert found.values("protected-mode") == ("no",)


def test_two_of_a_kind_in_one_file_are_two_services() -> None:
    found = of(redis("    ports: ['6379:6379']\n  other:\n    image: redis\n    ports: ['6380:6379']\n"))
    assert [one.subject for one in found] == [f"service:redis:{PLACE}:cache", f"service:redis:{PLACE}:other"]


def test_what_has_a_container_already_is_that_containers_matter() -> None:
    text = redis("    ports: ['6379:6379']\n")
    there = Container(runtime="docker", id="1", name="shop-cache-1", compose_files=(PLACE,), service="cache")
    other = Container(runtime="docker", id="1", name="shop-web-1", compose_files=(PLACE,), service="web")
    assert of(text, containers=(there,)) == []
    assert len(of(text, containers=(other,))) == 1


def test_a_file_that_a_container_names_is_read_wherever_it_lies() -> None:
    text = redis("    ports: ['6379:6379']\n")
    other = Container(runtime="docker", id="1", name="x", compose_files=("/data/deep/down/in/x.yml",), service="web")
    ground = Ground(MemoryRoot({"/data/deep/down/in/x.yml": text}))
    assert [one.composed for one in composed(ground, (other,))] == ["/data/deep/down/in/x.yml:cache"]
    assert list(composed(ground, ())) == []


@pytest.mark.parametrize(
    "place",
    ["/root/compose.yaml", "/home/u/shop/docker-compose.yaml", "/opt/a/b/compose.yml", "/srv/docker-compose.yml"],
)
def test_compose_files_are_looked_for_where_people_keep_them(place: str) -> None:
    ground = Ground(MemoryRoot({place: redis("    ports: ['6379:6379']\n")}))
    (found,) = composed(ground, ())
    assert found.reached_from is ReachedFrom.ANY


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("$A-${A}-${A:-x}", "1-1-1"), ("${B:-x}", "x"), ("${B-x}", "x"), ("$$A", "$A"), ("${B}", "${B}"),
        ("${B:?must be}", "${B:?must be}"), ("$B", "$B"), ("${", "${"),
    ],
)  # fmt: skip
def test_variables_stand_for_what_they_mean(value: str, expected: str) -> None:
    assert interpolated(value, {"A": "1"}) == expected
