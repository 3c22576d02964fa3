"""What a person reads: is it a miner, what runs since when at what cost, what keeps it alive, how it starts
again, what to type next.  One screen; plain when piped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.text import Text

from davy.correlate.counterfactual import account
from davy.detect.concealment import UNOWNED_CORES, in_words
from davy.journal import Eviction, Progress
from davy.model.cgroup_names import short_ids
from davy.model.findings import Finding
from davy.model.incidents import Actor, Considered, Incident, Judgement, Kind, Role, Verdict
from davy.model.plan import Left, Plan, SetLines
from davy.model.text import printable
from davy.model.undo import FrozenGroup, UnloadedModule, Unmounted
from davy.present.allowances import show_allowed
from davy.present.autostarts import told
from davy.present.columns import columns
from davy.present.console import console as console
from davy.present.doors import door_rows, show_doors
from davy.present.explanation import account_of, sum_lines
from davy.present.exposures import show_exposed
from davy.present.times import clock, since
from davy.respond import Outcome, described, not_put_back

_STYLES = {Verdict.CLEAN: "bold green", Verdict.SUSPECT: "bold yellow", Verdict.CONFIRMED: "bold red"}
_ROWS = 8


def _shown(text: str, limit: int = 160) -> str:
    return printable(text, limit)


def _hours(hours: float) -> str:
    return f"{hours:.1f} CPU hours" if hours >= 1 else f"{hours * 60:.1f} CPU minutes"


def show_judgement(out: Console, judgement: Judgement, *, here: bool = True) -> None:
    """One scan; ``here`` says that it is of this host and of now, and not of a capsule."""
    kept = here and judgement.live
    if not judgement.incidents:
        words = "No miner found" if judgement.complete else "Nothing found in what could be read"
        out.print(Text(f"{words}.", _STYLES[Verdict.CLEAN] if judgement.complete else "bold yellow"))
        if judgement.considered and kept:
            out.print(f"{len(judgement.considered)} looked at closely and let go: davy explain")
    for number, incident in enumerate(judgement.incidents, 1):
        _show_incident(out, judgement, number, incident)
    show_allowed(out, judgement.allowed)
    _show_hidden(out, judgement)
    show_exposed(out, judgement.exposures)
    if kept:
        _show_news(out, judgement)
    _show_gaps(out, judgement)
    if judgement.incidents and kept:
        _show_next(out, judgement)


def _show_news(out: Console, judgement: Judgement) -> None:
    """That autostarts are not what they were, where the host is remembered."""
    count = judgement.autostarts
    words = [f"{number} {what}" for number, what in ((count.new, "new"), (count.changed, "changed")) if number]
    if words:
        out.print(f"autostarts: {count.seen}, {' and '.join(words)}: davy scan --autostarts")


def _show_hidden(out: Console, judgement: Judgement) -> None:
    """What does not add up."""
    for table, what in ((judgement.process_table, "alive"), (judgement.module_table, "loaded")):
        count = len(table.hidden) if table else 0
        noun = {"alive": "process", "loaded": "kernel module"}[what]
        if count:
            words = f"1 {noun} is" if count == 1 else f"{count} {noun}{'es' if what == 'alive' else 's'} are"
            shown = "that a listing does not show (davy scan --views)"
            out.print(Text(f"{words} {what} {shown}.", "bold red"))
    account = judgement.accounting
    if account is not None and account.unowned >= UNOWNED_CORES:
        out.print(Text(f"{in_words(account)} by no visible process.", "bold red"))


def _show_incident(out: Console, judgement: Judgement, number: int, incident: Incident) -> None:
    roles = {actor.role for actor in incident.actors}
    sure = "HIDER" if Role.HIDER in roles and Role.MINER not in roles else "MINER"
    word = {Verdict.CONFIRMED: sure, Verdict.SUSPECT: "SUSPECT"}.get(incident.verdict, "CLEAN")
    head = Text(f"{number}. {word}", _STYLES[incident.verdict])
    head.append(f"  {incident.confidence:.0%} sure, id {incident.id}", "default")
    out.print(head)
    columns(out, [(Text(_shown(incident.summary, 400)),)])
    columns(out, [(Text(label.ljust(12), "bold"), Text(text)) for label, text in _rows(judgement, incident)])
    out.print()


def _rows(judgement: Judgement, incident: Incident) -> Iterator[tuple[str, str]]:
    """The label and text of each line about one incident, in the order a person asks."""
    now = judgement.taken
    running = [actor for actor in incident.actors if actor.kind is Kind.PROCESS]
    miners = [actor for actor in running if actor.role is Role.MINER]
    for actor in miners[:_ROWS]:
        age = f"since {since(actor.start_time, now)}" if actor.start_time is not None else "since when is not known"
        yield "runs", f"{_process(actor)}, {age}: {_shown(actor.cmdline or '', 90)}"
    if len(miners) > _ROWS:
        yield "", f"and {len(miners) - _ROWS} more"
    yield from _containers(running)
    if incident.cpu_hours is not None and running:
        yield "cost", f"{_hours(incident.cpu_hours)}; {incident.burning_cores:.1f} cores now"
    for slowed in incident.slowed[:3]:
        yield "slows", f"{_shown(slowed.name)} ({slowed.pid}) got {slowed.share:.0%} of the CPU it asked for"
    kept = [actor for actor in running if actor.role not in (Role.MINER, Role.HIDER)]
    for actor in kept[:_ROWS]:
        yield "kept alive", f"by {_process(actor)}: {_shown(actor.detail)}"
    again = [actor for actor in incident.actors if actor.kind is Kind.AUTOSTART]
    for actor in again[:_ROWS]:
        line = f" line {actor.line}" if actor.line else ""
        yield (
            "starts again",
            f"{_shown(actor.path or '')}{line} ({_shown(actor.user or '?')}): {_shown(actor.command or '', 90)}",
        )
        if actor.autostart is not None:
            yield "", told(actor.autostart, now)
    lying = [actor for actor in incident.actors if actor.kind is Kind.FILE and actor.role is not Role.HIDER]
    for actor in lying[:_ROWS]:
        yield "lies there", _shown(actor.path or "")
    for actor in [actor for actor in incident.actors if actor.role is Role.HIDER][:_ROWS]:
        where = f" ({_shown(actor.path)})" if actor.path and actor.path not in actor.name else ""
        yield "hidden by", f"{_shown(actor.name, 100)}{where}: {_shown(actor.detail)}"
    if running and not kept:
        yield "kept alive", "by no process that was seen"
    if running and not again:
        yield "starts again", "by no autostart that was seen"
    yield from door_rows(incident)


def _containers(running: Sequence[Actor]) -> Iterator[tuple[str, str]]:
    """The containers that actors are in, each once, and where on the host the programs are that lie in them."""
    inside = [actor for actor in running if actor.container is not None]
    for spoken in list(dict.fromkeys(actor.container.spoken for actor in inside if actor.container))[:_ROWS]:
        yield "runs in", _shown(spoken, 300)
    for actor in inside[:_ROWS]:
        found = actor.container
        if found is not None and found.host_path:
            path = next(iter(actor.files), actor.path)
            yield "", f"{_shown(path or '', 80)} in there is {_shown(found.host_path)} on the host"


def _process(actor: Actor) -> str:
    user, path = _user(actor), _shown(actor.path or "no program", 80)
    return f"{_shown(actor.name, 40)} ({actor.pid}, {user}, {path})"


def _user(actor: Actor) -> str:
    """Whose a process is; of one in a container also as the host counts, where that has another name for the user."""
    name, found = _shown(actor.user or "?", 40), actor.container
    if found is None or found.uid in (None, 0) or actor.user == found.host_user:
        return name
    host = f", {_shown(found.host_user, 40)} on the host" if found.host_user else ""
    return f"uid {found.uid}, {name} in the container{host}"


def _show_gaps(out: Console, judgement: Judgement) -> None:
    """What was not seen; first what keeps the answer from being complete."""
    for gap in sorted(judgement.gaps, key=lambda gap: gap.collector != "processes")[:_ROWS]:
        out.print(Text(f"not seen: {_shown(gap.collector)}: {_shown(gap.what)}: {_shown(gap.why)}", "yellow"))
    if len(judgement.gaps) > _ROWS:
        out.print(f"not seen: {len(judgement.gaps) - _ROWS} more (--json shows all)")


def _show_next(out: Console, judgement: Judgement) -> None:
    """What to type: for what is kept, so that it can be explained, and can be acted on."""
    confirmed = any(incident.verdict is Verdict.CONFIRMED for incident in judgement.incidents)
    out.print(Text("next", "bold"), end="  ")
    out.print("davy explain 1        why")
    if confirmed:
        out.print("      davy evict --dry-run  what would be done")
        out.print("      davy evict            do it, and watch that it stays gone")
    else:
        out.print(f"      davy evict --id {judgement.incidents[0].id}  a suspect is only acted on by name")


def _findings(out: Console, findings: tuple[Finding, ...]) -> None:
    rows = []
    for finding in sorted(findings, key=lambda one: -one.bits):
        words = Text(f"{_shown(finding.summary, 300)}  [{finding.rule}]")
        rows.append((Text(f"{finding.bits:+5.1f}"), Text(f"{finding.aspect:11}"), words))
        rows += [(Text(" " * 5), Text(" " * 11), Text(_shown(text, 200), "dim")) for text in finding.evidence[:4]]
    columns(out, rows)


def show_explanation(out: Console, judgement: Judgement, number: int) -> None:
    """Why: every finding of one incident with its bits, the tree, the timeline."""
    incident = judgement.incidents[number - 1]
    _show_incident(out, judgement, number, incident)
    weighed = account_of(incident)
    for line in sum_lines(weighed, incident.owners) if weighed else ():
        out.print(Text(f"   {_shown(line, 300)}"))
    for actor in incident.actors:
        own = tuple(finding for finding in incident.findings if finding.subject == actor.subject)
        where = (
            f"({actor.pid})" if actor.pid else f"{_shown(actor.path or '')}" + (f":{actor.line}" if actor.line else "")
        )
        out.print(Text(f"\n   {actor.role} {_shown(actor.name)} {where}", "bold"))
        _findings(out, own)
    out.print(Text("\n   tree", "bold"))
    for line in tree(incident):
        out.print(f"   {line}")
    show_doors(out, incident)
    out.print(Text("\n   timeline", "bold"))
    for happening in incident.timeline:
        source = _shown(short_ids(happening.source), 100)
        out.print(f"   {clock(happening.time)}  {_shown(happening.what, 300)}  ({source})")


def tree(incident: Incident) -> Iterator[str]:
    """The incident's processes, children below their parents."""
    actors = {actor.pid: actor for actor in incident.actors if actor.pid is not None}

    def below(actor: Actor, depth: int) -> Iterator[str]:
        yield f"{'  ' * depth}{actor.pid} {_shown(actor.name, 40)}  {actor.role}  {_shown(actor.cmdline or '', 90)}"
        for child in actors.values():
            if child.ppid == actor.pid and child is not actor:
                yield from below(child, depth + 1)

    for actor in actors.values():
        if actor.ppid not in actors:
            yield from below(actor, 0)


