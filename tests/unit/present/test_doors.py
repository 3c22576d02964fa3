"""How it came in, as a person reads it: the door, its lines and what closes it first, and nothing a terminal obeys."""

from __future__ import annotations

import msgspec
import pytest
from tests.unit.present.test_terminal import HOSTILE, SHOWN, in_order, incident, judgement, plain, scan_text

from davy.model.incidents import Advice, Door, Incident, Reason, RuledOut
from davy.present.doors import sureness
from davy.present.terminal import show_explanation

FLINK = Door(
    service="Apache Flink", confidence=0.97, time=1_602_904_664.464,
    evidence=("the line as it stands", "it started it"), kind="flink", subject="service:flink:100",
    address="0.0.0.0:8081", bits=12.0,
    reasons=(Reason(6.0, "it started it"),), fix=("rest.bind-address: 127.0.0.1", "restart it"),
)  # fmt: skip
REDIS = Door(
    service="Redis", confidence=0.02, evidence=("it stands open",), kind="redis",
    reasons=(Reason(3.0, "it stands open"),),
)  # fmt: skip
ADVICE = (
    Advice(works=True, what="close the door", why="it comes back"),
    Advice(works=False, what="a loop that kills it", why="it is quicker"),
)


def known(**more: object) -> Incident:
    told: dict[str, object] = {
        "door": FLINK, "other_doors": (REDIS,), "ruled_out": (RuledOut("SSH", "not running"),), "advice": ADVICE,
    }  # fmt: skip
    return msgspec.structs.replace(incident(), **{**told, **more})


def explained(one: Incident) -> str:
    return plain(lambda out: show_explanation(out, judgement(one), 1))


def test_the_door_comes_with_its_lines_then_what_closes_it_then_the_rest() -> None:
    text = scan_text(judgement(known()))
    in_order(
        text, "came in by", "Apache Flink at 0.0.0.0:8081", "almost surely (97%)", "the line as it stands", "close it",
        "rest.bind-address: 127.0.0.1", "or by", "Redis", "it was not", "SSH: not running", "never again",
        "close the door", "in vain", "a loop that kills it",
    )  # fmt: skip


def test_where_no_door_is_sure_the_candidates_are_told_and_what_to_keep() -> None:
    one = known(door=None, other_doors=(REDIS,), keep=("a copy of /var/log",))
    in_order(
        scan_text(judgement(one)), "came in", "nothing that is sure enough", "perhaps by", "Redis", "a copy of /var"
    )
    nothing = known(door=None, other_doors=(), ruled_out=(), advice=())
    assert "by nothing that is known" in scan_text(judgement(nothing))


def test_an_explanation_has_all_of_it_and_the_timeline() -> None:
    text = explained(known()).partition("how it came in")[2]
    in_order(
        text, "| the line as it stands", "+6.0  it started it", "close it: restart it", "or", "Redis",
        "not SSH: not running", "from now on", "do: close the door", "in vain: a loop", "timeline",
    )  # fmt: skip


@pytest.mark.parametrize(
    "one",
    [
        known(door=msgspec.structs.replace(FLINK, evidence=(HOSTILE,), service=HOSTILE, address=HOSTILE)),
        known(door=msgspec.structs.replace(FLINK, reasons=(Reason(1.0, HOSTILE),), fix=(HOSTILE,))),
        known(
            ruled_out=(RuledOut(HOSTILE, HOSTILE),), other_doors=(msgspec.structs.replace(REDIS, evidence=(HOSTILE,)),)
        ),
        known(door=None, keep=(HOSTILE,)),
    ],
)
def test_no_terminal_obeys_what_a_log_says(one: Incident) -> None:
    for text in (scan_text(judgement(one), terminal=False), explained(one)):
        assert not set(text) & set("\x1b\x07\r\u202e\u009b")
        assert "\n1. CLEAN" not in text
        text.encode()
    shown = " ".join(explained(one).split())
    assert " ".join(SHOWN.split())[:20] in shown


def test_a_confidence_is_said_in_words() -> None:
    assert [sureness(value) for value in (0.99, 0.8, 0.5, 0.1)] == ["almost surely", "very likely", "likely", "perhaps"]


def test_ids_of_containers_are_short_and_log_lines_stand_as_they_are() -> None:
    box = "43dd4091be92e124c3ecb235d604e93dba299dbf6d9e6731295968544b63e0f1"
    reason = Reason(5.0, f"a line of it (/var/lib/docker/containers/{box}/{box}-json.log)")
    one = known(door=msgspec.structs.replace(FLINK, evidence=(f"started {box}", reason.what), reasons=(reason,)))
    text = "".join(explained(one).split())
    assert f"started{box}" in text
    assert f"{box}-json.log" not in text
    assert "43dd4091be92…-json.log" in text


def test_of_what_may_be_its_owners_own_it_is_not_said_that_somebody_came_in() -> None:
    one = known(door=None, other_doors=(), ruled_out=(), advice=(), owners="XMRig, started from a person's shell")
    assert "perhaps nobody: it may be its owner's own" in " ".join(scan_text(judgement(one)).split())
    assert "perhaps nobody did: it may be its owner's own" in explained(one)
