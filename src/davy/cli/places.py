"""Where a verb looks and what it keeps: the host, the journal, the owner's decisions and rules."""

from __future__ import annotations

import gc
import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from davy.cli.options import CannotError

if TYPE_CHECKING:
    from davy.host import Host
    from davy.journal import Journal
    from davy.model.allowance import Allowance
    from davy.model.facts import Gap
    from davy.model.incidents import Judgement
    from davy.model.snapshot import Snapshot

_NICE: Final = -5


def journal_in(folder: str | None) -> Journal:
    """The journal in ``folder``, or in the usual place.  Raises `StateError`."""
    from davy.journal import Journal
    from davy.journal.state import State, default_folder

    return Journal(State(folder or default_folder()))


def journal_if_any(folder: str | None) -> Journal | None:
    """The same for a verb that can do without: None when there is no place for one and none was asked for."""
    from davy.journal.state import StateError

    try:
        return journal_in(folder)
    except StateError:
        if folder is not None:
            raise
        return None


def journal_there() -> Journal | None:
    """The journal in the usual place for a verb that keeps nothing: None when there is none yet."""
    from davy.journal.state import default_folder

    return journal_if_any(None) if os.path.isdir(default_folder()) else None


def remember(journal: Journal | None, judgement: Judgement, snapshot: Snapshot, needed: bool = False) -> None:
    """Keep a scan, so that its incidents can be named, and which autostarts it saw; ``needed``: or raise.

    A scan of a tree is none of this host.
    """
    from davy.journal import seen
    from davy.journal.state import StateError
    from davy.scan import autostart_gaps

    if journal is not None and judgement.live:
        try:
            journal.remember(judgement)
            seen.keep(journal, snapshot.autostarts, snapshot.taken, autostart_gaps(snapshot))
        except StateError:
            if needed:
                raise


def look_again(host: Host, journal: Journal) -> None:
    """Remember the autostarts as an undo has left them: what Davy itself puts back is no news."""
    from davy.journal import seen
    from davy.journal.state import StateError
    from davy.scan import autostarts_of

    found, gaps = autostarts_of(host)
    with suppress(StateError):
        seen.keep(journal, found, time.time(), gaps)


def host_at(root: str | None) -> Host:
    from davy.host import HostError, at, live

    try:
        return at(root) if root is not None else live()
    except HostError as error:
        raise CannotError(f"root {error}") from None


def decided_in(state: str | None, root: str | None) -> tuple[Allowance | Gap, ...]:
    """What the owner of this host has allowed; nothing of it holds for a tree that is read instead."""
    from davy.journal.allowances import decided
    from davy.journal.state import default_folder

    return decided(state or default_folder()) if root is None else ()


def check_rules(folder: str) -> None:
    """Whether the owner's rules can be used, before anything is looked at."""
    from davy.collect.content.own_rules import OwnRulesError, own_rules

    try:
        own_rules(folder)
    except OwnRulesError as error:
        raise CannotError(str(error)) from None


def last_scan(folder: str | None) -> Judgement:
    from davy.journal.state import default_folder

    judgement = journal_in(folder).last_scan()
    if judgement is None:
        raise CannotError(f"no scan is kept in {folder or default_folder()}: run davy scan first")
    return judgement


def with_unfinished(judgement: Judgement, journal: Journal | None) -> Judgement:
    """What an eviction that is not finished has stopped burns nothing, and may look innocent."""
    import msgspec

    from davy.journal.state import StateError
    from davy.model.facts import Gap

    try:
        eviction = journal.unfinished() if journal is not None and judgement.live else None
    except StateError:
        return judgement
    if eviction is None:
        return judgement
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(eviction.started))
    gap = Gap("processes", f"what the eviction of {when} stopped", "not finished: davy evict finishes it")
    return msgspec.structs.replace(judgement, complete=False, gaps=(gap, *judgement.gaps))


def for_one_look() -> None:
    """Make this process fit for a look that is short, and may have to be taken while everything burns.

    What it reads it keeps to its end, so it does not look for garbage.  Root asks for three times the share of CPU
    that a burner gets, for the half second it needs; a priority that somebody gave Davy stays.  Source: setpriority(2).
    """
    gc.disable()
    if os.getpriority(os.PRIO_PROCESS, 0) == 0:
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, 0, _NICE)
