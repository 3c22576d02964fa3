"""Content of files: what the rules found in programs and scripts that run, in files beside them, and in hot folders."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Final

from davy.detect.places import base, open_folder
from davy.detect.programs import own_program
from davy.detect.rule import Observation, detector
from davy.knowledge.matching import ContentRule, Kind, rule_by_id
from davy.knowledge.words import reads
from davy.model.content import ContentHit, Place
from davy.model.facts import FileKey, Process
from davy.model.findings import Aspect
from davy.model.lookup import lookup
from davy.model.snapshot import Snapshot

OWN: Final = "own:"
"""What the ids of the owner's own rules start with."""
_FILES: Final = (Place.IMAGE, Place.SCRIPT, Place.FILE)
_DOCUMENTS: Final = (
    ".c", ".csv", ".go", ".h", ".htm", ".html", ".md", ".py", ".rs", ".rst", ".rules", ".tex", ".toml", ".tsv", ".yaml",
    ".yar", ".yara", ".yml",
)  # fmt: skip
"""Names of texts that a person writes and reads: a configuration quoted there waits for nobody."""
_SHOWN: Final = 120
_HOW: Final = {"given": "is given to it", "beside": "lies beside its program"}


def _rule(hit: ContentHit) -> ContentRule | None:
    """The rule, one of Davy's, that is looked for where it was found.

    None for one of the owner's, and for what a capsule has of another version's rules or of nobody's.
    """
    rule = rule_by_id(hit.rule)
    return rule if rule is not None and hit.place in rule.places else None


def _degree(rule: ContentRule) -> str:
    """The weight's degree: what the content is, and whether its rule is surely right."""
    return rule.kind.value if rule.confidence == "high" else f"{rule.kind.value}, unsure"


def _running(snapshot: Snapshot) -> dict[FileKey, list[Process]]:
    """Who runs a file: as their program, or as their script."""
    ways, found = lookup(snapshot), dict[FileKey, list[Process]]()
    for detail in snapshot.details:
        process = ways.by_subject.get(detail.key.subject)
        if process is None or process.pid in snapshot.own_pids:
            continue
        for file in (detail.executable, detail.script):
            if file is not None:
                found.setdefault(file.key, []).append(process)
    return found


def _evidence(hit: ContentHit) -> tuple[str, ...]:
    where = f"{hit.path}, from byte {hit.offset} on: " if hit.path else ""
    named = ", ".join(hit.patterns[:8])
    return (f"rule {hit.rule}", *((f"{where}{named}",) if named else ((where.rstrip(": "),) if where else ())),
            *((hit.text[:_SHOWN],) if hit.text else ()))  # fmt: skip


@detector("content.image", aspect=Aspect.CONTENT, technique="T1496.001")
def image(snapshot: Snapshot) -> Iterator[Observation]:
    """The program or script that a process runs contains what only miners, their pools' talk or their droppers have.

    Read through the process itself, so a deleted file, or one that never was on disk, tells the same.  Programs that
    a package installed and nobody changed are not searched.  A node of a mined coin checks blocks by the functions
    that miners use: look at what the rule says, and at what the process does.
    """
    running = _running(snapshot)
    for hit in snapshot.content_hits:
        rule = _rule(hit)
        if rule is None or hit.place not in (Place.IMAGE, Place.SCRIPT) or hit.file is None:
            continue
        for process in running.get(hit.file, ()):
            yield Observation(
                subject=process.subject,
                degree=_degree(rule),
                summary=f"what it runs contains this: {rule.title}",
                evidence=_evidence(hit),
                family=hit.family,
            )


@detector("content.configuration", aspect=Aspect.CONTENT, technique="T1496.001")
def configuration(snapshot: Snapshot) -> Iterator[Observation]:
    """A miner's configuration lies beside a process's program, or is named on its command line.

    It tells of a miner whose own image is packed.  A folder where anybody may write counts for nobody, and an editor
    or a search that is given the file only reads it.
    """
    hits = [hit for hit in snapshot.content_hits if hit.path and _configures(hit)]
    if not hits:
        return
    details = lookup(snapshot).detail
    for process in snapshot.processes:
        if process.subject not in details or process.pid in snapshot.own_pids or _reader(process):
            continue
        for hit in hits:
            how = _given(process, hit.path or "")
            if how is not None:
                yield Observation(
                    subject=process.subject,
                    degree=how,
                    summary=f"a miner's configuration {_HOW[how]}",
                    evidence=_evidence(hit),
                    family=hit.family,
                )


def _configures(hit: ContentHit) -> bool:
    rule = rule_by_id(hit.rule)
    return hit.place is Place.FILE and rule is not None and rule.kind is Kind.CONFIGURATION


def _reader(process: Process) -> bool:
    """Whether it only reads what it is given; one that merely calls itself so is none."""
    return process.exe_path is not None and (reads(process.exe_path) or reads(process.exe_path.partition(".")[0]))


def _given(process: Process, path: str) -> str | None:
    """How a process has to do with a file."""
    folder = os.path.dirname(path)
    for word in process.cmdline[1:64]:
        value = word.rpartition("=")[2]
        if value and os.path.normpath(os.path.join(process.cwd or "/", value)) == path:
            return "given"
    exe = process.exe_path
    if exe and process.script is None and os.path.dirname(exe) == folder and not open_folder(folder):
        return "beside"
    return None


@detector("content.file", aspect=Aspect.CONTENT, technique="T1496.001")
def file(snapshot: Snapshot) -> Iterator[Observation]:
    """A file that nobody runs contains what miners or their droppers have.

    It may be a remain of one, or wait for its autostart.  It says nothing of what runs now: a sample of an analyst and
    an owner's own miner look the same.  A text that quotes a configuration (a README, a test, a rule) is not meant.
    """
    running = _running(snapshot)
    programs = {own_program(snapshot, process) for process in snapshot.processes}
    for hit in snapshot.content_hits:
        rule = _rule(hit)
        if rule is None or hit.place not in _FILES or hit.path is None:
            continue
        if hit.place is Place.FILE and hit.path.lower().endswith(_DOCUMENTS):
            continue
        if (hit.file is None or hit.file not in running) and hit.path not in programs:
            yield Observation(
                subject=hit.subject,
                degree=_degree(rule),
                summary=f"{base(hit.path)} contains this: {rule.title}",
                evidence=_evidence(hit),
                family=hit.family,
            )


@detector("content.own-rule", aspect=Aspect.CONTENT, technique="T1496.001")
def own_rule(snapshot: Snapshot) -> Iterator[Observation]:
    """A rule of the owner's own, given with ``--rules``, matches what a process runs, its memory, or a hot file.

    Davy does not know how good the rule is, so it counts moderately.
    """
    running = _running(snapshot)
    for hit in snapshot.content_hits:
        if not hit.rule.startswith(OWN):
            continue
        processes = running.get(hit.file, []) if hit.file is not None else []
        for subject in [process.subject for process in processes] or [hit.subject]:
            yield Observation(
                subject=subject,
                degree="run" if subject.startswith("process:") else "lies there",
                summary=f"your own rule {hit.rule.removeprefix(OWN)} matches",
                evidence=_evidence(hit),
            )
