"""The words in which records of logins are told, whatever they are kept in: so that one sign fits them all."""

from __future__ import annotations

import re
from typing import Final

_ODD: Final = re.compile(rb"[^!-\[\]-~]")


def word(value: bytes) -> bytes:
    """A name as one word: what is no plain character in it is written ``\\x20``, and it ends at a zero."""
    return _ODD.sub(lambda odd: b"\\x%02x" % odd[0][0], value.partition(b"\0")[0])


def login(user: bytes, host: bytes, line: bytes) -> bytes:
    return b"login user %b%b" % (user or b"?", whence(b"", host, line))


def whence(address: bytes, host: bytes, line: bytes) -> bytes:
    """From where and on which terminal; an address outranks the host's name."""
    if address and host and host != address:
        origin = b" from %b (%b)" % (address, host)
    elif address or host:
        origin = b" from %b" % (address or host)
    else:
        origin = b""
    return origin + (b" on %b" % line if line else b"")


def logout(line: bytes) -> bytes:
    return b"logout on %b" % (line or b"?")


def boot(kernel: bytes) -> bytes:
    return b"boot %b" % kernel if kernel else b"boot"


def last_login(user: bytes, host: bytes, line: bytes) -> bytes:
    return b"last login of %b%b" % (user or b"?", whence(b"", host, line))
