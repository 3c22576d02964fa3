"""Process events from the kernel: who forked, who became another program, who exited.

Source: linux/cn_proc.h, linux/connector.h.  Needs CAP_NET_ADMIN; refused in a pid namespace of its own.
"""

from __future__ import annotations

import os
import select
import socket
import struct
import time
from collections.abc import Iterator
from typing import Final, NamedTuple

from davy.host.errors import mapped

_NETLINK_CONNECTOR: Final = 11
_CN_IDX_PROC: Final = 1
_CN_VAL_PROC: Final = 1
_LISTEN: Final = 1
_RECEIVE: Final = 1 << 17
_BUFFER: Final = 4 << 20
FORK: Final = 0x1
EXEC: Final = 0x2


class ProcessEvent(NamedTuple):
    """A process (not a thread) came to be by fork, or became another program by exec."""

    what: int
    pid: int
    parent: int
    """For a fork, the process that forked; for an exec, 0."""


class ProcessEvents:
    """A subscription to the kernel's process events; close it, or use it in ``with``."""

    def __init__(self) -> None:
        """Raises `Denied` where the kernel does not tell us."""
        self.lost = False
        """Whether the kernel dropped events because we were slow: then look at ``/proc`` again."""
        try:
            self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, _NETLINK_CONNECTOR)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
            self._socket.bind((0, _CN_IDX_PROC))
            operation = struct.pack("=I", _LISTEN)
            message = struct.pack("=IIIIHH", _CN_IDX_PROC, _CN_VAL_PROC, 0, 0, len(operation), 0) + operation
            header = struct.pack("=IHHII", 16 + len(message), 3, 0, 0, os.getpid())
            self._socket.send(header + message)
            self._socket.setblocking(False)
        except OSError as error:
            raise mapped(error, "process events") from None

    def __enter__(self) -> ProcessEvents:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._socket.close()

    def waiting(self) -> Iterator[ProcessEvent]:
        """The events that have arrived by now."""
        while True:
            try:
                data = self._socket.recv(_RECEIVE)
            except BlockingIOError:
                return
            except OSError:
                self.lost = True
                return
            if event := _parsed(data):
                yield event

    def until(self, deadline: float) -> Iterator[ProcessEvent]:
        """Events as they come, until the monotonic clock shows ``deadline``."""
        heard = select.poll()  # of any descriptor, where select(2) ends at 1,024
        heard.register(self._socket, select.POLLIN)
        while (left := deadline - time.monotonic()) > 0:
            if heard.poll(left * 1000):
                yield from self.waiting()


def _parsed(data: bytes) -> ProcessEvent | None:
    if len(data) < 16 + 20 + 32:
        return None
    (what,) = struct.unpack_from("=I", data, 36)
    if what == FORK:
        _, parent, child, child_group = struct.unpack_from("=IIII", data, 52)
        return ProcessEvent(FORK, child, parent) if child == child_group else None
    if what == EXEC:
        pid, group = struct.unpack_from("=II", data, 52)
        return ProcessEvent(EXEC, group, 0) if pid == group else None
    return None
