"""Where a service is spoken to: by its own sockets, by the ports its container publishes, else as it is configured."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from davy.collect.services.addresses import ANY_IPV4, Address, addresses, reached_from
from davy.collect.services.ground import COLLECTOR
from davy.collect.services.instance import Instance
from davy.collect.sockets import held_sockets, sockets_beside
from davy.host import Gone, Host, HostError
from davy.model.containers import Container
from davy.model.facts import Gap, Process, Socket
from davy.model.services import Listening, ReachedFrom, Setting, SettingSource

ASKED: Final = 32
"""Processes of one service that are asked for their sockets."""


class Listeners:
    """The sockets at which a host is spoken to, and whose they are, in all network namespaces of services."""

    def __init__(self, host: Host, sockets: Sequence[Socket]) -> None:
        self._host = host
        self._here = _waiting(sockets)
        self._beside: dict[str, Mapping[int, Socket]] = {}
        self.gaps: list[Gap] = []

    def of(self, processes: Sequence[Process]) -> list[Socket] | None:
        """Those that processes hold, the first of them foremost; None where nobody may tell, which is a gap.

        What has vanished meanwhile holds none.
        """
        found: dict[int, Socket] = {}
        asked, refusal = False, ""
        for process in processes[:ASKED]:
            try:
                there = self._around(process.pid)
                held = held_sockets(self._host, process.pid) if there else frozenset()
            except Gone:
                asked = True
                continue
            except HostError as error:
                refusal = str(error)
                continue
            asked = True
            found |= {inode: there[inode] for inode in held if inode in there}
            if found:
                break
        if not asked and refusal:
            self.gaps.append(Gap(COLLECTOR, f"the sockets of {processes[0].name} ({processes[0].pid})", refusal))
        return list(found.values()) if asked else None

    def _around(self, pid: int) -> Mapping[int, Socket]:
        """Those of the network namespace that a process is in.  Raises `HostError`."""
        kernel = self._host.kernel
        if kernel is None:
            return {}
        namespace = kernel.procfs.link(f"{pid}/ns/net")
        if namespace == kernel.procfs.link("self/ns/net"):
            return self._here
        if namespace not in self._beside:
            found = list(sockets_beside(self._host, pid))
            self.gaps += [each for each in found if isinstance(each, Gap)]
            self._beside[namespace] = _waiting(each for each in found if isinstance(each, Socket))
        return self._beside[namespace]


def _waiting(sockets: Iterable[Socket]) -> dict[int, Socket]:
    """The sockets that wait for whoever comes, by inode."""
    return {
        one.inode: one
        for one in sockets
        if one.state == "LISTEN" or (one.protocol == "udp" and one.state == "CLOSE" and one.local_port)
    }


def listening(instance: Instance, settings: Sequence[Setting], held: Sequence[Socket] | None) -> tuple[Listening, ...]:
    """Where the service is spoken to; ``held`` are its sockets, None where it does not run or nobody may tell."""
    configured = list(_configured(instance, settings))
    if held is None:
        own = configured
    else:
        own = [
            Listening(
                address=one.local_address, port=one.local_port, reached_from=reached_from(one.local_address),
                source="a socket of its own", protocol=one.protocol,
            )
            for one in _of_the_service(instance, settings, held)
        ]  # fmt: skip
        own = own or [one for one in configured if one.port is None]
    container = instance.container
    if container is None or container.host_network:
        return _distinct(own)
    return _distinct([*published(container, own), *map(_within, own)])


def published(container: Container, own: Sequence[Listening]) -> Iterator[Listening]:
    """The ports of the host that lead to where the service listens in its container.

    Docker rewrites their addresses before any rule of the host's own firewall (ufw) is asked.
    """
    reached = {one.port for one in own if one.reached_from is not ReachedFrom.LOOPBACK}
    for port in container.published:
        if not own or port.container_port in reached:
            address = port.address or ANY_IPV4
            yield Listening(
                address=address, port=port.port, reached_from=reached_from(address), protocol=port.protocol,
                source=f"{container.runtime} publishes port {port.container_port} of the container {container.name}",
            )  # fmt: skip


def _within(one: Listening) -> Listening:
    """The same address in a container's own network: near it, at most."""
    if one.reached_from is not ReachedFrom.ANY:
        return one
    return Listening(
        address=one.address, port=one.port, reached_from=ReachedFrom.PRIVATE, protocol=one.protocol,
        source=f"{one.source}, in the container's own network",
    )  # fmt: skip


def _of_the_service(instance: Instance, settings: Sequence[Setting], held: Sequence[Socket]) -> list[Socket]:
    """Of a process's sockets those on the ports that people know it by, or all where none is."""
    ports = {int(one.value) for one in _given(instance, settings, "port") if one.value.isdigit()}
    for one in _given(instance, settings, "address"):
        ports |= {address.port for address in addresses(one.value) if address.port}
    of_tcp = [one for one in held if one.protocol == "tcp"]
    known = [one for one in held if one.local_port in ports or one.local_port in instance.known.ports]
    return known or of_tcp


def _given(instance: Instance, settings: Sequence[Setting], gives: str) -> list[Setting]:
    names = {known.name for known in instance.known.setting if known.gives == gives}
    return [one for one in settings if one.name in names]


def _configured(instance: Instance, settings: Sequence[Setting]) -> Iterator[Listening]:
    """Where the settings say that it listens."""
    ports = [
        int(one.value) for one in _given(instance, settings, "port") if one.value.isdigit() and int(one.value) <= 0xFFFF
    ]
    usual = ports or list(instance.known.ports[:1])
    told = [(one, address) for one in _given(instance, settings, "address") for address in addresses(one.value)]
    for setting, address in told:
        yield from (_said(setting, address, port) for port in _ports(address, usual))


def _ports(address: Address, usual: Sequence[int]) -> Sequence[int | None]:
    if address.host.startswith(("/", "@")):
        return (None,)
    return (address.port,) if address.port is not None else usual or (None,)


def _said(setting: Setting, address: Address, port: int | None) -> Listening:
    host = "10.0.0.0" if address.host == "_site_" else address.host
    if setting.source is SettingSource.DEFAULT:
        source = f"its default: {setting.name} {setting.value}"
    else:
        source = f"{setting.name} {setting.value}: {setting.place}"
    return Listening(address=address.host, port=port, reached_from=reached_from(host), source=source)


def _distinct(found: Iterable[Listening]) -> tuple[Listening, ...]:
    """Each address once, the widest first."""
    by_address: dict[tuple[str, int | None, str], Listening] = {}
    for one in found:
        by_address.setdefault((one.address, one.port, one.protocol), one)
    return tuple(sorted(by_address.values(), key=lambda one: -one.reached_from.rank))
