"""Services that do not run: whose configuration or logs lie there, and containers of theirs that are stopped."""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import islice
from typing import Final

import msgspec

from davy.collect.autostarts.formats.unit_files import exec_commands
from davy.collect.services.configuration import Chosen, Configuration, files_of, read, usual_files
from davy.collect.services.ground import Ground, Grounds
from davy.collect.services.instance import Instance
from davy.collect.services.listening import listening
from davy.collect.services.logs import logs
from davy.collect.services.recognition import kind_of, known_by_image
from davy.collect.services.settings import settings
from davy.host import Host
from davy.knowledge.services import ConfigFormat, KnownService, known_services
from davy.model.autostarts import Autostart, AutostartKind
from davy.model.containers import Container
from davy.model.services import Service, SettingSource

INSTANCES_LIMIT: Final = 50
"""Of one kind."""
COMMANDS_LIMIT: Final = 50
"""Of one unit."""


def begun(ground: Ground, autostarts: Iterable[Autostart], used: set[str], units: Collection[str]) -> Iterator[Service]:
    """What a unit of systemd would start and that does not run.

    ``units`` are those of what runs, ``used`` the files of that, to which those of these services are added.
    """
    for autostart in autostarts:
        unit = posixpath.basename(autostart.path)
        if autostart.kind is not AutostartKind.SERVICE or "@." in unit or unit in units:
            continue
        for words in _commands(autostart.command):
            known = kind_of(words[0], tuple(words))
            if known is None:
                continue
            instance = Instance(known, ground, (" ".join(words),), exe=words[0])
            files = read(ground, files_of(instance, lambda *_: True))
            if used.isdisjoint(files.files):
                yield msgspec.structs.replace(_service(instance, files, usual_logs=not files.files), unit=unit)
                used.update(files.files)
            break


def _commands(text: str) -> Iterator[Sequence[str]]:
    """The commands of a unit: what it runs before its start and as it stops, too, each told behind ``; ``."""
    return islice(exec_commands(text.replace("; ", " ; "), {}), COMMANDS_LIMIT)


def configured(ground: Ground, used: Collection[str], running: Collection[str]) -> Iterator[Service]:
    """What is configured or has left logs on the host and does not run.

    ``used`` are files of what runs, ``running`` the kinds that do, to which logs at usual places belong.
    """
    for known in known_services().values():
        yield from _of_kind(known, ground, used, running)


def _of_kind(known: KnownService, ground: Ground, used: Collection[str], running: Collection[str]) -> Iterator[Service]:
    bare = Instance(known, ground)
    unused = [(format_, file) for format_, file in usual_files(bare) if file not in used]
    free = known.id not in running
    for chosen in _instances(unused)[:INSTANCES_LIMIT]:
        files = read(ground, chosen)
        if files.files and not any(file in used for file in files.files):
            found = _service(bare, files, usual_logs=free)
            if found.logs or any(one.source is SettingSource.FILE for one in found.settings):
                yield found
            free = False
    if free and (left := logs(bare, (), Configuration())):
        yield Service(kind=known.id, running=False, logs=tuple(left))


def by_default(host: Host, service: Service) -> Service:
    """A service of which only logs are left as it is when nothing configures it; what is known of it stays."""
    known = known_services().get(service.kind)
    if known is None or service.running or service.files or service.settings:
        return service
    instance = Instance(known, Ground(host.root))
    in_force = settings(instance, Configuration())
    gives = {one.name: one.gives for one in known.setting}
    version = next((one.value for one in in_force if gives[one.name] == "version"), None)
    ends = listening(instance, in_force, None)
    return msgspec.structs.replace(service, settings=in_force, listening=ends, version=version)


def _instances(files: Chosen) -> list[Chosen]:
    """The files of each instance: those of one folder, unless the folder has several of one language."""
    folders: dict[str, list[tuple[ConfigFormat, str]]] = {}
    for format_, file in files:
        folders.setdefault(posixpath.dirname(file), []).append((format_, file))
    found: list[Chosen] = []
    for members in folders.values():
        one_each = len({format_ for format_, _ in members}) == len(members)
        found += [members] if one_each else [[member] for member in members]
    return found


def _service(instance: Instance, files: Configuration, *, usual_logs: bool) -> Service:
    in_force = settings(instance, files)
    gives = {known.name: known.gives for known in instance.known.setting}
    outside = tuple(map(instance.ground.path_outside, files.files))
    return Service(
        kind=instance.known.id, running=False,
        container=instance.container.id if instance.container else None,
        version=next((one.value for one in in_force if gives[one.name] == "version"), None),
        files=outside, settings=in_force, listening=listening(instance, in_force, None),
        logs=tuple(logs(instance, in_force, files, usual=usual_logs)),
    )  # fmt: skip


def stopped(grounds: Grounds, containers: Sequence[Container]) -> Iterator[Service]:
    """Containers of known images that do not run: with their own files, environment and command."""
    for container in containers:
        if container.running:
            continue
        if known := known_by_image(container.image):
            yield _of_container(known, grounds.of_container(container), container)


def _of_container(known: KnownService, ground: Ground, container: Container) -> Service:
    environment = dict(one.partition("=")[::2] for one in container.environment if "=" in one)
    instance = Instance(known, ground, (" ".join(container.command),), environment, None, None, container)
    return _service(instance, read(ground, files_of(instance, lambda *_: True)), usual_logs=True)
