"""The host's accounts.  A line: ``daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin``.  Source: passwd(5)."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import Final

from davy.host import Host, HostError
from davy.model.facts import Account, Gap

_FILE: Final = "/etc/passwd"
_BYTES_LIMIT: Final = 4 << 20
_ACCOUNTS_LIMIT: Final = 50_000
_BLANKS: Final = " \t\v\f\r"
_NUMBER: Final = re.compile(f"[{_BLANKS}]*" + r"([+-]?[0-9]{1,40})")
_NUMBER_MOST: Final = 0xFFFFFFFF


def accounts(host: Host, below: str = "") -> Iterator[Account | Gap]:
    """The lines of ``/etc/passwd`` in their order, as the C library reads them; of the tree ``below`` a folder.

    That is more than the manual allows: a line may end after the group (``x::0:0`` is an account), and numbers may
    begin with blanks and a sign.  Names may come twice: the first is the one that counts for a login, all are given.
    Lines that are no account at all are counted in one gap; comments and NIS lines (``+``, ``-``) are passed over.
    """
    file = below + _FILE
    try:
        data = host.root.read(file, _BYTES_LIMIT)
    except HostError as error:
        yield Gap("accounts", file, str(error))
        return
    found = bad = 0
    for line in os.fsdecode(data).split("\n"):
        text = line.partition("\0")[0].lstrip(_BLANKS)
        if not text or text.startswith(("#", "+", "-")):
            continue
        account = _account(text)
        if account is None:
            bad += 1
        elif found == _ACCOUNTS_LIMIT:
            yield Gap("accounts", f"the rest of {file}", f"more than {_ACCOUNTS_LIMIT} accounts")
            break
        else:
            found += 1
            yield account
    if len(data) == _BYTES_LIMIT:
        yield Gap("accounts", f"the rest of {file}", f"larger than {_BYTES_LIMIT >> 20} MiB")
    if bad:
        yield Gap("accounts", f"{bad} lines of {file}", "not an account of passwd(5)")


def _account(text: str) -> Account | None:
    fields = text.split(":", 6)
    if len(fields) < 4:
        return None
    uid, gid = _number(fields[2]), _number(fields[3])
    if uid is None or gid is None:
        return None
    fields += [""] * (7 - len(fields))
    return Account(fields[0], uid, gid, home=fields[5], shell=fields[6])


def _number(text: str) -> int | None:
    match = _NUMBER.fullmatch(text)
    if match is None:
        return None
    value = int(match[1])
    return value if 0 <= value <= _NUMBER_MOST else None
