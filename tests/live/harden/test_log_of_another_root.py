"""What is in a container has its logs behind a link that only the kernel follows: they are read all the same."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from davy.collect.logs import log_facts
from davy.host import live
from davy.model.facts import Gap
from davy.model.logs import LogHit
from davy.model.services import Service

pytestmark = pytest.mark.live

LINE = "2020-10-17 03:17:44,464 INFO  org.apache.flink.client.ClientUtils                          [] - {}\n"


def test_a_log_in_the_root_of_a_process_is_searched_and_its_links_stay_in_that_root(tmp_path: Path) -> None:
    folder = tmp_path / "opt/flink/log"
    folder.mkdir(parents=True)
    (folder / "flink-a-standalonesession-0-h.log").write_text(LINE.format("Starting program (detached: true)"))
    (folder / "flink-b-standalonesession-0-h.log").symlink_to("/etc/passwd")
    waits = "import os, sys; os.chroot(sys.argv[1]); os.chdir('/'); print(flush=True); sys.stdin.read()"
    process = subprocess.Popen(
        [sys.executable, "-c", waits, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        process.stdout.readline()
        outside = f"/proc/{process.pid}/root/opt/flink/log"
        logs = tuple(f"{outside}/{name}" for name in sorted(os.listdir(folder)))
        facts = list(log_facts(live(), [Service(kind="flink", running=True, pid=process.pid, logs=logs)], None))
    finally:
        process.communicate()
    (hit,) = [fact for fact in facts if isinstance(fact, LogHit)]
    assert (hit.sign, hit.path) == ("program-started", logs[0])
    assert [fact.what for fact in facts if isinstance(fact, Gap)] == [logs[1]], "what it leads to is not there"
