"""A log that says the same a hundred thousand times does not hide the one line that matters."""

from __future__ import annotations

import gzip
import time
from collections.abc import Sequence

import pytest
from tests.unit.collect.logs.flink import ENTRY_TIME, Fact, gaps, hits, reads
from tests.unit.collect.logs.test_an_entry import Ending

from davy.collect.logs import Budget, log_facts
from davy.host import Entry, Host, MemoryRoot
from davy.model.logs import LogHit, Shows, Span
from davy.model.services import Service

LOG = "/var/log/auth.log"
FAILED = 60_000
EVERY = 0.5


def line(at: float, said: str) -> str:
    return f"{time.strftime('%b %d %H:%M:%S', time.gmtime(at))} web sshd[812]: {said} port 50022 ssh2\n"


def failed(number: int, address: str, user: str = "root") -> str:
    return line(ENTRY_TIME + number * EVERY, f"Failed password for {user} from {address}")


def guessing(addresses: int, *entry: str) -> str:
    """A day of guessed passwords from some addresses, with the lines of an entry near its begin."""
    lines = [failed(number, f"203.0.{number % addresses // 250}.{number % 250}") for number in range(FAILED)]
    lines.insert(FAILED // 10, "".join(entry))
    return "".join(lines)


def came_in(number: int, address: str) -> str:
    return line(ENTRY_TIME + number * EVERY, f"Accepted password for ada from {address}")


def read(text: bytes, path: str = LOG) -> list[Fact]:
    end = ENTRY_TIME + FAILED * EVERY
    files = {LOG: Entry(b"", mtime=end), path: Entry(text, mtime=end)}
    service = Service(kind="ssh", running=True, logs=(LOG,))
    span = [Span(ENTRY_TIME - 60, end)]
    return list(log_facts(Host(MemoryRoot(files)), [service], span, budget=Budget(seconds=60.0)))


def entries(found: Sequence[Fact]) -> dict[str, LogHit]:
    return {hit.sign: hit for hit in hits(found) if hit.sign.startswith("password-")}


@pytest.mark.parametrize("addresses", [1, 200, 5000])
def test_the_login_among_guessed_passwords_is_found_and_who_tried_before_it(addresses: int) -> None:
    tries = (failed(FAILED // 10 - 5 + number, "192.0.2.7", "ada") for number in range(5))
    found = read(guessing(addresses, *tries, came_in(FAILED // 10 + 1, "192.0.2.7")).encode())
    assert entries(found)["password-accepted"].address == "192.0.2.7"
    assert entries(found)["password-guessed"].shows is Shows.SUCCESS
    assert [hit.count for hit in hits(found) if hit.address == "192.0.2.7" and hit.sign == "failed-password"] == [5]
    assert reads(found)[LOG].whole


def test_what_was_not_looked_at_is_counted() -> None:
    found = read(guessing(200, came_in(FAILED // 10, "192.0.2.7")).encode())
    told = sum(hit.count for hit in hits(found) if hit.sign == "failed-password")
    said = f"{LOG}: it says the same too often: of {FAILED - told:,} further lines only their number is known"
    assert said in gaps(found)


@pytest.mark.parametrize("addresses", [200, 5000])
def test_who_logs_in_from_an_address_that_never_failed_has_guessed_nothing(addresses: int) -> None:
    found = read(guessing(addresses, came_in(FAILED // 10, "192.0.2.7")).encode())
    assert entries(found)["password-accepted"].shows is Shows.SUCCESS
    assert entries(found)["password-guessed"].shows is Shows.ATTEMPT


def test_a_compressed_log_is_no_worse() -> None:
    tries = (failed(FAILED // 10 - 5 + number, "192.0.2.7", "ada") for number in range(5))
    text = guessing(200, *tries, came_in(FAILED // 10 + 1, "192.0.2.7")).encode()
    found = read(gzip.compress(text, 1), f"{LOG}.1.gz")
    assert entries(found)["password-guessed"].shows is Shows.SUCCESS
    assert any("only their number is known" in one for one in gaps(found))


@pytest.mark.parametrize("path", [LOG, f"{LOG}.1.gz"])
def test_lines_that_only_look_like_it_cost_no_more_than_the_time_there_is(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = failed(0, "192.0.2.7").replace("sshd", "app").encode() * 2000
    monkeypatch.setattr("davy.collect.logs.telling.time", Ending(50))
    found = read(gzip.compress(text) if path.endswith(".gz") else text, path)
    assert hits(found) == []
    assert any("was looked at in time" in one for one in gaps(found))
    assert not reads(found)[path].whole
