"""Command lines, judged as a crontab's: what intruders write is an incident by itself, what owners write is not."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.snapshots import cron, followed, snapshot

from davy.correlate.verdict import verdict_of
from davy.detect import detect
from davy.knowledge.shell.encoded import decoded
from davy.model.autostarts import Step
from davy.model.incidents import Verdict


def lines(name: str) -> list[str]:
    return (Path(__file__).parent / name).read_text().splitlines()


def judged(command: str, user: str) -> Verdict:
    line = cron(command, user=user)
    texts = (followed(line, text=text, step=Step.DECODED) for text in decoded(command))
    return verdict_of(found for found in detect(snapshot(line, *texts)) if found.subject == line.subject)


@pytest.mark.parametrize("command", lines("guilty_lines.txt"))
def test_an_intruders_line_is_an_incident_though_nothing_runs(command: str) -> None:
    assert judged(command, "root") is not Verdict.CLEAN


@pytest.mark.parametrize("command", lines("honest_lines.txt"))
def test_an_owners_line_is_none(command: str) -> None:
    assert judged(command, "root") is Verdict.CLEAN
