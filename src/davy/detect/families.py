"""What lies on disk or starts by itself as known families have it; what runs is asked next door, in `identity`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from davy.detect.autostarts import followed_by_autostart, foreign
from davy.detect.rule import Observation, detector
from davy.knowledge import family_by_command, family_by_path, family_by_unit, planted
from davy.model.facts import KnownFile
from davy.model.findings import Aspect
from davy.model.snapshot import Snapshot

KNOWN_LINE: Final = "identity.known-line"

_SHOWN: Final = 400
"""Characters of a text that are shown."""
_NOTHING_BYTES: Final = 8
"""A file of so many bytes holds no program, and no script with the line that names its interpreter."""
_EXECUTE: Final = 0o111


def dummy(known: KnownFile) -> str | None:
    """What lies in place of a family's file and can do nothing, in words; None for what may be the family's own.

    Owners put such a thing there to keep the miner out, and families to keep their rivals out.
    """
    file, locked = known.executable, " that nobody can change" if known.immutable else ""
    if file is None:
        return f"a folder{locked}"
    if file.size == 0:
        return f"an empty file{locked}"
    if not file.elf and (file.size <= _NOTHING_BYTES or (known.immutable and not file.mode & _EXECUTE)):
        return f"a file of {file.size} bytes{locked}"
    return None


def _used(snapshot: Snapshot) -> dict[str, str]:
    """The paths that something runs, starts or loads, and what does."""
    used: dict[str, str] = {}
    for autostart in snapshot.autostarts:
        used |= dict.fromkeys((autostart.path, *autostart.programs), f"{autostart.path} starts it")
    used |= {preload.path: f"{preload.source} loads it" for preload in snapshot.preloads}
    for process in snapshot.processes:
        own = [process.script] if process.exe is None or process.exe.deleted else [process.script, process.exe.path]
        used |= {path: f"{process.name} ({process.pid}) runs it" for path in own if path}
    return used


@detector("identity.known-file", aspect=Aspect.IDENTITY, technique="T1496.001")
def known_file(snapshot: Snapshot) -> Iterator[Observation]:
    """A file lies at a path that a known family uses.

    What nothing runs and no autostart starts is a remain: the family was here, or its work was half undone.  What can
    do nothing (empty, a folder, a few bytes) is a dummy that keeps the family out.  Neither is a miner.
    """
    used = _used(snapshot) if snapshot.known_files else {}
    for known in snapshot.known_files:
        match, nothing = family_by_path(known.path), dummy(known)
        if nothing:
            planter = planted(known.path)
            if planter or not (match and match.weak):
                yield Observation(
                    subject=known.subject,
                    degree="dummy",
                    summary=f"a dummy as {planter} leaves it to keep rivals out: it can do nothing"
                    if planter
                    else f"a dummy where {known.family} has a file: it can do nothing, and keeps that family out",
                    evidence=(f"{known.path}: {nothing}",),
                )
        elif match and known.executable:
            how, degree = used.get(known.path), "weak" if match.weak else ""
            yield Observation(
                subject=known.subject,
                degree=f"{degree} {'in use' if how else 'remain'}".strip(),
                summary=f"a file that {match.family} uses: {how}"
                if how
                else f"a remain of {match.family}: nothing runs it, and nothing that was read starts it",
                evidence=(f"{known.path}, {known.executable.size} bytes",),
                family=match.family,
            )


@detector(KNOWN_LINE, aspect=Aspect.IDENTITY, technique="T1053.003")
def known_line(snapshot: Snapshot) -> Iterator[Observation]:
    """An autostart is written as a known family writes it, or is a unit with a name that a family gives.

    What it decodes, and the scripts it runs, are read, too.  What the command does counts elsewhere; this says whose it
    may be, and makes no suspect.
    """
    followed = followed_by_autostart(snapshot)
    for autostart in foreign(snapshot):
        texts = [autostart.text or autostart.command]
        texts += [one.text for one in followed.get(autostart.subject, ()) if one.text is not None]
        for text in texts:
            if line := family_by_command(text):
                yield Observation(
                    subject=autostart.subject,
                    degree="weak" if line.weak else "",
                    summary=f"is written as {line.family} writes it",
                    evidence=(text[:_SHOWN],),
                    family=None if line.weak else line.family,
                )
                break
        if autostart.unit and (unit := family_by_unit(autostart.unit)):
            yield Observation(
                subject=autostart.subject,
                degree="weak" if unit.weak else "",
                summary=f"bears the name of a unit that {unit.family} installs",
                evidence=(autostart.path,),
                family=None if unit.weak else unit.family,
            )
