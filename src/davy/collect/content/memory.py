"""What the memory of the few processes that burn, or talk to something like a pool, holds of mining.

Read without stopping anybody: see `davy.host.memory`.
"""

from __future__ import annotations

import functools
import os
import re
import time
from collections.abc import Iterator, Sequence
from typing import Final

from davy.host import Denied, Gone, Host, HostError, Kernel
from davy.host.memory import Limits, Reading, read_memory
from davy.knowledge.matching import Matcher, NoEngineError, Scanning, matcher
from davy.knowledge.matching.engines import Engine, engine
from davy.knowledge.matching.patterns import literal, pattern
from davy.knowledge.observers import observer
from davy.knowledge.pools import miner_port, pool_endpoint, pool_host, pool_names
from davy.knowledge.programs import interpreter
from davy.knowledge.stratum import MARKERS, Message, Speech, messages_in
from davy.knowledge.wallets import Wallet, long_address, long_expressions, wallets_in
from davy.knowledge.words import mining_words, reads
from davy.model.content import ContentHit, Place
from davy.model.facts import Gap, Process, Socket
from davy.model.lookup import lookup
from davy.model.mining import Conversation, PoolMention, WalletSighting
from davy.model.reach import Reach
from davy.model.snapshot import Snapshot

Fact = ContentHit | Conversation | Gap | PoolMention | WalletSighting

PROCESSES: Final = 16
"""So many processes are read, the likeliest first."""
SECONDS: Final = 2.0
"""How long all of them together may take."""
_BURNING_CORES: Final = 0.5
_THREADS: Final = 2
_BEFORE: Final = 1536
_BEHIND: Final = 4096
"""Bytes around a marker in which its message stands."""
_WINDOWS_LIMIT: Final = 512
_WALLETS_LIMIT: Final = 64
_TRIES: Final = 256
"""Texts like an address whose checksum one thread takes the time for: a tenth of a second."""
_POOLS_LIMIT: Final = 16
_SORTING_SECONDS: Final = 0.5
"""CPU time that messages of one process may take; those of a miner take a hundredth of that."""
_PASSES: Final = 8
"""Blocks of one process that are gone through a second time, for all that stands in them and not the first alone."""
_MIB: Final = 1 << 20
_HOST_NAME: Final = re.compile(
    rb"(?:\d{1,3}(?:\.\d{1,3}){3}:\d{2,5}|[0-9A-Za-z_-]{1,63}(?:\.[0-9A-Za-z_-]{1,63}){1,8})"
)
_TEXTS: Final = 4
_CONNECTED: Final = frozenset({"ESTABLISHED", "SYN_SENT", "CLOSE_WAIT"})


def memory(host: Host, snapshot: Snapshot, reach: Reach) -> Iterator[Fact]:
    """What the memory of the processes worth it holds.  What could not be read, or only in part, is a gap."""
    chosen = list(_chosen(snapshot)) if host.kernel is not None else []
    if host.kernel is None or not chosen:
        return
    try:
        rules, marks = matcher(reach.state), _marks(reach.state)
    except NoEngineError as error:
        yield Gap("memory", f"{len(chosen)} processes", str(error))
        return
    deadline = time.monotonic() + SECONDS
    for number, process in enumerate(chosen):
        left = deadline - time.monotonic()
        if number >= PROCESSES or left <= 0.0:
            yield Gap("memory", f"{len(chosen) - number} processes", "enough were read")
            return
        yield from _of_process(host.kernel, process, rules, marks, Limits(seconds=min(1.0, left)))


def _chosen(snapshot: Snapshot) -> Iterator[Process]:
    """Whose memory is worth reading: first who has a connection, then programs of their own, the busiest first.

    Whoever shares a burning process's program and is its parent or child may be the one that talks for it.
    """
    ways = lookup(snapshot)
    talking = {pid for socket in snapshot.sockets if _pool_like(socket) for pid in socket.pids}
    connected = {pid for socket in snapshot.sockets if socket.state in _CONNECTED for pid in socket.pids}
    for process in snapshot.processes:
        if _wanted(snapshot, process) >= _BURNING_CORES:
            parent = ways.parent(process)
            for relative in (*ways.children(process), *((parent,) if parent else ())):
                if relative.pid in connected and relative.exe_path and relative.exe_path == process.exe_path:
                    talking.add(relative.pid)

    def likely(process: Process) -> tuple[bool, bool, float]:
        borrowed = interpreter(os.path.basename(process.exe_path or ""))
        return process.pid not in connected, borrowed, -_wanted(snapshot, process)

    for process in sorted(snapshot.processes, key=likely):
        if process.kernel_thread or process.pid in (1, os.getpid()) or process.pid in snapshot.own_pids:
            continue
        burns = _wanted(snapshot, process) >= _BURNING_CORES
        if not burns and process.pid not in talking:
            continue
        detail = ways.detail.get(process.subject)
        program = detail.executable if detail else None
        packaged = bool(program and program.owner_package and program.unmodified)
        name = os.path.basename(process.exe_path or process.name)
        if packaged and process.exe and not process.exe.deleted and process.pid not in talking:
            if reads(process.exe_path or "") or observer(name):
                continue
            if not interpreter(name) and not mining_words(process.cmdline, process.exe_path):
                continue
        yield process


