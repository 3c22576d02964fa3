"""Who earns for the same wallet as a miner belongs to it, if it does what miners do; an address alone is no guilt."""

from __future__ import annotations

import pytest
from tests.unit.detect.samples_memory import BURNER, OWN, conversation, wallet
from tests.unit.snapshots import Fact, connection, detail, executable, incident_of, judged, pids, process, snapshot

from davy.model.content import Place
from davy.model.facts import Process
from davy.model.incidents import Role, Verdict

MINER: tuple[Fact, ...] = (BURNER, connection(BURNER, "198.51.100.7", 443), conversation(BURNER), wallet(BURNER))
SECOND = process(310, "/opt/other/tool", cores=1.0, session=310)


def test_second_burner_that_was_told_the_same_wallet_is_a_miner_of_the_same_incident() -> None:
    incident = incident_of(snapshot(*MINER, SECOND, wallet(SECOND, place=Place.COMMAND_LINE)))
    assert pids(incident, Role.MINER) == {BURNER.pid, SECOND.pid}
    assert "content.same-wallet" in {finding.rule for finding in incident.findings}


def test_two_miners_with_one_wallet_are_one_incident_and_with_two_wallets_two() -> None:
    other = (SECOND, connection(SECOND, "198.51.100.8", 443), conversation(SECOND))
    assert len(judged(snapshot(*MINER, *other, wallet(SECOND))).incidents) == 1
    assert len(judged(snapshot(*MINER, *other, wallet(SECOND, "8" + OWN[1:]))).incidents) == 2


IDLE = process(311, "/home/ada/wallet/app", user="ada")
TRAINING = process(312, "python3", "look.py", exe="/usr/bin/python3.11", cores=1.0, cwd="/home/ada", user="ada")
PACKAGED = process(313, "/usr/bin/yara", cores=1.0)


@pytest.mark.parametrize(
    ("innocent", "facts"),
    [
        (IDLE, (wallet(IDLE),)),
        (IDLE, (wallet(IDLE, place=Place.COMMAND_LINE),)),
        (TRAINING, (wallet(TRAINING),)),
        (PACKAGED, (wallet(PACKAGED, place=Place.COMMAND_LINE), detail(PACKAGED, program=executable("/usr/bin/yara")))),
        (SECOND, tuple(wallet(SECOND, f"{OWN}{number}") for number in range(20))),
        (SECOND, (wallet(SECOND, weak=True),)),
    ],
    ids=["a wallet program", "told its own address", "an analyst's script", "a scanner", "a list", "unchecked"],
)
def test_innocent_that_holds_the_wallet_too_is_left_alone(innocent: Process, facts: tuple[Fact, ...]) -> None:
    assert innocent.pid not in pids(incident_of(snapshot(*MINER, innocent, *facts)))


@pytest.mark.parametrize(
    "facts",
    [
        (wallet(BURNER),),
        (wallet(BURNER, place=Place.COMMAND_LINE),),
        (conversation(BURNER, newest=1_523_480_000.0), wallet(BURNER)),
        (conversation(BURNER, shares=0, newest=None),),
    ],
    ids=["a wallet", "told a wallet", "documentation", "one message"],
)
def test_burning_with_an_address_or_an_example_in_memory_is_clean(facts: tuple[Fact, ...]) -> None:
    assert judged(snapshot(BURNER, *facts)).verdict is Verdict.CLEAN


def test_conversation_of_now_with_a_connection_is_confirmed_without_any_name() -> None:
    incident = incident_of(snapshot(*MINER))
    assert incident.verdict is Verdict.CONFIRMED
    assert {"content.stratum-conversation", "network.stratum-connection"} <= {one.rule for one in incident.findings}
