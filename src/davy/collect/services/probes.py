"""Asking services what they say to somebody they do not know: harmless questions, on this host's loopback only.

Only ``davy harden --probe`` does this.  A question is the protocol's own greeting or one GET; nobody logs in, nothing
is sent that a service could take for a password, no redirect is followed.  All are asked at the same time, each for
half a second and 4,096 bytes at most.  What `davy.knowledge.services.Probe` makes of the answer becomes a setting.

The answer that its expressions see is what came over the wire, each byte a character.  Of the protocols that are binary
the question says only as whom: ``startup as postgres`` begins a session of that user (of the database ``postgres``) and
hears whether a password is asked for; mqtt's CONNECT bears no name; mysql is only listened to; nats says of itself
first, and is told ``CONNECT {}`` where the question is that.

Source: PostgreSQL's frontend/backend protocol 3.0, MQTT 3.1.1 sections 3.1 and 3.2, MySQL's client/server protocol,
Redis serialization protocol, NATS client protocol.
"""

from __future__ import annotations

import ipaddress
import queue
import re
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

from davy.host import Host, HostError
from davy.knowledge.services import KnownService, Probe
from davy.model.facts import Gap
from davy.model.services import Listening, Service, Setting, SettingSource

SECONDS: Final = 0.5
"""How long one question may take, the connection included."""
ANSWER_LIMIT: Final = 4096
_AT_ONCE: Final = 64
_COLLECTOR: Final = "probes"


class _Question(NamedTuple):
    service: int
    """Which of the services."""
    probe: Probe
    address: str
    port: int


def probed(host: Host, services: Sequence[Service], known: Mapping[str, KnownService]) -> Iterator[Service | Gap]:
    """The services with what they answered, in order, and what was not asked, with the reason.

    A service that is not running is not asked; one in another network namespace than Davy's, or that listens on no
    loopback address, cannot be.
    """
    questions: list[_Question] = []
    for index, service in enumerate(services):
        probes = known[service.kind].probe if service.kind in known else ()
        if not probes or not service.running:
            continue
        ends, why = _ends(host, service)
        if why is not None:
            yield Gap(_COLLECTOR, f"{service.kind} ({service.pid})", f"not asked: {why}")
        questions += [_Question(index, probe, *end) for probe in probes for end in ends]
    if len(questions) > _AT_ONCE:
        yield Gap(_COLLECTOR, f"{len(questions) - _AT_ONCE} questions", f"not asked: more than {_AT_ONCE}")
    told = _asked(questions[:_AT_ONCE])
    for index, service in enumerate(services):
        answers = [(question, answer) for question, answer in told if question.service == index]
        yield msgspec.structs.replace(service, settings=(*service.settings, *_settings(answers)))
        for question, answer in answers:
            if isinstance(answer, OSError):
                why = answer.strerror or str(answer) or type(answer).__name__
                yield Gap(_COLLECTOR, f"{service.kind} at {_spoken(question)}", f"no answer: {why}")


def _settings(answers: Sequence[tuple[_Question, str | OSError]]) -> Iterator[Setting]:
    """One setting of each name; open if any of its answers is."""
    found: dict[str, str] = {}
    for question, answer in answers:
        says = question.probe.told(answer) if isinstance(answer, str) else None
        if says is not None and found.get(question.probe.setting) != "open":
            found[question.probe.setting] = says
    for name, value in found.items():
        yield Setting(name=name, value=value, source=SettingSource.PROBE)


def _spoken(question: _Question) -> str:
    address = f"[{question.address}]" if ":" in question.address else question.address
    return f"{address}:{question.port}"


def _ends(host: Host, service: Service) -> tuple[list[tuple[str, int]], str | None]:
    """The loopback addresses and ports at which it is asked; or why it is not."""
    if host.kernel is None or service.pid is None:
        return [], "not a live process"
    try:
        procfs = host.kernel.procfs
        if procfs.link(f"{service.pid}/ns/net") != procfs.link("self/ns/net"):
            return [], "it is in a network of its own"
    except HostError as error:
        return [], str(error)
    ends = list(dict.fromkeys(end for one in service.listening for end in _loopback(one)))
    tcp = [one for one in service.listening if one.port is not None and one.protocol == "tcp"]
    return ends, None if ends or not tcp else f"it listens on {tcp[0].spoken}, and only loopback addresses are asked"


def _loopback(listening: Listening) -> Iterator[tuple[str, int]]:
    if listening.port is None or listening.protocol != "tcp":
        return
    try:
        address = ipaddress.ip_address(listening.address)
    except ValueError:
        return
    if address.is_loopback:
        yield str(address), listening.port
    elif address.is_unspecified:
        yield "127.0.0.1" if address.version == 4 else "::1", listening.port


