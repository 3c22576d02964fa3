"""The snapshot: all facts of one host at one time."""

from __future__ import annotations

from msgspec import Struct

from davy.model.computation import Rounding, Tuning, Workload
from davy.model.concealment import (
    Accounting,
    Cover,
    HiddenName,
    ModuleFile,
    ModuleTable,
    Preload,
    ProcessTable,
)
from davy.model.content import ContentHit
from davy.model.facts import (
    Account,
    Autostart,
    Gap,
    Host,
    KnownFile,
    Load,
    Process,
    ProcessDetail,
    Renewal,
    Restart,
    Socket,
)
from davy.model.mining import Conversation, PoolMention, WalletSighting


class Snapshot(Struct, frozen=True, kw_only=True, eq=False):
    """All facts of one host at one time, with what could not be read and why."""

    host: Host
    taken: float
    seconds: float = 0.0
    live: bool
    own_pids: tuple[int, ...] = ()
    """Davy and its chain of parents."""
    load: Load | None = None
    processes: tuple[Process, ...] = ()
    details: tuple[ProcessDetail, ...] = ()
    renewals: tuple[Renewal, ...] = ()
    restarts: tuple[Restart, ...] = ()
    sockets: tuple[Socket, ...] = ()
    accounts: tuple[Account, ...] = ()
    autostarts: tuple[Autostart, ...] = ()
    known_files: tuple[KnownFile, ...] = ()
    process_table: ProcessTable | None = None
    module_table: ModuleTable | None = None
    module_files: tuple[ModuleFile, ...] = ()
    covers: tuple[Cover, ...] = ()
    preloads: tuple[Preload, ...] = ()
    hidden_names: tuple[HiddenName, ...] = ()
    accounting: Accounting | None = None
    content_hits: tuple[ContentHit, ...] = ()
    conversations: tuple[Conversation, ...] = ()
    wallets: tuple[WalletSighting, ...] = ()
    pool_mentions: tuple[PoolMention, ...] = ()
    workloads: tuple[Workload, ...] = ()
    roundings: tuple[Rounding, ...] = ()
    tuning: Tuning | None = None
    gaps: tuple[Gap, ...] = ()
