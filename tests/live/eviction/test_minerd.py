"""The `minerd` drill under a real cron: found, evicted, gone for good, and put back exactly by `undo`."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from davy import drill

from .support import SPOOL, Bystander, Davy, actors, identity, running, sha256, told

pytestmark = pytest.mark.live

MINER = Path("/tmp/minerd")
CRONTAB = SPOOL / "root"
VERIFY_SECONDS = 60

_BEFORE = """\
# kept by root \N{EURO SIGN} \N{LATIN SMALL LETTER E WITH ACUTE}
MAILTO=""
SHELL={shell}

17 4 * * 1\t/usr/bin/true   \\% weekly
* * * * * : every minute
"""
_AFTER = b"# \xff\xfe no text in any encoding\n30 2 * * 0 /usr/bin/true # /tmp/minerd is what I once saw here\n\n"


class _Kept(NamedTuple):
    """What undo must bring back of a file."""

    content: bytes
    mode: int
    uid: int
    gid: int
    mtime_ns: int
    atime_ns: int


def _kept(path: Path) -> _Kept:
    status = path.lstat()  # first: reading may change the access time
    return _Kept(
        path.read_bytes(), status.st_mode, status.st_uid, status.st_gid, status.st_mtime_ns, status.st_atime_ns
    )


def _cron_ran(log: Path, since: float) -> list[str]:
    """The commands that cron gave to its shell since then."""
    rows = [row.split(" ", 1) for row in log.read_text(errors="replace").splitlines() if " " in row]
    return [command for when, command in rows if when.isdigit() and int(when) >= since]


def test_minerd_is_found_evicted_for_good_and_undone_exactly(
    davy: Davy, tmp_path: Path, request: pytest.FixtureRequest, bystander_in: Callable[[str], list[Bystander]]
) -> None:
    log, shell = tmp_path / "cron.log", tmp_path / "shell"
    shell.write_text(f'#!/bin/sh\nprintf "%s %s\\n" "$(date +%s)" "$2" >>{log}\nexec /bin/sh "$@"\n')
    shell.chmod(0o755)
    log.touch()
    there = CRONTAB.read_bytes() if CRONTAB.exists() else b""
    before = there + (b"\n" if there and not there.endswith(b"\n") else b"") + _BEFORE.format(shell=shell).encode()
    CRONTAB.write_bytes(before)
    CRONTAB.chmod(0o600)
    started = drill.start("minerd", 300)
    (line,), (process,) = started.lines, started.processes
    CRONTAB.write_bytes(CRONTAB.read_bytes() + _AFTER)
    os.utime(CRONTAB, ns=(1_600_000_000_123_456_789, 1_600_000_001_987_654_321))
    os.utime(MINER, ns=(1_500_000_000_111_111_111, 1_500_000_001_222_222_222))
    assert CRONTAB.read_bytes() == before + line.text.encode() + b"\n" + _AFTER
    cron: Bystander = request.getfixturevalue("cron")
    bystanders = [cron, *bystander_in("/tmp")]
    _kept(CRONTAB), _kept(MINER)  # once read since they were changed, so that reading again leaves the access time
    crontab_kept, miner_kept, miner_sha256 = _kept(CRONTAB), _kept(MINER), sha256(MINER)

    found = davy.scan()
    assert (found.status, found.json["verdict"]) == (1, "confirmed"), told(found)
    (incident,) = found.json["incidents"]
    assert incident["verdict"] == "confirmed"
    (miner,), (autostart,) = actors(found, "miner"), actors(found, "autostart")
    assert (miner["kind"], miner["pid"], miner["start_ticks"]) == ("process", process.pid, process.start_ticks)
    assert (miner["name"], miner["user"], miner["path"]) == ("minerd", "root", str(MINER))
    assert miner["files"] == [str(MINER)]
    assert (autostart["kind"], autostart["path"], autostart["user"]) == ("autostart", str(CRONTAB), "root")
    assert autostart["line"] == before.count(b"\n") + 1
    assert autostart["command"] == line.text.split(None, 5)[5].replace("\\%", "%")
    assert len(incident["actors"]) == 2

    done = davy.evict(VERIFY_SECONDS)
    watched_from = time.time() - VERIFY_SECONDS
    assert done.json["clean"], json.dumps(done.json, indent=1)
    assert (done.status, done.json["returned"], done.json["left"], done.json["remaining"]) == (0, None, [], [])
    assert done.json["rounds"] == 1
    assert identity(process.pid) is None
    assert not running(MINER)
    assert not os.path.lexists(MINER)
    assert CRONTAB.read_bytes() == before + _AFTER
    assert _kept(CRONTAB)[1:4] == crontab_kept[1:4]
    assert {miner_sha256} <= davy.quarantined()
    ran = _cron_ran(log, watched_from)
    assert ": every minute" in ran, "no minute of cron's passed: the test shows nothing"
    assert not [command for command in ran if "minerd" in command]
    for each in bystanders:
        each.check()
    clean = davy.scan()
    assert (clean.status, clean.json["verdict"]) == (0, "clean"), told(clean)

    undone = davy.undo()
    assert (undone.status, undone.json["left"]) == (0, [])
    assert set(undone.json["put_back"]) == {str(CRONTAB), str(MINER)}
    assert _kept(CRONTAB) == crontab_kept
    assert _kept(MINER) == miner_kept
    again = davy.undo()
    assert (again.status, again.json["put_back"]) == (0, [])
    for each in bystanders:
        each.check()
