"""Samples of what memory holds of mining, and of the honest who hold the same."""

from __future__ import annotations

from typing import Final

from tests.unit.detect.sample import Sample
from tests.unit.snapshots import TAKEN, Fact, connection, listener, process, snapshot

from davy.model.content import ContentHit, Place
from davy.model.facts import Process, Socket
from davy.model.mining import Conversation, PoolMention, WalletSighting

BURNER: Final = process(300, "/opt/reader/tablereader", cores=1.0)
DOCUMENTED: Final = process(301, "python3", "docs.py", exe="/usr/bin/python3.11", cores=1.0, cwd="/srv/app")
POOL: Final = process(302, "node", "server.js", exe="/usr/bin/node", cores=1.0, cwd="/srv/pool")
WALLETS: Final = process(303, "/home/ada/wallet/rescan", cores=1.0, user="ada")
OWN: Final = "44AFFq5kSiGBoZ4NMDwYtN18obc8AemS33DBLWs3H7otXft3XjrpDtQGv7SqSsaBYBb98uNbr2VBBEt7f2wfn3RVGQBEP3A"
LONG_AGO: Final = 1_523_480_000.0


def conversation(
    of: Process, *, jobs: int = 1, shares: int = 1, newest: float | None = TAKEN - 20.0, logins: tuple[str, ...] = ()
) -> Conversation:
    return Conversation(
        subject=of.subject, jobs=jobs, shares=shares, newest=newest, logins=logins, texts=('"blob":"10',)
    )


def wallet(
    of: Process, address: str = OWN, *, place: Place = Place.MEMORY, login: bool = False, weak: bool = False
) -> WalletSighting:
    return WalletSighting(
        subject=of.subject, place=place, coin="Monero", address=address, login=login, weak=weak,
        path=None,
    )  # fmt: skip


def pool(of: Process, name: str = "pool.supportxmr.com") -> PoolMention:
    return PoolMention(subject=of.subject, place=Place.MEMORY, pool=name.partition(".")[2], name=name)


def hosts_line(name: str, *, alone: bool = True, blocked: bool = True) -> PoolMention:
    return PoolMention(
        subject="file:/etc/hosts", place=Place.FILE, pool=name, name=name, path="/etc/hosts", line=7, blocked=blocked,
        alone=alone,
    )  # fmt: skip


def hit(of: Process, rule: str) -> ContentHit:
    return ContentHit(rule=rule, subject=of.subject, place=Place.MEMORY, offset=4096, patterns=("a",), text="text")


def served(of: Process) -> Socket:
    """A connection that somebody made to a port that it listens on."""
    return Socket(
        protocol="tcp", state="ESTABLISHED", local_address="192.0.2.10", local_port=3333, inode=of.pid + 200_000,
        remote_address="198.51.100.9", remote_port=50123, uid=0, pids=(of.pid,),
    )  # fmt: skip


def _one(of: Process, rule: str, what: str, *facts: Fact) -> Sample:
    return Sample(rule, what, snapshot(of, *facts), of.subject)


def _none(rule: str, what: str, *facts: Fact) -> Sample:
    return Sample(rule, what, snapshot(*facts))


_LINK: Final = connection(BURNER, "198.51.100.7", 443)

MATCHING: Final = (
    _one(BURNER, "content.stratum-conversation", "work of now, and a connection", conversation(BURNER), _LINK),
    _one(BURNER, "content.stratum-conversation", "work of now alone", conversation(BURNER, shares=0), _LINK),
    _one(BURNER, "content.stratum-conversation", "work without a time", conversation(BURNER, newest=None), _LINK),
    _one(
        DOCUMENTED, "content.stratum-conversation", "an example, years old", conversation(DOCUMENTED, newest=LONG_AGO)
    ),
    _one(
        POOL, "content.stratum-conversation", "a pool's server", conversation(POOL), listener(POOL, 3333), served(POOL)
    ),
    _one(BURNER, "network.stratum-connection", "the connection it talks by", conversation(BURNER), _LINK),
    _one(BURNER, "content.memory", "a miner unpacked in memory", hit(BURNER, "miner.xmrig")),
    _one(DOCUMENTED, "content.memory", "text about a miner", hit(DOCUMENTED, "miner.xmrig")),
    _one(BURNER, "content.wallet", "an address in memory", wallet(BURNER)),
    _one(WALLETS, "content.wallet", "a list of addresses", *(wallet(WALLETS, f"{OWN}{n}") for n in range(20))),
    _one(BURNER, "content.pool-name", "a pool's name in memory", pool(BURNER)),
    Sample("content.pool-name", "a rival's hosts file", snapshot(hosts_line("nanopool.org")), "file:/etc/hosts"),
)

SPARED: Final = (
    _none("content.stratum-conversation", "a program that says nothing", BURNER, _LINK),
    _none("network.stratum-connection", "documentation, and a database", DOCUMENTED,
          conversation(DOCUMENTED, newest=LONG_AGO), connection(DOCUMENTED, "198.51.100.7", 5432)),
    _none("network.stratum-connection", "a pool's server", POOL, conversation(POOL), listener(POOL, 3333),
          served(POOL)),
    _none("network.stratum-connection", "a recorded conversation", BURNER, conversation(BURNER)),
    _none("content.memory", "a rule of conversations", BURNER, hit(BURNER, "stratum.job")),
    _none("content.wallet", "no address", BURNER),
    _none("content.pool-name", "a list against advertising", hosts_line("nanopool.org", alone=False)),
)  # fmt: skip
