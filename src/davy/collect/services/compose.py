"""Compose files: services of known images that are to run in containers and do not yet.

Of ``services: {db: {image: postgres:16, ports: ["5432:5432"]}}`` the service PostgreSQL, published on 0.0.0.0:5432.

Source: docs.docker.com/reference/compose-file (services, interpolation), compose-spec.
"""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from davy.collect.services.addresses import ANY_IPV4, reached_from
from davy.collect.services.configuration import Entry, files_of, read
from davy.collect.services.formats import Pair
from davy.collect.services.ground import Ground
from davy.collect.services.instance import Instance, is_image_of
from davy.collect.services.settings import settings
from davy.knowledge.services import ConfigFormat, KnownService, known_services
from davy.model.containers import Bind, Container
from davy.model.services import Listening, Service

_NAMES: Final = ("docker-compose.yml", "docker-compose.yaml", "compose.yml", "compose.yaml")
_FOLDERS: Final = ("~", "/opt", "/srv")
_DEPTH: Final = 2
_NAMES_LIMIT: Final = 2_000
"""Names that are asked whether they are folders."""
FILES_LIMIT: Final = 200
SERVICES_LIMIT: Final = 100
_RANGE_LIMIT: Final = 64
_VARIABLE: Final = re.compile(r"\$(?:\$|\{(\w+)(?::?([-?+])([^{}]*))?\}|(\w+))")
_PORT: Final = re.compile(
    r"(?:(?:(?P<ip>\[[^\]]+\]|[\d.]+|\w+):)?(?P<host>\d*(?:-\d+)?):)?(?P<inside>\d+(?:-\d+)?)(?:/(?P<protocol>\w+))?"
)


def composed(ground: Ground, containers: Sequence[Container]) -> Iterator[Service]:
    """The services of known images that compose files publish and that no container is of yet."""
    named = [file for one in containers for file in one.compose_files]
    there = {(file, one.service) for one in containers for file in one.compose_files}
    lying = [
        f"{folder}/{name}"
        for folder, names in ground.folders(_FOLDERS, _DEPTH, _NAMES_LIMIT)
        for name in _NAMES
        if name in names
    ]
    for path in list(dict.fromkeys([*named, *lying]))[:FILES_LIMIT]:
        text = ground.text(path)
        if text is None or "image" not in text:
            continue
        for name, entries in _services(path, ground.pairs(ConfigFormat.COMPOSE, path)):
            if (path, name) not in there and (found := _service(ground, path, name, entries)):
                yield found


def _services(path: str, said: Iterable[Pair]) -> Iterator[tuple[str, list[Entry]]]:
    """The services of one file, each with its settings below its name."""
    found: dict[str, list[Entry]] = {}
    for pair in said:
        top, _, rest = pair.key.partition(".")
        name, _, key = rest.partition(".")
        if top == "services" and key and (name in found or len(found) < SERVICES_LIMIT):
            found.setdefault(name, []).append(Entry(ConfigFormat.COMPOSE, key, pair.value, path, pair.line))
    yield from found.items()


def _service(ground: Ground, path: str, name: str, entries: Sequence[Entry]) -> Service | None:
    variables = dict(_assignments(ground, [f"{posixpath.dirname(path)}/.env"]))
    entries = [entry._replace(value=interpolated(entry.value, variables)) for entry in entries]
    image = next((entry.value for entry in entries if entry.key == "image"), None)
    known = next((one for one in known_services().values() if is_image_of(one, image)), None)
    if known is None:
        return None
    mode = next((entry.value for entry in entries if entry.key == "network_mode"), None)
    spoken = tuple(_published(known, entries, name, host=mode == "host"))
    if not spoken:
        return None
    container = Container(
        runtime="docker", id=f"compose:{path}:{name}", name=name, image=image, network_mode=mode, service=name,
        compose_files=(path,), binds=tuple(_binds(path, entries)),
    )  # fmt: skip
    environment = dict(_assignments(ground, _named_files(path, entries)))
    environment |= _environment(entries)
    command = _words(entries, "entrypoint") + _words(entries, "command")
    within = ground.of_binds(container.binds)
    instance = Instance(known, within, (" ".join(command),), environment, None, None, container)
    files = read(within, files_of(instance, lambda *_: True))
    in_force = settings(instance, files)
    gives = {one.name: one.gives for one in known.setting}
    return Service(
        kind=known.id, running=False, composed=f"{ground.path_outside(path)}:{name}",
        files=tuple(map(within.path_outside, files.files)), settings=in_force,
        version=next((one.value for one in in_force if gives[one.name] == "version"), None), listening=spoken,
    )  # fmt: skip


