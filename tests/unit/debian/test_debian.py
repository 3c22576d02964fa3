"""A Debian with everything on it, by its facts: nobody is guilty there, and nobody is accused.

``python -m bench.autostarts debian --record`` takes the facts again.
"""

from __future__ import annotations

from typing import NamedTuple

import pytest
from bench.autostarts.accused import CAPSULE

from davy.detect import detect
from davy.model.autostarts import AutostartKind
from davy.model.findings import Finding
from davy.model.incidents import Judgement, Verdict
from davy.model.snapshot import Snapshot
from davy.scan import replay


class Replayed(NamedTuple):
    snapshot: Snapshot
    judgement: Judgement


@pytest.fixture(scope="module")
def debian() -> Replayed:
    return Replayed(*replay(str(CAPSULE)))


def test_it_has_whatever_an_honest_debian_starts_by_itself(debian: Replayed) -> None:
    kinds = {each.kind for each in debian.snapshot.autostarts}
    elsewhere = {
        AutostartKind.AT, AutostartKind.AUTHORIZED_KEY, AutostartKind.CONTAINER, AutostartKind.ENVIRONMENT,
        AutostartKind.INITTAB, AutostartKind.LINGER, AutostartKind.MODPROBE, AutostartKind.PM2,
        AutostartKind.RC_LOCAL, AutostartKind.SSH_RC, AutostartKind.STATIC_POD, AutostartKind.SUPERVISOR,
    }  # fmt: skip
    assert set(AutostartKind) - kinds == elsewhere
    assert len(debian.snapshot.autostarts) > 1_000


def test_every_entry_is_read_once(debian: Replayed) -> None:
    subjects = [each.subject for each in debian.snapshot.autostarts]
    assert sorted(set(subjects)) == sorted(subjects)


def test_nobody_is_accused(debian: Replayed) -> None:
    assert debian.judgement.incidents == ()
    assert debian.judgement.verdict is Verdict.CLEAN


def test_nothing_that_a_package_installed_has_anything_against_it(debian: Replayed) -> None:
    vendors = {each.subject for each in debian.snapshot.autostarts if each.vendor}
    against: list[Finding] = [each for each in detect(debian.snapshot) if each.subject in vendors and each.bits > 0]
    assert against == []
    assert len(vendors) > 0.9 * len(debian.snapshot.autostarts)


def test_everything_could_be_read(debian: Replayed) -> None:
    assert debian.snapshot.gaps == ()
