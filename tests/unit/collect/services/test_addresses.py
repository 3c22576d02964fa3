"""Addresses as configurations write them, and from where each is reached."""

from __future__ import annotations

import pytest

from davy.collect.services.addresses import addresses, reached_from
from davy.model.services import ReachedFrom


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("127.0.0.1 -::1", [("127.0.0.1", None), ("::1", None)]),
        ("*", [("0.0.0.0", None)]),
        ("*:8080", [("0.0.0.0", 8080)]),
        ("[::]:99", [("::", 99)]),
        ("::", [("::", None)]),
        ("10.0.0.1:99,10.0.0.2", [("10.0.0.1", 99), ("10.0.0.2", None)]),
        ("tcp://0.0.0.0:2375", [("0.0.0.0", 2375)]),
        ("http://0.0.0.0:2379,http://127.0.0.1:4001", [("0.0.0.0", 2379), ("127.0.0.1", 4001)]),
        ("unix:///run/docker.sock", [("/run/docker.sock", None)]),
        ("unix:/run/php.sock", [("/run/php.sock", None)]),
        ("/run/redis.sock", [("/run/redis.sock", None)]),
        ("fd://", []),
        ("9000", [("0.0.0.0", 9000)]),
        (":9000", [("0.0.0.0", 9000)]),
        ("80 default_server ssl", [("0.0.0.0", 80)]),
        ("[::]:80 default_server", [("::", 80)]),
        ("localhost", [("127.0.0.1", None)]),
        ("_local_", [("127.0.0.1", None)]),
        ("db.example.org", [("db.example.org", None)]),
        ("db.example.org other", []),
        ("", []),
        ("none", []),
        ("'0.0.0.0'", [("0.0.0.0", None)]),
        ("99999", []),
        ("1.2.3.4:99999999999999999999", [("1.2.3.4", None)]),
        ("\0\x1b[31m", []),
    ],
)  # fmt: skip
def test_addresses_are_read_as_services_mean_them(value: str, expected: list[tuple[str, int | None]]) -> None:
    assert [tuple(one) for one in addresses(value)] == expected


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("127.0.0.1", ReachedFrom.LOOPBACK), ("127.9.9.9", ReachedFrom.LOOPBACK), ("::1", ReachedFrom.LOOPBACK),
        ("::ffff:127.0.0.1", ReachedFrom.LOOPBACK), ("/run/x.sock", ReachedFrom.LOOPBACK),
        ("@abstract", ReachedFrom.LOOPBACK), ("10.1.2.3", ReachedFrom.PRIVATE), ("172.31.0.1", ReachedFrom.PRIVATE),
        ("172.32.0.1", ReachedFrom.ANY), ("192.168.0.1", ReachedFrom.PRIVATE), ("169.254.1.1", ReachedFrom.PRIVATE),
        ("100.64.0.1", ReachedFrom.PRIVATE), ("fd00::1", ReachedFrom.PRIVATE), ("fe80::1%eth0", ReachedFrom.PRIVATE),
        ("0.0.0.0", ReachedFrom.ANY), ("::", ReachedFrom.ANY), ("198.51.100.1", ReachedFrom.ANY),
        ("2001:db8::1", ReachedFrom.ANY), ("db.example.org", ReachedFrom.PRIVATE),
    ],
)  # fmt: skip
def test_from_where_an_address_is_reached(address: str, expected: ReachedFrom) -> None:
    assert reached_from(address) is expected
