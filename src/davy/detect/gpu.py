"""Behaviour on the graphics cards."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from davy.detect.rule import Observation, detector
from davy.model.facts import ProcessKey
from davy.model.findings import Aspect
from davy.model.gpu import GpuUse
from davy.model.lookup import lookup
from davy.model.snapshot import Snapshot

WORKING_PERCENT: Final = 50
"""From so much of a card on a process counts as working on it."""


def gpu_workers(snapshot: Snapshot) -> dict[ProcessKey, list[GpuUse]]:
    """The processes that work on a card, with what they take of each."""
    found: dict[ProcessKey, list[GpuUse]] = defaultdict(list)
    for use in snapshot.gpu_uses:
        if use.percent >= WORKING_PERCENT and use.pid not in snapshot.own_pids:
            found[use.key].append(use)
    return found


@detector("behaviour.gpu-load", aspect=Aspect.BEHAVIOUR, technique="T1496.001")
def gpu_load(snapshot: Snapshot) -> Iterator[Observation]:
    """A process keeps half a graphics card or more at work.

    Miners of Ethash's kin, KawPow and Autolykos do so with hardly any CPU time, and so does every training run,
    renderer and game: it counts beside other aspects only.
    """
    known = lookup(snapshot).by_subject
    for key, uses in gpu_workers(snapshot).items():
        if key.subject not in known:
            continue
        most = max(use.percent for use in uses)
        yield Observation(
            subject=key.subject,
            summary=f"takes {most} % of a graphics card" + (f", and works on {len(uses)}" if len(uses) > 1 else ""),
            evidence=tuple(
                f"card {use.device} ({use.device_name or 'unnamed'}): {use.percent} % of it"
                + (f", {use.memory_bytes >> 20} MiB of its memory" if use.memory_bytes is not None else "")
                for use in uses
            ),
        )
