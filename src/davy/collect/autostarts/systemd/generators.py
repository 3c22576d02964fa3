"""What systemd runs besides its units: generators, hooks of sleep and shutdown; and whose units start with the machine.

A file ``/etc/systemd/system-generators/x``, executable, runs before any unit is read.  An empty file
``/var/lib/systemd/linger/ada`` has ada's own units start with the machine, without her.

Source: systemd.generator(7), systemd.environment-generator(7), systemd-suspend.service(8), systemd-shutdown(8),
loginctl(1) (enable-linger), pm-action(8).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from davy.collect.autostarts.reading import Files
from davy.host import Host
from davy.model.autostarts import Autostart, AutostartKind
from davy.model.facts import Gap

_TOPS: Final = ("/run/systemd", "/etc/systemd", "/usr/local/lib/systemd", "/usr/lib/systemd", "/lib/systemd")
_GENERATORS: Final = (
    ("system-generators", "boot", "root"),
    ("system-environment-generators", "boot", "root"),
    ("user-generators", "login", None),
    ("user-environment-generators", "login", None),
)
_HOOKS: Final = (
    (tuple(f"{top}/system-sleep/*" for top in _TOPS), "sleep"),
    (("/etc/pm/sleep.d/*", "/usr/lib/pm-utils/sleep.d/*"), "sleep"),
    (("/etc/pm/power.d/*", "/usr/lib/pm-utils/power.d/*"), "power"),
    (tuple(f"{top}/system-shutdown/*" for top in _TOPS), "shutdown"),
)
_LINGER: Final = "/var/lib/systemd/linger/*"


def generators(host: Host) -> Iterator[Autostart | Gap]:
    """Programs that systemd runs before it reads its units, and those that make its environment.

    Those of the users' managers run as whoever logs in.  One that another of its name overrides is told, too.
    """
    files = Files(host, "generators", AutostartKind.GENERATOR)
    for name, schedule, user in _GENERATORS:
        yield from files.scripts(*(f"{top}/{name}/*" for top in _TOPS), schedule=schedule, user=user)


def sleep_hooks(host: Host) -> Iterator[Autostart | Gap]:
    """Programs that run, as root, when the machine goes to sleep, wakes or shuts down."""
    files = Files(host, "systemd hooks", AutostartKind.SLEEP_HOOK)
    for patterns, schedule in _HOOKS:
        yield from files.scripts(*patterns, schedule=schedule, user="root")


def lingering(host: Host) -> Iterator[Autostart | Gap]:
    """The marks of users whose own units start with the machine; what these run is told with the units."""
    files = Files(host, "linger", AutostartKind.LINGER)
    for file in files.found(_LINGER):
        if isinstance(file, Gap):
            yield file
        elif file.stat.regular:
            yield files.whole(file, f"the units of {file.name}", schedule="boot", user=file.name, programs=())
