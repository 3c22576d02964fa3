"""Real programs, deleted and never on disk, and a file system that never answers."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from davy.knowledge.matching import rule_by_id
from davy.knowledge.matching.rules import sample

pytestmark = pytest.mark.live

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="content-live-", dir="/var/tmp") as made:
        yield Path(made)


@pytest.fixture(scope="module")
def burner(folder: Path) -> Path:
    """A program of an innocent name that has a miner's usage text in it, and mines nothing."""
    rule = rule_by_id("miner.xmrig")
    assert rule is not None
    texts = ", ".join(json.dumps(line + "\n") for line in sample(rule.must_match[0]).decode().splitlines())
    made = folder / "worker"
    subprocess.run(["gcc", "-O1", f"-DTEXTS={texts}", "-o", made, HERE / "burner.c"], check=True)
    return made


@contextmanager
def running(command: list[str], **options: object) -> Iterator[int]:
    process = subprocess.Popen(command, **options)  # type: ignore[call-overload]
    try:
        deadline = time.monotonic() + 10
        while os.readlink(f"/proc/{process.pid}/exe").startswith(sys.prefix) and time.monotonic() < deadline:
            time.sleep(0.01)
        yield process.pid
    finally:
        process.kill()
        process.wait()


def content_findings(pid: int, *options: str) -> list[str]:
    """Rules of what a scan says of the content of one process, whether or not it accuses it."""
    with tempfile.TemporaryDirectory() as state:
        command = [sys.executable, "-m", "davy"]
        scan = subprocess.run(
            [*command, "scan", "--json", "--state", state, *options], capture_output=True, check=False
        )
        assert scan.returncode in (0, 1), scan.stderr.decode()
        incidents = json.loads(scan.stdout)["incidents"]
        considered = json.loads(
            subprocess.run([*command, "explain", "--json", "--state", state], capture_output=True, check=True).stdout
        )
    subject = f"process:{pid}:"
    rows = [finding for one in (*incidents, *considered) for finding in one["findings"]]
    return [one["rule"] for one in rows if one["subject"].startswith(subject) and one["aspect"] == "content"]


def test_a_deleted_program_is_read_through_its_process(folder: Path, burner: Path) -> None:
    copy = folder / "gone"
    shutil.copy(burner, copy)
    with running([str(copy)]) as pid:
        copy.unlink()
        assert "content.image" in content_findings(pid)


def test_a_program_that_never_was_on_disk_is_read_as_well(burner: Path) -> None:
    start = textwrap.dedent("""
        import os, sys
        memory = os.memfd_create("worker")
        os.write(memory, open(sys.argv[1], "rb").read())
        os.execve(memory, ["worker"], {})
    """)
    with running([sys.executable, "-c", start, str(burner)]) as pid:
        assert "content.image" in content_findings(pid)


def test_the_owner_s_own_rules_are_looked_for_too(folder: Path, burner: Path) -> None:
    rules = folder / "rules"
    rules.mkdir(mode=0o755)
    (rules / "mine.yar").write_text('rule mine { strings: $a = "cpu-max-threads-hint=N" condition: $a }')
    with running([str(burner)]) as pid:
        assert "content.own-rule" in content_findings(pid, "--rules", str(rules))


@pytest.mark.parametrize(
    ("text", "mode", "said"),
    [("rule x {", 0o644, "syntax error"), ("rule x { condition: true }", 0o666, "others may write"),
     (None, 0o644, "no *.yar"), ('include "/etc/shadow"', 0o644, "include")],
)  # fmt: skip
def test_bad_rules_are_one_clear_line(tmp_path: Path, text: str | None, mode: int, said: str) -> None:
    folder = tmp_path / "rules"
    folder.mkdir(mode=0o755)
    if text is not None:
        (folder / "a.yar").write_text(text)
        (folder / "a.yar").chmod(mode)
    done = subprocess.run(
        [sys.executable, "-m", "davy", "scan", "--rules", str(folder)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


NEVER_ANSWERS = """
import ctypes, os, sys, time
libc = ctypes.CDLL(None, use_errno=True)
def checked(status):
    if status: raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
checked(libc.unshare(0x20000))
checked(libc.mount(b"none", b"/", None, (1 << 18) | 16384, None))
fuse = os.open("/dev/fuse", os.O_RDWR)
where, root = sys.argv[1].encode(), sys.argv[2]
checked(libc.mount(b"never", where, b"fuse", 0, b"fd=%d,rootmode=40000,user_id=0,group_id=0" % fuse))
from davy.collect.content.hot_files import hot_files
from davy.host import DirectoryRoot, Host
from davy.model.reach import Reach
began = time.monotonic()
host = Host(DirectoryRoot(root))
found = [each.path for each in hot_files(host, (), Reach()) if hasattr(each, "rule")]
print(time.monotonic() - began, sys.argv[3] in found, flush=True)
os._exit(0)
"""


@pytest.mark.parametrize("live", [True, False])
def test_a_file_system_that_never_answers_keeps_nobody_waiting(live: bool) -> None:
    if not os.path.exists("/dev/fuse"):
        if os.environ.get("CI") == "true":
            pytest.fail("there is no FUSE here")
        pytest.skip("there is no FUSE here")
    rule = rule_by_id("configuration.xmrig")
    assert rule is not None
    with tempfile.TemporaryDirectory(prefix="content-never-", dir="/var/tmp") as made:
        hot = Path(made) if live else Path(made, "tmp")
        (hot / "never").mkdir(parents=True)
        (hot / "config.json").write_bytes(sample(rule.must_match[0]))

        words = [str(hot / "never"), "/" if live else made, f"{made}/config.json" if live else "/tmp/config.json"]
        done = subprocess.run(
            [sys.executable, "-c", NEVER_ANSWERS, *words], capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
        seconds, found = done.stdout.split()
        assert float(seconds) < 10.0
        assert found == "True"
