"""Stratum: what a miner and its pool say to each other, read out of memory.

Memory holds messages whole, cut, parsed in place (a quote has become a zero) or written over by shorter ones.  So no
JSON is parsed: single fields are, each with a value of the length that the protocol gives it, close to one another.
What documentation writes in place of values (``<wallet>``, ``...``) is no value.

Source: doc/STRATUM.md of xmrig-proxy; the stratum pages of Bitcoin's wiki and of BIP 310; EthereumStratum 1.0 and
eth-proxy as ethminer documents them; KawPow's of kawpowminer; cryptonote standard CNS003 for a block's header.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import StrEnum
from typing import Final, NamedTuple

_NEAR: Final = 1536
"""Bytes within which the fields of one job stand."""
_NEAR_SHARE: Final = 512
_SHOWN: Final = 120
_MESSAGES_LIMIT: Final = 4096
_EARLIEST: Final = 1_231_006_505
"""When the first block of all was made."""
_VERSIONS: Final = 64
"""No header of CryptoNote's has had so high a version."""

_Q: Final = rb'["\x00]'
_COLON: Final = _Q + rb"\s{0,4}:\s{0,4}"


def _field(name: bytes, value: bytes) -> re.Pattern[bytes]:
    return re.compile(rb'"' + name + _COLON + rb'"(' + value + rb")" + _Q)


_BLOB: Final = _field(rb"blob", rb"[0-9a-fA-F]{152,512}")
_TARGET: Final = _field(rb"target", rb"[0-9a-fA-F]{8}|[0-9a-fA-F]{16}|[0-9a-fA-F]{64}")
_JOB_ID: Final = _field(rb"job_id", rb"[^\"\x00\\<> ]{1,96}")
_NONCE: Final = _field(rb"nonce", rb"[0-9a-fA-F]{8}|[0-9a-fA-F]{16}")
_RESULT: Final = _field(rb"result", rb"[0-9a-fA-F]{64}")
_LOGIN: Final = _field(rb"login", rb"[0-9A-Za-z][0-9A-Za-z.+:@/#_=-]{7,255}")
_LOGIN_METHOD: Final = re.compile(rb'"method' + _COLON + rb'"login' + _Q)
_S: Final = rb"\s{0,4}"
_SEP: Final = _Q + _S + rb"," + _S + rb'"?'
_NOTIFY: Final = re.compile(
    rb'\[' + _S + rb'"([^"\x00<>]{1,96})' + _SEP + rb"([0-9a-fA-F]{64})" + _SEP + rb"([0-9a-fA-F]{8,4096})"
    + _SEP + rb"([0-9a-fA-F]{8,4096})" + _Q + _S + rb"," + _S + rb"\[([^\]]{0,2048})\]" + _S + rb"," + _S
    + rb'"([0-9a-fA-F]{8})' + _SEP + rb"([0-9a-fA-F]{8})" + _SEP + rb"([0-9a-fA-F]{8})" + _Q + _S + rb","
    + _S + rb"(?:true|false)"
)  # fmt: skip
_NOTIFY_HEADER: Final = re.compile(
    rb'"mining\.notify' + _Q + rb'[^\[]{0,64}\[' + _S + rb'"([^"\x00<>]{1,96})' + _SEP
    + rb"(?:0x)?([0-9a-fA-F]{64})" + _SEP + rb"(?:0x)?([0-9a-fA-F]{64})" + _Q
)  # fmt: skip
_SUBMIT: Final = re.compile(
    rb'"mining\.submit' + _Q + rb'[^\[]{0,64}\[' + _S + rb'"([^"\x00<>]{1,256})' + _SEP + rb'([^"\x00<>]{1,96})'
    + _SEP + rb"(?:0x)?([0-9a-fA-F]{4,64})" + _SEP + rb"(?:0x)?([0-9a-fA-F]{8}|[0-9a-fA-F]{64})" + _SEP
    + rb"(?:0x)?([0-9a-fA-F]{8}|[0-9a-fA-F]{64})" + _Q
)  # fmt: skip
_SUBMIT_TAIL: Final = re.compile(
    rb'\[' + _S + rb'"([^"\x00<>]{1,256})' + _SEP + rb'([^"\x00<>]{1,96})' + _SEP + rb"([0-9a-fA-F]{4,32})" + _SEP
    + rb"([0-9a-fA-F]{8})" + _SEP + rb"([0-9a-fA-F]{8})" + _Q + rb'[^\[\]]{0,8}\][^\[\]]{0,96}"mining\.submit' + _Q
)  # fmt: skip
_SUBMIT_SHORT: Final = re.compile(
    rb'"mining\.submit' + _Q + rb'[^\[]{0,64}\[' + _S + rb'"([^"\x00<>]{1,256})' + _SEP + rb'([^"\x00<>]{1,96})'
    + _SEP + rb"(?:0x)?([0-9a-fA-F]{8,16})" + _Q + _S + rb"\]"
)  # fmt: skip
_AUTHORIZE: Final = re.compile(
    rb'"mining\.authorize' + _Q + rb'[^\[]{0,64}\[' + _S + rb'"([^"\x00<>]{4,256})' + _SEP
)  # fmt: skip
_AUTHORIZE_TAIL: Final = re.compile(
    rb'\[' + _S + rb'"([^"\x00<>]{4,256})' + _SEP + rb'[^"\x00]{0,64}' + _Q + _S + rb'\][^\[\]]{0,64}"mining\.authorize'
)  # fmt: skip
_ETH_LOGIN: Final = re.compile(rb'"eth_submitLogin' + _Q + rb"[^\[]{0,96}\[" + _S + rb'"([^"\x00<>]{4,256})' + _Q)
_ETH_WORK: Final = re.compile(
    rb'"eth_submitWork' + _Q + rb'[^\[]{0,96}\[' + _S + rb'"0x([0-9a-fA-F]{16})' + _SEP + rb"0x([0-9a-fA-F]{64})"
    + _SEP + rb"0x([0-9a-fA-F]{64})" + _Q
)  # fmt: skip
_ETH_JOB: Final = re.compile(
    rb'"result' + _COLON + rb'\[' + _S + rb'"0x([0-9a-fA-F]{64})' + _SEP + rb"0x([0-9a-fA-F]{64})" + _SEP
    + rb"0x([0-9a-fA-F]{64})" + _Q
)  # fmt: skip

