"""What a service manager answers is read as the D-Bus specification has it, and nothing else is believed."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davy.hands.errors import Untouched
from davy.hands.systemd import Ended, first_texts, reload


def listed(*names: str) -> bytes:
    """The body of an answer of the signature ``a(ssssssouso)``."""
    body = bytearray(8)
    for name in names:
        body += bytes(-len(body) % 8)
        for text in (name, f"what {name} is", "loaded", "active", "waiting", "", "/org/x", 7, "", "/"):
            body += bytes(-len(body) % 4)
            if isinstance(text, int):
                body += struct.pack("<I", text)
            else:
                body += struct.pack("<I", len(text)) + text.encode() + b"\0"
    struct.pack_into("<I", body, 0, len(body) - 8)
    return bytes(body)


@given(st.lists(st.text("abc@.x-", min_size=1, max_size=20), max_size=5))
def test_the_names_of_units_are_read_from_an_answer(names: list[str]) -> None:
    assert list(first_texts(listed(*names))) == names


@given(st.binary(max_size=200))
def test_any_other_answer_is_refused_or_gives_texts(body: bytes) -> None:
    with contextlib.suppress(Untouched):
        assert all(isinstance(text, str) for text in first_texts(body))


def test_an_answer_that_is_cut_off_is_refused() -> None:
    with pytest.raises(Untouched):
        list(first_texts(listed("a@1.timer", "a@2.timer")[:-20]))


@pytest.fixture(params=["reset", "hung up"])
def manager_that_ends(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[bytes]:
    """The socket of a user's manager that lets one in, and ends amid the first call."""
    path = tmp_path / "private"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
        listening.bind(str(path))
        listening.listen()
        listening.settimeout(20)

        def answer() -> None:
            conversation, _ = listening.accept()
            with conversation:
                conversation.settimeout(20)
                greeting = b""
                while not greeting.endswith(b"BEGIN\r\n"):
                    greeting += conversation.recv(1)
                conversation.sendall(b"OK 00\r\n")
                # A socket that is closed with something unread in it resets; one that was read to the end hangs up.
                conversation.recv(1 if request.param == "reset" else 65536)

        thread = threading.Thread(target=answer)
        thread.start()
        yield os.fsencode(path)
        thread.join()


def test_a_users_manager_that_ends_meanwhile_has_ended_and_refused_nothing(manager_that_ends: bytes) -> None:
    with pytest.raises(Ended):
        reload(manager_that_ends)
