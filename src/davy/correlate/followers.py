"""What follows a gang: the autostarts that bring it back, and the processes that fetched it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from davy.correlate.relations import Common, untouchable
from davy.detect.places import base, hidden_folder, temporary_folder
from davy.detect.programs import own_program
from davy.knowledge.arguments import shell
from davy.knowledge.commands import PLACES, CommandMatch, suspicious_command
from davy.model.autostarts import Autostart, AutostartKind, Step
from davy.model.facts import Process
from davy.model.findings import Aspect, Finding
from davy.model.lookup import lookup
from davy.model.snapshot import Snapshot

_UNITS: Final = frozenset({AutostartKind.SERVICE, AutostartKind.TIMER, AutostartKind.UNIT})
_STARTS_UNIT: Final = re.compile(
    r"\bsystemctl[ \t]+(?:--?[\w=-]+[ \t]+)*(?:start|restart|reload-or-restart|enable[ \t]+--now)[ \t]+([\w@:.\\-]+)"
)
_FETCHING_BITS: Final = 3.5
_GUILTY_BITS: Final = 4.0
_SURE_BITS: Final = 3.0
_EXCUSED_BITS: Final = -3.0


def autostarts(
    snapshot: Snapshot, members: Sequence[Process], findings: Mapping[str, Sequence[Finding]]
) -> Iterator[tuple[Autostart, str]]:
    """Autostarts that run a member or start a unit that does, that run what the gang's family uses or what lies in
    the gang's own folder, or that fetch and run as a member's user.
    """
    started = {
        related: process
        for process in members
        for finding in findings.get(process.subject, ())
        if finding.rule == "persistence.started-again"
        for related in finding.related
    }
    families = {finding.family for process in members for finding in findings.get(process.subject, ())} - {None}
    folders = {folder for process in members if (folder := _own_folder(snapshot, process))}
    users = {process.user for process in members}
    units: set[str] = set()
    by_script = _by_script(snapshot, members)
    guilty: set[str] = set()
    for autostart in snapshot.autostarts:
        process = started.get(autostart.subject)
        own = findings.get(autostart.subject, ())
        if process is not None:
            yield autostart, f"starts {own_program(snapshot, process)}"
            guilty.add(autostart.subject)
            if autostart.unit:
                units.add(autostart.unit)
        elif autostart.subject in by_script:
            yield autostart, by_script[autostart.subject]
            guilty.add(autostart.subject)
            if autostart.unit:
                units.add(autostart.unit)
        elif own and (
            any(finding.family in families and finding.bits >= _SURE_BITS for finding in own)
            or not folders.isdisjoint(map(os.path.dirname, autostart.programs))
            or (autostart.user in users and _fetches(autostart))
        ):
            yield autostart, own[0].summary
            guilty.add(autostart.subject)
    for autostart in snapshot.autostarts:
        if autostart.subject in guilty:
            continue
        if autostart.activates in units:
            yield autostart, f"starts {autostart.activates}"
            guilty.add(autostart.subject)
        elif not autostart.vendor and (named := _unit_started(autostart.command)) in units:
            yield autostart, f"starts {named}"
            guilty.add(autostart.subject)
    yield from lingering(snapshot, guilty)


def _by_script(snapshot: Snapshot, members: Sequence[Process]) -> dict[str, str]:
    """The autostarts that come to a member's program by a script, a link or an encoded text, and how."""
    programs = {path: process for process in members if (path := own_program(snapshot, process))}
    details = lookup(snapshot).detail
    files = {
        detail.executable.key: process
        for path, process in programs.items()
        if path == process.exe_path
        and (detail := details.get(process.subject))
        and detail.executable
        and detail.executable.owner_package is None
        and detail.executable.twin is None
    }
    found: dict[str, str] = {}
    for one in snapshot.followed if programs else ():
        process = programs.get(one.path or "")
        if process is None and one.executable is not None:
            process = programs.get(one.executable.path) or files.get(one.executable.key)
        if process is not None:
            how = "by a script" if one.step is Step.SCRIPT else "by a link" if one.step is Step.COMMAND else "encoded"
            found.setdefault(one.autostart, f"starts {own_program(snapshot, process)} {how}")
    return found


