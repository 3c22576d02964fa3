"""The verb that closes doors: harden."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

import click

from davy.cli.asking import agreed
from davy.cli.options import INCIDENT, CannotError, json_option, state_option, yes_option
from davy.cli.places import for_one_look, host_at, journal_if_any, journal_in
from davy.cli.progress import progress

if TYPE_CHECKING:
    from davy.host import Host, Kernel
    from davy.journal import Journal
    from davy.model.exposures import Exposure
    from davy.model.hardening import Hardening, Look


@click.command()
@click.argument("what", nargs=-1, metavar="[CAPSULE | ID...]")
@click.option("--root", metavar="DIR", help="Look at this tree, or this capsule, instead of the live host.")
@click.option("--probe", is_flag=True, help="Ask its services over loopback whom they answer.  Nobody logs in.")
@click.option("--logs", is_flag=True, help="Read the logs of what stands open to their begin, however long it takes.")
@click.option("--apply", "applying", is_flag=True, help="Set the one line that closes each exposure, or those named.")
@click.option("--dry-run", is_flag=True, help="With --apply: show the plan and do nothing.")
@yes_option
@json_option
@state_option
def harden(
    what: tuple[str, ...], root: str | None, probe: bool, logs: bool, applying: bool, dry_run: bool, yes: bool,
    as_json: bool, state: str | None,
) -> int:  # fmt: skip
    """What stands open on this host: what listens, who may use it, whether somebody did, and the exact fix.

    Ends 0 when nothing stands open, 1 when something does.  --apply changes configuration files, asks first, and is
    undone by davy undo; restarts are left to you.
    """
    for_one_look()
    if (dry_run or yes) and not applying:
        raise CannotError("--dry-run and --yes are of --apply")
    if applying:
        if root is not None:
            raise CannotError("--apply changes the live host only, and no tree or capsule")
        return _apply(what, probe=probe, dry_run=dry_run, yes=yes, as_json=as_json, state=state)
    found = _look(what, root, probe=probe, logs=logs, as_json=as_json, state=state)
    from davy.present.hardening import hardening_object, show_hardening

    if as_json:
        from davy.present.encoding import as_json as encoded

        click.echo(encoded(hardening_object(found)))
    else:
        from davy.present.console import console

        show_hardening(console(), found)
    return INCIDENT if found.exposures else 0


def _look(
    what: tuple[str, ...], root: str | None, *, probe: bool, logs: bool, as_json: bool, state: str | None
) -> Hardening:
    from davy.harden.look import look, replay

    saved = _capsule(what, root)
    if saved is not None:
        if probe or logs:
            raise CannotError("--probe and --logs are of a host: a capsule has what was read then")
        return replay(saved)
    if probe and root is not None:
        raise CannotError("--probe asks the services of the live host only")
    host = host_at(root)
    journal = journal_if_any(state) if root is None else None
    folder = journal.state.folder if journal is not None else None
    with progress(as_json) as status:
        status.update("reading what listens")
        _, found = look(host, _former(journal), probe=probe, whole_logs=logs, state=folder)
    _keep(journal, found, needed=state is not None)
    return found


def _capsule(what: tuple[str, ...], root: str | None) -> str | None:
    """The capsule to look at, where one is named."""
    from davy.capsule import SUFFIX

    if len(what) > 1 or (what and root is not None):
        raise CannotError("one of: a capsule, --root; ids of exposures go with --apply")
    if what:
        return what[0]
    return root if root is not None and root.endswith(SUFFIX) and not os.path.isdir(root) else None


def _former(journal: Journal | None) -> Look | None:
    """The look before, where one is remembered."""
    from davy.journal import scores
    from davy.journal.state import StateError
    from davy.model.hardening import Look

    if journal is None:
        return None
    with suppress(StateError):
        last = scores.last(journal)
        return Look(taken=last.taken, score=last.score) if last else None
    return None


def _keep(journal: Journal | None, found: Hardening, *, needed: bool) -> None:
    """Remember the score; ``needed``: or raise."""
    from davy.journal import scores
    from davy.journal.state import StateError

    if journal is None:
        return
    try:
        scores.keep(journal, scores.Score(taken=found.taken, score=found.score, exposures=len(found.exposures)))
    except StateError:
        if needed:
            raise


def _apply(what: tuple[str, ...], *, probe: bool, dry_run: bool, yes: bool, as_json: bool, state: str | None) -> int:
    from davy.harden.apply import apply, plan
    from davy.harden.look import look
    from davy.present.console import console
    from davy.present.encoding import as_json as encoded
    from davy.present.hardening import applied_object, show_applied, show_plan_of_lines

    if os.geteuid() != 0 and not dry_run:
        raise CannotError("--apply changes files of the system: run it as root, or with --dry-run")
    host, journal, out = host_at(None), journal_in(state), console()
    if host.kernel is None:
        raise CannotError("only a live host can be changed")
    with journal.state.lock():
        _finish_former(host.kernel, journal, dry_run=dry_run)
        snapshot, found = look(host, _former(journal), probe=probe, state=journal.state.folder)
        chosen = _chosen(found, what)
        made = plan(host, snapshot, chosen, journal.state.keys())
        if not as_json:
            show_plan_of_lines(out, made)
        if dry_run or not made.steps:
            if as_json:
                click.echo(encoded(applied_object(made, None, None)))
            elif not made.steps:
                out.print("Nothing to set." if chosen else "Nothing stands open.")
            return INCIDENT if chosen else 0
        if not yes and not agreed("Set these lines?", as_json):
            raise CannotError("not agreed to: nothing was touched")
        with progress(as_json) as status:
            carried = apply(host.kernel, journal, made, status.update)
        after = _look_again(host, journal, probe=probe)
    if as_json:
        click.echo(encoded(applied_object(made, carried, after)))
    else:
        show_applied(out, made, carried, after)
    return INCIDENT if after.exposures or carried.left or made.left else 0


def _finish_former(kernel: Kernel, journal: Journal, *, dry_run: bool) -> None:
    """What was cut short is finished before anything new is planned; an eviction by its own verb."""
    from davy.harden.apply import finish_former, is_hardening

    cut_short = journal.unfinished()
    if cut_short is None:
        return
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(cut_short.started))
    if not is_hardening(cut_short):
        raise CannotError(f"an eviction of {when} was cut short: davy evict finishes it first")
    if not dry_run:
        finish_former(kernel, journal, cut_short)
        click.echo(f"davy: an --apply of {when} was cut short: it is finished", err=True)


def _chosen(found: Hardening, names: Sequence[str]) -> list[Exposure]:
    """The exposures to close: those named, or all."""
    if not names:
        return list(found.exposures)
    by_name = {one.id: one for one in found.exposures}
    for name in names:
        if name not in by_name:
            raise CannotError(f"no exposure {name} stands open: davy harden")
    return [by_name[name] for name in dict.fromkeys(names)]


def _look_again(host: Host, journal: Journal, *, probe: bool) -> Hardening:
    """What is open after it, which is remembered."""
    from davy.harden.look import look

    _, after = look(host, _former(journal), probe=probe, state=journal.state.folder)
    _keep(journal, after, needed=False)
    return after