def show_considered(out: Console, considered: tuple[Considered, ...]) -> None:
    """What was looked at closely and let go, and why."""
    if not considered:
        out.print("Nothing asked for a closer look.")
    for row in considered:
        out.print(Text(f"{_shown(row.name)}  {row.bits:+.1f} bits: let go", "bold"))
        _findings(out, row.findings)
        for line in sum_lines(account(row.subject, row.findings)):
            out.print(Text(f"   {_shown(line, 300)}"))


def show_permitted(out: Console, judgement: Judgement) -> None:
    """What the owner allowed, and what is found of it all the same."""
    show_allowed(out, judgement.allowed)
    for one in judgement.allowed:
        _findings(out, one.findings)


def show_plan(out: Console, plan: Plan) -> None:
    """The steps of an eviction, and what it leaves alone."""
    if plan.steps:
        out.print(Text("the plan", "bold"))
    for number, step in enumerate(plan.steps, 1):
        out.print(f"  {number:2}. {_shown(described(step), 300)}")
        for target in getattr(step, "targets", ()):
            out.print(f"        {target.role} {target.name} ({target.pid}): {_shown(target.invocation, 100)}")
        for text in getattr(step, "texts", ()):
            out.print(f"        - {_shown(text.decode('utf-8', 'surrogateescape'), 120)}")
        for text in filter(None, getattr(step, "remains", ())):
            out.print(f"        + {_shown(text.decode('utf-8', 'surrogateescape'), 120)}")
    for note in plan.notes:
        out.print(f"  in {_shown(note, 600)}")
    show_left(out, plan.left)


