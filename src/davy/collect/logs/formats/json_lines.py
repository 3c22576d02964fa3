"""An object by the line: GitLab, etcd, Elasticsearch, Kubernetes' audit log, Docker's ``json-file``, Caddy, MongoDB.

    {"level":"info","ts":"2024-01-02T03:04:05.678Z","caller":"embed/etcd.go:308","msg":"starting an etcd server"}
    {"type": "server", "timestamp": "2020-10-17T03:17:44,446Z", "level": "INFO", "message": "started"}
    {"level":"info","ts":1602904664.446,"logger":"http.log.access","msg":"handled request"}
    {"t":{"$date":"2020-10-17T03:17:44.446+00:00"},"s":"I","c":"NETWORK","msg":"Connection accepted"}
    {"log":"1:M 17 Oct 2020 03:17:44.446 * Ready\\n","stream":"stdout","time":"2020-10-17T03:17:44.447Z"}

Only keys of the outermost object count: what a client sent stands in strings or further in.  Of Docker's the record is
what the container wrote (`inner`).

Source: RFC 8259; Docker's "JSON File logging driver"; Kubernetes' ``audit.k8s.io/v1`` (requestReceivedTimestamp).
"""

from __future__ import annotations

import re
from typing import Final

import msgspec
from msgspec import Struct

from davy.collect.logs.formats.times import (
    CLOCK,
    DATE,
    OFFSET,
    SECONDS,
    abbreviated_minute,
    minute,
    offset_zone,
    part,
    since_epoch,
)
from davy.collect.logs.record import Clock

_LIMIT: Final = 4096
"""Bytes of a line that was cut off in which the time has to stand."""
WHOLE: Final = 1 << 17
"""Bytes of a line that is understood as a whole: Docker cuts at 16 KiB, before anything is escaped."""
_ISO: Final = re.compile(
    rb"(?:\{\s*\"\$date\"\s*:\s*)?\"(" + DATE + rb"[T ]" + CLOCK + rb"):(" + SECONDS + rb")(?:[.,](\d{1,9}))?"
    rb"(?: ?(" + OFFSET + rb")| ([A-Z]{1,5}))?\""
)
_EPOCH: Final = re.compile(rb"\"?(\d{9,19})(?:\.(\d{1,9})\d*)?\"?\Z")
_TOKEN: Final = re.compile(rb"\"((?:[^\"\\]|\\.)*+)\"\s*(:?)\s*|[{}\[\]]", re.DOTALL)
_NAMES: Final = (b"time", b"ts", b"timestamp", b"@timestamp", b"t", b"requestReceivedTimestamp", b"datetime")
_VALUE: Final = re.compile(rb"(?:\{\s*\"\$date\"\s*:\s*)?\"[^\"\\]{1,64}\"|\d[\d.]{0,32}(?=[,}\s])")


class _Times(Struct):
    time: msgspec.Raw = msgspec.Raw()
    ts: msgspec.Raw = msgspec.Raw()
    timestamp: msgspec.Raw = msgspec.Raw()
    at_timestamp: msgspec.Raw = msgspec.field(default=msgspec.Raw(), name="@timestamp")
    t: msgspec.Raw = msgspec.Raw()
    received: msgspec.Raw = msgspec.field(default=msgspec.Raw(), name="requestReceivedTimestamp")
    datetime: msgspec.Raw = msgspec.Raw()

    def all(self) -> tuple[bytes, ...]:
        raw = (self.time, self.ts, self.timestamp, self.at_timestamp, self.t, self.received, self.datetime)
        return tuple(bytes(each) for each in raw if each)


class _Container(Struct):
    log: str
    stream: str


_times: Final = msgspec.json.Decoder(_Times)
_container: Final = msgspec.json.Decoder(_Container)


def time_of(line: bytes, clock: Clock) -> float | None:
    if not line.startswith(b"{"):
        return None
    try:
        values = _times.decode(line[:WHOLE]).all()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        values = _first_values(line[:_LIMIT])
    for value in values:
        if (time := _told(value, clock)) is not None:
            return time
    return None


def _first_values(text: bytes) -> tuple[bytes, ...]:
    """The times in the outermost object of a line that was cut off, or that is not quite JSON."""
    depth, at, found = 0, 0, []
    while token := _TOKEN.search(text, at):
        at = token.end()
        if token[1] is None:
            depth += 1 if token[0] in b"{[" else -1
        elif depth == 1 and token[2] and token[1] in _NAMES and (value := _VALUE.match(text, at)):
            found.append(value[0])
    return tuple(found)


def _told(value: bytes, clock: Clock) -> float | None:
    if found := _ISO.match(value):
        text, seconds, fraction, offset, name = found.groups()
        if name:
            begin = abbreviated_minute(text, name, clock.zone)
        else:
            begin = minute(text, offset_zone(offset) if offset else clock.zone)
        return None if begin is None else begin + int(seconds) + part(fraction)
    counted = _EPOCH.match(value)
    return since_epoch(*counted.groups()) if counted else None


def inner(line: bytes) -> bytes | None:
    """What a container wrote, of a line in Docker's format; None for any other."""
    if not line.startswith(b'{"log":'):
        return None
    try:
        return _container.decode(line).log.removesuffix("\n").encode()
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
