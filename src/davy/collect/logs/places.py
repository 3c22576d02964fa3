"""Which log of which service a file is: by the setting that names it, or by its usual place."""

from __future__ import annotations

import fnmatch
import functools
import re
from collections.abc import Iterator, Sequence
from typing import Final

from msgspec import Struct

from davy.knowledge.services import KnownLog, KnownService, LogFormat, known_services
from davy.model.services import Service

_JOURNAL: Final = (".journal", ".journal~")


class Watched(Struct, frozen=True):
    """A log file, and whose it is."""

    path: str
    form: LogFormat
    uses: frozenset[tuple[str, str]]
    """The ids of services and of their logs."""
    in_container: bool = False
    carried: bool = False
    """Whether its format only carries what the service wrote, in whichever format of its own."""
    others: tuple[str, ...] = ()
    """Its further files, newest first, where their names do not tell."""

    @property
    def kinds(self) -> tuple[str, ...]:
        return tuple(sorted({kind for kind, _ in self.uses}))


def watched(services: Sequence[Service]) -> list[Watched]:
    """The log files of services, each once, in their order."""
    found: dict[tuple[str, LogFormat], tuple[set[tuple[str, str]], bool]] = {}
    for service in services:
        known = known_services().get(service.kind)
        for path in service.logs:
            for log in _logs(known, service, path) if known else ():
                form = LogFormat.JOURNAL if path.endswith(_JOURNAL) else log.format
                uses, _ = found.setdefault((path, form), (set(), service.container is not None))
                uses.add((service.kind, log.id))
    return [Watched(path, form, frozenset(uses), inside) for (path, form), (uses, inside) in found.items()]


def _logs(known: KnownService, service: Service, path: str) -> Iterator[KnownLog]:
    """The logs that a file may be; where nothing says which, any of the service that is no journal."""
    placed = [log for log in known.log if any(_place(place).fullmatch(path) for place in log.places)]
    named = [log for log in known.log if log.setting and any(_below(path, one) for one in service.values(log.setting))]
    yield from {log.id: log for log in (*placed, *named)}.values() or known.log[:1]


def _below(path: str, value: str) -> bool:
    """Whether a file is the one that a setting names, in a folder that it names, or beside it by rotation."""
    return value.startswith("/") and len(value) > 1 and (value in path)


@functools.lru_cache(maxsize=1024)
def _place(place: str) -> re.Pattern[str]:
    """A usual place, below any root that a container's files have; ``~`` is any home."""
    translated = fnmatch.translate(place.replace("~", "/*", 1) if place.startswith("~") else place)
    return re.compile("(?:/.+)?" + translated if place.startswith("/") else translated)
