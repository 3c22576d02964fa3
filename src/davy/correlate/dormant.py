"""Entries that are guilty by themselves while nothing of theirs runs, and what belongs to them.  Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from davy.correlate.followers import lingering
from davy.correlate.gang import Gang
from davy.correlate.incident import family_of
from davy.correlate.verdict import verdict_of
from davy.detect.autostarts import followed_by_autostart
from davy.knowledge.programs import interpreter
from davy.model.autostarts import Autostart, AutostartKind, Followed, Step
from davy.model.findings import Finding
from davy.model.incidents import Verdict
from davy.model.snapshot import Snapshot

Findings = Mapping[str, Sequence[Finding]]
Key = tuple[str, str]

_ADDRESS: Final = re.compile(r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.])")
_URL: Final = re.compile(r"\bhttps?://[^\s\"'|;&<>()]{4,256}")
_OWN: Final = re.compile(r"(?:0|10|127|169\.254|192\.168|255)\.")
_HINT_BITS: Final = 1.0


def dormant(snapshot: Snapshot, findings: Findings, claimed: set[str]) -> list[Gang]:
    """The gangs of which only autostarts are left, or there already.

    Guilty entries that come to the same file, decode the same text, fetch from the same address, or are of one family
    belong together; so does an entry that shares a file or a text with one of them, or starts its unit.  ``claimed``
    are the autostarts of gangs that run, and those that their owner allowed.
    """
    left = [autostart for autostart in snapshot.autostarts if autostart.subject not in claimed]
    guilty = [one for one in left if verdict_of(findings.get(one.subject, ())) is not Verdict.CLEAN]
    if not guilty:
        return []
    followed = followed_by_autostart(snapshot)
    gathering = _Gathering()
    for autostart in guilty:
        own = findings[autostart.subject]
        keys = set(_keys(autostart, followed.get(autostart.subject, ())))
        if family := family_of(own):
            keys.add(("family", family))
        gathering.add(autostart, own[0].summary, keys)
    gangs = list(gathering.gangs.values())
    _add_accomplices(left, findings, followed, gathering.homes)
    for gang in gangs:
        for mark, why in list(lingering(snapshot, set(gang.autostarts))):
            gang.autostarts[mark.subject] = (mark, why)
    return gangs


class _Gathering:
    """Gangs of autostarts that grow together by what they have in common."""

    def __init__(self) -> None:
        self.homes: dict[Key, Gang] = {}
        self.gangs: dict[int, Gang] = {}
        self._keys: dict[int, set[Key]] = {}

    def add(self, autostart: Autostart, why: str, keys: set[Key]) -> None:
        tied = {id(home): home for key in keys if (home := self.homes.get(key))}
        largest = max(tied.values(), key=lambda gang: len(gang.autostarts), default=None) or Gang()
        for other in tied.values():
            if other is not largest:
                largest.join(other)
                del self.gangs[id(other)]
                keys |= self._keys.pop(id(other))
        largest.autostarts[autostart.subject] = (autostart, why)
        self.gangs[id(largest)] = largest
        self._keys.setdefault(id(largest), set()).update(keys)
        self.homes.update(dict.fromkeys(keys, largest))


def _add_accomplices(
    left: Sequence[Autostart], findings: Findings, followed: Mapping[str, Sequence[Followed]], homes: Mapping[Key, Gang]
) -> None:
    """What starts a guilty entry's unit, or comes to its very file or text while something speaks against it, too; and
    what lets the same account do still more, in the same file of sudoers.
    """
    units = {
        autostart.unit: gang for gang in homes.values() for autostart, _ in gang.autostarts.values() if autostart.unit
    }
    known = {subject for gang in homes.values() for subject in gang.autostarts}
    rights = {
        (autostart.path, autostart.user): gang
        for gang in homes.values()
        for autostart, _ in gang.autostarts.values()
        if autostart.kind is AutostartKind.SUDOERS
    }
    for autostart in left:
        if autostart.subject in known or autostart.vendor:
            continue
        if autostart.activates in units:
            units[autostart.activates].autostarts[autostart.subject] = (autostart, f"starts {autostart.activates}")
            continue
        beside = rights.get((autostart.path, autostart.user)) if autostart.kind is AutostartKind.SUDOERS else None
        hinted = any(finding.bits >= _HINT_BITS for finding in findings.get(autostart.subject, ()))
        shared = next((key for key in _keys(autostart, followed.get(autostart.subject, ())) if key in homes), None)
        if hinted and beside is not None:
            beside.autostarts[autostart.subject] = (autostart, f"gives {autostart.user} the rights that it uses")
        elif hinted and shared is not None:
            homes[shared].autostarts[autostart.subject] = (
                autostart,
                f"comes to the same {shared[0]}: {shared[1][:80]}",
            )


def _keys(autostart: Autostart, followed: Sequence[Followed]) -> Iterator[Key]:
    """What two guilty entries may have in common; what many innocent ones share is none of it."""
    trusted = {one.path for one in followed if one.executable and (one.executable.owner_package or one.executable.twin)}
    for path in (*autostart.programs, *(one.path for one in followed if one.path)):
        if path not in trusted and not interpreter(path.rpartition("/")[2]):
            yield "file", path
    texts = [autostart.command]
    for one in followed:
        if one.executable and one.path not in trusted and one.executable.path != one.path:
            yield "file", one.executable.path
        if one.text is not None:
            texts.append(one.text)
            if one.step is Step.DECODED:
                yield "text", one.text
    for text in texts:
        yield from (("address", url) for url in _URL.findall(text))
        yield from (("address", address) for address in _ADDRESS.findall(text) if not _OWN.match(address))


def of_files(snapshot: Snapshot, gang: Gang) -> Iterator[Followed]:
    """The files of nobody's package that a gang's autostarts come to, each once."""
    followed = followed_by_autostart(snapshot)
    seen = set[str]()
    for subject in gang.autostarts:
        for one in followed.get(subject, ()):
            file = one.executable
            if file and file.owner_package is None and file.twin is None and file.path not in seen:
                seen.add(file.path)
                yield one
