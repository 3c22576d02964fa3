"""Service folders of runit, s6 and daemontools: ``/etc/sv/web/run``, enabled by ``/etc/service/web -> /etc/sv/web``.

Source: runsv(8), runsvdir(8), s6-supervise and s6-rc (skarnet.org), supervise (cr.yp.to/daemontools.html).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from davy.collect.autostarts.reading import File, Files
from davy.host import Host, HostError
from davy.model.autostarts import Autostart, AutostartKind
from davy.model.facts import Gap

_COLLECTOR: Final = "supervised services"

_ENABLED: Final = (
    "/etc/service/*", "/service/*", "/var/service/*", "/etc/runit/runsvdir/*/*", "/run/service/*", "/etc/services.d/*",
)  # fmt: skip
"""What is looked at for services to start, often links to where they are kept."""
_ENABLED_FOLDERS: Final = tuple(place.partition("*")[0] for place in _ENABLED)
_KEPT: Final = ("/etc/sv/*", "/usr/share/sv/*", "/etc/s6/sv/*", "/etc/s6-overlay/s6-rc.d/*", "/etc/s6-rc/source/*")
_PROGRAMS: Final = ("run", "finish", "check", "up", "down", "log/run", "log/finish", "control/*")
_LINES: Final = frozenset({"up", "down"})
"""Of s6-rc: not programs, but lines for execline."""
_STAGES: Final = ("/etc/runit/[123]", "/etc/runit/core-services/*.sh", "/etc/cont-init.d/*", "/etc/s6/rc.init")


def supervised_services(host: Host) -> Iterator[Autostart | Gap]:
    """The programs in service folders, whether enabled or not; ``links`` are those that enable the folder.

    Each file is an entry as a whole.  A ``run`` that is not executable starts nothing.
    """
    files = Files(host, _COLLECTOR, AutostartKind.RUNIT)
    enabling: dict[str, dict[str, None]] = defaultdict(dict)
    for place in files.paths(*_ENABLED, *_KEPT):
        if isinstance(place, Gap):
            yield place
            continue
        try:
            folder, link = files.links.resolve(place), files.links.itself(place)
        except HostError as error:
            yield Gap(_COLLECTOR, place, str(error))
            continue
        enabling[folder] |= {link: None} if link else {}
    for folder, on in enabling.items():
        schedule = "boot" if on or folder.startswith(_ENABLED_FOLDERS) else ""
        for file in files.texts(*_PROGRAMS, below=folder):
            yield from (file,) if isinstance(file, Gap) else _of(files, file._replace(links=tuple(on)), schedule)
    for file in files.texts(*_STAGES):
        yield from (file,) if isinstance(file, Gap) else _of(files, file, "boot")


def _of(files: Files, file: File, schedule: str) -> Iterator[Autostart]:
    if file.name in _LINES:
        if command := file.content.strip():
            yield files.whole(file, command, schedule=schedule, user="root")
    elif file.stat.mode & 0o111:
        yield files.whole(file, schedule=schedule, user="root")