def interpolated(value: str, variables: Mapping[str, str]) -> str:
    """A value with its variables in their place; one that is not known stays as it is written."""

    def meant(found: re.Match[str]) -> str:
        name = found[1] or found[4]
        if name is None:
            return "$"
        if variables.get(name):
            return variables[name]
        return found[3] if found[2] == "-" and found[3] else found[0]

    return _VARIABLE.sub(meant, value)


def _published(known: KnownService, entries: Sequence[Entry], name: str, *, host: bool) -> Iterator[Listening]:
    """The addresses of the host that lead to it."""
    if host:
        for usual in known.ports[:1]:
            yield _spoken(ANY_IPV4, usual, f"{name} is to run in the host's own network")
        return
    long: dict[str, dict[str, str]] = {}
    for entry in entries:
        top, _, rest = entry.key.partition(".")
        if top != "ports":
            continue
        index, _, key = rest.partition(".")
        if key:
            long.setdefault(index, {})[key] = entry.value
            continue
        for address, port in _short(entry.value):
            yield _spoken(address, port, f"ports {entry.value}: {entry.path} line {entry.line}")
    for each in long.values():
        address = each.get("host_ip") or ANY_IPV4
        number = each.get("published", "").partition("-")[0]
        yield _spoken(address, int(number) if number.isdigit() else None, f"{name} is to be published")


def _short(text: str) -> Iterator[tuple[str, int | None]]:
    """Of ``127.0.0.1:8000-8001:80-81/tcp`` each address and port of the host; a port that is left to chance is None."""
    found = _PORT.fullmatch(re.sub(r"\$\{[^}]*\}|\$\w+", "0", text.strip()))
    if found is None:
        return
    address = (found["ip"] or ANY_IPV4).strip("[]")
    first, _, last = (found["host"] or "0").partition("-")
    begin, end = int(first or 0), int(last or first or 0)
    for port in range(begin, min(end, begin + _RANGE_LIMIT) + 1):
        yield address, port if 0 < port <= 0xFFFF else None


def _spoken(address: str, port: int | None, source: str) -> Listening:
    return Listening(address=address, port=port, reached_from=reached_from(address), source=source)


def _environment(entries: Sequence[Entry]) -> dict[str, str]:
    """The variables that a service is given, as a list or by name."""
    found = {}
    for entry in entries:
        top, _, name = entry.key.partition(".")
        if top != "environment" or not name:
            continue
        if name.isdigit():
            name, equals, value = entry.value.partition("=")
            if equals:
                found[name] = value
        else:
            found[name] = entry.value
    return found


def _named_files(path: str, entries: Sequence[Entry]) -> list[str]:
    """The files of variables that a service names, the last of which counts."""
    named = [entry.value for entry in entries if re.fullmatch(r"env_file(?:\.\d+(?:\.path)?)?", entry.key)]
    return [posixpath.normpath(posixpath.join(posixpath.dirname(path), one)) for one in named]


def _assignments(ground: Ground, files: Sequence[str]) -> Iterator[tuple[str, str]]:
    for file in files:
        for pair in ground.pairs(ConfigFormat.PROPERTIES, file):
            yield pair.key, pair.value


def _words(entries: Sequence[Entry], key: str) -> list[str]:
    """The words of a command, as one text or as a list."""
    found = []
    for entry in entries:
        if entry.key == key:
            try:
                found += shlex.split(entry.value)
            except ValueError:
                found += entry.value.split()
        elif entry.key.startswith(f"{key}."):
            found.append(entry.value)
    return found


def _binds(path: str, entries: Sequence[Entry]) -> Iterator[Bind]:
    """The files and folders of the host that the service is given: ``./redis.conf:/etc/redis.conf:ro``."""
    long: dict[str, dict[str, str]] = {}
    for entry in entries:
        top, _, rest = entry.key.partition(".")
        index, _, key = rest.partition(".")
        if top == "volumes" and key:
            long.setdefault(index, {})[key] = entry.value
        elif top == "volumes" and ":" in entry.value:
            source, _, target = entry.value.partition(":")
            long[index] = {"source": source, "target": target.partition(":")[0]}
    for each in long.values():
        source, target = each.get("source", ""), each.get("target", "")
        if source.startswith(("/", ".")) and target.startswith("/"):
            yield Bind(posixpath.normpath(posixpath.join(posixpath.dirname(path), source)), posixpath.normpath(target))
