"""Whose miner it is: a public miner that shows its owner's hand may be its owner's own.  Pure.

Its verdict is then `suspect` at most, so that no eviction acts on it unless it is named, and the report says how to
allow it.  A copied name or path earns nothing: the hand is a package that owns path *and* content, or a unit of the
program's own name with its settings in the open, or a person's shell.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from davy.correlate.gang import Gang
from davy.detect.places import hidden_folder, odd_place
from davy.knowledge.dual_use import DualUse, miner_at
from davy.model.allowance import unit_of
from davy.model.autostarts import Autostart, AutostartKind
from davy.model.facts import Process
from davy.model.findings import Aspect, Finding
from davy.model.lookup import lookup
from davy.model.snapshot import Snapshot

Findings = Mapping[str, Sequence[Finding]]

_CONFIGURATION: Final = ("--config", "-c")
_OPEN_PLACES: Final = ("/etc/", "/home/")
_NAMES: Final = "identity.family"
"""That it bears a public miner's name is what it is; any other disguise is no owner's."""
_UNITS: Final = frozenset({AutostartKind.SERVICE, AutostartKind.TIMER})


def owners_hand(snapshot: Snapshot, gang: Gang, findings: Findings) -> str | None:
    """In words, by what a gang may be its owner's own; None where nothing says so, or anything speaks against."""
    if not gang.miners or gang.guardians or gang.droppers or gang.hiders or gang.files:
        return None
    hands = []
    for miner in gang.miners.values():
        use = miner_at(miner.exe_path) if miner.exe_path else None
        hand = _hand(snapshot, miner, use, findings.get(miner.subject, ())) if use else None
        if use is None or hand is None:
            return None
        hands.append(f"{use.name}, {hand}")
    units = {unit_of(miner.cgroup) for miner in gang.miners.values()}
    if not all(_its_unit(autostart, units) for autostart, _ in gang.autostarts.values()):
        return None
    return "; ".join(dict.fromkeys(hands))


def _its_unit(autostart: Autostart, units: Iterable[str | None]) -> bool:
    """Whether an autostart is the very service that runs the miner: neither cron nor another's."""
    if autostart.kind not in _UNITS:
        return False
    return (autostart.activates or autostart.unit) in units


def _hand(snapshot: Snapshot, miner: Process, use: DualUse, own: Sequence[Finding]) -> str | None:
    exe = miner.exe
    if exe is None or exe.deleted or exe.memory_only or odd_place(exe.path):
        return None
    if any(_speaks_against(finding) for finding in own):
        return None
    detail = lookup(snapshot).detail.get(miner.subject)
    program = detail.executable if detail else None
    if program is not None and program.unmodified and program.owner_package is not None:
        return f"of the installed package {program.owner_package}, unmodified"
    if program is not None and program.owner_package is not None and program.unmodified is False:
        return None
    if unit := _unit(snapshot, miner, use):
        return f"run by {unit}, with its settings in the open"
    if any(finding.rule == "trust.person" for finding in own):
        return "started from a person's shell"
    return None


def _speaks_against(finding: Finding) -> bool:
    if finding.bits <= 0:
        return False
    disguise = finding.aspect is Aspect.IDENTITY and finding.rule != _NAMES
    back = finding.rule in ("persistence.came-back", "persistence.guardian")
    return finding.aspect in (Aspect.CONCEALMENT, Aspect.ORIGIN) or disguise or back


def _unit(snapshot: Snapshot, miner: Process, use: DualUse) -> str | None:
    """The unit that an owner made or a package brought: of the program's own name, in the system's folder."""
    unit = unit_of(miner.cgroup)
    if unit is None or not use.of_unit(unit):
        return None
    for autostart in snapshot.autostarts:
        if autostart.kind is not AutostartKind.SERVICE or autostart.unit != unit or not miner.exe_path:
            continue
        if miner.exe_path not in autostart.programs:
            continue
        if autostart.vendor:
            return unit
        if autostart.path == f"/etc/systemd/system/{unit}" and _open_settings(miner.cmdline):
            return unit
    return None


def _open_settings(cmdline: Sequence[str]) -> bool:
    """Whether a miner reads its settings from a file that people look into, and is told nothing else of weight."""
    words = list(cmdline[1:])
    for at, word in enumerate(words):
        option, _, value = word.partition("=")
        path = value or (words[at + 1] if at + 1 < len(words) else "")
        if option in _CONFIGURATION and path.startswith(_OPEN_PLACES) and hidden_folder(path) is None:
            return True
    return False
