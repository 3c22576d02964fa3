"""The verb that rehearses: drill."""

from __future__ import annotations

import time

import click

from davy.cli.options import CannotError, Seconds


@click.command()
@click.argument("name", required=False)
@click.option("--list", "listing", is_flag=True, help="Say what can be rehearsed.")
@click.option("--stop", is_flag=True, help="End every drill and clean up after it.")
@click.option("--for", "seconds", type=Seconds(1, 86400), default=600.0, show_default=True, metavar="SECONDS")
@click.option("--cores", type=click.IntRange(1, 64), default=1, show_default=True, help="How many cores to burn.")
def drill(name: str | None, listing: bool, stop: bool, seconds: float, cores: int) -> int:
    """Rehearse: start something harmless that behaves like a family, to try scan and evict on."""
    from davy import drill as stage

    if sum((name is not None, listing, stop)) != 1:
        raise CannotError("one of: a drill's name, --list, --stop")
    if listing:
        for rehearsal in stage.names():
            click.echo(f"{rehearsal.name:12} {rehearsal.description}")
    elif stop:
        for line in stage.stop() or ("no drill runs",):
            click.echo(line)
    elif name is not None:
        started = stage.start(name, seconds, cores)
        for running in started.processes:
            click.echo(f"runs     {running.program} ({running.pid})")
        for path in started.files:
            click.echo(f"file     {path}")
        for entry in started.lines:
            click.echo(f"cron     {entry.path} ({entry.user}): {entry.text}")
        for skipped in started.skipped:
            click.echo(f"skipped  {skipped}")
        click.echo(f"until {time.strftime('%H:%M:%S', time.localtime(started.until))}, or: davy drill --stop")
    return 0
