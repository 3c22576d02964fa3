"""A service that runs: its settings and addresses, by its process."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Final

from davy.collect.services.addresses import addresses
from davy.collect.services.configuration import Configuration, files_of, read
from davy.collect.services.ground import COLLECTOR, Grounds
from davy.collect.services.instance import Instance
from davy.collect.services.listening import Listeners, listening
from davy.collect.services.logs import logs
from davy.collect.services.recognition import Recognised
from davy.collect.services.settings import settings
from davy.collect.services.units import started_with, unit_of
from davy.host import Host, HostError
from davy.knowledge.services import ConfigFormat
from davy.model.facts import Gap, Process, Socket
from davy.model.housing import Housing
from davy.model.services import Service, Setting, SettingSource

_ENVIRON_LIMIT: Final = 128 << 10
_UNFIT: Final = "it names no file, and no usual one fits that port"


class Running:
    """Reads the services of one host that run."""

    def __init__(self, host: Host, grounds: Grounds, sockets: Sequence[Socket], housing: Housing) -> None:
        self._host, self._grounds, self._housing = host, grounds, housing
        self._listeners = Listeners(host, sockets)
        self.used: set[str] = set()
        """The configuration files and logs of what runs, as the host has them."""
        self.gaps = self._listeners.gaps

    def service(self, recognised: Recognised) -> Service:
        """One service, as its process and its files say."""
        known, main = recognised.known, recognised.main
        instance = self._instance(recognised)
        held = self._listeners.of(recognised.processes)
        files, unread = self._configuration(instance, held)
        in_force = settings(instance, files)
        found = logs(instance, in_force, files)
        outside = tuple(map(instance.ground.path_outside, files.files))
        self.used |= {*outside, *found}
        version = next(
            (
                one.value
                for one in in_force
                if any(each.gives == "version" and each.name == one.name for each in known.setting)
            ),
            None,
        )
        return Service(
            kind=known.id, running=True, pid=main.pid, pids=tuple(one.pid for one in recognised.processes),
            user=main.user, unit=None if instance.container else unit_of(main.cgroup),
            container=instance.container.id if instance.container else None,
            program=main.exe_path, version=version, files=outside, settings=in_force,
            listening=listening(instance, in_force, held), logs=tuple(found), unread=unread,
        )  # fmt: skip

    def _instance(self, recognised: Recognised) -> Instance:
        known, main = recognised.known, recognised.main
        container = self._housing.of(main)
        ground = self._grounds.of_process(main.pid, container)
        lines = [" ".join(main.cmdline)]
        if len(main.cmdline) < 2:
            lines += [" ".join(container.command)] if container and container.command else []
            unit = None if container else unit_of(main.cgroup)
            lines += started_with(self._grounds.host, unit) if unit else ()
        environment = dict(_parted(container.environment)) if container else {}
        if any(one.environment for one in known.setting) or any(one.environment for one in known.config):
            environment |= self._environment(main)
        return Instance(known, ground, tuple(lines), environment, main.cwd, main.exe_path, container)

    def _environment(self, process: Process) -> dict[str, str]:
        if self._host.kernel is None:
            return {}
        try:
            data = self._host.kernel.procfs.read(f"{process.pid}/environ", _ENVIRON_LIMIT)
        except HostError as error:
            self.gaps.append(Gap(COLLECTOR, f"the environment of {process.name} ({process.pid})", str(error)))
            return {}
        return dict(_parted(os.fsdecode(data).split("\0")))

    def _configuration(self, instance: Instance, held: Sequence[Socket] | None) -> tuple[Configuration, str | None]:
        """What its files say; of the usual ones only those that fit what it listens on.  And why none is known."""
        ports = {one.local_port for one in held or ()}
        unfit = []

        def fits(format_: ConfigFormat, path: str) -> bool:
            fit = _fits(instance, read(instance.ground, [(format_, path)], instance.cwd), ports)
            unfit.extend([] if fit else [path])
            return fit

        chosen = files_of(instance, fits)
        unread = _UNFIT if unfit and not chosen else None
        if unread is not None:
            self.gaps.append(Gap(COLLECTOR, f"the settings of {instance.known.name} on port {min(ports)}", unread))
        return read(instance.ground, chosen, instance.cwd), unread


def _fits(instance: Instance, files: Configuration, ports: set[int]) -> bool:
    """Whether a service that listens on these ports may have been configured so."""
    told = _told_ports(instance, settings(instance, files))
    return not ports or not told or not told.isdisjoint(ports)


def _told_ports(instance: Instance, in_force: Sequence[Setting]) -> set[int]:
    gives = {known.name: known.gives for known in instance.known.setting}
    found = {int(one.value) for one in in_force if gives[one.name] == "port" and one.value.isdigit()}
    for one in in_force:
        if gives[one.name] == "address" and one.source is not SettingSource.DEFAULT:
            found |= {address.port for address in addresses(one.value) if address.port}
    return found


def _parted(assignments: Sequence[str]) -> list[tuple[str, str]]:
    return [(name, value) for name, equals, value in (one.partition("=") for one in assignments) if equals]
