"""A miner is told by the shape of its computation alone, and honest heavy work of nearly that shape is left alone.

Everything is real: programs compiled here, a pool on loopback that speaks stratum v1, and the whole scan.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import pytest
from tests.live.eviction.support import (
    Answer,
    Davy,
    dies_with_us,
    end,
    session_of,
    stat_fields,
    told,
    tool,
    within,
)

pytestmark = pytest.mark.live

HERE: Final = Path(__file__).resolve().parent
_CORES: Final = os.cpu_count() or 1
_GREETING: Final = (
    b'{"id":1,"result":[[["mining.set_difficulty","b4b6"],["mining.notify","ae68"]],"08000002",4],"error":null}\n'
    b'{"id":2,"result":true,"error":null}\n'
    b'{"id":null,"method":"mining.set_difficulty","params":[512]}\n'
)
_NOTIFY: Final = (
    b'{"id":null,"method":"mining.notify","params":["%x","4d16b6f85af6e2198f44ae2a6de67f78487ae5611b77c6c0440b921e",'
    b'"01000000010000000000000000000000000000000000000000000000000000000000000000ffffffff20020862062f503253482f04",'
    b'"072f736c7573682f000000000100f2052a010000001976a914d23fcdf86f7e756a64a7a9688ef9903327048ed988ac",[],'
    b'"00000002","1c2ac4af","504e86b9",false]}\n'
)


class Peer:
    """A server on loopback, one conversation at a time; ``says`` holds it."""

    def __init__(self, says: Callable[[socket.socket, threading.Event], None]) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self._over = threading.Event()
        self._says = says
        self.port: int = self._server.getsockname()[1]
        self.heard = threading.Event()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._server.accept()
                threading.Thread(target=self._converse, args=(client,), daemon=True).start()

    def _converse(self, client: socket.socket) -> None:
        with client, suppress(OSError):
            self.heard.set()
            self._says(client, self._over)

    def close(self) -> None:
        self._over.set()
        self._server.close()


def _pool(client: socket.socket, over: threading.Event) -> None:
    client.sendall(_GREETING)
    job = 0
    while True:
        client.sendall(_NOTIFY % job)
        if over.wait(0.7) or not client.recv(4096):
            return
        client.sendall(b'{"id":%d,"result":true,"error":null}\n' % (job + 3))
        job += 1


def _gives_work(client: socket.socket, over: threading.Event) -> None:
    while not over.is_set() and client.recv(4096):
        client.sendall(b"compute another piece of the orbit, please\n")


def _listens(client: socket.socket, over: threading.Event) -> None:
    client.sendall(b"ready\n")
    while not over.is_set() and client.recv(4096):
        pass


@contextmanager
def _peer(says: Callable[[socket.socket, threading.Event], None]) -> Iterator[Peer]:
    peer = Peer(says)
    try:
        yield peer
    finally:
        peer.close()


@pytest.fixture
def davy(tmp_path: Path) -> Davy:
    return Davy(tmp_path / "state")


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """Where programs of nobody's package lie: root's, and no odd place."""
    path = Path(f"/usr/local/lib/shape-{os.getpid()}")
    path.mkdir()
    try:
        for name in ("worker", "dataset", "honest"):
            command = [tool("gcc", "gcc"), "-O2", "-pthread", "-o", path / name, HERE / f"{name}.c", "-lm"]
            subprocess.run(command, check=True)
        yield path
    finally:
        shutil.rmtree(path)


@contextmanager
def _running(*command: str | Path, seconds: float = 1.5, cwd: Path | None = None) -> Iterator[int]:
    """A daemon in a session of its own that burns; its leader, once it has had so many seconds of CPU time or life."""

    def alone() -> None:
        dies_with_us()
        os.nice(5)

    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=cwd,
        start_new_session=True, preexec_fn=alone,
    )  # fmt: skip
    try:
        assert within(60, lambda: _cpu(process.pid) > seconds), f"{command[0]} does not burn"
        yield process.pid
    finally:
        end(lambda: session_of(process.pid))
        process.wait()


def _cpu(leader: int) -> float:
    fields = [stat_fields(pid) for pid in session_of(leader)]
    return sum(int(row[11]) + int(row[12]) for row in fields if row) / os.sysconf("SC_CLK_TCK")


def _verdict(found: Answer, leader: int) -> str:
    """What the scan says of one session's processes, whatever else runs here."""
    pids = set(session_of(leader))
    verdicts = [
        str(one["verdict"])
        for one in found.json["incidents"]
        for actor in one["actors"]
        if actor["pid"] in pids and actor["role"] == "miner"
    ]
    return max(verdicts, default="clean", key=("clean", "suspect", "confirmed").index)


def _rules(davy: Davy, found: Answer, leader: int) -> dict[str, float]:
    """The bits of every finding about a session, in an incident or let go."""
    pids = {str(pid) for pid in session_of(leader)}
    rows: list[dict[str, Any]] = [*found.json["incidents"], *json.loads(davy("explain", "--json").stdout)]
    return {
        finding["rule"]: finding["bits"]
        for row in rows
        for finding in row["findings"]
        if finding["subject"].split(":")[1] in pids
    }


