"""wtmp, btmp and utmp: logins, failed logins, boots and set clocks, as binary records of one length.

    login user ada from 192.0.2.7 on pts/0
    logout on pts/0
    failed login user root from 192.0.2.7 on ssh:notty
    boot 6.1.0-13-amd64
    shutdown
    old time
    new time
    3 blank records

Each is told as one line.  Names are what a client said: whatever is no plain character in them is written ``\\x20``, so
that a name can neither look like more fields nor like another line.  An address outranks the host's name, which goes in
brackets.  Blank records stand where somebody wiped some out.

The layouts of 384 bytes (x86, 32-bit Arm, POWER) and of 400 bytes (64-bit Arm, RISC-V) are understood, in both byte
orders.  Records stand in the order of their writing; in a long file a time is found by halving.

Where wtmp is a database (`login_databases`), that is read in the same words.

Source: utmp(5), glibc's bits/utmp.h; OpenSSH's loginrec.c and util-linux' login.c for btmp.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from ipaddress import ip_address
from typing import Final, NamedTuple

from davy.collect.logs.formats.login_databases import is_database, sessions
from davy.collect.logs.formats.login_words import boot, logout, whence, word
from davy.collect.logs.record import Clock, Record
from davy.host import HostError
from davy.host.root import OpenFile
from davy.model.facts import Gap
from davy.model.logs import Span

_SHORT: Final = "hxxi32s4s32s256s4xiIi16s20x"
_LONG: Final = "hxxi32s4s32s256s4xqqq16s24x"
_LAYOUTS: Final = tuple(struct.Struct(order + form) for form in (_SHORT, _LONG) for order in "<>")
_EMPTY, _RUN_LEVEL, _BOOT, _NEW_TIME, _OLD_TIME, _INIT, _LOGIN, _USER, _DEAD, _ACCOUNTING = range(10)
_LATEST: Final = 1 << 32
"""No record is of a later time."""
_PROBED: Final = 16
"""Records by which the layout is told."""
_AT_ONCE: Final = 1024
_SMALL: Final = 16 << 20
"""Bytes up to which all is read: then a clock that was set hides nothing."""
_BEYOND: Final = 4096
"""Records in a row behind the span after which nothing of it is expected any more."""


class _Told(NamedTuple):
    kind: int
    pid: int
    line: bytes
    user: bytes
    host: bytes
    time: float
    address: bytes


def records(file: OpenFile, size: int, clock: Clock, span: Span | None) -> Iterator[Record | Gap]:  # noqa: ARG001
    """All records, or those of a span; blank ones where they stand, and those of a set clock whenever it was."""
    try:
        if is_database(file):
            yield from sessions(file, span)
            return
        layout = _layout(file, size)
        if layout is None:
            if size:
                yield Gap("logs", "utmp", "its records are of no known layout")
            return
        count = size // layout.size
        first = _lower(file, layout, count, span.begin) if span and size > _SMALL else 0
        yield from _told(file, layout, first, count, span)
    except HostError as error:
        yield Gap("logs", "utmp", str(error))


def covers(file: OpenFile, size: int) -> Span | None:
    """The times of the first and the last record that has one."""
    try:
        layout = _layout(file, size)
        if layout is None:
            return None
        count = size // layout.size
        first = next(filter(None, (_time(file, layout, each) for each in range(min(count, _PROBED)))), None)
        last = next(filter(None, (_time(file, layout, count - 1 - each) for each in range(min(count, _PROBED)))), None)
    except HostError:
        return None
    return Span(first, last) if first is not None and last is not None else None


def _layout(file: OpenFile, size: int) -> struct.Struct | None:
    """That in which most of the first records make sense."""
    start = file.pread(_PROBED * max(each.size for each in _LAYOUTS), 0)
    best, most = None, 0
    for layout in _LAYOUTS:
        pieces = [start[at : at + layout.size] for at in range(0, len(start) - layout.size + 1, layout.size)]
        sound = sum(_sound(_parsed(layout, piece)) for piece in pieces[:_PROBED] if any(piece))
        if sound > most or (sound == most and most and best and size % best.size and not size % layout.size):
            best, most = layout, sound
    return best


def _sound(record: _Told) -> bool:
    return _EMPTY < record.kind <= _ACCOUNTING and 0 < record.time < _LATEST


def _parsed(layout: struct.Struct, data: bytes) -> _Told:
    kind, pid, line, _, user, host, _, seconds, micros, address = layout.unpack(data)
    part = micros / 1e6 if 0 <= micros < 10**6 else 0.0
    return _Told(kind, pid, word(line), word(user), word(host), seconds + part, address)


def _time(file: OpenFile, layout: struct.Struct, number: int) -> float | None:
    data = file.pread(layout.size, number * layout.size)
    record = _parsed(layout, data) if len(data) == layout.size else None
    return record.time if record and _sound(record) else None


def _lower(file: OpenFile, layout: struct.Struct, count: int, begin: float) -> int:
    """The number of the first record that is not before ``begin``, if no clock was set."""
    low, high = 0, count
    while low < high:
        middle = (low + high) // 2
        time = next(
            filter(None, (_time(file, layout, each) for each in range(middle, min(middle + _PROBED, high)))), None
        )
        if time is not None and time < begin:
            low = middle + 1
        else:
            high = middle
    return low


def _told(file: OpenFile, layout: struct.Struct, first: int, count: int, span: Span | None) -> Iterator[Record | Gap]:
    beyond, blank, at_blank = 0, 0, 0
    for begin in range(first, count, _AT_ONCE):
        data = file.pread(min(_AT_ONCE, count - begin) * layout.size, begin * layout.size)
        for at in range(0, len(data) - layout.size + 1, layout.size):
            raw, offset = data[at : at + layout.size], begin * layout.size + at
            if not any(raw):
                at_blank = at_blank if blank else offset
                blank += 1
                continue
            if blank:
                yield _blank(blank, at_blank)
                blank = 0
            record = _parsed(layout, raw)
            if not _sound(record):
                continue
            if (
                record.kind not in (_OLD_TIME, _NEW_TIME)
                and span
                and record.time > span.end
                and count * layout.size > _SMALL
            ):
                beyond += 1
                if beyond >= _BEYOND:
                    return
            elif span is None or span.holds(record.time) or record.kind in (_OLD_TIME, _NEW_TIME):
                beyond = 0
                yield Record(record.time, offset, _text(record))
    if blank:
        yield _blank(blank, at_blank)


def _blank(count: int, offset: int) -> Record:
    return Record(None, offset, f"{count} blank records" if count > 1 else "blank record")


def _text(record: _Told) -> str:
    words = {_NEW_TIME: b"new time", _OLD_TIME: b"old time", _ACCOUNTING: b"accounting"}
    origin = whence(_address(record.address) or b"", record.host, record.line)
    if record.kind == _RUN_LEVEL:
        said = b"shutdown" if record.user == b"shutdown" else b"runlevel %b" % _level(record.pid)
    elif record.kind == _BOOT:
        said = boot(record.host)
    elif record.kind == _USER:
        said = b"login user %b%b" % (record.user or b"?", origin)
    elif record.kind == _DEAD:
        said = logout(record.line)
    elif record.kind == _INIT:
        said = b"init on %b" % (record.line or b"?")
    elif record.kind == _LOGIN:
        waits = record.user == b"LOGIN" and not record.host and not any(record.address)
        said = (b"getty" if waits else b"failed login user %b" % (record.user or b"?")) + origin
    else:
        said = words[record.kind]
    return said.decode("ascii")


def _level(pid: int) -> bytes:
    level = pid & 0xFF
    return bytes([level]) if chr(level).isalnum() and level < 0x80 else b"?"


def _address(raw: bytes) -> bytes | None:
    if not any(raw):
        return None
    address = ip_address(raw if any(raw[4:]) else raw[:4])
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address).encode()
