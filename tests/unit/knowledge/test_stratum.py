"""Stratum messages are read out of memory by the lengths of their values, whole or cut, and documentation is none."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davy.knowledge.stratum import MARKERS, Speech, block_time, messages_in

BLOB = (
    "0707d5efb9d6057e95a35f868231780b3a8649c4e57f3c77eaf437329243eef0b9f4b6987d05b900000000cae7754cb85a0ad8eebf3e0bf5"
    "5f3ec5e754a1d6b05d46e5c358f907dbcbb72b01"
)
JOB = {"blob": BLOB, "job_id": "4BiGm3/RgGQzgkTI/xV0smdA+EGZ", "target": "b88d0600", "id": "1be0"}
SUBMIT = {"id": "1be0", "job_id": JOB["job_id"], "nonce": "d0030040", "result": "e1" * 32}
NOTIFY = ["1a2", "4d" * 32, "01" * 40, "02" * 40, ["aa" * 32], "20000000", "1703a30c", "65a1b2c3", True]
ETH = ["0x" + "ab" * 32, "0x" + "cd" * 32, "0x" + "00" * 28 + "ffffffff"]


def speeches(text: str | bytes) -> list[Speech]:
    return [one.speech for one in messages_in(text.encode() if isinstance(text, str) else text)]


SAID = [
    ({"jsonrpc": "2.0", "method": "job", "params": JOB}, Speech.JOB),
    ({"id": 1, "jsonrpc": "2.0", "error": None, "result": {"id": "x", "job": JOB, "status": "OK"}}, Speech.JOB),
    ({"id": 2, "jsonrpc": "2.0", "method": "submit", "params": SUBMIT}, Speech.SHARE),
    ({"id": 1, "method": "login", "params": {"login": "48abcdefgh.rig", "pass": "x", "agent": "a/1"}}, Speech.LOGIN),
    ({"params": NOTIFY, "id": None, "method": "mining.notify"}, Speech.JOB),
    ({"method": "mining.submit", "params": ["a.b", "1a2", "00000001", "65a1b2c3", "deadbeef"], "id": 4}, Speech.SHARE),
    ({"params": ["a.b", "1a2", "00000001", "65a1b2c3", "deadbeef"], "id": 4, "method": "mining.submit"}, Speech.SHARE),
    ({"id": 2, "method": "mining.authorize", "params": ["bc1qexample.rig", "x"]}, Speech.LOGIN),
    ({"id": 0, "method": "mining.notify", "params": ["6a", "ab" * 32, "cd" * 32, "ef" * 32, True, 7, "1b0"]},
     Speech.JOB),
    ({"id": 9, "method": "mining.submit", "params": ["w", "6a", "0x" + "1" * 16, "0x" + "a" * 64, "0x" + "b" * 64]},
     Speech.SHARE),
    ({"id": 1, "method": "eth_submitLogin", "params": ["0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"]}, Speech.LOGIN),
    ({"id": 4, "method": "eth_submitWork", "params": ["0x" + "1" * 16, ETH[0], "0x" + "ef" * 32]}, Speech.SHARE),
    ({"id": 5, "jsonrpc": "2.0", "result": ETH}, Speech.JOB),
]  # fmt: skip


@pytest.mark.parametrize(("message", "speech"), SAID)
def test_message_is_read_however_it_is_spaced_and_parsed(message: object, speech: Speech) -> None:
    for text in (json.dumps(message), json.dumps(message, separators=(",", ":")), json.dumps(message, indent=1)):
        around = b"\xff\x00{" + text.encode() + b"\x00\x01"
        if speech is Speech.JOB and b"eth" not in around and b"0xab" in around:
            around += b'"eth_getWork"'
        assert speeches(around) == [speech], text


def test_message_parsed_in_place_is_read() -> None:
    text = json.dumps(SAID[0][0], separators=(",", ":")).encode()
    assert speeches(text.replace(b'":', b"\0:").replace(b'",', b"\0,")) == [Speech.JOB]


@pytest.mark.parametrize(
    "text",
    [
        '{"method":"login","params":{"login":"<wallet>","pass":"x"}}',
        '{"method":"job","params":{"blob":"0707...","job_id":"q7","target":"b88d0600"}}',
        '{"method":"submit","params":{"job_id":"q","nonce":"...","result":"..."}}',
        '{"method": "mining.notify", "params": ["job id", "prevhash", "coinb1", "coinb2", [], "ver", "nb", "nt"]}',
        '{"blob": "' + "ab" * 76 + '", "sha": "1"}',
        "grep -r mining.submit .",
        '"job_id": "nightly-build", "result": "success"',
        '{"job_id": "7", "result": "' + "a" * 64 + '"}',
    ],
)
def test_documentation_without_values_and_other_json_is_no_message(text: str) -> None:
    assert speeches(text) == []


def test_job_says_when_its_work_was_made() -> None:
    (job,) = messages_in(json.dumps(JOB).encode())
    assert job.time == pytest.approx(1_523_480_533, abs=10_000_000)
    assert job.job == JOB["job_id"]
    (job,) = messages_in(b'"mining.notify"' + json.dumps(NOTIFY).encode())
    assert job.time == 0x65A1B2C3


def test_random_numbers_are_no_header() -> None:
    assert block_time(b"\xff" * 40) is None
    assert block_time(b"\x10\x10" + b"\x01" * 40) is None
    assert block_time(b"") is None


def test_without_a_marker_there_is_nothing() -> None:
    assert all(marker for marker in MARKERS)
    assert speeches("hello " * 1000) == []


@given(st.binary(max_size=2000))
def test_any_bytes_are_read(data: bytes) -> None:
    list(messages_in(data + b'"blob"' + data))


@pytest.mark.parametrize(
    "piece",
    [b'"blob":"', b'"mining.notify":["', b'["a","' + b"a" * 64, b'"job_id":"a"', b'"result":"' + b"a" * 64 + b'"'],
)
def test_a_flood_of_beginnings_costs_bounded_time(piece: bytes) -> None:
    data = (piece * ((64 << 10) // len(piece) + 1))[: 64 << 10]
    started = time.process_time()
    list(messages_in(data))
    assert time.process_time() - started < 1.0