def _unit_started(command: str) -> str | None:
    """The unit that a command has systemd start."""
    found = _STARTS_UNIT.search(command)
    if found is None:
        return None
    return found[1] if "." in found[1] else f"{found[1]}.service"


def lingering(snapshot: Snapshot, guilty: set[str]) -> Iterator[tuple[Autostart, str]]:
    """The marks that users' units start with the machine, of users all of whose own units are guilty."""
    homes = {account.name: account.home.rstrip("/") for account in snapshot.accounts}
    for mark in snapshot.autostarts:
        home = homes.get(mark.user or "") if mark.kind is AutostartKind.LINGER else None
        if not home:
            continue
        own = [one for one in snapshot.autostarts if one.kind in _UNITS and one.path.startswith(f"{home}/")]
        if own and all(one.subject in guilty for one in own):
            yield mark, f"starts the units of {mark.user} with the machine, all of which are guilty"


def _own_folder(snapshot: Snapshot, process: Process) -> str | None:
    """The folder of a member's program, if it is one that the gang made for itself: hidden, or below /tmp."""
    program = own_program(snapshot, process)
    folder = os.path.dirname(program) if program else ""
    hidden, open_folder = hidden_folder(folder), temporary_folder(folder)
    return folder if hidden or (open_folder is not None and open_folder != folder) else None


def _fetches(autostart: Autostart) -> bool:
    return any(match.bits >= _GUILTY_BITS and match.id not in PLACES for match in suspicious_command(autostart.command))


def fetchers(snapshot: Snapshot) -> list[tuple[Process, list[CommandMatch]]]:
    """Shells whose inline text fetches and runs something, each with what it says."""
    found = []
    for process in snapshot.processes:
        in_a_shell = process.exe is not None and shell(base(process.exe.path))
        if process.inline is None or not in_a_shell or untouchable(snapshot, process):
            continue
        matches = suspicious_command(process.inline)
        fetching = [match for match in matches if match.bits >= _FETCHING_BITS and match.id not in PLACES]
        if fetching and fetching[0].bits >= _GUILTY_BITS:
            found.append((process, fetching))
    return found


def droppers(
    snapshot: Snapshot,
    members: Sequence[Process],
    fetching: Sequence[tuple[Process, Sequence[CommandMatch]]],
    findings: Mapping[str, Sequence[Finding]],
) -> Iterator[tuple[Process, str]]:
    """Processes of a member's user that fetch and run, and that started a member, were started by one, or name one.

    Installers are run the same way by hand: one that merely shares something with a member must do so in two ways.
    """
    known = {process.subject for process in members}
    users = {process.user for process in members}
    ways, common = lookup(snapshot), Common(members)
    above = {ancestor.subject for member in members for ancestor in ways.ancestors(member)} if fetching else set()
    paths = [path for member in members if (path := own_program(snapshot, member))]
    for process, matches in fetching:
        typed = any(
            finding.aspect is Aspect.TRUST and finding.bits <= _EXCUSED_BITS
            for finding in findings.get(process.subject, ())
        )
        if process.subject in known or process.user not in users or typed:
            continue
        why = matches[0].reason
        if process.subject in above:
            yield process, f"{why}, and it started a member"
        elif any(ancestor.subject in known for ancestor in ways.ancestors(process)):
            yield process, f"{why}, and a member started it"
        elif any(path in (process.inline or "") for path in paths):
            yield process, f"{why}, and it names a member's file"
        elif len(matches) > 1 and (ties := common.ties(process)):
            yield process, f"{why}, and it shares {ties[0]}"