def _wanted(snapshot: Snapshot, process: Process) -> float:
    """Cores that a process used within the window, or waited for."""
    if snapshot.load is None or snapshot.load.window_seconds <= 0.0 or process.window_cpu_seconds is None:
        return 0.0
    return (process.window_cpu_seconds + (process.window_wait_seconds or 0.0)) / snapshot.load.window_seconds


def _pool_like(socket: Socket) -> bool:
    if socket.protocol != "tcp" or socket.state not in _CONNECTED:
        return False
    return pool_endpoint(socket.remote_address, socket.remote_port) or miner_port(socket.remote_port)


class _Marks:
    """What is looked for beside the rules: markers of messages, long addresses, names of pools."""

    def __init__(self, cache: str | None) -> None:
        expressions = [pattern(each) for each in (*MARKERS, *long_expressions())]
        self.engine: Engine = engine([*expressions, *map(literal, pool_names())], "marks", cache)
        self.first_wallet = len(MARKERS)
        self.first_pool = self.first_wallet + len(long_expressions())
        self.marker = re.compile("|".join(MARKERS).encode())


@functools.cache
def _marks(cache: str | None) -> _Marks:
    """Raises `NoEngineError`."""
    return _Marks(cache)


class _Look:
    """What one thread finds in the blocks that it is given."""

    def __init__(self, scanning: Scanning, marks: _Marks) -> None:
        self.scanning, self._marks = scanning, marks
        self._passes = _PASSES
        self.windows: list[tuple[int, bytes]] = []
        self.wallets: dict[str, Wallet] = {}
        self._tried: set[bytes] = set()
        self.crowded = False
        """Whether more stood there than was looked at: somebody may want to hide something among it."""
        self.pools: dict[str, str] = {}

    def __call__(self, block: memoryview, address: int) -> None:
        self.scanning.feed(block, address)
        found = self._marks.engine.first(block)
        if not found:
            return
        numbers = sorted(found)
        if numbers[0] < self._marks.first_wallet:
            self._messages(block, address, min(at for number, at in found.items() if number < self._marks.first_wallet))
        for number in numbers:
            if number >= self._marks.first_pool:
                self._pool(block, found[number])
            elif number >= self._marks.first_wallet:
                self._addresses(block, found[number])

    def _messages(self, block: memoryview, address: int, first: int) -> None:
        end = 0
        for match in self._marks.marker.finditer(block, first, self._reach(block, first)):
            if match.start() < end:
                continue
            if len(self.windows) >= _WINDOWS_LIMIT:
                self.crowded = True
                return
            start, end = max(match.start() - _BEFORE, 0), match.end() + _BEHIND
            self.windows.append((address + start, bytes(block[start:end])))

    def _reach(self, block: memoryview, first: int) -> int:
        """How far to go through a block that has something in it: to its end a few times, then no more."""
        self._passes -= 1
        return len(block) if self._passes >= 0 else min(first + 256, len(block))

    def _addresses(self, block: memoryview, first: int) -> None:
        for match in long_address().finditer(block, first, self._reach(block, first)):
            if match[0] in self._tried:
                continue
            if len(self.wallets) >= _WALLETS_LIMIT or len(self._tried) >= _TRIES:
                self.crowded = True
                return
            self._tried.add(match[0])
            start = max(match.start() - 16, 0)
            for wallet in wallets_in(bytes(block[start : match.end() + 32])):
                self.wallets[wallet.address] = wallet

    def _pool(self, block: memoryview, at: int) -> None:
        """The name around what may be the end of a pool's."""
        if len(self.pools) >= _POOLS_LIMIT:
            return
        for name in _HOST_NAME.finditer(bytes(block[max(at - 128, 0) : at + 128])):
            text = name[0].decode()
            pool = _pool_of(text)
            if pool:
                self.pools[text] = pool