def show_left(out: Console, left: Sequence[Left]) -> None:
    for one in left:
        out.print(Text(f"left alone: {_shown(one.what, 200)}: {_shown(one.why, 200)}", "yellow"))


def show_passed(out: Console, incident: Incident) -> None:
    """An incident that an eviction does not act on."""
    words = f"left alone: {_shown(incident.summary, 300)}: only acted on by name: davy evict --id {incident.id}"
    out.print(Text(words, "yellow"))


def show_outcome(out: Console, outcome: Outcome) -> None:
    """What an eviction came to."""
    for step in outcome.done:
        out.print(f"  done: {_shown(step, 300)}")
    show_left(out, outcome.left)
    if outcome.returned:
        out.print(Text(f"It came back: {_shown(outcome.returned.path)} ({outcome.returned.pid}).", "bold red"))
    for incident in outcome.remaining:
        out.print(Text(f"Still there: {_shown(incident.summary, 300)} (id {incident.id})", "bold red"))
    if outcome.clean:
        out.print(
            Text(
                f"Gone: {outcome.ended} processes ended; nothing came back in {outcome.watched_seconds:.0f} s.",
                "bold green",
            )
        )
    out.print("davy undo puts every file, line and unit back")


def show_undoing(out: Console, evictions: Sequence[Eviction]) -> None:
    """What an undo is about to put back, and that it may start again."""
    out.print(Text("to put back", "bold"))
    for eviction in evictions:
        for entry in reversed(eviction.entries):
            undoable = entry.undo is not None and entry.state in (Progress.DONE, Progress.BEGUN, Progress.KEPT)
            if undoable and not isinstance(entry.undo, (FrozenGroup, Unmounted, UnloadedModule)):
                out.print(f"  from: {_shown(described(entry.step), 300)}")
    for one in not_put_back(evictions):
        out.print(f"  not put back: {_shown(one.what, 200)}: {_shown(one.why, 300)}")
    steps = [entry.step for eviction in evictions for entry in eviction.entries]
    if any(isinstance(step, SetLines) for step in steps):
        out.print(Text("What was closed stands open again when its service is restarted.", "bold yellow"))
    if not all(isinstance(step, SetLines) for step in steps):
        out.print(Text("What starts by itself (cron lines, units) is live again afterwards.", "bold yellow"))


def show_undo(out: Console, put_back: Sequence[str], left: Sequence[Left]) -> None:
    for path in put_back:
        out.print(f"  put back: {_shown(path, 300)}")
    show_left(out, left)