@pytest.mark.parametrize("cores", [_CORES, 1], ids=["every core", "one core"])
def test_a_miner_of_innocent_name_and_place_is_confirmed_by_its_shape_and_connection(
    cores: int, folder: Path, davy: Davy
) -> None:
    with _peer(_pool) as pool, _running(folder / "worker", f"{pool.port}", f"{cores}") as leader:
        found = davy.scan()
        rules = _rules(davy, found, leader)
        assert _verdict(found, leader) == "confirmed", told(found) + str(rules)
    shape = {rule: bits for rule, bits in rules.items() if rule.partition(".")[0] in ("behaviour", "network")}
    assert shape.keys() >= {"behaviour.pure-computation", "network.thin-connection"}
    assert not {rule for rule in rules if rule.startswith(("identity.", "origin.", "trust."))}


@pytest.mark.parametrize("name", ["forked", "slow", "python3"])
def test_it_may_fork_read_byte_by_byte_or_bear_an_interpreters_name(name: str, folder: Path, davy: Davy) -> None:
    shutil.copy2(folder / "worker", folder / name)
    with _peer(_pool) as pool, _running(folder / name, f"{pool.port}") as leader:
        found = davy.scan()
        assert _verdict(found, leader) == "confirmed", told(found) + str(_rules(davy, found, leader))


_CONTAINER: Final = """\
import ctypes, fcntl, os, socket, struct, sys, time
libc = ctypes.CDLL(None, use_errno=True)
assert not libc.unshare(0x40000000), ctypes.get_errno()
with socket.socket() as any:
    fcntl.ioctl(any, 0x8914, struct.pack("16sh22x", b"lo", 0x41))  # SIOCSIFFLAGS: up, running
server = socket.create_server(("127.0.0.1", 0))
if not os.fork():
    os.execv(sys.argv[1], [sys.argv[1], str(server.getsockname()[1])])
client, _ = server.accept()
server.close()
while True:
    client.sendall(b'{"id":null,"method":"mining.notify","params":["1","%s",[],"2","3",false]}\\n' % (b"0" * 400))
    client.recv(4096)
    time.sleep(0.7)
"""


def test_it_is_found_in_a_network_namespace_of_its_own_as_containers_are(
    folder: Path, davy: Davy, tmp_path: Path
) -> None:
    script = tmp_path / "container.py"
    script.write_text(_CONTAINER)
    with _running(sys.executable, script, folder / "worker") as leader:
        found = davy.scan()
        assert _verdict(found, leader) == "confirmed", told(found) + str(_rules(davy, found, leader))


def test_the_same_computation_without_a_connection_is_not_confirmed(folder: Path, davy: Davy) -> None:
    """Nor is it clean: the program carries a stratum client's words, and nobody's package is it."""
    with _running(folder / "worker", "0") as leader:
        found = davy.scan()
        assert _verdict(found, leader) != "confirmed", told(found)
        rules = _rules(davy, found, leader)
        assert "behaviour.pure-computation" in rules
        assert "network.thin-connection" not in rules


@pytest.mark.parametrize("kind", ["fast", "huge", "shared", "light"])
def test_memory_as_randomx_has_it_is_told(kind: str, folder: Path, davy: Davy) -> None:
    with _running(folder / "dataset", kind) as leader:
        found = davy.scan()
        rules = _rules(davy, found, leader)
    assert rules["behaviour.randomx-memory"] == (5.0 if kind == "light" else 8.0)
    assert "behaviour.changing-code" in rules


_SERVICE: Final = """\
import socket, sys, numpy
store = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
store.sendall(b"*2\\r\\n$4\\r\\nPING\\r\\n$5\\r\\nready\\r\\n")
samples = numpy.random.rand(2000, 200)
while True:
    numpy.linalg.svd(samples)
"""
_PEERS: Final = """\
import os, socket, sys, numpy
server = socket.create_server(("127.0.0.1", 0))
child = os.fork()
link = server.accept()[0] if child else socket.create_connection(server.getsockname())
weights = numpy.random.rand(600, 600)
while True:
    for step in range(20):
        weights = weights @ weights.T
        weights /= numpy.abs(weights).max()
    link.sendall(weights[:8].tobytes())
    left = 8 * 600 * 8
    while left:
        left -= len(link.recv(left))
"""
_JAVA: Final = """\
public class Sum {
  public static void main(String[] words) throws Exception {
    new java.net.Socket("127.0.0.1", Integer.parseInt(words[0]));
    for (int thread = 0; thread < 2; thread++)
      new Thread(() -> { double sum = 0; for (long i = 1; ; i++) sum += Math.sin(i) / i; }).start();
    Thread.sleep(1000000);
  }
}
"""
_NODE: Final = """\
const link = require('net').connect(Number(process.argv[2]), '127.0.0.1');
let sum = 0;
(function work() { for (let i = 1; i < 3e7; i++) sum += Math.sin(i) / i; setImmediate(work); })();
"""


def _numpy(folder: Path, _: Path, peers: ExitStack) -> tuple[str | Path, ...]:
    script = folder / "tasks.py"
    script.write_text(_SERVICE)
    return sys.executable, script, f"{peers.enter_context(_peer(_listens)).port}"


