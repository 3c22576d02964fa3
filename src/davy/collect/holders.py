"""Which processes hold which sockets, and the connections that nobody holds who can be seen."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet

from davy.collect.sockets import held_sockets, sockets
from davy.host import Denied, Host, HostError, Kernel
from davy.model.facts import Socket

Holders = Mapping[int, tuple[int, ...]]
"""Inode of a socket to the processes that hold it."""


def holders(host: Host, pids: Iterable[int]) -> Holders:
    """The sockets that these processes have open.  One that may not be read, or has vanished, has none."""
    found: dict[int, list[int]] = {}
    for pid in pids:
        try:
            for inode in held_sockets(host, pid):
                found.setdefault(inode, []).append(pid)
        except HostError:
            continue
    return {inode: tuple(held_by) for inode, held_by in found.items()}


def ownerless(host: Host, kernel: Kernel, inodes: AbstractSet[int], beside: Iterable[int]) -> frozenset[int]:
    """Those of some connections that are still there, and that no process holds; ``beside`` are in no listing.

    Only where every process of the machine can be asked, but for the first, which never is the one.  A descriptor that
    is on its way from one process to another (SCM_RIGHTS of unix(7)) is held by nobody, too.
    """
    if not inodes or not kernel.first_pid_namespace:
        return frozenset()
    missing = set(inodes)
    for pid in {*kernel.procfs.pids(), *beside}:
        try:
            missing -= held_sockets(host, pid)
        except Denied:
            if pid != 1:
                return frozenset()
        except HostError:
            continue
    there = {one.inode for one in sockets(host) if isinstance(one, Socket)} if missing else set()
    return frozenset(missing & there)


def far_ends(among: Sequence[Socket], inodes: AbstractSet[int]) -> frozenset[int]:
    """The sockets of this very machine that some connections lead to."""
    known = {(one.protocol, one.local_address, one.local_port, one.remote_address, one.remote_port): one.inode
             for one in among}  # fmt: skip
    ends = (
        known.get((one.protocol, one.remote_address, one.remote_port, one.local_address, one.local_port))
        for one in among
        if one.inode in inodes and _loopback(one.remote_address)
    )
    return frozenset(inode for inode in ends if inode)


def _loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
