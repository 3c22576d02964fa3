"""The journal of a real systemd, read from its files: what ``journalctl`` says of it is what Davy says."""

from __future__ import annotations

import json
import time
from typing import Any, Protocol

import pytest

from davy.collect.logs.formats import journal
from davy.collect.logs.record import Record
from davy.host import DirectoryRoot
from davy.model.facts import Gap
from davy.model.logs import Span

pytestmark = pytest.mark.live

BURST = 110_000


class Lab(Protocol):
    leader: int

    def run(self, *command: str, check: bool = True, timeout: float = 120) -> Any: ...
    def write(self, path: str, text: str, mode: str = "0644") -> None: ...


def told(value: str | list[int] | list[str]) -> str:
    """A value of ``journalctl -o json``, which writes what is no text as numbers."""
    if isinstance(value, str):
        return value
    if value and isinstance(value[0], int):
        return bytes(value).decode("utf-8", "surrogateescape")  # type: ignore[arg-type]
    return str(value[0])


def by_journalctl(lab: Lab, path: str, *options: str) -> list[tuple[int, str]]:
    found = []
    for line in lab.run("journalctl", f"--file={path}", "-o", "json", "--all", *options).stdout.splitlines():
        entry = json.loads(line)
        name = told(entry.get("SYSLOG_IDENTIFIER") or entry.get("_COMM") or "unknown")
        pid = entry.get("_PID") or entry.get("SYSLOG_PID")
        head = f"{name}[{told(pid)}]" if pid else name
        found.append((int(entry["__REALTIME_TIMESTAMP"]), f"{head}: {told(entry['MESSAGE'])}"))
    return found


def by_davy(lab: Lab, path: str, span: Span | None = None, *sources: str) -> list[tuple[int, str]]:
    root = DirectoryRoot(f"/proc/{lab.leader}/root")
    with root.opened(path) as file:
        records = list(journal.records_of(file, file.size, span, frozenset(sources)))
    assert [each for each in records if isinstance(each, Gap)] == []
    last_first = [(round((each.time or 0) * 1e6), each.text) for each in records if isinstance(each, Record)]
    return last_first[::-1]


def files(lab: Lab) -> list[str]:
    return sorted(lab.run("find", "/var/log/journal", "/run/log/journal", "-name", "*.journal").stdout.split())


@pytest.fixture(scope="module")
def written(lab_for_module: Lab) -> Lab:
    lab = lab_for_module
    lab.write("/run/systemd/journald.conf.d/50-all.conf", "[Journal]\nStorage=persistent\nRateLimitIntervalSec=0\n")
    lab.run("systemctl", "restart", "systemd-journald")
    lab.run("useradd", "--create-home", "ada")
    lab.run("sh", "-c", r"printf 'two\nlines \033[31m\001' | logger -t odd")
    lab.run("sh", "-c", r"printf 'not UTF-8: \377\376' | logger -t odd")
    lab.run("sh", "-c", "seq 400 | tr '\\n' ' ' | logger -t long")
    lab.run("logger", "-t", "sshd", "Accepted password for ada from 192.0.2.7 port 50312 ssh2")
    lab.run("su", "ada", "-c", "logger -t sshd 'Accepted password for root from 192.0.2.7 port 50313 ssh2'")
    lab.run("systemd-run", "--wait", "--quiet", "--unit=greeter", "echo", "hello")
    lab.run("journalctl", "--sync")
    return lab


def test_every_record_is_as_journalctl_has_it(written: Lab) -> None:
    paths = files(written)

    assert any("user-1000" in path for path in paths)
    for path in paths:
        expected = by_journalctl(written, path)
        found = by_davy(written, path)
        assert [(when, text.removeprefix("logger as ")) for when, text in found[: len(expected)]] == expected
        assert len(expected) > 0


def test_who_calls_himself_sshd_is_told_from_root(written: Lab) -> None:
    found = [text for path in files(written) for _, text in by_davy(written, path, None, "sshd")]

    assert sorted(text.partition("[")[0] for text in found if "Accepted" in text) == ["logger as sshd", "sshd"]


def test_a_unit_is_found_by_its_name(written: Lab) -> None:
    found = [text for path in files(written) for _, text in by_davy(written, path, None, "greeter.service")]

    assert any(text.startswith("echo[") and text.endswith(": hello") for text in found)
    assert any(text.startswith("systemd[1]: Started greeter.service") for text in found)


def test_the_last_second_of_more_than_a_hundred_thousand_entries_is_found(written: Lab) -> None:
    lab = written
    lab.run("sh", "-c", f"seq {BURST} | systemd-cat -t burst")
    lab.run("journalctl", "--sync")
    lab.run("sh", "-c", "echo last | systemd-cat -t burst")
    lab.run("journalctl", "--sync")
    since = time.time() - 3600
    counted, last = 0, []
    for path in files(lab):
        lines = by_davy(lab, path, Span(since, time.time()), "burst")
        counted += len(lines)
        last += lines[-1:]
        if lines:
            at = lines[-1][0] / 1e6
            window = by_davy(lab, path, Span(at - 0.01, at))
            begin, end = f"--since=@{at - 0.01:.6f}", f"--until=@{at:.6f}"
            assert window == by_journalctl(lab, path, begin, end)

    assert counted == BURST + 1
    assert max(last)[1].endswith(": last")