def _redis_port(place: Path, peers: ExitStack) -> int:
    """A real Redis, at a port that nobody knows as its."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    server = subprocess.Popen(
        [tool("redis-server", "redis-server"), "--port", f"{port}", "--save", "", "--bind", "127.0.0.1"],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, cwd=place, preexec_fn=dies_with_us,
    )  # fmt: skip
    peers.callback(server.wait)
    peers.callback(server.kill)

    def answers() -> bool:
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", port)).close()
            return True
        return False

    assert within(10, answers)
    return port


def _redis(folder: Path, place: Path, peers: ExitStack) -> tuple[str | Path, ...]:
    script = folder / "tasks.py"
    script.write_text(_SERVICE)
    return sys.executable, script, f"{_redis_port(place, peers)}"


def _compiled_redis(folder: Path, place: Path, peers: ExitStack) -> tuple[str | Path, ...]:
    return folder / "honest", "keeps", f"{_redis_port(place, peers)}"


def _ddp(folder: Path, _: Path, __: ExitStack) -> tuple[str | Path, ...]:
    script = folder / "ddp.py"
    script.write_text(_PEERS)
    return sys.executable, script


def _java(_: Path, place: Path, peers: ExitStack) -> tuple[str | Path, ...]:
    source = place / "Sum.java"
    source.write_text(_JAVA)
    return tool("java", "openjdk-17-jdk-headless"), source, f"{peers.enter_context(_peer(_listens)).port}"


def _node(folder: Path, _: Path, peers: ExitStack) -> tuple[str | Path, ...]:
    script = folder / "sum.js"
    script.write_text(_NODE)
    return tool("node", "nodejs"), script, f"{peers.enter_context(_peer(_listens)).port}"


def _qemu(_: Path, place: Path, __: ExitStack) -> tuple[str | Path, ...]:
    """A guest that adds numbers for ever, in the emulator: its first sector is its system."""
    disk = place / "disk.img"
    disk.write_bytes(bytes.fromhex("40 01c3 ebfb".replace(" ", "")).ljust(510, b"\0") + b"\x55\xaa" + bytes(1 << 20))
    return (
        tool("qemu-system-x86_64", "qemu-system-x86"), "-accel", "tcg", "-m", "64", "-display", "none", "-nic", "none",
        "-drive", f"file={disk},format=raw",
    )  # fmt: skip


def _science(folder: Path, place: Path, _: ExitStack) -> tuple[str | Path, ...]:
    problem = place / "workunit"
    problem.write_bytes(os.urandom(100_000))
    return folder / "honest", "science", problem


def _xz(_: Path, place: Path, __: ExitStack) -> tuple[str | Path, ...]:
    data = place / "samples.bin"
    data.write_bytes(os.urandom(64 << 20))
    return tool("xz", "xz-utils"), "-T0", "-9", "-k", data


def _own(what: str, says: Callable[[socket.socket, threading.Event], None]) -> Callable[..., tuple[str | Path, ...]]:
    def command(folder: Path, _: Path, peers: ExitStack) -> tuple[str | Path, ...]:
        return folder / "honest", what, f"{peers.enter_context(_peer(says)).port}"

    return command


HONEST: Final[dict[str, Callable[[Path, Path, ExitStack], tuple[str | Path, ...]]]] = {
    "a task of NumPy's with a connection": _numpy,
    "a worker of Redis": _redis,
    "a compiled worker of Redis": _compiled_redis,
    "two that train one model": _ddp,
    "Java with a connection": _java,
    "Node with a connection": _node,
    "a guest in QEMU": _qemu,
    "science with shared memory": _science,
    "openssl speed": lambda *_: (
        tool("openssl", "openssl"), "speed", "-seconds", "60", "-multi", f"{_CORES}", "sha256",
    ),
    "stress-ng": lambda *_: (tool("stress-ng", "stress-ng"), "--cpu", f"{_CORES}", "--timeout", "60"),
    "stress-ng int128": lambda *_: (
        tool("stress-ng", "stress-ng"), "--cpu", f"{_CORES}", "--cpu-method", "int128", "--timeout", "60",
    ),
    "xz": _xz,
    "primes": lambda folder, *_: (folder / "honest", "primes"),
    "n bodies": lambda folder, *_: (folder / "honest", "bodies"),
    "asks for work": _own("asks", _gives_work),
    "tells how far it is": _own("tells", _listens),
}  # fmt: skip


@pytest.mark.parametrize("name", HONEST)
def test_honest_work_of_nearly_that_shape_is_clean(name: str, folder: Path, davy: Davy, tmp_path: Path) -> None:
    with ExitStack() as peers:
        command = HONEST[name](folder, tmp_path, peers)
        with _running(*command, cwd=folder) as leader:
            found = davy.scan()
            rules = _rules(davy, found, leader)
            assert rules, "the scan did not look at it: the test shows nothing"
            assert _verdict(found, leader) == "clean", told(found)
    assert "behaviour.randomx-memory" not in rules
    assert "behaviour.changing-code" not in rules
