"""Wallets that processes were told: on their command lines, and in the environment of those looked at closely."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Final

from davy.host import Host
from davy.knowledge.arguments import opened, program
from davy.knowledge.wallets import wallets_in
from davy.knowledge.words import reads
from davy.model.content import Place
from davy.model.facts import Process
from davy.model.lookup import lookup
from davy.model.mining import WalletSighting
from davy.model.reach import Reach
from davy.model.snapshot import Snapshot

_LIMIT: Final = 64 << 10
"""Bytes of one command line and environment that are looked at."""
_SIGHTINGS_LIMIT: Final = 1024
_SHORTEST: Final = 26


def told_wallets(_host: Host, snapshot: Snapshot, _reach: Reach) -> Iterator[WalletSighting]:
    """Every address whose checksum fits that a process was given; not what a search is told to look for."""
    ways, count = lookup(snapshot), 0
    for process in snapshot.processes:
        if process.pid in snapshot.own_pids:
            continue
        detail = ways.detail.get(process.subject)
        words = (*process.cmdline[1:], *(detail.environment if detail else ()))
        if not any(len(word) >= _SHORTEST for word in words):
            continue
        text = os.fsencode("\n".join(words))[:_LIMIT]
        for wallet in {wallet.address: wallet for wallet in wallets_in(text)}.values():
            if count >= _SIGHTINGS_LIMIT or _only_reads(process):
                break
            count += 1
            yield WalletSighting(
                subject=process.subject, place=Place.COMMAND_LINE, coin=wallet.coin, address=wallet.address,
                weak=wallet.weak,
            )  # fmt: skip


def _only_reads(process: Process) -> bool:
    """Whether all that its command line runs only looks for words, shows them or passes them on."""
    commands = list(opened(process.cmdline))
    return bool(commands) and all(reads(program(command)) for command in commands)
