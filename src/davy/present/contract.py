"""The one JSON object of ``davy scan --json``.  Schema in ``docs/schema/scan.json``; only ever added to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from davy import __version__
from davy.correlate.counterfactual import Account, account
from davy.knowledge.schedules import when
from davy.model.allowance import Allowance
from davy.model.autostarts import Autostart
from davy.model.concealment import Accounting, ModuleRow, ModuleTable, ProcessRow, ProcessTable
from davy.model.facts import Gap
from davy.model.findings import Finding
from davy.model.incidents import Actor, Allowed, Considered, Door, Happening, Incident, InContainer, Judgement
from davy.model.plan import Left, Plan
from davy.present.encoding import as_json as as_json
from davy.present.explanation import account_of
from davy.present.exposures import exposure_object
from davy.present.times import moment

if TYPE_CHECKING:
    from davy.respond import Outcome

SCHEMA = 1


def _actor(actor: Actor) -> dict[str, Any]:
    return {
        "role": actor.role,
        "kind": actor.kind,
        "pid": actor.pid,
        "ppid": actor.ppid,
        "start_time": moment(actor.start_time),
        "start_ticks": actor.start_ticks,
        "user": actor.user,
        "cmdline": actor.cmdline,
        "path": actor.path,
        "files": list(actor.files),
        "line": actor.line,
        "command": actor.command,
        "name": actor.name,
        "detail": actor.detail,
        **_of_autostart(actor.autostart),
        "container": _container(actor.container),
    }


def _container(found: InContainer | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "id": found.id,
        "runtime": found.runtime,
        "name": found.name,
        "image": found.image,
        "project": found.project,
        "pod": found.pod,
        "words": found.spoken,
        "uid": found.uid,
        "host_user": found.host_user,
        "host_path": found.host_path,
    }


def _of_autostart(each: Autostart | None) -> dict[str, Any]:
    """What an actor has that is an autostart; null values for any other."""
    keys = ("kind_of_autostart", "schedule", "when", "owner_package", "first_seen", "news")
    if each is None:
        return dict.fromkeys(keys)
    values = (each.kind, each.schedule, when(each), each.owner_package, moment(each.first_seen), each.news)
    return dict(zip(keys, values, strict=True))


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "rule": finding.rule,
        "aspect": finding.aspect,
        "bits": finding.bits,
        "subject": finding.subject,
        "summary": finding.summary,
        "evidence": list(finding.evidence),
        "technique": finding.technique,
    }


def _door(door: Door | None) -> dict[str, Any] | None:
    if door is None:
        return None
    return {
        "service": door.service,
        "confidence": door.confidence,
        "time": moment(door.time),
        "evidence": list(door.evidence),
        "kind": door.kind,
        "address": door.address,
        "bits": door.bits,
        "reasons": [{"bits": reason.bits, "what": reason.what} for reason in door.reasons],
        "fix": list(door.fix),
    }


def _happening(happening: Happening) -> dict[str, Any]:
    return {"time": moment(happening.time), "what": happening.what, "source": happening.source}


def _incident(incident: Incident) -> dict[str, Any]:
    return {
        "id": incident.id,
        "verdict": incident.verdict,
        "confidence": incident.confidence,
        "family": incident.family,
        "summary": incident.summary,
        "actors": [_actor(actor) for actor in incident.actors],
        "door": _door(incident.door),
        "timeline": [_happening(happening) for happening in incident.timeline],
        "findings": [_finding(finding) for finding in incident.findings],
        "cost": {"cpu_hours": round(incident.cpu_hours, 6)} if incident.cpu_hours is not None else None,
        "owners": incident.owners,
        "other_doors": [_door(door) for door in incident.other_doors],
        "ruled_out": [{"service": one.service, "reason": one.reason} for one in incident.ruled_out],
        "keep": list(incident.keep),
        "advice": [{"works": one.works, "what": one.what, "why": one.why} for one in incident.advice],
        "sum": account_object(account_of(incident)),
    }


def account_object(account: Account | None) -> dict[str, Any] | None:
    """How a verdict comes about, and what would have changed it."""
    if account is None:
        return None
    return {
        "subject": account.subject,
        "verdict": account.verdict,
        "bits": round(account.bits, 3),
        "proven": account.proven,
        "aspects": [
            {
                "aspect": part.aspect,
                "bits": round(part.bits, 3),
                "strongest": part.strongest,
                "further": list(part.further),
            }
            for part in account.parts
        ],
        "changes": [{"without": list(change.without), "verdict": change.verdict} for change in account.changes],
        "wanting": list(account.wanting),
    }


def allowance_object(allowance: Allowance) -> dict[str, Any]:
    """One decision of the owner's."""
    return {
        "id": allowance.id,
        "sha256": allowance.sha256,
        "path": allowance.path,
        "unit": allowance.unit,
        "user": allowance.user,
        "reason": allowance.reason,
        "since": moment(allowance.since),
        "by": allowance.by,
    }


def _allowed(one: Allowed) -> dict[str, Any]:
    return {
        **allowance_object(one.allowance),
        "pids": list(one.pids),
        "cost": {"cpu_hours": round(one.cpu_hours, 6)} if one.cpu_hours is not None else None,
        "cores": round(one.burning_cores, 3),
        "differs": list(one.differs),
    }


