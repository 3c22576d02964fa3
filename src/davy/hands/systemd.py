"""Hands on systemd: have it read its unit files again, and stop a timer, over its private socket.

No program is run and no message bus is needed: the service manager answers on a socket of its own, open to
root (and to each user for their own manager).  Source: D-Bus specification (message protocol),
org.freedesktop.systemd1(5).
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator
from typing import Final

from davy.hands.errors import Untouched

SYSTEM_SOCKET: Final = b"/run/systemd/private"
_MANAGER: Final = ("/org/freedesktop/systemd1", "org.freedesktop.systemd1", "org.freedesktop.systemd1.Manager")
_SECONDS: Final = 20.0
_REPLY_LIMIT: Final = 1 << 20
_METHOD_RETURN: Final = 2
_ERROR: Final = 3
_UNIT: Final = "ssssssouso"
"""What ``ListUnitsByPatterns`` says of each unit, its name first."""


def _string(text: str) -> bytes:
    data = text.encode()
    return struct.pack("<I", len(data)) + data + b"\0"


def _padded(data: bytes, to: int) -> bytes:
    return data + b"\0" * (-len(data) % to)


def _array(texts: tuple[str, ...]) -> bytes:
    data = b""
    for text in texts:
        data = _padded(data, 4) + _string(text)
    return struct.pack("<I", len(data)) + data


def _call(serial: int, member: str, arguments: tuple[str | tuple[str, ...], ...]) -> bytes:
    """A method call to the manager; every argument is a string or an array of strings."""
    path, destination, interface = _MANAGER
    body = b""
    for argument in arguments:
        body = _padded(body, 4) + (_string(argument) if isinstance(argument, str) else _array(argument))
    fields = b""
    for code, kind, text in ((1, b"o", path), (2, b"s", interface), (3, b"s", member), (6, b"s", destination)):
        fields = _padded(fields, 8) + struct.pack("<BB", code, 1) + kind + b"\0" + _string(text)
    if arguments:
        signature = b"".join(b"s" if isinstance(argument, str) else b"as" for argument in arguments)
        fields = _padded(fields, 8) + b"\x08\x01g\0" + bytes([len(signature)]) + signature + b"\0"
    header = struct.pack("<BBBBIII", ord("l"), 1, 0, 1, len(body), serial, len(fields)) + fields
    return _padded(header, 8) + body


class Ended(Untouched):
    """No manager answers there any more: it reads its units when it starts again."""


class Manager:
    """A conversation with one service manager; use it in ``with``.

    Raises `Untouched` when it does not answer, and `Ended` when there is none.
    """

    def __init__(self, path: bytes = SYSTEM_SOCKET) -> None:
        self._serial = 0
        self._hung_up = Untouched if path == SYSTEM_SOCKET else Ended
        self._buffer = b""
        try:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self._socket.settimeout(_SECONDS)
            self._socket.connect(path)
            # All at once, as its own clients do: it leaves a message that it reads along with BEGIN unanswered.
            user = str(os.geteuid()).encode().hex().encode()
            self._socket.sendall(b"\0AUTH EXTERNAL " + user + b"\r\nBEGIN\r\n")
            if not self._line().startswith(b"OK "):
                raise Untouched("systemd: it does not let us in")
        except (ConnectionRefusedError, FileNotFoundError, ConnectionResetError, BrokenPipeError) as error:
            raise Ended(f"systemd: {error.strerror}") from None
        except OSError as error:
            raise Untouched(f"systemd: {error.strerror or error}") from None

    def __enter__(self) -> Manager:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def _more(self) -> None:
        data = self._socket.recv(65536)
        if not data or len(self._buffer) > _REPLY_LIMIT:
            raise self._hung_up("systemd: hung up")
        self._buffer += data

    def _line(self) -> bytes:
        while b"\r\n" not in self._buffer:
            self._more()
        line, self._buffer = self._buffer.split(b"\r\n", 1)
        return line

    def _take(self, count: int) -> bytes:
        while len(self._buffer) < count:
            self._more()
        taken, self._buffer = self._buffer[:count], self._buffer[count:]
        return taken

    def _message(self) -> tuple[int, int, bytes]:
        """Type, the serial it answers (0 for none), and body of the next message."""
        head = self._take(16)
        endian = "<" if head[:1] == b"l" else ">"
        body_length, _, fields_length = struct.unpack_from(f"{endian}III", head, 4)
        if body_length + fields_length > _REPLY_LIMIT:
            raise Untouched("systemd: an answer that is too long")
        fields = self._take(fields_length + (-fields_length % 8))
        answers = 0
        mark = fields.find(b"\x05\x01u\0")
        if mark >= 0:
            (answers,) = struct.unpack_from(f"{endian}I", fields, mark + 4)
        return head[1], answers, self._take(body_length)

    def call(self, member: str, *arguments: str | tuple[str, ...]) -> bytes:
        """Call a method of the manager and wait for its answer.  Raises `Untouched` when it fails."""
        self._serial += 1
        try:
            self._socket.sendall(_call(self._serial, member, arguments))
            while True:
                kind, answers, body = self._message()
                if answers == self._serial and kind == _ERROR:
                    raise Untouched(f"systemd: {member}: {body[4:].rstrip(bytes(1)).decode('utf-8', 'replace')}")
                if answers == self._serial and kind == _METHOD_RETURN:
                    return body
        except (ConnectionResetError, BrokenPipeError) as error:
            raise self._hung_up(f"systemd: {error.strerror}") from None
        except OSError as error:
            raise Untouched(f"systemd: {member}: {error.strerror or error}") from None

    def instances(self, template: str) -> list[str]:
        """The units that it has loaded of a template.  Raises `Untouched`."""
        prefix, _, suffix = template.rpartition("@")
        escaped = prefix.replace("\\", "\\\\")  # a pattern of fnmatch(3)
        return list(first_texts(self.call("ListUnitsByPatterns", (), (f"{escaped}@*{suffix}",))))


def first_texts(body: bytes) -> Iterator[str]:
    """The first string of each struct of an array ``a(ssssssouso)``.  Raises `Untouched` for anything else."""
    try:
        end, at = 8 + struct.unpack_from("<I", body)[0], 8
        while at < end:
            at += -at % 8
            for place, kind in enumerate(_UNIT):
                at += -at % 4
                (value,) = struct.unpack_from("<I", body, at)
                at += 4
                if kind != "u":
                    if place == 0:
                        yield body[at : at + value].decode()
                    at += value + 1
    except (struct.error, UnicodeDecodeError):
        raise Untouched("systemd: an answer that is none") from None


def reload(path: bytes, stop: tuple[str, ...] = ()) -> None:
    """Have the manager at ``path`` stop units that hold no process, and read its unit files again.

    A unit that it has not loaded needs no stopping; of a template its instances are stopped.  It reads its unit files
    even if one does not stop.  Raises `Untouched`, and `Ended` when there is no manager.
    """
    with Manager(path) as manager:
        refused: Untouched | None = None
        for unit in stop:
            try:
                for name in manager.instances(unit) if "@." in unit else (unit,):
                    manager.call("StopUnit", name, "replace")
            except Ended:
                raise
            except Untouched as error:
                if "not loaded" not in str(error):
                    refused = error
        manager.call("Reload")
    if refused is not None:
        raise refused
