"""`davy.collect.sockets` on recorded answers of the kernel."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator, Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davy.collect.sockets import held_sockets, sockets
from davy.host import Denied, Gone, Host, HostError, MemoryRoot, RecordedKernel, Refused
from davy.host.procfs import RecordedProcfs
from davy.model.facts import Gap, Socket

TCP4, TCP6 = (socket.AF_INET, socket.IPPROTO_TCP), (socket.AF_INET6, socket.IPPROTO_TCP)
UDP4, UDP6 = (socket.AF_INET, socket.IPPROTO_UDP), (socket.AF_INET6, socket.IPPROTO_UDP)
Answers = Mapping[tuple[int, int], Sequence[bytes | HostError]]

TCP_TABLE = (
    b"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
    b"   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 111 1 0 100 0 0 10 0\n"
    b"   1: 0100007F:D431 08080808:01BB 01 00000000:00000000 00:00000000 00000000  1000        0 222 1 0 20 4 30 10 0\n"
    b"   2: 0100007F:D432 08080808:01BB 06 00000000:00000000 03:00000000 00000000     0        0 0 3 0\n"
    b"   3: 0100007F:D43"
)
TCP6_TABLE = (
    b"  sl  local_address rem_address st tx_queue rx_queue tr tm->when retrnsmt uid timeout inode\n"
    b"   0: 0000000000000000FFFF00000100007F:1F91 0000000000000000FFFF000008080808:0D05 01 "
    b"00000000:00000000 00:00000000 00000000     5        0 333 1 0 20 4 30 10 -1\n"
    b"   1: B80D0120000000000000000001000000:0016 00000000000000000000000000000000:0000 0A "
    b"00000000:00000000 00:00000000 00000000     0        0 444 1 0 20 4 30 10 -1\n"
)


class DiagnosedKernel(RecordedKernel):
    """Answers per family and protocol; an error stands where the kernel breaks off."""

    def __init__(self, answers: Answers, procfs: Mapping[str, bytes | str] | None = None) -> None:
        super().__init__(RecordedProcfs(procfs or {}))
        self.answers, self.requests = answers, list[bytes]()

    def sock_diag(self, request: bytes) -> Iterator[bytes]:
        self.requests.append(request)
        for answer in self.answers.get((request[0], request[1]), ()):
            if isinstance(answer, HostError):
                raise answer
            yield answer


def facts(answers: Answers, procfs: Mapping[str, bytes | str] | None = None) -> list[Socket | Gap]:
    return list(sockets(Host(MemoryRoot({}), DiagnosedKernel(answers, procfs))))


def one(key: tuple[int, int], answer: bytes) -> Socket:
    (found,) = facts({key: [answer]})
    assert isinstance(found, Socket)
    return found


def attribute(kind: int, content: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(content), kind) + content + b"\0" * (-len(content) % 4)


def answer(
    state: int = 1,
    local: tuple[str, int] = ("10.0.0.1", 40000),
    remote: tuple[str, int] = ("203.0.113.7", 3333),
    attributes: bytes = b"",
    family: int = socket.AF_INET,
) -> bytes:
    def packed(address: str) -> bytes:
        return socket.inet_pton(family, address).ljust(16, b"\0")

    return (
        struct.pack(">BBBBHH", family, state, 0, 0, local[1], remote[1])
        + packed(local[0])
        + packed(remote[0])
        + struct.pack("=I8xIIIII", 0, 0, 0, 0, 1000, 4242)
        + attributes
    )


TCP_INFO = bytearray(280)
struct.pack_into("=IIII", TCP_INFO, 44, 61_000, 0, 2_500, 61_040)
struct.pack_into("=I", TCP_INFO, 68, 23_500)
struct.pack_into("=Q", TCP_INFO, 128, 9_000)
struct.pack_into("=II", TCP_INFO, 152, 12, 5)
struct.pack_into("=Q", TCP_INFO, 200, 7_000)
INFO = attribute(8, b"\0") + attribute(21, struct.pack("=Q", 77)) + attribute(2, bytes(TCP_INFO))


def test_a_connection_has_its_ends_its_owner_and_its_counters() -> None:
    assert one(TCP4, answer(attributes=INFO)) == Socket(
        protocol="tcp", state="ESTABLISHED", local_address="10.0.0.1", local_port=40000,
        remote_address="203.0.113.7", remote_port=3333, inode=4242, uid=1000, cgroup_id=77,
        age_seconds=61.04, bytes_sent=7_000, bytes_received=9_000, messages_sent=5,
        messages_received=12, rtt_seconds=0.0235,
    )  # fmt: skip


def test_a_listener_has_no_age_and_no_counters() -> None:
    found = one(TCP4, answer(10, ("0.0.0.0", 22), ("0.0.0.0", 0), INFO))
    assert (found.state, found.cgroup_id) == ("LISTEN", 77)
    assert (found.age_seconds, found.bytes_sent, found.bytes_received, found.rtt_seconds) == (None,) * 4


def test_a_connection_still_being_made_has_no_age() -> None:
    found = one(TCP4, answer(2, attributes=INFO))
    assert (found.state, found.age_seconds) == ("SYN_SENT", None)


@pytest.mark.parametrize(
    ("state", "name"), [(4, "FIN_WAIT1"), (5, "FIN_WAIT2"), (8, "CLOSE_WAIT"), (9, "LAST_ACK"), (11, "CLOSING")]
)
def test_a_connection_being_closed_keeps_its_age(state: int, name: str) -> None:
    found = one(TCP4, answer(state, attributes=INFO))
    assert (found.state, found.age_seconds) == (name, 61.04)


def test_an_ipv4_address_within_ipv6_is_written_as_ipv4() -> None:
    found = one(TCP6, answer(1, ("::ffff:10.0.0.1", 8081), ("::ffff:203.0.113.7", 555), family=socket.AF_INET6))
    assert (found.local_address, found.remote_address) == ("10.0.0.1", "203.0.113.7")


def test_an_ipv6_address_is_written_short() -> None:
    found = one(TCP6, answer(10, ("::", 80), ("2001:db8::1", 0), family=socket.AF_INET6))
    assert (found.local_address, found.remote_address) == ("::", "2001:db8::1")


def test_an_unconnected_udp_socket_is_close() -> None:
    found = one(UDP4, answer(7, ("127.0.0.1", 53), ("0.0.0.0", 0)))
    assert (found.protocol, found.state, found.age_seconds) == ("udp", "CLOSE", None)


@pytest.mark.parametrize("length", range(0, 281, 4))
def test_of_a_shorter_tcp_info_only_what_is_there_is_told(length: int) -> None:
    found = one(TCP4, answer(attributes=attribute(2, bytes(TCP_INFO[:length]))))
    assert found.age_seconds == (61.04 if length >= 72 else None)
    assert found.bytes_received == (9_000 if length >= 136 else None)
    assert found.messages_received == (12 if length >= 160 else None)
    assert found.bytes_sent == (7_000 if length >= 208 else None)


@given(st.binary(max_size=300))
def test_attributes_that_lie_do_no_harm(attributes: bytes) -> None:
    assert one(TCP4, answer(attributes=attributes)).inode == 4242


def test_time_wait_and_half_open_sockets_are_not_asked_for() -> None:
    kernel = DiagnosedKernel({})
    assert list(sockets(Host(MemoryRoot({}), kernel))) == []
    asked = {(r[0], r[1]): struct.unpack_from("=I", r, 4)[0] for r in kernel.requests}
    assert asked == {TCP4: 0xF36, TCP6: 0xF36, UDP4: 0x82, UDP6: 0x82}
    assert {len(request) for request in kernel.requests} == {56}


def test_a_host_without_a_kernel_has_no_sockets() -> None:
    assert list(sockets(Host(MemoryRoot({})))) == []


LACKING = "tcp_info and control groups of tcp over"


def test_where_diagnostics_are_refused_the_tables_are_read_and_a_gap_says_what_they_lack() -> None:
    found = facts({TCP4: [Denied("sock_diag: no")], TCP6: [Denied("sock_diag: no")]}, {
        "self/net/tcp": TCP_TABLE, "self/net/tcp6": TCP6_TABLE,
    })  # fmt: skip
    assert found == [
        Gap("sockets", f"{LACKING} IPv4", "sock_diag: no; read from self/net/tcp instead"),
        Socket(protocol="tcp", state="LISTEN", local_address="127.0.0.1", local_port=8080, remote_address="0.0.0.0",
               remote_port=0, inode=111, uid=0),
        Socket(protocol="tcp", state="ESTABLISHED", local_address="127.0.0.1", local_port=54321,
               remote_address="8.8.8.8", remote_port=443, inode=222, uid=1000),
        Gap("sockets", f"{LACKING} IPv6", "sock_diag: no; read from self/net/tcp6 instead"),
        Socket(protocol="tcp", state="ESTABLISHED", local_address="127.0.0.1", local_port=8081,
               remote_address="8.8.8.8", remote_port=3333, inode=333, uid=5),
        Socket(protocol="tcp", state="LISTEN", local_address="2001:db8::1", local_port=22, remote_address="::",
               remote_port=0, inode=444, uid=0),
    ]  # fmt: skip


def test_an_answer_that_breaks_off_is_a_gap_and_no_socket_is_told_twice() -> None:
    found = facts({TCP4: [answer(), Refused("sock_diag: timed out")]}, {"self/net/tcp": TCP_TABLE})
    assert [fact.inode for fact in found if isinstance(fact, Socket)] == [4242]
    assert found[1:] == [Gap("sockets", "the rest of tcp over IPv4", "sock_diag: timed out")]


def test_a_kernel_without_ipv6_is_no_gap_but_one_without_ipv4_tables_is() -> None:
    refusal = Gone("sock_diag: No such file or directory")
    assert facts({TCP6: [refusal], UDP6: [refusal]}) == []
    assert [fact.what for fact in facts({TCP4: [refusal]}) if isinstance(fact, Gap)] == ["tcp over IPv4"]


def test_a_table_larger_than_davy_reads_is_a_gap() -> None:
    head, _, rest = TCP_TABLE.partition(b"\n")
    line = rest.split(b"\n")[0] + b"\n"
    found = facts({TCP4: [Denied("no")]}, {"self/net/tcp": head + b"\n" + line * ((9 << 20) // len(line))})
    assert found[1] == Gap("sockets", "the rest of tcp over IPv4", "self/net/tcp: more than 8 MiB")


def test_held_sockets_are_the_socket_links_of_a_process() -> None:
    procfs = RecordedProcfs(
        {"7/fd/0": "->/dev/null", "7/fd/3": "->socket:[111]", "7/fd/4": "->pipe:[222]", "7/fd/5": "->socket:[333]"}
    )
    assert held_sockets(Host(MemoryRoot({}), RecordedKernel(procfs)), 7) == {111, 333}


def test_held_sockets_of_what_cannot_be_read_raise() -> None:
    with pytest.raises(Gone):
        held_sockets(Host(MemoryRoot({}), RecordedKernel(RecordedProcfs({}))), 7)
    with pytest.raises(Refused):
        held_sockets(Host(MemoryRoot({})), 7)
    many = RecordedProcfs({f"7/fd/{number}": "->/dev/null" for number in range(65_537)})
    with pytest.raises(Refused, match="65536"):
        held_sockets(Host(MemoryRoot({}), RecordedKernel(many)), 7)
