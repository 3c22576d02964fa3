"""Authorized keys are taken out by name alone: by fingerprint, or by place."""

from __future__ import annotations

import os

import pytest
from tests.unit.snapshots import snapshot

from davy.host import Host, MemoryRoot
from davy.knowledge import autostart_kinds as knowledge
from davy.knowledge.autostart_kinds import KindOfAutostart, Removal
from davy.model.autostarts import Autostart, AutostartKind
from davy.model.incidents import Actor, Incident, Kind, Role, Verdict
from davy.model.plan import Plan, RemoveLines
from davy.respond import named, plan
from davy.respond.keys import fingerprint

BLOB = "AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
FINGERPRINT = "SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU"
PATH = "/root/.ssh/authorized_keys"


@pytest.fixture(autouse=True)
def _as_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)


@pytest.fixture(autouse=True)
def _by_name_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    kind = KindOfAutostart(
        kind=AutostartKind.AUTHORIZED_KEY, technique="T1098.004", places=(PATH,), runs="", removal=(Removal.NAMED,),
        honest="", references=(),
    )  # fmt: skip
    for room in ("davy.respond.keys", "davy.respond.autostarts"):
        monkeypatch.setattr(f"{room}.autostart_kinds", lambda: knowledge.autostart_kinds() | {kind.kind: kind})


def key(line: int, text: str) -> Autostart:
    return Autostart(kind=AutostartKind.AUTHORIZED_KEY, path=PATH, line=line, text=text, command="a key")


KEYS = (
    key(1, f"ssh-ed25519 {BLOB} ada@desk"),
    key(2, f'command="/bin/true",no-pty ssh-rsa {BLOB[:-4]}AAAA x'),
    key(3, "ssh-ed25519 not-base64!"),
)
CONTENT = "".join(f"{each.text}\n" for each in KEYS)


def planned(*names: str) -> Plan:
    actors = tuple(
        Actor(role=Role.AUTOSTART, kind=Kind.AUTOSTART, subject=each.subject, name=each.path, detail="")
        for each in KEYS[:2]
    )
    incident = Incident(
        id="x", verdict=Verdict.CONFIRMED, bits=20.0, confidence=1.0, family=None, summary="", actors=actors
    )
    facts = snapshot(*KEYS)
    return plan(Host(MemoryRoot({PATH: CONTENT})), facts, [incident], named=list(named(facts, names)))


def test_a_fingerprint_is_the_one_that_ssh_keygen_shows() -> None:
    assert fingerprint(KEYS[0]) == FINGERPRINT
    assert fingerprint(KEYS[1]) not in (None, FINGERPRINT)
    assert fingerprint(KEYS[2]) is None


def test_a_guilty_key_that_nobody_names_stays_and_it_is_said_how_to_name_it() -> None:
    made = planned()
    assert made.steps == ()
    assert made.left[0].what == f"line 1 of {PATH}"
    assert made.left[0].why == f"only taken out by name: davy evict --key {FINGERPRINT}"


def test_the_keys_that_are_named_go_guilty_or_not_and_no_other() -> None:
    made = planned(FINGERPRINT, f"{PATH}:3")
    (step,) = made.steps
    assert isinstance(step, RemoveLines)
    assert step.lines == (1, 3)
    assert [left.what for left in made.left] == [f"line 2 of {PATH}"]


def test_a_name_that_no_key_has_is_an_error() -> None:
    with pytest.raises(LookupError, match="SHA256:nobodys"):
        planned("SHA256:nobodys")
