"""What autostarts say: their commands, what those decode, and the scripts that they run; one question per aspect.

Entries that an installed package put there as they are are not asked.  Of a script, which does many things, only its
worst line counts, and that it runs something from here or there only where no honest script does.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Final, NamedTuple

from davy.detect.rule import Observation, detector
from davy.knowledge import family_by_key, family_by_path
from davy.knowledge.autostart_kinds import autostart_kinds
from davy.knowledge.commands import AUTOSTART_RULES, PLACES, CommandMatch, suspicious_command, suspicious_programs
from davy.model.autostarts import Autostart, AutostartKind, Followed, Step
from davy.model.findings import Aspect
from davy.model.snapshot import Snapshot

_REASONS: Final = 3
_SHOWN: Final = 400
_SCRIPT_LINES: Final = 5
_SPARED_IN_SCRIPTS: Final = frozenset({"adds a key", "locks its own traces"})
_HIDDEN_IN_THE_OPEN: Final = "runs a hidden program from a writable folder"
_IN_THE_OPEN: Final = "runs from a writable folder"


class Told(NamedTuple):
    """A shape, and the text that has it where that is not the entry's own."""

    match: CommandMatch
    step: Step
    text: str | None = None


def foreign(snapshot: Snapshot) -> Iterator[Autostart]:
    """The autostarts that no installed package put there as they are."""
    return (autostart for autostart in snapshot.autostarts if not autostart.vendor)


def technique(autostart: Autostart) -> str | None:
    """The technique by which an intruder uses autostarts of this one's kind."""
    known = autostart_kinds().get(autostart.kind)
    return known.technique if known else None


@lru_cache(maxsize=4)
def followed_by_autostart(snapshot: Snapshot) -> Mapping[str, list[Followed]]:
    """What each autostart's command comes to, by the autostart's subject."""
    found: dict[str, list[Followed]] = defaultdict(list)
    for one in snapshot.followed:
        found[one.autostart].append(one)
    return found


@lru_cache(maxsize=4)
def told_by_autostart(snapshot: Snapshot) -> Mapping[str, tuple[Told, ...]]:
    """The shapes of every autostart that has any, those worth most first, by its subject."""
    followed = followed_by_autostart(snapshot)
    found = {}
    for autostart in foreign(snapshot):
        by_id = {match.id: match for match in suspicious_programs(autostart.programs)}
        by_id |= {match.id: match for match in suspicious_command(autostart.command)}
        told = [Told(match, Step.COMMAND) for match in by_id.values()]
        for one in followed.get(autostart.subject, ()):
            if one.text is not None:
                told += _of_text(one.text, one.step)
            elif one.step is Step.DECODED and one.path is not None:
                matches = suspicious_programs((one.path,))
                told += [Told(match, one.step, one.path) for match in matches if match.id not in PLACES]
        if told:
            found[autostart.subject] = tuple(sorted(told, key=lambda each: -each.match.bits))
    return found


def _of_text(text: str, step: Step) -> list[Told]:
    """The shapes of what is decoded, or of the worst line of a script; a long text that is decoded is one, too."""
    if step is not Step.SCRIPT and text.count("\n") < _SCRIPT_LINES:
        return [Told(match, step, text) for match in suspicious_command(text)]
    lines = ([Told(match, step, line) for match in _of_line(line)] for line in text.split("\n"))
    return max(lines, key=lambda told: sum(each.match.bits for each in told), default=[])


def _of_line(line: str) -> list[CommandMatch]:
    """The shapes of a script's line; where its programs lie only if no honest script has one there."""
    matches = suspicious_command(line)
    strange = any(
        match.id == _HIDDEN_IN_THE_OPEN or (match.id == _IN_THE_OPEN and _of_a_family(match.text)) for match in matches
    )
    spared = _SPARED_IN_SCRIPTS if strange else _SPARED_IN_SCRIPTS | PLACES
    return [match for match in matches if match.id not in spared]


def _of_a_family(path: str) -> bool:
    known = family_by_path(path)
    return known is not None and not known.weak


