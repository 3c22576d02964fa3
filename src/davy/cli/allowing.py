"""The verb by which an owner decides: allow."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import click

from davy.cli.options import CannotError, json_option, state_option
from davy.cli.places import decided_in, host_at, journal_in

if TYPE_CHECKING:
    from davy.model.allowance import Allowance


@click.command()
@click.argument("what", required=False, metavar="[NUMBER|PID|PATH]")
@click.option("--unit", metavar="UNIT", help="With PATH: the systemd service that runs it; else it runs in none.")
@click.option("--user", metavar="USER", help="With PATH: who runs it; else anybody.")
@click.option("--reason", metavar="TEXT", help="Why it is wanted; every later report shows it.")
@click.option("--list", "listing", is_flag=True, help="Say what is allowed.")
@click.option("--forget", type=int, metavar="ID", help="Allow it no longer.")
@json_option
@state_option
def allow(
    what: str | None,
    unit: str | None,
    user: str | None,
    reason: str | None,
    listing: bool,
    forget: int | None,
    as_json: bool,
    state: str | None,
) -> int:
    """Record that a program is wanted: the miners of incident NUMBER, the process PID, or the program at PATH.

    A number is an incident of the last scan if it has that many, and else a process.  Counts for this very content,
    run by this unit and user, while it hides nothing; nobody else of the incident is excused.
    """  # fmt: skip
    if sum((what is not None, listing, forget is not None)) != 1:
        raise CannotError("one of: what to allow, --list, --forget ID")
    if what is None and (unit is not None or user is not None or reason is not None):
        raise CannotError("--unit, --user and --reason say how and why something is allowed")
    from davy.journal import allowances
    from davy.model.allowance import Allowance
    from davy.present.allowances import show_allowances
    from davy.present.contract import allowance_object
    from davy.present.contract import as_json as encoded
    from davy.present.terminal import console

    if listing:
        known = decided_in(state, None)
        for gap in known:
            if not isinstance(gap, Allowance):
                raise CannotError(f"{gap.what}: {gap.why}")
        kept = [one for one in known if isinstance(one, Allowance)]
    elif forget is not None:
        with allowances.held(journal_in(state).state) as place:
            found = allowances.forget(place, forget)
        if found is None:
            raise CannotError(f"nothing is allowed under {forget}: davy allow --list")
        kept = [found]
    else:
        wanted = _wanted(what or "", unit, user, reason, state)
        with allowances.held(journal_in(state).state) as place:
            kept = [allowances.allow(place, one) for one in wanted]
    if as_json:
        click.echo(encoded({"schema": 1, "allowances": [allowance_object(one) for one in kept]}))
    elif forget is not None:
        console().print("no longer allowed:")
        show_allowances(console(), kept)
    else:
        show_allowances(console(), kept)
    return 0


def _wanted(what: str, unit: str | None, user: str | None, reason: str | None, state: str | None) -> list[Allowance]:
    """The decision that a person asks for.  Raises `CannotError` in one line."""
    from davy import allow as road

    words = " ".join((reason or "").split())
    if not words:
        raise CannotError("say why it is wanted: --reason TEXT")
    if len(words) > 300:
        raise CannotError("the reason is longer than 300 characters")
    number = int(what) if what.isascii() and what.isdigit() and len(what) < 10 else None
    if number is not None and (unit is not None or user is not None):
        raise CannotError("--unit and --user go with a path: a process tells its own")
    if number is None and not what.startswith("/"):
        raise CannotError(f"{what} is neither an incident's number, nor a process, nor a path from /")
    if unit is not None and (not unit.endswith(".service") or len(unit) > 255):
        raise CannotError(f"{unit} is no name of a service, such as xmrig.service")
    host, now, by = host_at(None), time.time(), _decider()
    try:
        if number is None:
            return [road.of_path(host, what, unit, user, words, now, by)]
        judgement = journal_in(state).last_scan()
        if judgement is not None and 1 <= number <= len(judgement.incidents):
            return road.of_incident(host, judgement.incidents[number - 1], words, now, by)
        return road.of_process(host, number, words, now, by)
    except road.NotAllowedError as error:
        raise CannotError(str(error)) from None


def _decider() -> str | None:
    """Who decides: whoever became root, if they did so by sudo."""
    import pwd

    with suppress(KeyError):
        return os.environ.get("SUDO_USER") or pwd.getpwuid(os.getuid()).pw_name
    return None
