"""The snapshot: all facts of one host at one time."""

from __future__ import annotations

from msgspec import Struct

from davy.model.allowance import Allowance
from davy.model.autostarts import Autostart, Followed
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
from davy.model.containers import Container
from davy.model.content import ContentHit
from davy.model.facts import Account, Gap, Host, KnownFile, Load, Process, ProcessDetail, Renewal, Restart, Socket
from davy.model.gpu import GpuUse
from davy.model.logs import ClockStep, LogHit, LogRead
from davy.model.mining import Conversation, PoolMention, WalletSighting
from davy.model.services import Firewall, Service
from davy.model.tools import SystemTool


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
    followed: tuple[Followed, ...] = ()
    tools: tuple[SystemTool, ...] = ()
    known_files: tuple[KnownFile, ...] = ()
    containers: tuple[Container, ...] = ()
    services: tuple[Service, ...] = ()
    firewalls: tuple[Firewall, ...] = ()
    log_hits: tuple[LogHit, ...] = ()
    logs_read: tuple[LogRead, ...] = ()
    clock_steps: tuple[ClockStep, ...] = ()
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
    gpu_uses: tuple[GpuUse, ...] = ()
    tuning: Tuning | None = None
    allowances: tuple[Allowance, ...] = ()
    """What the owner has decided before: `davy allow`."""
    gaps: tuple[Gap, ...] = ()
