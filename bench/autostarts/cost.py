"""What it costs to read all autostarts of a host, and to tell whose they are: CPU time, when everything is cached."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from typing import Final, NamedTuple

from bench.figures import Figure
from davy.collect.autostarts.readers import AUTOSTARTS
from davy.host import Host, at
from davy.host.packages import packages
from davy.model.autostarts import Autostart
from davy.model.facts import Gap

BUDGET_MS: Final = 400.0
"""Of all readers and of whose everything is, together."""
OWNERS_MS: Final = 300.0
ASKED: Final = 5_000
"""Paths whose owners are asked for."""


class Cost(NamedTuple):
    """Milliseconds of CPU, one for each round."""

    readers: dict[str, list[float]]
    reading: list[float]
    trust: list[float]
    owners: list[float]
    kinds: int
    autostarts: int

    def figures(self) -> Iterator[Figure]:
        """The readers that cost most first, then the sums, each beside its budget."""
        for name, values in sorted(self.readers.items(), key=lambda one: -min(one[1])):
            yield Figure.of(name.replace("_", " "), values, "ms")
        yield Figure.of("all readers", self.reading, "ms")
        yield Figure.of("whose they are, and as installed", self.trust, "ms")
        both = [reading + trust for reading, trust in zip(self.reading, self.trust, strict=True)]
        yield Figure.of("both together", both, "ms", BUDGET_MS)
        yield Figure.of(f"owners of {ASKED:,} paths", self.owners, "ms", OWNERS_MS)


def cost(root: str, rounds: int) -> Cost:
    """Measure the host below ``root``."""
    host = at(root)
    found = [fact for _, reader in AUTOSTARTS for fact in reader(host) if isinstance(fact, Autostart)]
    paths = sorted({each.path for each in found})
    listed = _listed(root)
    readers: dict[str, list[float]] = {reader.__name__: [] for _, reader in AUTOSTARTS}
    reading, trust, owners = [], [], []
    for _ in range(rounds):
        fresh = at(root)
        whole = 0.0
        for _, reader in AUTOSTARTS:
            took = _ms(partial(_all, reader, fresh))
            readers[reader.__name__].append(took)
            whole += took
        reading.append(whole)
        trust.append(_ms(lambda: packages(at(root).root).provenance(paths)))
        owners.append(_ms(lambda: packages(at(root).root).owners(listed)))
    return Cost(readers, reading, trust, owners, len({each.kind for each in found}), len(found))


def _all(reader: Callable[[Host], Iterator[Autostart | Gap]], host: Host) -> None:
    deque(reader(host), maxlen=0)


def _ms(run: Callable[[], object]) -> float:
    began = time.process_time()
    run()
    return (time.process_time() - began) * 1e3


def _listed(root: str) -> list[str]:
    """Paths of all packages, spread evenly, and some that are nobody's."""
    found = at(root).root
    lists = [name for name in found.names("/var/lib/dpkg/info") if name.endswith(".list")]
    lines = [line for name in lists for line in found.read(f"/var/lib/dpkg/info/{name}").decode().split()]
    every = lines[:: max(1, len(lines) // ASKED)][: ASKED * 9 // 10]
    return [*every, *(f"/opt/nobody/{number}" for number in range(ASKED - len(every)))]
