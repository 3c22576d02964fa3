"""Facts of mining: what a process says to a pool, wallets whose checksum fits, pools that are named somewhere."""

from __future__ import annotations

from msgspec import Struct

from davy.model.content import Place


class Conversation(Struct, frozen=True, kw_only=True):
    """What a process's memory holds of a stratum conversation.  See `davy.knowledge.stratum`."""

    subject: str
    logins: tuple[str, ...] = ()
    """Whom the pool shall pay, as it was told."""
    jobs: int = 0
    """Different jobs."""
    shares: int = 0
    """Different shares handed in."""
    answered: int = 0
    """Those of them for a job that is in memory, too."""
    newest: float | None = None
    """The newest time that a job's work was made at, as its header says; None where none says."""
    texts: tuple[str, ...] = ()
    """A few of the messages, shortened."""


class WalletSighting(Struct, frozen=True, kw_only=True):
    """An address whose checksum fits."""

    subject: str
    place: Place
    coin: str
    address: str
    weak: bool = False
    """Whether it carries no checksum, see `davy.knowledge.wallets.Wallet`."""
    path: str | None = None
    login: bool = False
    """Whether it stands in a login to a pool."""


class PoolMention(Struct, frozen=True, kw_only=True):
    """A known pool that is named somewhere.  It is compared with a list, never resolved and never contacted."""

    subject: str
    place: Place
    pool: str
    """As the list has it."""
    name: str
    """As it stands there."""
    path: str | None = None
    line: int | None = None
    blocked: bool = False
    """Whether a hosts file sends the name nowhere: so rivals keep each other from their pools."""
    alone: bool = True
    """Whether pools are most of what that file blocks, and it is no list against advertising that has them, too."""
