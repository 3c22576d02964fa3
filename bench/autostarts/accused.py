"""Whoever is accused in the clean Debian, where nobody is guilty: every one is a mistake."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from bench.autostarts.debian import FULL
from bench.corpus.lab import Lab
from bench.debian import DAVY
from davy import capsule
from davy.correlate.verdict import total_bits
from davy.host import at
from davy.scan import scan

CAPSULE: Final = Path(__file__).parents[2] / "tests" / "unit" / "debian" / "everything.davy"
"""The facts of the Debian at rest, from which a test judges again."""


def at_rest(*, record: bool) -> Iterator[str]:
    """The accusations, and below them what was let go, from the tree as it lies there; a line each."""
    snapshot, judgement = scan(at(str(FULL.path)))
    if record:
        CAPSULE.write_bytes(capsule.packed(snapshot))
    yield f"at rest: {judgement.verdict}, {len(snapshot.autostarts):,} autostarts, {len(snapshot.gaps)} gaps"
    for incident in judgement.incidents:
        yield f"  ACCUSED {incident.verdict}: {incident.summary}"
        for actor in incident.actors:
            yield f"    {actor.role} {actor.path}:{actor.line}: {actor.name}"
        for finding in incident.findings:
            yield f"      {finding.bits:+.1f} {finding.rule} {finding.subject}: {finding.summary}"
    for one in judgement.considered:
        yield f"  let go, {total_bits(one.findings):.1f} bits: {one.name}"
        for finding in one.findings:
            yield f"      {finding.bits:+.1f} {finding.rule}: {finding.summary}"
    yield from (f"  gap {gap.collector}: {gap.what}: {gap.why}" for gap in snapshot.gaps)


def booted() -> Iterator[str]:
    """The accusations from within the tree as it runs."""
    lab = Lab(FULL.path)
    try:
        found: dict[str, Any] = json.loads(
            lab.run(f"{DAVY}/bin/python", "-m", "davy", "scan", "--json", "--state", "/run/davy", check=False)
        )
    finally:
        lab.close()
    yield f"booted: {found['verdict']}, {len(found['gaps'])} gaps"
    for incident in found["incidents"]:
        yield f"  ACCUSED {incident['verdict']}: {incident['summary']}"
        for actor in incident["actors"]:
            yield f"    {actor['role']} {actor['path']}:{actor['line']}: {actor['name']}"
        for finding in incident["findings"]:
            yield f"      {finding['bits']:+.1f} {finding['rule']} {finding['subject']}: {finding['summary']}"
    yield from (f"  gap {gap['collector']}: {gap['what']}: {gap['why']}" for gap in found["gaps"])
