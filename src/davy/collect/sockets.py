"""Sockets of TCP and UDP, as the kernel's socket diagnostics tell them, and which of them a process holds.

Source: sock_diag(7), include/uapi/linux/{inet_diag,tcp}.h, include/net/tcp_states.h, proc_pid_net(5) (the fallback).
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

from davy.host import Gone, Host, HostError, Kernel, Refused
from davy.host.procfs import FILE_LIMIT
from davy.model.facts import Gap, Socket

_STATES: Final = {
    1: "ESTABLISHED", 2: "SYN_SENT", 4: "FIN_WAIT1", 5: "FIN_WAIT2", 7: "CLOSE", 8: "CLOSE_WAIT", 9: "LAST_ACK",
    10: "LISTEN", 11: "CLOSING",
}  # fmt: skip
_WAS_CONNECTED: Final = frozenset({1, 4, 5, 8, 9, 11})
_TCP_STATES: Final = sum(1 << state for state in _STATES if state != 7)
_UDP_STATES: Final = 1 << 1 | 1 << 7

_INFO: Final = 2
_CGROUP_ID: Final = 21
_REQUEST_INFO: Final = 1 << (_INFO - 1)

_MESSAGE: Final = struct.Struct("=BB2xHH16s16s24xII")
_ATTRIBUTE: Final = struct.Struct("=HH")
_NUMBER: Final = struct.Struct("=Q")
_TIMES: Final = struct.Struct("=44xI4xII8xI")
_RECEIVED: Final = struct.Struct("=128xQ")
_MESSAGES: Final = struct.Struct("=152xII")
_SENT: Final = struct.Struct("=200xQ")
_MAPPED: Final = b"\0" * 10 + b"\xff\xff"

_DESCRIPTORS_LIMIT: Final = 65_536
_TABLE_LIMIT: Final = 2 * FILE_LIMIT


class _Table(NamedTuple):
    family: int
    protocol: str
    file: str

    @property
    def title(self) -> str:
        return f"{self.protocol} over {'IPv4' if self.family == socket.AF_INET else 'IPv6'}"

    @property
    def states(self) -> int:
        return _TCP_STATES if self.protocol == "tcp" else _UDP_STATES

    @property
    def request(self) -> bytes:
        """The inet_diag_req_v2 that asks for all of it."""
        number, extensions = (socket.IPPROTO_TCP, _REQUEST_INFO) if self.protocol == "tcp" else (socket.IPPROTO_UDP, 0)
        return struct.pack("=BBBxI48x", self.family, number, extensions, self.states)


_TABLES: Final = (
    _Table(socket.AF_INET, "tcp", "self/net/tcp"),
    _Table(socket.AF_INET6, "tcp", "self/net/tcp6"),
    _Table(socket.AF_INET, "udp", "self/net/udp"),
    _Table(socket.AF_INET6, "udp", "self/net/udp6"),
)


def sockets(host: Host) -> Iterator[Socket | Gap]:
    """TCP and UDP sockets of Davy's own network namespace; a host without a kernel has none.

    States have the kernel's names; an unconnected UDP socket is ``CLOSE``, a connected one ``ESTABLISHED``.  TCP
    sockets that no process can use (``TIME_WAIT``, half-open requests, not yet bound or listening) are left out.
    An IPv4 address that an IPv6 socket talks to is written as IPv4.  ``pids`` is left empty: see `held_sockets`.

    ``age_seconds`` is the longest of the times since data was last sent, data was last received and an
    acknowledgement was last received, each of which counts from the handshake on: the connection is at least that
    old, and a busy one looks young.  It is None where there was no handshake (listeners, ``SYN_SENT``, UDP).
    Counters are None where the kernel is too old to keep them, ``rtt_seconds`` where none was measured.

    Where socket diagnostics are refused, the tables below ``/proc/net`` are read, and a gap says what they lack.
    """
    if host.kernel is None:
        return
    for table in _TABLES:
        yield from _diagnosed(host.kernel, table)


def held_sockets(host: Host, pid: int) -> frozenset[int]:
    """The inode numbers of the sockets that a process has open.  Source: proc_pid_fd(5).

    Raises `HostError`: `Gone` when the process has vanished, `Denied` when it is another's, `Refused` when it has
    more than 65,536 open files or the host is not live.
    """
    if host.kernel is None:
        raise Refused(f"{pid}/fd: not a live host")
    procfs, folder = host.kernel.procfs, f"{pid}/fd/"
    names = procfs.names(f"{pid}/fd")
    if len(names) > _DESCRIPTORS_LIMIT:
        raise Refused(f"{pid}/fd: more than {_DESCRIPTORS_LIMIT} open files")
    inodes = set()
    for name in names:
        try:
            target = procfs.link(folder + name)
        except Gone:
            continue
        if target.startswith("socket:["):
            inodes.add(int(target[8:-1]))
    return frozenset(inodes)


def _diagnosed(kernel: Kernel, table: _Table) -> Iterator[Socket | Gap]:
    told = False
    try:
        for answer in kernel.sock_diag(table.request):
            told = True
            yield _from_diagnostics(answer, table.protocol)
    except HostError as error:
        if told:
            yield Gap("sockets", f"the rest of {table.title}", str(error))
        else:
            yield from _listed(kernel, table, error)


def _from_diagnostics(answer: bytes, protocol: str) -> Socket:
    """One inet_diag_msg and its attributes.  An older kernel's tcp_info is shorter: what it lacks is None."""
    family, state, local_port, remote_port, local, remote, uid, inode = _MESSAGE.unpack_from(answer)
    cgroup_id = age = sent = received = rtt = messages_in = messages_out = None
    offset, end = _MESSAGE.size, len(answer)
    while offset + 4 <= end:
        length, kind = _ATTRIBUTE.unpack_from(answer, offset)
        if length < 4 or offset + length > end:
            break
        start, size = offset + 4, length - 4
        if kind == _CGROUP_ID and size >= 8:
            (cgroup_id,) = _NUMBER.unpack_from(answer, start)
        elif kind == _INFO and state != 10:
            if size >= _TIMES.size:
                data_sent, data_received, acknowledged, rtt_microseconds = _TIMES.unpack_from(answer, start)
                rtt = rtt_microseconds / 1e6 or None
                if state in _WAS_CONNECTED:
                    age = max(data_sent, data_received, acknowledged) / 1e3
            if size >= _RECEIVED.size:
                (received,) = _RECEIVED.unpack_from(answer, start)
            if size >= _MESSAGES.size:
                messages_in, messages_out = _MESSAGES.unpack_from(answer, start)
            if size >= _SENT.size:
                (sent,) = _SENT.unpack_from(answer, start)
        offset += (length + 3) & ~3
    return Socket(
        protocol=protocol,
        state=_STATES.get(state, str(state)),
        local_address=_address(family, local),
        local_port=socket.ntohs(local_port),
        remote_address=_address(family, remote),
        remote_port=socket.ntohs(remote_port),
        inode=inode,
        uid=uid,
        cgroup_id=cgroup_id,
        age_seconds=age,
        bytes_sent=sent,
        bytes_received=received,
        messages_sent=messages_out,
        messages_received=messages_in,
        rtt_seconds=rtt,
    )


