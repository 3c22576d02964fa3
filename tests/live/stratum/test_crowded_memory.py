"""Whoever fills memory with what looks like wallets or messages buys little time with it, and is told of."""

from __future__ import annotations

import sys
import time

import pytest
from tests.live.stratum.support import line_of, running
from tests.unit.snapshots import process, snapshot

from davy.collect.content.memory import memory
from davy.host import live
from davy.knowledge.wallets import coins
from davy.model.facts import Gap
from davy.model.reach import USUAL

pytestmark = pytest.mark.live
PATIENCE = 8.0
"""Seconds that a read bounded to one second may take where others use the machine, too; unbounded it takes minutes."""

_FAKES = """
import random, sys
address, digits = sys.argv[1], "123456789ABCDEFGHJKLM"
def fake():
    text = list(address)
    for place in (50, 60, 61, 70):
        text[place] = random.choice(digits)
    return "".join(text)
"""
FAKE_WALLETS = _FAKES + "held = ' '.join(fake() for _ in range(300_000)).encode()"
FAKE_MESSAGES = """
job = '{"blob":"' + "0e" * 64 + '%08x","job_id":"a","target":"b88d0600"}'
held = '\\n'.join(job % number for number in range(200_000)).encode()
"""


@pytest.mark.parametrize("planted", [FAKE_WALLETS, FAKE_MESSAGES], ids=["wallets", "messages"])
def test_memory_full_of_lookalikes_takes_bounded_time_and_is_a_gap(planted: str) -> None:
    code = planted + "\nprint('ready', flush=True)\nimport time\ntime.sleep(600)"
    with running(sys.executable, "-c", code, coins().cryptonote[0].must_match[0]) as child:
        assert line_of(child.stdout) == "ready"
        busy = process(child.pid, "/opt/work", cores=1.0)
        begun = time.monotonic()
        found = list(memory(live(), snapshot(busy), USUAL))
        assert time.monotonic() - begun < PATIENCE
    assert any("more talk of mining" in each.why for each in found if isinstance(each, Gap)), found
