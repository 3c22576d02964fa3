"""Connections and who holds them, on loopback."""

from __future__ import annotations

import array
import os
import socket
from collections.abc import Iterator

import pytest

from davy.collect.holders import holders, ownerless
from davy.host import Host, live

pytestmark = pytest.mark.live


@pytest.fixture
def host() -> Host:
    return live()


@pytest.fixture
def client() -> Iterator[socket.socket]:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as made,
        server.accept()[0],
    ):
        yield made


def inode(of: socket.socket) -> int:
    return os.fstat(of.fileno()).st_ino


def asked(host: Host, number: int) -> frozenset[int]:
    assert host.kernel is not None
    if not host.kernel.first_pid_namespace:
        if os.environ.get("CI") == "true":
            pytest.fail("not every process of the machine can be asked here")
        pytest.skip("not every process of the machine can be asked here")
    return ownerless(host, host.kernel, frozenset({number}), ())


def test_a_connection_is_its_holder_s(host: Host, client: socket.socket) -> None:
    assert holders(host, [os.getpid()])[inode(client)] == (os.getpid(),)
    assert asked(host, inode(client)) == frozenset()


def test_a_connection_that_is_on_its_way_to_nobody_is_nobody_s(host: Host, client: socket.socket) -> None:
    near, far = socket.socketpair()
    with near, far:
        number = inode(client)
        rights = array.array("i", [client.fileno()])
        near.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])
        client.close()
        assert asked(host, number) == {number}
    assert asked(host, number) == frozenset()


def test_one_that_was_closed_is_not_there(host: Host, client: socket.socket) -> None:
    number = inode(client)
    client.close()
    assert asked(host, number) == frozenset()
