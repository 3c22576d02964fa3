"""How it came in, as a person reads it: the doors with their log lines, what closes them, what to do from now on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rich.console import Console
from rich.text import Text

from davy.model.cgroup_names import short_ids
from davy.model.incidents import Door, Incident
from davy.model.text import printable
from davy.present.times import clock

_LINE: Final = 200
_LINES: Final = 4
_REASONS: Final = 2
_OTHERS: Final = 2
_ADVICE: Final = 2
_SURENESS: Final = ((0.9, "almost surely"), (0.7, "very likely"), (0.5, "likely"), (0.0, "perhaps"))


def sureness(confidence: float) -> str:
    """A confidence in words."""
    return next(words for least, words in _SURENESS if confidence >= least)


def _shown(text: str, limit: int = _LINE) -> str:
    return printable(short_ids(text), limit)


def door_rows(incident: Incident) -> Iterator[tuple[str, str]]:
    """The label and text of each line about how an incident came in, in the order a person asks."""
    door = incident.door
    if door is not None:
        yield "came in by", _headline(door)
        yield from (("", line) for line in _told(door))
        yield from _labelled("close it", [_shown(line) for line in door.fix[:_LINES]])
    elif incident.owners is not None:
        yield "came in", "perhaps nobody: it may be its owner's own"
    elif incident.other_doors:
        yield "came in", "by nothing that is sure enough; perhaps by one of these"
    else:
        yield "came in", "by nothing that is known"
    for other in incident.other_doors[:_OTHERS]:
        yield "perhaps by" if door is None else "or by", f"{_headline(other)}: {_shown(_why(other))}"
    yield from _labelled("keep", [_shown(what) for what in incident.keep[:_OTHERS]])
    rest = [f"{_shown(one.service, 40)}: {_shown(one.reason, 120)}" for one in incident.ruled_out]
    yield from _labelled("it was not", rest[:_OTHERS])
    does = [one for one in incident.advice if one.works][:_ADVICE]
    vain = [one for one in incident.advice if not one.works][:_ADVICE]
    yield from _labelled("never again", [_shown(one.what, 300) for one in does])
    yield from _labelled("in vain", [_shown(one.what, 300) for one in vain])


def _labelled(label: str, lines: list[str]) -> Iterator[tuple[str, str]]:
    yield from ((label if number == 0 else "", line) for number, line in enumerate(lines))


def _headline(door: Door) -> str:
    where = f" at {_shown(door.address, 80)}" if door.address else ""
    when = f", {clock(door.time)}" if door.time is not None else ""
    return f"{_shown(door.service, 100)}{where}{when}, {sureness(door.confidence)} ({door.confidence:.0%})"


def _told(door: Door) -> list[str]:
    """The log lines, or the reasons where there is none."""
    reasons = {reason.what for reason in door.reasons}
    logged = [line for line in door.evidence if line not in reasons]
    if logged:
        return [printable(line, _LINE) for line in logged[:_LINES]]
    return [_shown(line) for line in door.evidence[:_REASONS]]


def _why(door: Door) -> str:
    return door.reasons[0].what if door.reasons else "it stands open"


def show_doors(out: Console, incident: Incident) -> None:
    """All of it: every door with its reasons, those it was not, what to keep, and all advice."""
    out.print(Text("\n   how it came in", "bold"))
    if incident.door is not None:
        _show_door(out, incident.door)
    elif incident.owners is not None:
        out.print("   perhaps nobody did: it may be its owner's own")
    else:
        out.print("   not known: nothing is strong enough")
    for other in incident.other_doors:
        out.print(Text("   or" if incident.door is not None else "   perhaps", "bold"))
        _show_door(out, other)
    for one in incident.ruled_out:
        out.print(f"   not {_shown(one.service, 60)}: {_shown(one.reason, 300)}")
    for what in incident.keep:
        out.print(f"   keep: {_shown(what, 300)}")
    if incident.advice:
        out.print(Text("\n   from now on", "bold"))
    for advice in incident.advice:
        head = "do" if advice.works else "in vain"
        out.print(f"   {head}: {_shown(advice.what, 600)}")
        out.print(Text(f"       for {_shown(advice.why, 600)}", "dim"))


def _show_door(out: Console, door: Door) -> None:
    out.print(f"   {_headline(door)}")
    reasons = {reason.what for reason in door.reasons}
    for line in door.evidence:
        if line not in reasons:
            out.print(Text(f"        | {printable(line, 300)}"))
    for reason in door.reasons:
        out.print(f"   {reason.bits:+5.1f}  {_shown(reason.what, 300)}")
    for line in door.fix:
        out.print(f"        close it: {_shown(line, 300)}")
