"""A guardian that nothing betrays is learned from what it does: it is seen starting the miner again."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

pytestmark = pytest.mark.live

GUARDIAN = r"""
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
static const char *argv0; static int renames;
static pid_t start(const char *from, const char *name) {
  static int count; static char to[4096];
  snprintf(to, sizeof to, renames ? "%s%d" : "%s", name, ++count);
  int ends[2]; pid_t miner = 0;
  if (pipe(ends)) return 0;
  if (!fork()) {
    setsid();
    pid_t child = fork();
    if (child) { if (write(ends[1], &child, sizeof child) < 0) _exit(1); _exit(0); }
    int in = open(from, O_RDONLY), out = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0755);
    char buffer[65536]; ssize_t n;
    while (out >= 0 && (n = read(in, buffer, sizeof buffer)) > 0) if (write(out, buffer, n) < 0) break;
    close(out);
    if (nice(10) < 0) _exit(1);
    execl(to, argv0, "-c", "while :; do :; done", (char *)0);
    _exit(1);
  }
  wait(0);
  if (read(ends[0], &miner, sizeof miner) < 0) return 0;
  close(ends[0]); close(ends[1]);
  return miner;
}
int main(int argc, char **argv) {
  alarm(90);
  renames = argc > 3; argv0 = argc > 3 ? argv[3] : argv[2];
  pid_t miner = start(argv[1], argv[2]);
  for (;;) { usleep(20000); if (kill(miner, 0)) miner = start(argv[1], argv[2]); }
}
"""


class Service(NamedTuple):
    guardian: subprocess.Popen[bytes]
    program: Path
    miner: Path


def running(path: Path) -> list[int]:
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                if os.readlink(f"/proc/{name}/exe").startswith(str(path)):
                    found.append(int(name))
            except OSError:
                continue
    return found


@pytest.fixture(params=["the same name", "ever new names"])
def service(request: pytest.FixtureRequest) -> Iterator[Service]:
    home, hidden = Path(f"/opt/davy-test-{os.getpid()}"), Path(f"/tmp/.davy-test-{os.getpid()}")
    home.mkdir()
    hidden.mkdir()
    (home / "agentd.c").write_text(GUARDIAN)
    program, miner = home / "agentd", hidden / "kdevtmpfsi"
    subprocess.run(["gcc", "-O1", "-w", "-o", program, home / "agentd.c"], check=True)
    shutil.copy(os.path.realpath("/bin/sh"), home / "data.bin")
    mask = ["[kworker/u8:3]"] if request.param == "ever new names" else []
    guardian = subprocess.Popen([program, home / "data.bin", miner, *mask], start_new_session=True)
    deadline = time.monotonic() + 5
    while not running(miner):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    yield Service(guardian, program, miner)
    guardian.kill()
    guardian.wait()
    for pid in running(miner):
        os.kill(pid, signal.SIGKILL)
    shutil.rmtree(home)
    shutil.rmtree(hidden)


def test_whoever_starts_the_miner_again_is_learned_and_evicted(service: Service, tmp_path: Path) -> None:
    def davy(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "davy", *arguments, "--state", str(tmp_path / "state")]
        return subprocess.run(command, capture_output=True, text=True)

    (incident,) = json.loads(davy("scan", "--json").stdout)["incidents"]
    assert incident["verdict"] == "confirmed"
    assert {actor["pid"] for actor in incident["actors"]}.isdisjoint({service.guardian.pid})

    evicted = davy("evict", "--yes", "--json", "--verify-for", "2")
    outcome = json.loads(evicted.stdout)
    assert outcome["rounds"] <= 3, outcome
    assert evicted.returncode == 0, outcome
    assert running(service.miner) == []
    assert service.guardian.wait(1) == -signal.SIGKILL
    assert not service.program.exists()

    undone = json.loads(davy("undo", "--yes", "--json").stdout)
    assert str(service.program) in undone["put_back"]
    assert service.program.exists()
