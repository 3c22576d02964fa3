"""The verbs that change the host: evict, and undo what it changed."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from davy.cli.asking import agreed
from davy.cli.options import (
    INCIDENT,
    CannotError,
    Seconds,
    json_option,
    ptrace_option,
    rules_option,
    state_option,
    yes_option,
)
from davy.cli.places import check_rules, decided_in, host_at, journal_in, look_again, remember
from davy.cli.progress import progress

if TYPE_CHECKING:
    from davy.host import Host
    from davy.journal import Eviction, Journal
    from davy.model.autostarts import Autostart
    from davy.model.incidents import Incident, Judgement
    from davy.model.snapshot import Snapshot
    from davy.respond import Finished


@click.command()
@click.option("--dry-run", is_flag=True, help="Show the plan and do nothing.")
@yes_option
@click.option("--id", "names", multiple=True, metavar="ID", help="Act on this incident, suspect or confirmed.")
@click.option(
    "--key",
    "keys",
    multiple=True,
    metavar="KEY",
    help="Take this authorized key out, too: SHA256:... or PATH:LINE.  None goes unless it is named.",
)
@click.option(
    "--verify-for", type=Seconds(0, 86400), default=60.0, show_default=True, metavar="SECONDS",
    help="How long to watch that nothing comes back.",
)  # fmt: skip
@json_option
@rules_option
@ptrace_option
@state_option
def evict(
    dry_run: bool, yes: bool, names: tuple[str, ...], keys: tuple[str, ...], verify_for: float, as_json: bool,
    rules: str | None, no_ptrace: bool, state: str | None,
) -> int:  # fmt: skip
    """Evict what a fresh scan confirms: show the plan, ask, do it, watch that it stays gone."""
    from davy.journal.seen import recalled
    from davy.model.reach import Reach
    from davy.present.contract import as_json as encoded
    from davy.present.contract import outcome_object, plan_object
    from davy.present.terminal import console, show_outcome, show_passed, show_plan
    from davy.respond import Interest, needs_a_name, plan
    from davy.respond import evict as road
    from davy.scan import scan as look

    if rules is not None:
        check_rules(rules)
    host, journal, out = host_at(None), journal_in(state), console()
    reach = Reach(ptrace=not no_ptrace, rules=rules, state=journal.state.folder)
    with journal.state.lock():
        cut_short, finished = journal.unfinished(), None
        if cut_short is not None:
            when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(cut_short.started))
            if not dry_run:
                finished = _finish(host, journal, cut_short, as_json)
            if not as_json:
                doing = "davy evict finishes it first" if dry_run else "it is finished first"
                out.print(f"An eviction of {when} was cut short: {doing}.")
        with progress(as_json) as status:
            snapshot, judgement = look(
                host, progress=lambda words: status.update(f"reading {words}"), reach=reach,
                decided=decided_in(state, None), seen=recalled(journal, time.time()),
            )  # fmt: skip
        remember(journal, judgement, snapshot, needed=True)
        chosen = _chosen(judgement, names, cut_short.plan.incidents if cut_short else ())
        passed = [one for one in judgement.incidents if one not in chosen]
        spared = journal.state.keys()
        made = plan(host, snapshot, chosen, spared_files=spared, named=_named(snapshot, keys))
        if not as_json:
            show_plan(out, made)
            for one in passed:
                show_passed(out, one)
        if dry_run or not (made.steps or finished):
            if as_json:
                click.echo(encoded(plan_object(made, passed, cut_short is not None)))
            elif not made.steps and not chosen and not passed and cut_short is None:
                out.print("Nothing to evict.")
            return INCIDENT if made.left or passed or (dry_run and (made.steps or cut_short)) else 0
        if made.steps:
            why = needs_a_name(made)
            if yes and why and not names:
                raise CannotError(f"{why}: name the incident with --id {chosen[0].id}")
            if not yes and not agreed("Evict?", as_json):
                raise CannotError("not agreed to: nothing " + ("more " if finished else "") + "was touched")
        with progress(as_json) as status:
            interest = Interest(
                step=status.update,
                watch=lambda left: status.update(f"watching that nothing comes back, {left:.0f} s left"),
            )
            outcome = road(
                host, journal, made,
                watch_seconds=verify_for, interest=interest, spared_files=spared, finished=finished,
                passed=frozenset(one.id for one in passed), reach=reach,
            )  # fmt: skip
        remember(journal, outcome.judgement, outcome.snapshot)
    if as_json:
        click.echo(encoded(outcome_object(outcome, passed)))
    else:
        show_outcome(out, outcome)
    return 0 if outcome.clean and not passed else INCIDENT


@click.command()
@yes_option
@json_option
@state_option
def undo(yes: bool, as_json: bool, state: str | None) -> int:
    """Put back every file, line and unit that the last eviction changed.  What it ended stays ended."""
    from davy.present.contract import as_json as encoded
    from davy.present.contract import undo_object
    from davy.present.terminal import console, show_undo, show_undoing
    from davy.respond import not_put_back, undo_entries

    host, journal, out = host_at(None), journal_in(state), console()
    if host.kernel is None:
        raise CannotError("only on a live host can an eviction be undone")
    with journal.state.lock():
        evictions = journal.last_operation()
        if not evictions:
            if as_json:
                click.echo(encoded(undo_object((), ())))
            else:
                out.print("Nothing to undo.")
            return 0
        if not as_json:
            show_undoing(out, evictions)
        if not yes and not agreed("Put it back?", as_json):
            raise CannotError("not agreed to: nothing was touched")
        kept_off = not_put_back(evictions)
        put_back, left = undo_entries(host.kernel, journal, evictions)
        look_again(host, journal)
    if as_json:
        click.echo(encoded(undo_object(put_back, left, kept_off)))
    else:
        show_undo(out, put_back, left)
    return INCIDENT if left else 0


def _chosen(judgement: Judgement, names: Sequence[str], finished: Sequence[str]) -> list[Incident]:
    """The incidents to act on: those named, or else those confirmed.  Those ``finished`` before need not be there."""
    from davy.model.incidents import Verdict

    if not names:
        return [one for one in judgement.incidents if one.verdict is Verdict.CONFIRMED]
    by_name = {one.id: one for one in judgement.incidents}
    for name in names:
        if name not in by_name and name not in finished:
            raise CannotError(f"a fresh scan has no incident {name}")
    return [by_name[name] for name in dict.fromkeys(names) if name in by_name]


def _named(snapshot: Snapshot, keys: Sequence[str]) -> list[Autostart]:
    """The authorized keys that the operator named."""
    from davy.respond import named

    try:
        return list(named(snapshot, keys))
    except LookupError as error:
        raise CannotError(str(error)) from None


def _finish(host: Host, journal: Journal, cut_short: Eviction, as_json: bool) -> Finished | None:
    """An eviction that was begun and not ended is finished before anything new is planned."""
    from davy.respond import Interest, finish

    if host.kernel is None:
        return None
    with progress(as_json) as status:
        return finish(host.kernel, journal, cut_short, Interest(step=status.update))
