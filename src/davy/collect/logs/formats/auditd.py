"""The kernel's audit log.

    type=EXECVE msg=audit(1602904664.446:123): argc=3 a0="sh" a1="-c" a2=69643E2F746D702F78
    type=PROCTITLE msg=audit(1602904664.446:123): proctitle=7368002D63006964
    node=web1 type=USER_LOGIN msg=audit(1602904664.446:124): pid=8421 uid=0 auid=1000 msg='op=login acct="ada" ...'

Values with blanks, quotes or bytes beyond ASCII are written as hexadecimal digits; `inner` has them as text, with the
zeros between the words of a command line as blanks.

Source: ``audit_log_n_untrustedstring`` in kernel/audit.c; audit-userspace, "Field dictionary" (type ``encoded``).
"""

from __future__ import annotations

import re
from typing import Final

from davy.collect.logs.formats.times import HEAD, since_epoch
from davy.collect.logs.record import Clock

_TIME: Final = re.compile(
    rb"(?:node=\S{1,128} )?type=(?:[A-Z\d_]{2,32}|UNKNOWN\[\d{1,6}\]) msg=audit\((\d{9,11})\.(\d{3}):\d{1,20}\)"
)
_NAMES: Final = rb"proctitle|cmd|exe|comm|name|acct|cwd|data|path"
_DIGITS: Final = rb"=((?:[0-9A-F]{2}){1,16384})(?![^\s'\x1d])"
_ENCODED: Final = re.compile(rb"(?<![^\s'])(" + _NAMES + rb")" + _DIGITS)
_ARGUMENT: Final = re.compile(rb"(?<![^\s'])(a\d{1,5}(?:\[\d{1,5}\])?|" + _NAMES + rb")" + _DIGITS)


def time_of(line: bytes, clock: Clock) -> float | None:  # noqa: ARG001  counted since the epoch
    found = _TIME.match(line, 0, HEAD)
    return since_epoch(*found.groups()) if found else None


def inner(line: bytes) -> bytes | None:
    """The line with its encoded values as text in quotes; None if it has none.

    Numbers look like hexadecimal digits, too: of ``a0=...`` only those of EXECVE are text.
    """
    found = _TIME.match(line, 0, HEAD)
    if found is None:
        return None
    text, count = (_ARGUMENT if b"type=EXECVE " in found[0] else _ENCODED).subn(_decoded, line)
    return text if count else None


def _decoded(found: re.Match[bytes]) -> bytes:
    return b'%b="%b"' % (found[1], bytes.fromhex(found[2].decode()).rstrip(b"\0").replace(b"\0", b" "))
