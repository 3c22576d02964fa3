"""Texts like wallets cost little, however many stand in one block."""

import random
import time

from davy.collect.content.memory import _Look, _marks
from davy.knowledge.checksums import BASE58
from davy.knowledge.matching import Scanning, matcher
from davy.knowledge.wallets import coins
from davy.model.content import Place


def test_block_full_of_wrong_wallets_is_gone_through_in_bounded_time() -> None:
    """Unbounded it took ten seconds for four megabytes."""
    address, chance = coins().cryptonote[0].must_match[0], random.Random(1)
    block = b" ".join(
        (address[:50] + "".join(chance.choices(BASE58[:20].decode(), k=9)) + address[59:]).encode()
        for _ in range(40_000)
    )
    look = _Look(Scanning(matcher(None), Place.MEMORY), _marks(None))
    begun = time.thread_time()
    look(memoryview(block), 0)
    assert time.thread_time() - begun < 2.0
    assert look.crowded