def _asked(questions: Sequence[_Question]) -> list[tuple[_Question, str | OSError]]:
    """The answers, in the order of the questions, all asked at the same time."""
    answers: queue.SimpleQueue[tuple[int, str | OSError]] = queue.SimpleQueue()

    def ask(number: int) -> None:
        question = questions[number]
        try:
            answers.put((number, _answer(question)))
        except OSError as error:
            answers.put((number, error))

    for number in range(len(questions)):
        try:
            threading.Thread(target=ask, args=(number,), daemon=True).start()
        except RuntimeError as error:  # a host whose processes are used up has no thread for it
            answers.put((number, OSError(0, str(error))))
    found: dict[int, str | OSError] = {}
    limit = time.monotonic() + 2 * SECONDS
    while len(found) < len(questions) and time.monotonic() < limit:
        try:
            number, answer = answers.get(timeout=max(limit - time.monotonic(), 0.001))
        except queue.Empty:
            break
        found[number] = answer
    late = OSError(0, "took too long")
    return [(question, found.get(number, late)) for number, question in enumerate(questions)]


class _Line:
    """A connection with a deadline of its own for all that is said over it, and a bound of what is heard."""

    def __init__(self, address: str, port: int) -> None:
        self._limit = time.monotonic() + SECONDS
        self._socket: socket.socket = socket.create_connection((address, port), timeout=SECONDS)
        self.heard = b""

    def __enter__(self) -> _Line:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def _left(self) -> float:
        return max(self._limit - time.monotonic(), 0.001)

    def encrypted(self) -> None:
        """Go on by TLS, with whomever it is: nothing that is said is a secret."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        self._socket.settimeout(self._left())
        self._socket = context.wrap_socket(self._socket)

    def say(self, data: bytes) -> None:
        self._socket.settimeout(self._left())
        self._socket.sendall(data)

    def hear(self, enough: Callable[[bytes], bool]) -> bytes:
        """What comes until it is enough, or ends, or is as much as may be, or the time is over with something heard."""
        while len(self.heard) < ANSWER_LIMIT and not enough(self.heard) and time.monotonic() < self._limit:
            self._socket.settimeout(self._left())
            try:
                data = self._socket.recv(ANSWER_LIMIT - len(self.heard))
            except TimeoutError:
                break
            if not data:
                break
            self.heard += data
        if not self.heard:
            raise TimeoutError(0, "it says nothing")
        return self.heard


def _answer(question: _Question) -> str:
    """What a service says to one question.  Raises OSError."""
    with _Line(question.address, question.port) as line:
        words = question.probe.question
        match question.probe.protocol:
            case "http" | "https":
                if question.probe.protocol == "https":
                    line.encrypted()
                said = _http(line, words, question)
            case "redis":
                line.say(words.encode() + b"\r\n")
                said = line.hear(lambda heard: heard.endswith(b"\r\n"))
            case "nats":
                said = _nats(line, words)
            case "postgresql":
                said = _postgresql(line, words.split()[-1])
            case "mqtt":
                said = _mqtt(line)
            case "mysql":
                said = line.hear(_whole_of_mysql)
            case other:
                raise OSError(0, f"{other} is no protocol that Davy speaks")
        return said.decode("latin-1")


def _http(line: _Line, path: str, question: _Question) -> bytes:
    head = f"GET {path} HTTP/1.1\r\nHost: {_spoken(question)}\r\nAccept: */*\r\nConnection: close\r\n\r\n"
    line.say(head.encode())

    def enough(heard: bytes) -> bool:
        headers, ended, body = heard.partition(b"\r\n\r\n")
        length = re.search(rb"(?im)^content-length:[ \t]{0,8}(\d{1,12})", headers)
        return bool(ended and length) and len(body) >= int(length[1] if length else 0)

    return line.hear(enough)


def _nats(line: _Line, words: str) -> bytes:
    """What it says of itself, and what it says to a client without a name that only asks whether it is there."""
    said = line.hear(lambda heard: heard.endswith(b"\r\n"))
    if not said.startswith(b"INFO ") or not words.startswith("CONNECT"):
        return said
    line.say(words.encode() + b"\r\nPING\r\n")
    return line.hear(lambda heard: b"PONG" in heard or b"-ERR" in heard)


def _postgresql(line: _Line, user: str) -> bytes:
    words = b"user\0" + user.encode() + b"\0database\0postgres\0application_name\0davy\0\0"
    line.say(struct.pack(">II", len(words) + 8, 196608) + words)
    said = line.hear(lambda heard: len(heard) >= 5 and len(heard) > int.from_bytes(heard[1:5], "big"))
    if said[:1] == b"R" and said[5:9] == b"\0\0\0\0":
        line.say(b"X\0\0\0\x04")  # it let us in: good-bye
    return said


def _mqtt(line: _Line) -> bytes:
    """A CONNECT of a client without a name, a password or a session."""
    head = b"\0\x04MQTT\x04" + b"\x02" + struct.pack(">H", 5) + b"\0\0"
    line.say(b"\x10" + bytes([len(head)]) + head)
    said = line.hear(lambda heard: len(heard) >= 4)
    if said == b"\x20\x02\0\0":
        line.say(b"\xe0\0")  # it let us in: good-bye
    return said


def _whole_of_mysql(heard: bytes) -> bool:
    return len(heard) >= 5 and len(heard) >= 4 + int.from_bytes(heard[:3], "little")
