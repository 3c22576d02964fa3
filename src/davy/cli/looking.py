"""The verbs that look: scan, snapshot, explain."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import click

from davy.cli.options import INCIDENT, CannotError, Seconds, json_option, ptrace_option, rules_option, state_option
from davy.cli.places import (
    check_rules,
    decided_in,
    for_one_look,
    host_at,
    journal_if_any,
    journal_there,
    last_scan,
    remember,
    with_unfinished,
)
from davy.cli.progress import progress
from davy.cli.since import LAST, asked, changes_since, check_since

if TYPE_CHECKING:
    from davy.model.incidents import Judgement
    from davy.model.memory import Changes, Memory
    from davy.model.snapshot import Snapshot


@click.command()
@click.argument("capsule", required=False)
@json_option
@click.option("--root", metavar="DIR", help="Read this tree, or this capsule, instead of the live host.")
@click.option(
    "--window",
    type=Seconds(0.1, 60),
    default=1.0,
    show_default=True,
    help="Seconds over which CPU use is sampled.",
)
@click.option("--deep", is_flag=True, help="Ask for every pid there can be, and all threads.  Takes seconds.")
@click.option(
    "--since",
    is_flag=False,
    flag_value=LAST,
    metavar="[WHEN]",
    help="Show which autostarts are new, changed or gone since the last scan, a baseline, 3d, or 2026-01-31.",
)
@click.option("--autostarts", "listing", is_flag=True, help="Show everything that starts by itself on this host.")
@click.option("--views", is_flag=True, help="Show which view of the kernel sees which process and module.")
@rules_option
@ptrace_option
@state_option
def scan(
    capsule: str | None, as_json: bool, root: str | None, window: float, deep: bool, since: str | None, listing: bool,
    views: bool, rules: str | None, no_ptrace: bool, state: str | None,
) -> int:  # fmt: skip
    """Look for miners, on this host or in CAPSULE.  Ends 0 when nothing was found, 1 when an incident was."""
    for_one_look()
    from davy.journal.seen import recalled
    from davy.model.reach import Reach
    from davy.scan import replay
    from davy.scan import scan as road

    if capsule is not None and root is not None:
        raise CannotError("one of: a capsule, --root")
    if rules is not None:
        check_rules(rules)
    saved = capsule or _capsule_in(root)
    if since is not None:
        check_since(since, this_host=capsule is None and root is None)
    memory: Memory | None = None
    if saved:
        taken, judgement = replay(saved)
    else:
        host = host_at(root)
        journal = journal_if_any(state) if root is None or state is not None else None
        kept = journal.state.folder if journal is not None else None
        reach = Reach(deep=deep, ptrace=not no_ptrace, rules=rules, state=kept)
        own = journal if root is None else None
        if since is not None:
            memory = asked(own, since, time.time())
        with progress(as_json) as status:
            taken, judgement = road(
                host,
                window,
                lambda words: status.update(f"reading {words}"),
                reach=reach,
                decided=decided_in(state, root),
                seen=recalled(own, time.time()),
            )
        judgement = with_unfinished(judgement, journal)
        remember(journal, judgement, taken, needed=state is not None)
    changes = changes_since(taken, since, memory) if since is not None else None
    if as_json:
        _print_json(judgement, taken, changes, views=views, listing=listing)
    else:
        _print(judgement, taken, changes, views=views, listing=listing, here=not saved)
    return INCIDENT if judgement.incidents else 0


def _print_json(judgement: Judgement, taken: Snapshot, changes: Changes | None, *, views: bool, listing: bool) -> None:
    from davy.present.autostarts import autostart_object, changes_object
    from davy.present.contract import as_json, scan_object, tables_object

    found = scan_object(judgement)
    if views:
        found["tables"] = tables_object(judgement)
    if listing:
        found["autostarts"]["entries"] = [autostart_object(each) for each in taken.autostarts]
    if changes is not None:
        found["compared"] = changes_object(changes)
    click.echo(as_json(found))


def _print(
    judgement: Judgement, taken: Snapshot, changes: Changes | None, *, views: bool, listing: bool, here: bool
) -> None:
    from davy.present.autostarts import show_autostarts, show_changes
    from davy.present.terminal import console, show_judgement
    from davy.present.views import show_views

    if views:
        show_views(console(), judgement)
    if listing:
        show_autostarts(console(), taken.autostarts, judgement.taken)
    if changes is not None:
        show_changes(console(), changes, judgement.taken)
    show_judgement(console(), judgement, here=here)


def _capsule_in(root: str | None) -> str | None:
    """The capsule that stands where a tree's folder may."""
    from davy.capsule import SUFFIX

    return root if root is not None and root.endswith(SUFFIX) and not os.path.isdir(root) else None


@click.command()
@click.argument("file")
@click.option(
    "--window", type=Seconds(0.1, 60), default=1.0, show_default=True, help="Seconds over which CPU use is sampled."
)
@click.option("--deep", is_flag=True, help="Ask for every pid there can be, and all threads.  Takes seconds.")
@ptrace_option
def snapshot(file: str, window: float, deep: bool, no_ptrace: bool) -> int:
    """Save all facts of this host to FILE, a capsule, which davy scan FILE judges anywhere."""
    for_one_look()
    from davy.capsule import write
    from davy.journal.seen import recalled
    from davy.model.reach import Reach
    from davy.scan import scan as road

    reach = Reach(deep=deep, ptrace=not no_ptrace)
    with progress(False) as status:
        taken, _ = road(
            host_at(None), window, lambda words: status.update(f"reading {words}"),
            reach=reach, decided=decided_in(None, None), seen=recalled(journal_there(), time.time()),
        )  # fmt: skip
    write(taken, file)
    click.echo(f"{file}: {len(taken.processes)} processes, {len(taken.gaps)} gaps")
    return 0


@click.command()
@click.argument("number", type=int, required=False)
@json_option
@state_option
def explain(number: int | None, as_json: bool, state: str | None) -> int:
    """Why: the findings of incident NUMBER of the last scan, their sum, and what would have changed the verdict.

    Without a number also what was looked at and let go, and what is allowed.
    """
    judgement = last_scan(state)
    if number is not None and not 1 <= number <= len(judgement.incidents):
        raise CannotError(f"the last scan has {len(judgement.incidents)} incidents, and no number {number}")
    if as_json:
        from davy.present.contract import as_json as encoded
        from davy.present.contract import explanation_object

        chosen = judgement.incidents[number - 1] if number is not None else judgement.considered
        click.echo(encoded(explanation_object(chosen)))
        return 0
    from davy.present.terminal import console, show_considered, show_explanation, show_permitted

    if number is None and judgement.incidents:
        for each in range(1, len(judgement.incidents) + 1):
            show_explanation(console(), judgement, each)
    if number is None:
        show_considered(console(), judgement.considered)
        show_permitted(console(), judgement)
    else:
        show_explanation(console(), judgement, number)
    return 0
