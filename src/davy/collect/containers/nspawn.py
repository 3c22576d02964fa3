"""systemd-nspawn's containers: those that run and are registered, and the trees and settings that wait to be run.

``/run/systemd/machines/web``: ``NAME=web``, ``SERVICE=systemd-nspawn``, ``ROOT=/var/lib/machines/web``,
``LEADER=1234``, ``CLASS=container``, ``REALTIME=1764...`` (microseconds).  ``/etc/systemd/nspawn/web.nspawn``:
``[Network] Port=tcp:8080:80``, ``[Files] Bind=/srv/data:/data``.

Source: systemd.nspawn(5), systemd-nspawn(1), machinectl(1); systemd's ``src/machine/machine.c``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from davy.collect.autostarts.formats.unit_files import unit_settings
from davy.collect.autostarts.reading import File, Files
from davy.collect.containers.reading import ANY, port_of
from davy.model.containers import Bind, Container, PublishedPort
from davy.model.facts import Gap

_MACHINES: Final = "/run/systemd/machines/*"
_SETTINGS: Final = (
    "/etc/systemd/nspawn/*.nspawn", "/run/systemd/nspawn/*.nspawn", "/var/lib/machines/*.nspawn",
)  # fmt: skip
_KEYS: Final = frozenset(
    {"Port", "Bind", "BindReadOnly", "Parameters", "Environment", "Private", "VirtualEthernet", "PrivateUsers", "Boot"}
)
_OURS: Final = (("container", "systemd-nspawn"), ("container", None), (None, "systemd-nspawn"))
"""Class and service of a registration that is no virtual machine's."""
_YES: Final = frozenset({"1", "yes", "y", "true", "t", "on"})
_ROOTS: Final = "/var/lib/machines"
_PORT: Final = re.compile(r"(?:(tcp|udp):)?(\d+)(?::(\d+))?")


def nspawn(files: Files) -> Iterator[Container | Gap]:
    """The registered ones first, each with the settings of its name; then those that have only settings."""
    settings: dict[str, File] = {}
    for file in files.texts(*_SETTINGS):
        if isinstance(file, Gap):
            yield file
        else:
            settings.setdefault(file.name.removesuffix(".nspawn"), file)
    for file in files.texts(_MACHINES):
        if isinstance(file, Gap):
            yield file
        elif not file.name.startswith("unit:"):
            told = dict(line.split("=", 1) for line in file.content.split("\n") if "=" in line)
            if (told.get("CLASS"), told.get("SERVICE")) in _OURS:
                yield nspawn_container(file.name, told, settings.pop(file.name, None), file.path)
    for name, file in settings.items():
        yield nspawn_container(name, {}, file, file.path)


def nspawn_container(name: str, machine: dict[str, str], settings: File | None, path: str) -> Container:
    """A container by its registration and its settings."""
    told: dict[str, list[str]] = {}
    for setting in unit_settings(settings.content, _KEYS) if settings else ():
        told.setdefault(setting.key, []).append(setting.value)
    leader, started = machine.get("LEADER", ""), machine.get("REALTIME", "")
    own = _YES & {value.lower() for key in ("Private", "VirtualEthernet") for value in told.get(key, ())}
    root = machine.get("ROOT") or f"{_ROOTS}/{name}"
    return Container(
        runtime="nspawn", id=name, name=name, running=bool(machine),
        started=int(started) / 1e6 if started.isascii() and started.isdigit() else None,
        pid=int(leader) if leader.isascii() and leader.isdigit() else None,
        root=root, layer=root,
        published=tuple(_ports(told.get("Port", ()))), network_mode="private" if own else None,
        binds=(*_binds(told.get("Bind", ()), read_only=False), *_binds(told.get("BindReadOnly", ()), read_only=True)),
        command=tuple(word for value in told.get("Parameters", ())[-1:] for word in value.split()),
        environment=tuple(told.get("Environment", ())), state_file=path,
    )  # fmt: skip


def _ports(values: Sequence[str]) -> Iterator[PublishedPort]:
    for value in values:
        match = _PORT.fullmatch(value)
        if match and (port := port_of(ANY, match[2], match[3] or match[2], match[1] or "tcp")):
            yield port


def _binds(values: Sequence[str], *, read_only: bool) -> Iterator[Bind]:
    for value in values:
        outside, _, rest = value.lstrip("+-").partition(":")
        if outside.startswith("/"):
            yield Bind(outside, rest.partition(":")[0] or outside, read_only)