def _shapes(snapshot: Snapshot, aspect: Aspect) -> Iterator[Observation]:
    told = told_by_autostart(snapshot)
    for autostart in foreign(snapshot):
        its = [each for each in told.get(autostart.subject, ()) if each.match.aspect is aspect]
        if its:
            within = dict.fromkeys(f"{_HOW[each.step]}: {each.text[:_SHOWN]}" for each in its if each.text is not None)
            yield Observation(
                subject=autostart.subject,
                degree=its[0].match.id,
                summary="; ".join(dict.fromkeys(each.match.reason for each in its[:_REASONS])),
                evidence=(autostart.text or autostart.command, *list(within)[:_REASONS]),
                technique=technique(autostart) if aspect is Aspect.PERSISTENCE else its[0].match.technique,
            )


_HOW: Final = {Step.COMMAND: "in", Step.SCRIPT: "in a script that it runs", Step.DECODED: "decoded"}


@detector(AUTOSTART_RULES[Aspect.PERSISTENCE], aspect=Aspect.PERSISTENCE, technique="T1053.003")
def suspicious_autostart(snapshot: Snapshot) -> Iterator[Observation]:
    """An autostart fetches and runs, gives a shell away, or runs something from a place where anyone may write.

    What it decodes, and the scripts that it runs, are read, too.  Installed packages' own entries are not meant.
    Installers are run in the same way by hand, and some agents refresh themselves so: by itself it makes no suspect.
    """
    return _shapes(snapshot, Aspect.PERSISTENCE)


@detector(AUTOSTART_RULES[Aspect.NETWORK], aspect=Aspect.NETWORK, technique="T1105")
def fetching_autostart(snapshot: Snapshot) -> Iterator[Observation]:
    """An autostart fetches from where owners do not: a bare address, a paste, a hidden service.

    Owners' jobs fetch by names, over HTTPS; laboratories have servers without a name.
    """
    return _shapes(snapshot, Aspect.NETWORK)


@detector(AUTOSTART_RULES[Aspect.ORIGIN], aspect=Aspect.ORIGIN, technique="T1564.001")
def hidden_autostart(snapshot: Snapshot) -> Iterator[Observation]:
    """An autostart runs a program that lies hidden.

    People keep scripts of their own in hidden folders, and many tools do so in a home; the usual ones are known.
    """
    return _shapes(snapshot, Aspect.ORIGIN)


@detector(AUTOSTART_RULES[Aspect.CONTENT], aspect=Aspect.CONTENT, technique="T1496.001")
def mining_autostart(snapshot: Snapshot) -> Iterator[Observation]:
    """An autostart tells a miner what to do: a pool, a wallet, an algorithm.

    An owner who mines on purpose writes the same.
    """
    return _shapes(snapshot, Aspect.CONTENT)


@detector(AUTOSTART_RULES[Aspect.CONCEALMENT], aspect=Aspect.CONCEALMENT, technique="T1027")
def concealed_autostart(snapshot: Snapshot) -> Iterator[Observation]:
    """An autostart is written so that nobody reads what it does, or hides what it runs.

    It decodes a text and runs it, calls a fetcher by another name, or forces a library into programs.  Some deployment
    tools carry scripts encoded, too.
    """
    return _shapes(snapshot, Aspect.CONCEALMENT)


@detector("persistence.intruders-key", aspect=Aspect.PERSISTENCE, technique="T1098.004")
def intruders_key(snapshot: Snapshot) -> Iterator[Observation]:
    """A key that may log in is one that a known family of miners leaves on every host.

    By its comment, which anyone may write: but no owner does.  Davy removes keys only when they are named.
    """
    for autostart, family in _keys(snapshot):
        yield Observation(
            subject=autostart.subject,
            summary=f"lets in whoever holds the key that {family} leaves",
            evidence=(autostart.text or autostart.command,),
            family=family,
        )


@detector("identity.key", aspect=Aspect.IDENTITY, technique="T1098.004")
def familys_key(snapshot: Snapshot) -> Iterator[Observation]:
    """A key that may log in bears the comment of a known family's.

    It names the family; what it means for the host counts elsewhere.
    """
    for autostart, family in _keys(snapshot):
        yield Observation(
            subject=autostart.subject,
            summary=f"is the key that {family} leaves",
            evidence=(autostart.text or autostart.command,),
            family=family,
        )


def _keys(snapshot: Snapshot) -> Iterator[tuple[Autostart, str]]:
    for autostart in foreign(snapshot):
        family = None
        if autostart.kind is AutostartKind.AUTHORIZED_KEY:
            family = family_by_key(autostart.text or autostart.command)
        if family:
            yield autostart, family
