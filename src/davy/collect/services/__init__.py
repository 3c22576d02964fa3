"""Known services of a host: those that run, and those that are configured, stopped or composed and do not.

In come a host with its processes, sockets and containers, out go `Service` facts: how each listens, from where it is
reached, and which settings are in force, each with its place.  What is known of services is data
(`davy.knowledge.services`); their configuration languages are in `formats`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing

from davy.collect.services.compose import composed
from davy.collect.services.ground import Grounds
from davy.collect.services.recognition import recognised
from davy.collect.services.running import Running
from davy.collect.services.waiting import begun, configured, stopped
from davy.host import Host
from davy.model.autostarts import Autostart
from davy.model.containers import Container
from davy.model.facts import Gap, Process, Socket
from davy.model.housing import Housing
from davy.model.services import Service

__all__ = ["services"]


def services(
    host: Host, processes: Sequence[Process], sockets: Sequence[Socket], containers: Sequence[Container] = (),
    autostarts: Sequence[Autostart] = (),
) -> Iterator[Service | Gap]:  # fmt: skip
    """Every known service; what of their files and sockets could not be read is a gap.

    Of ``autostarts`` the units of systemd say with what services begin that do not run.
    """
    with closing(Grounds(host)) as grounds:
        housing = Housing(processes, containers)
        running = Running(host, grounds, sockets, housing)
        kinds, units = set(), set()
        for one in recognised(processes, housing):
            found = running.service(one)
            if found.container is None:
                kinds.add(found.kind)
                units.add(found.unit or "")
            yield found
        used = running.used
        yield from begun(grounds.host, autostarts, used, units)
        yield from configured(grounds.host, used, kinds)
        yield from stopped(grounds, containers)
        yield from composed(grounds.host, containers)
        yield from dict.fromkeys(running.gaps)
        yield from grounds.every_gap()