MARKERS: Final = (
    r'"blob["\x00]', r'"job_id["\x00]', r'"login["\x00]', r'mining\.(?:notify|submit|authorize|subscribe)',
    r"eth_submit(?:Login|Work)", r"eth_getWork",
)  # fmt: skip
"""For an engine that looks for many patterns at once: without any of these there is no message."""
_ANY_MARKER: Final = re.compile("|".join(MARKERS).encode())


class Speech(StrEnum):
    """What a message is."""

    LOGIN = "login"
    JOB = "job"
    SHARE = "share"


class Message(NamedTuple):
    """One message whose values have the lengths that the protocol gives them."""

    speech: Speech
    job: str
    """The job's id as the pool writes it; "" for a login."""
    value: str
    """What tells it from others of its kind: the work, the nonce, the wallet."""
    time: float | None
    """When the work was made, as the block's header in a job says; None where it does not."""
    offset: int
    text: str


def block_time(blob: bytes) -> float | None:
    """When a CryptoNote block's header was made; None where ``blob`` is no such header."""
    numbers, place = [], 0
    for _ in range(3):
        number = shift = 0
        while True:
            if place >= len(blob) or shift > 35:
                return None
            byte = blob[place]
            number |= (byte & 0x7F) << shift
            place, shift = place + 1, shift + 7
            if byte < 0x80:
                break
        numbers.append(number)
    major, minor, made = numbers
    return float(made) if 0 < major < _VERSIONS and minor < _VERSIONS and made >= _EARLIEST else None