def _address(family: int, packed: bytes) -> str:
    if family == socket.AF_INET:
        return socket.inet_ntop(socket.AF_INET, packed[:4])
    if packed.startswith(_MAPPED):
        return socket.inet_ntop(socket.AF_INET, packed[12:])
    return socket.inet_ntop(socket.AF_INET6, packed)


def _listed(kernel: Kernel, table: _Table, refusal: HostError) -> Iterator[Socket | Gap]:
    try:
        data = kernel.procfs.read(table.file, _TABLE_LIMIT)
    except Gone as error:
        if not (isinstance(refusal, Gone) and table.family == socket.AF_INET6):  # else a kernel without IPv6
            yield Gap("sockets", table.title, f"{refusal}; {error}")
        return
    except HostError as error:
        yield Gap("sockets", table.title, f"{refusal}; {error}")
        return
    lacking = "tcp_info and control groups" if table.protocol == "tcp" else "control groups"
    yield Gap("sockets", f"{lacking} of {table.title}", f"{refusal}; read from {table.file} instead")
    if len(data) == _TABLE_LIMIT:
        yield Gap("sockets", f"the rest of {table.title}", f"{table.file}: more than {_TABLE_LIMIT >> 20} MiB")
    for line in data.splitlines()[1:]:
        try:
            found = _from_line(line.split(), table)
        except (ValueError, IndexError):
            continue  # the last line of a table that was cut
        if found:
            yield found


def _from_line(fields: list[bytes], table: _Table) -> Socket | None:
    """One line of a table below ``/proc/net``; None for a state that is left out."""
    state = int(fields[3], 16)
    if not table.states >> state & 1:
        return None
    local_address, local_port = _listed_address(fields[1], table.family)
    remote_address, remote_port = _listed_address(fields[2], table.family)
    return Socket(
        protocol=table.protocol,
        state=_STATES[state],
        local_address=local_address,
        local_port=local_port,
        remote_address=remote_address,
        remote_port=remote_port,
        inode=int(fields[9]),
        uid=int(fields[7]),
    )


def _listed_address(field: bytes, family: int) -> tuple[str, int]:
    """``0100007F:1F90``: words of four bytes in the byte order of the machine, and a port."""
    words, port = field.split(b":")
    packed = b"".join(struct.pack("=I", int(words[i : i + 8], 16)) for i in range(0, len(words), 8))
    return _address(family, packed), int(port, 16)
