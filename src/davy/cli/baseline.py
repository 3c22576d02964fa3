"""The verb by which an owner declares the autostarts of this host good: baseline."""

from __future__ import annotations

import click

from davy.cli.options import CannotError, json_option, ptrace_option, state_option
from davy.cli.places import decided_in, for_one_look, host_at, journal_in, remember
from davy.cli.progress import progress


@click.command()
@click.option("--show", is_flag=True, help="Say what the baseline holds, and since when.")
@click.option("--clear", is_flag=True, help="Have none any more.")
@json_option
@ptrace_option
@state_option
def baseline(show: bool, clear: bool, as_json: bool, no_ptrace: bool, state: str | None) -> int:
    """Record the autostarts of this host, as they are now, as known to be good: davy scan --since baseline.

    Looks first, and says so if there is an incident: what belongs to it is recorded, too.
    """
    if show and clear:
        raise CannotError("one of: --show, --clear")
    from davy.journal import seen
    from davy.present.autostarts import baseline_object, show_baseline
    from davy.present.contract import as_json as encoded
    from davy.present.terminal import console

    journal, incidents = journal_in(state), 0
    if clear:
        if not seen.clear_baseline(journal):
            raise CannotError("no baseline is recorded")
        click.echo(encoded(baseline_object(None)) if as_json else "no baseline any more")
        return 0
    if not show:
        from davy.model.reach import Reach
        from davy.scan import scan

        for_one_look()
        with progress(as_json) as status:
            snapshot, judgement = scan(
                host_at(None), progress=lambda words: status.update(f"reading {words}"),
                reach=Reach(ptrace=not no_ptrace, state=journal.state.folder), decided=decided_in(state, None),
            )  # fmt: skip
        remember(journal, judgement, snapshot, needed=True)
        seen.record_baseline(journal, snapshot.taken)
        incidents = len(judgement.incidents)
    memory = seen.at_baseline(journal)
    if memory is None:
        raise CannotError("no baseline is recorded: davy baseline")
    if as_json:
        click.echo(encoded(baseline_object(memory, incidents)))
    else:
        show_baseline(console(), memory, entries=show, incidents=incidents)
    return 0