def messages_in(data: bytes) -> Iterator[Message]:
    """The messages of a stratum conversation in ``data``, at most some thousands."""
    if not _ANY_MARKER.search(data):
        return
    count = 0
    for found in (_cryptonote(data), _bitcoin(data), _ethereum(data)):
        for message in found:
            yield message
            count += 1
            if count >= _MESSAGES_LIMIT:
                return


def _near(pattern: re.Pattern[bytes], data: bytes, at: int, reach: int) -> re.Match[bytes] | None:
    """The match that stands closest to ``at``, within ``reach`` bytes on either side."""
    matches = pattern.finditer(data, max(at - reach, 0), min(at + reach, len(data)))
    return min(matches, key=lambda match: abs(match.start() - at), default=None)


def _text(data: bytes, start: int) -> str:
    return data[start : start + _SHOWN].decode("latin-1")


def _said(match: re.Match[bytes] | None, group: int = 1) -> str:
    return match[group].decode("latin-1") if match else ""


def _cryptonote(data: bytes) -> Iterator[Message]:
    for blob in _BLOB.finditer(data):
        job, target = _near(_JOB_ID, data, blob.start(), _NEAR), _near(_TARGET, data, blob.start(), _NEAR)
        if job and target and len(blob[1]) % 2 == 0:
            made = block_time(bytes.fromhex(blob[1][:64].decode()))
            yield Message(Speech.JOB, _said(job), _said(blob), made, blob.start(), _text(data, blob.start()))
    for result in _RESULT.finditer(data):
        job = _near(_JOB_ID, data, result.start(), _NEAR_SHARE)
        nonce = _near(_NONCE, data, result.start(), _NEAR_SHARE)
        if job and nonce:
            yield Message(
                Speech.SHARE, _said(job), f"{_said(nonce)}:{_said(result)}", None, job.start(), _text(data, job.start())
            )
    for method in _LOGIN_METHOD.finditer(data):
        login = _near(_LOGIN, data, method.start(), _NEAR_SHARE)
        if login:
            yield Message(Speech.LOGIN, "", _said(login), None, login.start(), _text(data, login.start()))


def _bitcoin(data: bytes) -> Iterator[Message]:
    for notify in _NOTIFY.finditer(data):
        made = float(int(notify[8], 16))
        yield Message(
            Speech.JOB, _said(notify), f"{_said(notify, 2)}:{_said(notify, 3)[:64]}:{_said(notify, 8)}",
            made if made >= _EARLIEST else None, notify.start(), _text(data, notify.start()),
        )  # fmt: skip
    for notify in _NOTIFY_HEADER.finditer(data):
        yield Message(
            Speech.JOB, _said(notify), f"{_said(notify, 2)}:{_said(notify, 3)}", None, notify.start(),
            _text(data, notify.start()),
        )  # fmt: skip
    for pattern in (_SUBMIT, _SUBMIT_TAIL):
        for submit in pattern.finditer(data):
            value = ":".join(_said(submit, group) for group in (3, 4, 5))
            yield Message(Speech.SHARE, _said(submit, 2), value, None, submit.start(), _text(data, submit.start()))
    for submit in _SUBMIT_SHORT.finditer(data):
        yield Message(
            Speech.SHARE, _said(submit, 2), _said(submit, 3), None, submit.start(), _text(data, submit.start())
        )  # fmt: skip
    for pattern in (_AUTHORIZE, _AUTHORIZE_TAIL):
        for login in pattern.finditer(data):
            yield Message(Speech.LOGIN, "", _said(login), None, login.start(), _text(data, login.start()))


def _ethereum(data: bytes) -> Iterator[Message]:
    for login in _ETH_LOGIN.finditer(data):
        yield Message(Speech.LOGIN, "", _said(login), None, login.start(), _text(data, login.start()))
    for work in _ETH_WORK.finditer(data):
        yield Message(
            Speech.SHARE, _said(work, 2), f"{_said(work)}:{_said(work, 3)}", None, work.start(),
            _text(data, work.start()),
        )  # fmt: skip
    for job in _ETH_JOB.finditer(data):
        yield Message(Speech.JOB, _said(job), _said(job, 2), None, job.start(), _text(data, job.start()))
