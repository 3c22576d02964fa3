"""Pools named in hosts files and in what resolvers keep on disk.  Compared with a list; nothing is resolved.

Source: hosts(5), nscd(8), named(8), rndc(8) dumpdb, unbound-control(8) dump_cache, dnsmasq(8), NetworkManager(8).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from davy.host import Gone, Host, HostError
from davy.knowledge.pools import pool_host
from davy.model.content import Place
from davy.model.facts import Gap
from davy.model.mining import PoolMention

_HOSTS: Final = ("/etc/hosts", "/etc/hosts.d", "/etc/dnsmasq.hosts", "/run/NetworkManager/hosts")
"""Files, and folders of files, that give names addresses."""
_CACHES: Final = (
    "/var/cache/nscd/hosts", "/var/db/nscd/hosts",
    "/var/cache/bind/named_dump.db", "/var/named/data/cache_dump.db", "/var/named/chroot/var/named/data/cache_dump.db",
    "/var/lib/unbound/cache.dump", "/var/cache/unbound/cache.dump", "/etc/unbound/cache.dump",
    "/var/log/dnsmasq.log", "/var/lib/misc/dnsmasq.cache", "/var/cache/pdnsd/pdnsd.cache",
    "/var/cache/dnscrypt-proxy/query.log", "/var/log/dnscrypt-proxy/query.log", "/run/systemd/resolve/netif",
)  # fmt: skip
"""What resolvers write down of the names that somebody asked for."""
_LIMIT: Final = 4 << 20
_FILES_LIMIT: Final = 64
_MENTIONS_LIMIT: Final = 32
_NAME: Final = re.compile(rb"(?<![\w.-])[0-9A-Za-z_-]{1,63}(?:\.[0-9A-Za-z_-]{1,63}){1,8}")
_NOWHERE: Final = ("0.", "127.", "::", "0000:", "255.")


def pool_names(host: Host) -> Iterator[PoolMention | Gap]:
    """Every line of a hosts file and every entry of a resolver's cache that names a pool."""
    for path in _files(host, _HOSTS):
        yield from _read(host, path, hosts=True)
    for path in _files(host, _CACHES):
        yield from _read(host, path, hosts=False)


def _files(host: Host, places: tuple[str, ...]) -> Iterator[str]:
    for place in places:
        try:
            if host.root.stat(place).directory:
                yield from (f"{place}/{name}" for name in host.root.names(place)[:_FILES_LIMIT])
            else:
                yield place
        except HostError:
            continue


def _read(host: Host, path: str, *, hosts: bool) -> Iterator[PoolMention | Gap]:
    try:
        data = host.root.read(path, _LIMIT)
    except Gone:
        return
    except HostError as error:
        yield Gap("pool names", path, str(error))
        return
    if len(data) >= _LIMIT:
        yield Gap("pool names", path, f"only its first {_LIMIT >> 20} MiB were read")
    yield from (_in_hosts(path, data) if hosts else _in_cache(path, data))


def _in_hosts(path: str, data: bytes) -> list[PoolMention]:
    """The lines that give a pool's name an address, and whether pools are most of what the file sends nowhere."""
    found: list[tuple[int, str, str, bool]] = []
    nowhere = 0
    for number, line in enumerate(data.splitlines(), 1):
        words = line.split(b"#", 1)[0].split()
        if len(words) < 2 or len(line) > 4096:
            continue
        blocked = words[0].decode("ascii", "replace").startswith(_NOWHERE)
        for word in words[1:]:
            name = word.decode("ascii", "replace")
            if "." not in name:
                continue
            nowhere += blocked
            pool = pool_host(name)
            if pool:
                found.append((number, name, pool, blocked))
    alone = 2 * sum(blocked for *_, blocked in found) >= nowhere
    return [
        PoolMention(
            subject=f"file:{path}", place=Place.FILE, pool=pool, name=name, path=path, line=number, blocked=blocked,
            alone=alone,
        )
        for number, name, pool, blocked in found[:_MENTIONS_LIMIT]
    ]  # fmt: skip


def _in_cache(path: str, data: bytes) -> list[PoolMention]:
    names = dict.fromkeys(match[0].decode().rstrip(".").lower() for match in _NAME.finditer(data))
    found = [(name, pool) for name in names if (pool := pool_host(name))]
    return [
        PoolMention(subject=f"file:{path}", place=Place.FILE, pool=pool, name=name, path=path)
        for name, pool in found[:_MENTIONS_LIMIT]
    ]
