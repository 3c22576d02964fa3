"""One incident in one sentence that a person understands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from davy.correlate.hiders import UNSEEN
from davy.knowledge import families
from davy.knowledge.schedules import in_words
from davy.model.autostarts import Autostart
from davy.model.facts import Process
from davy.model.incidents import Actor, Role, Verdict

_COMMAND_SHOWN: Final = 100
"""Characters of a command that are told."""


def _hours(hours: float) -> str:
    if hours >= 1:
        return f"{hours:.0f} CPU hours"
    minutes = hours * 60
    return f"{minutes:.0f} CPU minutes" if minutes >= 1 else f"{minutes * 60:.0f} CPU seconds"


def _autostarts(count: int) -> str:
    return "1 autostart" if count == 1 else f"{count} autostarts"


def _would_start(autostart: Autostart) -> str:
    """What an autostart would start, when, and as whom."""
    what = " ".join((autostart.command or autostart.activates or autostart.path).split())
    what = what if len(what) <= _COMMAND_SHOWN else what[:_COMMAND_SHOWN] + "..."
    when = in_words(" ".join(autostart.schedule.split()))
    return (
        f"{what} ({', '.join(filter(None, (autostart.kind.value, when, autostart.user and f'as {autostart.user}')))})"
    )


def summary_of(
    verdict: Verdict,
    family: str | None,
    miners: Sequence[Process],
    actors: Sequence[Actor],
    hours: float | None,
    waiting: Sequence[Autostart] = (),
) -> str:
    """One sentence a person understands; of what does not run, what the ``waiting`` entries would start, and when."""
    kept = [actor for actor in actors if actor.role is Role.GUARDIAN]
    again = [actor for actor in actors if actor.role is Role.AUTOSTART]
    known = next((one for one in families() if one.id == family), None)
    looks = "A miner" if verdict is Verdict.CONFIRMED else "Perhaps a miner"
    hiding = [actor for actor in actors if actor.role is Role.HIDER]
    hidden_by = ", ".join(dict.fromkeys(actor.name for actor in hiding if actor.name != UNSEEN))
    if not miners and hiding and not waiting:
        words = hidden_by or "; ".join(actor.detail for actor in hiding)
        return f"{'Something hides' if verdict is Verdict.CONFIRMED else 'Perhaps something hides'}: {words}"
    if not miners:
        named = f" of {known.name}" if known else ""
        words = f"{looks}{named} is started by {_autostarts(len(again))}, and does not run now"
        words += f": {'; '.join(map(_would_start, waiting[:2]))}" if waiting else ""
        return words + (f"; hidden by {hidden_by}" if hidden_by else "")
    names = ", ".join(dict.fromkeys(f"{process.name} ({process.user})" for process in miners[:3]))
    words = f"{looks} runs: {names}"
    if known:
        words += f", as {known.name} does"
    if hours:
        words += f"; it has cost {_hours(hours)}"
    if hidden_by:
        words += f"; hidden by {hidden_by}"
    if kept:
        words += f"; kept alive by {', '.join(dict.fromkeys(actor.name for actor in kept))}"
    if again:
        words += f"; started again by {_autostarts(len(again))}"
    return words
