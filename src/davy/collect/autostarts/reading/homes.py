"""Whose home is where: what users' own autostarts are looked for in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from davy.collect.accounts import accounts
from davy.host import Gone, Host, HostError
from davy.model.facts import Account, Gap

HOMES_LIMIT: Final = 2_000
"""Homes that are looked into."""
_NO_HOMES: Final = frozenset(
    {"/", "/bin", "/sbin", "/usr", "/usr/bin", "/usr/sbin", "/dev", "/proc", "/sys", "/run", "/nonexistent"}
)
"""Where accounts of services are sent that have none."""


class Home(NamedTuple):
    """A home that is there."""

    path: str
    user: str | None
    """Who owns it by the accounts; None of a folder in ``/home`` that no account names."""


def homes(host: Host, collector: str) -> Iterator[Home | Gap]:
    """Every home once: ``/root``, those of accounts, and what else lies in ``/home``.  Source: passwd(5)."""
    known: dict[str, str | None] = {"/root": "root"}
    for account in accounts(host):
        home = account.home.rstrip("/") if isinstance(account, Account) else ""
        if isinstance(account, Account) and home.startswith("/") and home not in _NO_HOMES:
            known.setdefault(home, account.name)
    try:
        for name in host.root.names("/home"):
            known.setdefault(f"/home/{name}", None)
    except Gone:
        pass
    except HostError as error:
        yield Gap(collector, "/home", str(error))
    found = 0
    for path, user in known.items():
        try:
            there = host.root.stat(path).directory
        except HostError:
            continue
        if not there:
            continue
        found += 1
        if found > HOMES_LIMIT:
            yield Gap(collector, "the rest of the homes", f"more than {HOMES_LIMIT}")
            return
        yield Home(path, user)
