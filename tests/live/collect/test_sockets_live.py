"""`davy.collect.sockets` against real loopback sockets, with psutil and pyroute2 as oracles."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from pyroute2 import DiagSocket

from davy.collect.sockets import held_sockets, sockets
from davy.host import Denied, DirectoryRoot, Gone, Host, LiveKernel, live
from davy.model.facts import Gap, Socket

pytestmark = pytest.mark.live


def inode(of: socket.socket) -> int:
    return os.fstat(of.fileno()).st_ino


def seen(host: Host | None = None) -> dict[int, Socket]:
    return {fact.inode: fact for fact in sockets(host or live()) if isinstance(fact, Socket)}


class Pair:
    """A listener, a connection to it and its other end, on loopback."""

    def __init__(self, family: int = socket.AF_INET, address: str = "127.0.0.1") -> None:
        self.listener = socket.create_server((address, 0), family=socket.AddressFamily(family))
        self.port = self.listener.getsockname()[1]
        self.client = socket.create_connection((address, self.port))
        self.server, _ = self.listener.accept()

    def close(self) -> None:
        for each in (self.client, self.server, self.listener):
            each.close()


@pytest.fixture
def pair() -> Iterator[Pair]:
    with contextlib.closing(Pair()) as made:
        yield made


def test_a_connection_and_its_listener_are_seen_with_ends_owner_and_counters(pair: Pair) -> None:
    pair.client.sendall(b"x" * 1000)
    assert pair.server.recv(4096) == b"x" * 1000
    pair.server.sendall(b"y" * 50)
    assert pair.client.recv(4096) == b"y" * 50
    found = seen()
    client, server, listener = found[inode(pair.client)], found[inode(pair.server)], found[inode(pair.listener)]
    assert (client.state, server.state, listener.state) == ("ESTABLISHED", "ESTABLISHED", "LISTEN")
    assert (client.local_address, client.local_port) == pair.client.getsockname()
    assert (client.remote_address, client.remote_port) == pair.client.getpeername()
    assert (client.bytes_sent, client.bytes_received) == (1000, 50)
    assert (server.bytes_sent, server.bytes_received) == (50, 1000)
    assert client.rtt_seconds is not None
    assert 0 < client.rtt_seconds < 1
    assert (client.uid, client.protocol, client.pids) == (os.getuid(), "tcp", ())
    assert (listener.remote_port, listener.age_seconds, listener.bytes_sent) == (0, None, None)


def test_a_connection_that_the_other_end_closed_waits_to_be_closed(pair: Pair) -> None:
    pair.client.shutdown(socket.SHUT_WR)
    time.sleep(0.05)
    found = seen()
    assert (found[inode(pair.client)].state, found[inode(pair.server)].state) == ("FIN_WAIT2", "CLOSE_WAIT")


def test_an_idle_connection_is_as_old_as_its_silence() -> None:
    before = time.monotonic()
    with contextlib.closing(Pair()) as pair:
        made = time.monotonic()
        time.sleep(0.5)
        told = seen()[inode(pair.client)].age_seconds
        assert told is not None
        assert time.monotonic() - made - 0.1 <= told <= time.monotonic() - before + 0.1


def test_a_connection_still_being_made_has_no_age() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, contextlib.ExitStack() as stack:
        clients = [stack.enter_context(socket.socket()) for _ in range(5)]
        for client in clients:
            client.setblocking(False)
            client.connect_ex(full.getsockname())
        time.sleep(0.05)
        found = seen()
        waiting = [found[inode(client)] for client in clients if found[inode(client)].state == "SYN_SENT"]
        assert waiting
        assert [each.age_seconds for each in waiting] == [None] * len(waiting)


def test_ipv6_and_ipv4_within_it() -> None:
    with contextlib.closing(Pair(socket.AF_INET6, "::1")) as pair:
        found = seen()[inode(pair.client)]
        assert (found.local_address, found.remote_address, found.remote_port) == ("::1", "::1", pair.port)
    both = socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True)
    with both, socket.create_connection(("127.0.0.1", both.getsockname()[1])), both.accept()[0] as server:
        found = seen()[inode(server)]
        assert (found.local_address, found.remote_address) == ("127.0.0.1", "127.0.0.1")


@pytest.mark.usefixtures("pair")
def test_psutil_sees_the_same() -> None:
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp6 = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    with udp, udp6:
        udp.bind(("127.0.0.1", 0))
        udp6.bind(("::1", 0))
        udp6.connect(("::1", 9))
        found = seen()
        mine = psutil.Process().net_connections(kind="inet")
        assert len(mine) >= 5
        for one in mine:
            other = found[os.fstat(one.fd).st_ino]
            assert (other.local_address, other.local_port) == tuple(one.laddr)
            assert (other.remote_port,) == tuple(one.raddr)[1:] or not one.raddr
            if one.type == socket.SOCK_STREAM:
                assert other.state == one.status
        assert (found[inode(udp)].state, found[inode(udp6)].state) == ("CLOSE", "ESTABLISHED")


def test_pyroute2_reads_the_same_tcp_info(pair: Pair) -> None:
    pair.client.sendall(b"z" * 777)
    pair.server.recv(1000)
    ours = seen()[inode(pair.client)]
    with DiagSocket() as diag:
        diag.bind()
        (theirs,) = [
            row
            for row in diag.get_sock_stats(family=socket.AF_INET, states=1 << 1, extensions=1 << 1)
            if row["idiag_inode"] == inode(pair.client)
        ]
    info = theirs.get_attr("INET_DIAG_INFO")
    assert (ours.bytes_sent, ours.bytes_received) == (info["tcpi_bytes_sent"], info["tcpi_bytes_received"])
    assert ours.rtt_seconds == pytest.approx(info["tcpi_rtt"] / 1e6)
    assert ours.cgroup_id == theirs.get_attr("INET_DIAG_CGROUP_ID")
    assert (ours.uid, ours.remote_port) == (theirs["idiag_uid"], theirs["idiag_dport"])


def test_the_control_group_is_the_one_of_its_maker(pair: Pair) -> None:
    mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    point = next((fields[1] for fields in mounts if fields[2] == "cgroup2"), None)
    if point is None:
        pytest.skip("no version 2 control groups here")
    line = next(line for line in Path("/proc/self/cgroup").read_text().splitlines() if line.startswith("0::"))
    assert seen()[inode(pair.client)].cgroup_id == os.stat(point + line[3:]).st_ino


def test_the_tables_of_proc_say_the_same_where_diagnostics_are_refused(pair: Pair) -> None:
    class Closed(LiveKernel):
        def sock_diag(self, request: bytes, namespace: int | None = None) -> Iterator[bytes]:  # noqa: ARG002
            raise Denied("sock_diag: Operation not permitted")

    udp = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    with udp:
        udp.bind(("::1", 0))
        host = Host(DirectoryRoot("/"), Closed())
        listed, diagnosed = seen(host), seen()
        for each in (pair.listener, pair.client, pair.server, udp):
            theirs, ours = listed[inode(each)], diagnosed[inode(each)]
            for field in ("protocol", "state", "local_address", "local_port", "remote_address", "remote_port", "uid"):
                assert getattr(theirs, field) == getattr(ours, field)
            assert (theirs.bytes_sent, theirs.age_seconds) == (None, None)
    gaps = [fact for fact in sockets(host) if isinstance(fact, Gap)]
    assert len(gaps) == 4
    assert all("Operation not permitted" in gap.why for gap in gaps)


def test_held_sockets_are_those_of_the_process(pair: Pair) -> None:
    mine = held_sockets(live(), os.getpid())
    assert {inode(pair.listener), inode(pair.client), inode(pair.server)} <= mine
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    assert inode(udp) in held_sockets(live(), os.getpid())
    number = inode(udp)
    udp.close()
    assert number not in held_sockets(live(), os.getpid())


def test_held_sockets_of_a_vanished_process_raise_gone() -> None:
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    with pytest.raises(Gone):
        held_sockets(live(), child)


def test_a_socket_costs_at_most_12_microseconds() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=400) as listener, contextlib.ExitStack() as stack:
        for _ in range(300):
            stack.enter_context(socket.create_connection(listener.getsockname()))
            stack.enter_context(listener.accept()[0])
        host, best = live(), 1.0
        for _ in range(5):
            before = time.process_time()
            count = sum(1 for _ in sockets(host))
            best = min(best, (time.process_time() - before) / count)
        assert count >= 601
        assert best <= 12e-6
