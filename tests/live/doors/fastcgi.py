"""A harmless FastCGI client, run in a lab: has PHP-FPM run a script that lies there, and prints what it answers.

    fastcgi.py FROM PORT SCRIPT

Source: the FastCGI specification 1.0, sections 3.3 (records), 3.4 (name-value pairs) and 6.2 (responder).
"""

from __future__ import annotations

import socket
import struct
import sys

_BEGIN, _PARAMETERS, _INPUT, _OUTPUT = 1, 4, 5, 6
_RESPONDER = struct.pack("!HB5x", 1, 0)


def _record(kind: int, content: bytes) -> bytes:
    return struct.pack("!BBHHBx", 1, kind, 1, len(content), 0) + content


def _pair(name: str, value: str) -> bytes:
    return bytes((len(name), len(value))) + name.encode() + value.encode()


def asked(source: str, port: int, script: str) -> bytes:
    """What the script prints, its headers included; nothing if it takes longer than two seconds."""
    pairs = {"REQUEST_METHOD": "POST", "SCRIPT_FILENAME": script, "SCRIPT_NAME": "/index.php", "CONTENT_LENGTH": "0"}
    with socket.create_connection(("127.0.0.1", port), timeout=2, source_address=(source, 0)) as connection:
        connection.sendall(
            _record(_BEGIN, _RESPONDER)
            + _record(_PARAMETERS, b"".join(_pair(*pair) for pair in pairs.items()))
            + _record(_PARAMETERS, b"")
            + _record(_INPUT, b"")
        )
        stream, printed = connection.makefile("rb"), b""
        try:
            while header := stream.read(8):
                _, kind, _, length, padding = struct.unpack("!BBHHBx", header)
                content = stream.read(length + padding)[:length]
                printed += content if kind == _OUTPUT else b""
        except TimeoutError:
            return b""
        return printed


if __name__ == "__main__":
    sys.stdout.buffer.write(asked(sys.argv[1], int(sys.argv[2]), sys.argv[3]))