def _pool_of(text: str) -> str | None:
    address, colon, port = text.partition(":")
    if colon:
        return text if pool_endpoint(address, int(port)) else None
    return pool_host(text)


def _of_process(kernel: Kernel, process: Process, rules: Matcher, marks: _Marks, limits: Limits) -> Iterator[Fact]:
    what = f"process {process.pid} ({process.name})"
    looks = [_Look(Scanning(rules, Place.MEMORY), marks) for _ in range(_THREADS)]
    try:
        reading = read_memory(kernel.procfs, process.pid, looks, limits)
    except Gone:
        return
    except Denied:
        yield Gap("memory", what, "its memory may not be read")
        return
    except HostError as error:
        yield Gap("memory", what, str(error))
        return
    yield from _gaps(what, reading)
    yield from _found(process, looks)


def _gaps(what: str, reading: Reading) -> Iterator[Gap]:
    if reading.stuck:
        yield Gap("memory", what, "a page of its memory never answers")
    if reading.left >= _MIB:
        yield Gap("memory", what, f"{reading.left // _MIB} MiB of its memory were too much to read")
    if reading.swapped > reading.read:
        yield Gap("memory", what, f"{reading.swapped // _MIB} MiB of its memory are swapped out")


def _found(process: Process, looks: Sequence[_Look]) -> Iterator[Fact]:
    subject = process.subject
    scanning = looks[0].scanning
    for other in looks[1:]:
        scanning.merge(other.scanning)
    for hit in scanning.hits():
        offset = min(hit.patterns.values(), default=0)
        text = hit.excerpt.decode("latin-1")
        yield ContentHit(
            rule=hit.rule_id, subject=subject, place=Place.MEMORY, offset=offset, text=text,
            patterns=tuple(hit.patterns),
        )  # fmt: skip
    messages, crowded = _messages_of(looks)
    if crowded:
        yield Gap("memory", f"process {process.pid} ({process.name})", "holds more talk of mining than is looked at")
    conversation = conversation_of(subject, messages)
    if conversation is not None:
        yield conversation
    wallets = {address: (wallet, False) for look in looks for address, wallet in dict(look.wallets).items()}
    for login in conversation.logins if conversation else ():
        wallets |= {wallet.address: (wallet, True) for wallet in wallets_in(login.encode("latin-1"))}
    for wallet, logs_in in list(wallets.values())[:_WALLETS_LIMIT]:
        yield WalletSighting(
            subject=subject, place=Place.MEMORY, coin=wallet.coin, address=wallet.address, weak=wallet.weak,
            login=logs_in,
        )  # fmt: skip
    pools = {name: pool for look in looks for name, pool in dict(look.pools).items()}
    for name, pool in list(pools.items())[:_POOLS_LIMIT]:
        yield PoolMention(subject=subject, place=Place.MEMORY, pool=pool, name=name)


def _messages_of(looks: Sequence[_Look]) -> tuple[list[Message], bool]:
    """The messages in all that was put aside, and whether anything was left because there is too much of it."""
    messages: list[Message] = []
    until = time.thread_time() + _SORTING_SECONDS
    for look in looks:
        for _, window in list(look.windows):
            if time.thread_time() > until:
                return messages, True
            messages += messages_in(window)
    return messages, any(look.crowded for look in looks)


def conversation_of(subject: str, messages: Sequence[Message]) -> Conversation | None:
    """What messages come to; None where there are none.  Many copies of one message count once."""
    jobs = {message.value: message for message in messages if message.speech is Speech.JOB}
    shares = {message.value: message for message in messages if message.speech is Speech.SHARE}
    logins = {message.value: message for message in messages if message.speech is Speech.LOGIN}
    if not jobs and not shares and not logins:
        return None
    known = {message.job for message in jobs.values()}
    kinds = ([*jobs.values()], [*shares.values()], [*logins.values()])
    return Conversation(
        subject=subject,
        logins=tuple(sorted(logins))[:_TEXTS],
        jobs=len(jobs),
        shares=len(shares),
        answered=sum(message.job in known for message in shares.values()),
        newest=max((message.time for message in jobs.values() if message.time is not None), default=None),
        apart={message.speech for message in messages if message.apart} >= {Speech.JOB, Speech.SHARE},
        texts=tuple(kind[-1].text for kind in kinds if kind),
    )
