"""The page of scenarios: each incident as it was told, and what Davy says of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from tests.scenarios.stories import Story

from davy.knowledge.services import known_services
from davy.model.incidents import Door, Judgement
from davy.model.text import printable

PAGE: Final = Path(__file__).parents[2] / "docs" / "scenarios.md"
_HEAD: Final = """\
# Scenarios

Incidents that really happened, rebuilt from what their victims wrote: the files of the host, its containers as their
runtime keeps them, its logs, its processes.  The collectors read them, and they are judged as a scan judges.  The tests
hold Davy to this page; `python -m bench.scenarios --write` writes it anew.

"""


def page(told: Sequence[tuple[Story, Judgement]]) -> str:
    """The whole page."""
    doors = sum(story.door is not None for story, _ in told)
    lines = [f"{len(told)} incidents; of {doors} the host can show how it came in.", ""]
    lines += ["| id | what happened | verdict | door | why | stands open |", "| --- | --- | --- | --- | --- | --- |"]
    lines += [_row(story, judgement) for story, judgement in told]
    return _HEAD + "\n".join([*lines, ""])


def _row(story: Story, judgement: Judgement) -> str:
    door = next((incident.door for incident in judgement.incidents if incident.door), None)
    exposed = dict.fromkeys(f"{one.service}, {one.severity}" for one in judgement.exposures)
    cells = (
        _sources(story), story.title, str(judgement.verdict), _named(door), "; ".join(_reasons(door)),
        "; ".join(exposed) or "nothing",
    )  # fmt: skip
    return "| " + " | ".join(printable(cell).replace("|", "\\|") for cell in cells) + " |"


def _sources(story: Story) -> str:
    address = next((one for one in story.source if one.startswith("https://")), None)
    return f"[{story.id}]({address})" if address else story.id


def _named(door: Door | None) -> str:
    if door is None:
        return "none"
    known = known_services().get(door.kind or "")
    return f"{known.name if known else door.service}, {door.confidence:.0%}"


def _reasons(door: Door | None) -> Iterator[str]:
    """The three that say most."""
    if door is not None:
        for reason in sorted(door.reasons, key=lambda reason: -reason.bits)[:3]:
            yield reason.what