def explanation_object(chosen: Incident | Sequence[Considered]) -> Any:
    """What ``davy explain --json`` prints: an incident, or what was let go, each with its sum."""
    if isinstance(chosen, Incident):
        return {**msgspec.to_builtins(chosen), "sum": account_object(account_of(chosen))}
    return [{**msgspec.to_builtins(row), "sum": account_object(account(row.subject, row.findings))} for row in chosen]


def _gap(gap: Gap) -> dict[str, Any]:
    return {"collector": gap.collector, "what": gap.what, "why": gap.why}


def _views(table: ProcessTable | ModuleTable | None) -> dict[str, Any] | None:
    if table is None:
        return None
    seen = table.loaded if isinstance(table, ModuleTable) else table.rows
    return {"seen": len(seen), "hidden": len(table.hidden)}


def scan_object(judgement: Judgement) -> dict[str, Any]:
    """The contract's object, of built-in values."""
    host = judgement.host
    return {
        "schema": SCHEMA,
        "davy": __version__,
        "host": {
            "name": host.name,
            "kernel": host.kernel,
            "boot_time": moment(host.boot_time),
            "cpus": host.cpus,
        },
        "taken": moment(judgement.taken),
        "seconds": round(judgement.seconds, 3),
        "verdict": judgement.verdict,
        "complete": judgement.complete,
        "incidents": [_incident(incident) for incident in judgement.incidents],
        "exposures": [exposure_object(exposure) for exposure in judgement.exposures],
        "gaps": [_gap(gap) for gap in judgement.gaps],
        "views": {"processes": _views(judgement.process_table), "modules": _views(judgement.module_table)}
        if judgement.live
        else None,
        "allowed": [_allowed(one) for one in judgement.allowed],
        "autostarts": {
            "seen": judgement.autostarts.seen,
            "new": judgement.autostarts.new,
            "changed": judgement.autostarts.changed,
        },
    }


def tables_object(judgement: Judgement) -> dict[str, Any]:
    """What ``--views`` adds under ``tables``: every row of the views, and CPU time against its owners."""
    processes, modules = judgement.process_table, judgement.module_table
    return {
        "processes": [
            {"pid": row.pid, "start_ticks": row.start_ticks, "name": row.name, "covered": row.covered, **_row(row)}
            for row in (processes.rows if processes else ())
        ],
        "modules": [
            {"name": row.name, "taint": row.taint, "file": row.file, **_row(row)}
            for row in (modules.rows if modules else ())
        ],
        "accounting": _accounting(judgement.accounting),
    }


def _row(row: ProcessRow | ModuleRow) -> dict[str, Any]:
    return {"seen": sorted(row.seen), "missing": sorted(row.missing), "hidden": row.hidden}


def _accounting(account: Accounting | None) -> dict[str, Any] | None:
    if account is None:
        return None
    return {
        "cpus": account.cpus,
        "busy": round(account.busy, 3),
        "unowned": round(account.unowned, 3),
        "claimed_busy": _rounded(account.claimed_busy),
        "sampled_busy": _rounded(account.sampled_busy),
    }


def _rounded(cores: float | None) -> float | None:
    return None if cores is None else round(cores, 3)


def _left(left: Left) -> dict[str, Any]:
    return {"what": left.what, "why": left.why}


def _passed(incident: Incident) -> dict[str, Any]:
    return {"id": incident.id, "verdict": incident.verdict, "summary": incident.summary}


def plan_object(plan: Plan, passed: Sequence[Incident] = (), cut_short: bool = False) -> dict[str, Any]:
    """What ``davy evict --dry-run --json`` prints.

    ``passed`` are incidents that are not acted on; ``cut_short`` says that an earlier eviction is finished first.
    """
    from davy.respond import described

    return {
        "schema": SCHEMA,
        "incidents": list(plan.incidents),
        "steps": [described(step) for step in plan.steps],
        "left": [_left(left) for left in plan.left],
        "notes": list(plan.notes),
        "passed": [_passed(incident) for incident in passed],
        "cut_short": cut_short,
    }


def outcome_object(outcome: Outcome, passed: Sequence[Incident] = ()) -> dict[str, Any]:
    """What ``davy evict --json`` prints; ``passed`` are incidents that were not acted on."""
    return {
        "schema": SCHEMA,
        "clean": outcome.clean,
        "rounds": outcome.rounds,
        "done": list(outcome.done),
        "left": [_left(left) for left in outcome.left],
        "ended": outcome.ended,
        "returned": {"pid": outcome.returned.pid, "path": outcome.returned.path} if outcome.returned else None,
        "watched_seconds": outcome.watched_seconds,
        "remaining": [incident.id for incident in outcome.remaining],
        "passed": [_passed(incident) for incident in passed],
    }


def undo_object(put_back: Sequence[str], left: Sequence[Left], not_put_back: Sequence[Left] = ()) -> dict[str, Any]:
    """What ``davy undo --json`` prints; ``not_put_back`` stays as it is on purpose."""
    return {
        "schema": SCHEMA,
        "put_back": list(put_back),
        "left": [_left(one) for one in left],
        "not_put_back": [_left(one) for one in not_put_back],
    }
