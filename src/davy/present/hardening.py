"""What stands open, for a person and for a machine: ``davy harden`` and its ``--json``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from rich.console import Console
from rich.text import Text

from davy import __version__
from davy.knowledge.services import known_services
from davy.model.exposures import Exposure, Severity
from davy.model.facts import Gap
from davy.model.hardening import DoorState, Hardening
from davy.model.logs import LogHit, Shows
from davy.model.plan import Left, Plan, SetLines
from davy.model.services import ReachedFrom, Service
from davy.model.text import printable
from davy.present.columns import columns
from davy.present.exposures import exposure_object
from davy.present.times import clock, moment

if TYPE_CHECKING:
    from davy.respond.carry_out import Carried

SCHEMA: Final = 1
_ROWS: Final = 8
_STYLES: Final = {
    Severity.CRITICAL: "bold red", Severity.HIGH: "bold red", Severity.MEDIUM: "bold yellow", Severity.LOW: "yellow",
}  # fmt: skip
_FROM: Final = {
    ReachedFrom.LOOPBACK: "from this host only", ReachedFrom.PRIVATE: "from private networks",
    ReachedFrom.ANY: "from anywhere",
}  # fmt: skip


def _shown(text: str, limit: int = 300) -> str:
    return printable(text, limit)


# For a person


def show_hardening(out: Console, found: Hardening) -> None:
    """The score, each service that stands open with its fix, and those that are fine, in a line each."""
    count = len(found.exposures)
    words = {0: "nothing stands open", 1: "1 exposure"}.get(count, f"{count} exposures")
    if not found.doors:
        words = "no service is known to listen"
    style = "bold green" if not count else _STYLES[max((one.severity for one in found.exposures), key=_rank)]
    out.print(Text(f"score {found.score} of 100{_before(found)}: {words}", style))
    out.print()
    number = 0
    for door in found.doors:
        for exposure in door.exposures:
            number += 1
            _show_exposure(out, found, door, exposure, number)
    unread = [door for door in found.doors if door.unread]
    if unread:
        out.print(Text("not known: how these are set", "bold yellow"))
    for door in unread:
        out.print(Text(f"   {_unread(door, found)}"))
    fine = [door for door in found.doors if not door.exposures and not door.unread]
    if fine:
        out.print(Text("fine", "bold"))
    for door in fine:
        out.print(Text(f"   {_fine(door)}"))
    for gap in found.gaps[:_ROWS]:
        out.print(Text(f"not seen: {_shown(gap.collector)}: {_shown(gap.what)}: {_shown(gap.why)}", "yellow"))
    if len(found.gaps) > _ROWS:
        out.print(f"not seen: {len(found.gaps) - _ROWS} more (--json shows all)")


def _rank(severity: Severity) -> int:
    return severity.rank


def _before(found: Hardening) -> str:
    if found.former is None:
        return ""
    when = clock(found.former.taken)
    if found.former.score == found.score:
        return f", as on {when}"
    return f", was {found.former.score} on {when}"


def _show_exposure(out: Console, found: Hardening, door: DoorState, exposure: Exposure, number: int) -> None:
    head = Text(f"{number}. {exposure.severity.upper()}", _STYLES[exposure.severity])
    head.append(f"  {_name(door)} on {_shown(exposure.address)}, {_FROM[exposure.reached_from]}", "default")
    out.print(head)
    columns(out, [(Text(_shown(exposure.summary, 500)),)])
    columns(out, [(Text(label.ljust(8), "bold"), Text(text)) for label, text in _rows(found, door, exposure)])
    out.print()


def _rows(found: Hardening, door: DoorState, exposure: Exposure) -> Iterator[tuple[str, str]]:
    """The label and text of each line about one exposure, in the order a person asks."""
    yield "what", _what(door.service, exposure)
    for one in door.service.listening[:_ROWS]:
        yield "listens", f"{_shown(one.spoken)}, {_FROM[one.reached_from]}: {_shown(one.source)}"
    if door.published:
        yield "through", through(door, found)
    for text in exposure.evidence[:_ROWS]:
        yield "why", _shown(text)
    yield from (("used", text) for text in uses_in_words(exposure.used))
    for number, text in enumerate(exposure.fix, 1):
        yield "fix", f"{number}. {_shown(text)}"
    if exposure.change is not None:
        where = f"line {exposure.change.line}" if exposure.change.line else "a new line"
        line = f"{where} of {_shown(exposure.change.path)}: {_shown(exposure.change.after)}"
        yield "apply", f"davy harden --apply {exposure.id}   sets {line}"
    for text in (*exposure.cves, *exposure.references):
        yield "see", _shown(text)


def _what(service: Service, exposure: Exposure) -> str:
    if service.composed:
        state = _composed(service)
    elif not service.running:
        state = "not running, as it is configured" if service.files else "not running, as it comes"
    else:
        state = f"process {service.pid}, user {_shown(service.user or '?', 60)}"
    words = [state]
    if service.version:
        words.append(f"version {_shown(service.version, 60)}")
    if service.unit:
        words.append(_shown(service.unit, 100))
    if exposure.container:
        words.append(f"container {_shown(exposure.container, 200)}")
    return f"{', '.join(words)}; id {exposure.id}"


def _composed(service: Service) -> str:
    file, _, name = (service.composed or "").rpartition(":")
    return f"in compose file {_shown(file, 200)}, service {_shown(name, 60)}, not started yet"


def through(door: DoorState, found: Hardening) -> str:
    """That Docker publishes ports of a service, and what that means for a firewall that is on."""
    ports = ", ".join(_shown(one, 80) for one in door.published[:_ROWS])
    words = f"Docker's {ports}"
    if found.firewalls:
        on = " and ".join(one.name for one in found.firewalls)
        return f"{words}, although {on} is on: Docker publishes it before the firewall's rules are asked"
    return f"{words}: Docker publishes it before a firewall's rules are asked"


def uses_in_words(used: Sequence[LogHit]) -> Iterator[str]:
    """Whether somebody came through: who is known to have, the latest first; who tried; what is told apart."""
    came = [hit for hit in used if hit.shows is Shows.SUCCESS]
    for hit in reversed(came[-_ROWS:]):
        yield f"{_when(hit)}  {meaning(hit)}"
        yield f"   {_shown(hit.path, 120)}: {_shown(hit.text, 160)}"
    if len(came) > _ROWS:
        yield f"{sum(hit.count for hit in came[:-_ROWS])} more before that"
    tries = [hit for hit in used if hit.shows is Shows.ATTEMPT]
    for hit in reversed(tries[-3:]):
        yield f"{_when(hit)}  tried: {meaning(hit)}"
    if len(tries) > 3:
        yield f"{sum(hit.count for hit in tries[:-3])} more tries before that"
    noise: Counter[str] = Counter()
    for hit in used:
        if hit.shows is Shows.NOISE:
            noise[meaning(hit)] += hit.count
    for words, count in noise.most_common(3):
        yield f"told apart, {count} times: {words}"


def _when(hit: LogHit) -> str:
    if hit.time is None:
        return "at a time that is not said"
    last = f" to {clock(hit.last_time)}" if hit.count > 1 and hit.last_time is not None else ""
    return f"{clock(hit.time)}{last}" + (f", {hit.count} times" if hit.count > 1 else "")


def meaning(hit: LogHit) -> str:
    """What a line means, with what it says of whom and from where."""
    known = known_services().get(hit.kind)
    sign = known.sign_by_id(hit.sign) if known else None
    if sign is None:
        return _shown(hit.sign)
    said = {"address": hit.address, "user": hit.user, "detail": hit.detail}
    words = sign.meaning
    for name, value in said.items():
        words = words.replace(f"{{{name}}}", value or "?")
    return _shown(words)


def _name(door: DoorState) -> str:
    return _shown(door.name, 100)


def _fine(door: DoorState) -> str:
    service, name = door.service, _name(door)
    if service.composed:
        return f"{name}: {_composed(service)}"
    if not service.running:
        return f"{name}: not running"
    if not service.listening:
        return f"{name}: listens nowhere that is known"
    reach = door.reached_from
    if reach is None or reach is ReachedFrom.LOOPBACK:
        here = f"; anybody on it {_shown(door.anybody_here)}" if door.anybody_here else ""
        return f"{name} on {_places(service)}: this host only{here}"
    return f"{name} on {_places(service)}: {_FROM[reach]}, and nothing of it is known to be open"


def _places(service: Service) -> str:
    places = ", ".join(_shown(one.spoken, 100) for one in service.listening[:4])
    return f"{places} and {len(service.listening) - 4} more" if len(service.listening) > 4 else places


def _unread(door: DoorState, found: Hardening) -> str:
    """A service of which nobody can say whether it stands open, and how that is found out."""
    reach = door.reached_from
    where = f" on {_places(door.service)}, {_FROM[reach]}" if reach else ""
    known = known_services().get(door.service.kind)
    asked = "; davy harden --probe asks it" if found.live and known and known.probe else ""
    return f"{_name(door)}{where}: {_shown(door.unread or '')}{asked}"


def show_plan_of_lines(out: Console, made: Plan) -> None:
    """The lines that are about to be set, and what is left alone."""
    if made.steps:
        out.print(Text("the plan", "bold"))
    for number, step in enumerate(made.steps, 1):
        if not isinstance(step, SetLines):
            continue
        out.print(Text(f"  {number:2}. {_shown(step.file.path.decode('utf-8', 'surrogateescape'))}"))
        for line in step.lines:
            if line.before is not None:
                out.print(Text(f"      {line.number:5} - {_bytes(line.before)}"))
            out.print(Text(f"      {line.number:5} + {_bytes(line.after)}"))
        if step.restart:
            out.print(Text(f"      then, by you: {_shown(step.restart)}"))
    _show_left(out, made.left)


def _bytes(text: bytes) -> str:
    return _shown(text.decode("utf-8", "surrogateescape"), 160)


def _show_left(out: Console, left: Sequence[Left]) -> None:
    for one in left:
        out.print(Text(f"left alone: {_shown(one.what)}: {_shown(one.why)}", "yellow"))


def show_applied(out: Console, made: Plan, carried: Carried, after: Hardening) -> None:
    """What came of it, and what is still needed."""
    for words in carried.done:
        out.print(Text(f"  done: {_shown(words)}"))
    _show_left(out, carried.left)
    restarts = restarts_of(made)
    if carried.done and restarts:
        out.print(Text("still needed: what runs has its old settings until you restart it", "bold yellow"))
        for restart in restarts:
            out.print(Text(f"   {_shown(restart)}"))
    count = len(after.exposures)
    if count:
        still = "1 exposure is" if count == 1 else f"{count} exposures are"
        out.print(Text(f"{still} still open: davy harden", "bold yellow"))
    out.print(Text("davy undo puts the lines back as they were"))


def restarts_of(made: Plan) -> tuple[str, ...]:
    """What has to be restarted for a plan to count."""
    steps = (step for step in made.steps if isinstance(step, SetLines))
    return tuple(dict.fromkeys(step.restart for step in steps if step.restart))


# For a machine


def hardening_object(found: Hardening) -> dict[str, Any]:
    """What ``davy harden --json`` prints: ``docs/schema/harden.json``; only ever added to."""
    host = found.host
    return {
        "schema": SCHEMA,
        "davy": __version__,
        "host": {
            "name": host.name, "kernel": host.kernel, "boot_time": moment(host.boot_time), "cpus": host.cpus,
        },
        "taken": moment(found.taken),
        "seconds": round(found.seconds, 3),
        "live": found.live,
        "score": found.score,
        "former_score": {"score": found.former.score, "taken": moment(found.former.taken)} if found.former else None,
        "exposures": [exposure_object(exposure) for exposure in found.exposures],
        "services": [_service(door) for door in found.doors],
        "firewalls": [one.name for one in found.firewalls],
        "gaps": [_gap(gap) for gap in found.gaps],
    }  # fmt: skip


def _gap(gap: Gap) -> dict[str, Any]:
    return {"collector": gap.collector, "what": gap.what, "why": gap.why}


def _service(door: DoorState) -> dict[str, Any]:
    service = door.service
    return {
        "kind": service.kind,
        "name": door.name,
        "subject": service.subject,
        "running": service.running,
        "pid": service.pid,
        "user": service.user,
        "unit": service.unit,
        "container": service.container,
        "program": service.program,
        "version": service.version,
        "files": list(service.files),
        "reached_from": door.reached_from,
        "listening": [
            {
                "address": one.address, "port": one.port, "protocol": one.protocol, "reached_from": one.reached_from,
                "source": one.source,
            }
            for one in service.listening
        ],
        "anybody_here": door.anybody_here,
        "unread": door.unread,
        "composed": service.composed,
        "published": list(door.published),
        "logs": list(service.logs),
        "exposures": [exposure.id for exposure in door.exposures],
    }  # fmt: skip


def applied_object(made: Plan, carried: Carried | None, after: Hardening | None) -> dict[str, Any]:
    """What ``davy harden --apply --json`` prints; ``carried`` is None where nothing was done."""
    return {
        "schema": SCHEMA,
        "done": list(carried.done) if carried else [],
        "left": [{"what": one.what, "why": one.why} for one in (*made.left, *(carried.left if carried else ()))],
        "files": [
            {
                "path": step.file.path.decode("utf-8", "surrogateescape"),
                "closes": list(step.closes),
                "lines": [
                    {
                        "number": line.number,
                        "before": None if line.before is None else line.before.decode("utf-8", "surrogateescape"),
                        "after": line.after.decode("utf-8", "surrogateescape"),
                    }
                    for line in step.lines
                ],
                "restart": step.restart,
            }
            for step in made.steps
            if isinstance(step, SetLines)
        ],
        "after": hardening_object(after) if after else None,
    }
