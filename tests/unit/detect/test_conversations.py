"""Whose memory holds a conversation that goes on, and who only heard one."""

from __future__ import annotations

from tests.unit.detect.samples_memory import BURNER, DOCUMENTED, conversation, hit
from tests.unit.snapshots import connection, snapshot

from davy.detect.conversations import degree_of, in_memory
from davy.knowledge.matching import Kind, content_rules


def test_an_interpreter_that_only_heard_work_is_no_miner() -> None:
    heard, link = conversation(DOCUMENTED, shares=0), connection(DOCUMENTED, "198.51.100.7", 443)
    assert degree_of(snapshot(DOCUMENTED, link), heard, DOCUMENTED) == "text"


def test_an_interpreter_that_answers_is_one() -> None:
    said, link = conversation(DOCUMENTED, shares=1), connection(DOCUMENTED, "198.51.100.7", 443)
    assert degree_of(snapshot(DOCUMENTED, link), said, DOCUMENTED) == "goes on"


def test_a_program_of_its_own_that_is_handed_work_is_one() -> None:
    heard, link = conversation(BURNER, shares=0), connection(BURNER, "198.51.100.7", 443)
    assert degree_of(snapshot(BURNER, link), heard, BURNER) == "goes on"


def test_tests_of_stratum_that_burn_are_text() -> None:
    """A suite that makes work of now, for instance this one: it answers nobody."""
    assert degree_of(snapshot(DOCUMENTED), conversation(DOCUMENTED, shares=3), DOCUMENTED) == "text"


def test_all_that_an_interpreter_has_read_counts_once() -> None:
    hits = [hit(DOCUMENTED, rule.id) for rule in content_rules() if rule.kind is not Kind.CONVERSATION]
    found = list(in_memory(snapshot(DOCUMENTED, *hits)))
    assert [finding.bits for finding in found] == [1.0]
