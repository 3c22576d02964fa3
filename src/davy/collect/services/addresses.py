"""Addresses as configurations write them, and from where each is reached.  Pure.

Source: RFC 1122, 1918, 3927, 4193, 4291, 6598 (the blocks); the services' own manuals (``*``, ``_local_``).
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from davy.model.services import ReachedFrom

ANY_IPV4: Final = "0.0.0.0"
_WORDS_LIMIT: Final = 256
_PRIVATE: Final = tuple(
    ipaddress.ip_network(block)
    for block in (
        "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "100.64.0.0/10", "fc00::/7", "fe80::/10",
    )
)  # fmt: skip
_MEANING: Final = {
    "*": ANY_IPV4, "any": ANY_IPV4, "all": ANY_IPV4, "localhost": "127.0.0.1", "ip6-localhost": "::1",
    "_local_": "127.0.0.1", "_site_": "_site_", "_global_": ANY_IPV4, "loopback": "127.0.0.1",
}  # fmt: skip
_NOBODY: Final = frozenset({"none", "off", "no", "false", "disabled", "disable"})
_SCHEME: Final = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<rest>.*)", re.IGNORECASE)
_NAME: Final = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,252})")


class Address(NamedTuple):
    """Where something listens: an address of the network or the path of a socket."""

    host: str
    port: int | None


def reached_from(address: str) -> ReachedFrom:
    """From where an address is reached, by itself; the path of a socket from this host, a name from near it."""
    if address.startswith(("/", "@")):
        return ReachedFrom.LOOPBACK
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return ReachedFrom.PRIVATE
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped
    if ip.is_loopback:
        return ReachedFrom.LOOPBACK
    return ReachedFrom.PRIVATE if any(ip in block for block in _PRIVATE) else ReachedFrom.ANY


def addresses(value: str) -> Iterator[Address]:
    """The addresses of a value: ``127.0.0.1 -::1``, ``*:8080``, ``[::]:99``, ``tcp://0.0.0.0:2375``, ``9000``, a path.

    Words that cannot be one (``default_server``) are passed over; a name counts where it stands alone.
    """
    words = value.replace(",", " ").replace(";", " ").split()[:_WORDS_LIMIT]
    for word in words:
        found = _address(word.strip("'\""), alone=len(words) == 1)
        if found is not None:
            yield found


def _address(word: str, *, alone: bool) -> Address | None:
    if scheme := _SCHEME.fullmatch(word):
        if scheme["scheme"].casefold() in ("fd", "npipe"):
            return None
        word = scheme["rest"].rstrip("/") if not scheme["scheme"].casefold().startswith("unix") else scheme["rest"]
        alone = True
    if word.startswith("unix:"):
        word = word[5:]
    word = word.removeprefix("-") if word[1:2] in ":0123456789" else word
    if word.startswith(("/", "@")):
        return Address(word, None)
    if word.casefold() in _NOBODY or not word:
        return None
    if word.isdigit():
        return Address(ANY_IPV4, int(word)) if int(word) <= 0xFFFF else None
    host, port = _parted(word)
    host = _MEANING.get(host.casefold(), host) if host else ANY_IPV4
    if _is_ip(host) or host == "_site_":
        return Address(host, port)
    return Address(host, port) if alone and _NAME.fullmatch(host) else None


def _parted(word: str) -> tuple[str, int | None]:
    """The host and the port of ``host:port``, ``[v6]:port``, ``v6`` or ``host``."""
    if word.startswith("["):
        host, _, rest = word[1:].partition("]")
        return host, _number(rest.removeprefix(":"))
    if word.count(":") == 1:
        host, _, port = word.partition(":")
        return host, _number(port)
    return word, None


def _number(text: str) -> int | None:
    return int(text) if text.isdigit() and len(text) <= 5 and int(text) <= 0xFFFF else None


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    return True
