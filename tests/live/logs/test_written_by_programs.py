"""What real programs write, in zones far apart, is timed at the moment at which they wrote it."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from davy.collect.logs.formats import TEXT
from davy.collect.logs.record import Clock
from davy.knowledge.services import LogFormat

pytestmark = pytest.mark.live

IN_CI = os.environ.get("CI") == "true"
ZONES = ("America/St_Johns", "Asia/Kathmandu")


def program(*names: str) -> str:
    """Where the first of these lies."""
    folders = [*map(str, sorted(Path("/usr/lib/postgresql").glob("*/bin"))), os.environ["PATH"], "/usr/sbin"]
    for name in names:
        if found := shutil.which(name, path=":".join(folders)):
            return found
    if IN_CI:
        pytest.fail(f"missing: {names[0]}")
    return pytest.skip(f"needs {names[0]}")


def free_port() -> int:
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return int(asked.getsockname()[1])


def wait_for(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.02)


@contextmanager
def running(command: Sequence[str], zone: str, user: str | None = None) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        command, env={"TZ": zone, "PATH": os.environ["PATH"]}, user=user,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def open_folder() -> Iterator[Path]:
    """One that other users may enter, whatever else runs tests here."""
    with tempfile.TemporaryDirectory(prefix="davy-written-", dir="/var/tmp") as name:
        made = Path(name)
        made.chmod(0o755)
        yield made


folder = pytest.fixture(open_folder)
folder_for_module = pytest.fixture(open_folder, scope="module")


def given_to(folder: Path, user: str) -> Path:
    entry = pwd.getpwnam(user)
    os.chown(folder, entry.pw_uid, entry.pw_gid)
    return folder


def timed(log: Path, form: LogFormat, zone: str, since: float) -> list[float]:
    """The times of a log's records, each of which lies between the start of the program and now."""
    until = time.time()
    clock = Clock(ZoneInfo(zone), log.stat().st_mtime)
    times = [found for line in log.read_bytes().splitlines() if (found := TEXT[form](line, clock)) is not None]

    assert all(int(since) <= each <= until for each in times)
    return times


def written(log: Path, text: bytes) -> Callable[[], bool]:
    return lambda: log.exists() and text in log.read_bytes()


@pytest.mark.parametrize("zone", ZONES)
def test_redis(folder: Path, zone: str) -> None:
    log, since = folder / "redis.log", time.time()
    with running(
        [program("redis-server"), "--port", str(free_port()), "--bind", "127.0.0.1", "--dir", str(folder),
         "--logfile", str(log)], zone,
    ):  # fmt: skip
        wait_for(written(log, b"Ready to accept connections"))

    times = timed(log, LogFormat.REDIS, zone, since)
    assert len(times) == sum(line[:1].isdigit() for line in log.read_bytes().splitlines())
    assert len(times) > 5


@pytest.mark.parametrize("zone", ZONES)
def test_nats(folder: Path, zone: str) -> None:
    log, since = folder / "nats.log", time.time()
    with running([program("nats-server"), "-a", "127.0.0.1", "-p", str(free_port()), "-l", str(log)], zone):
        wait_for(written(log, b"Server is ready"))

    assert len(timed(log, LogFormat.NATS, zone, since)) == len(log.read_bytes().splitlines())


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("form", ["", "log_timestamp_format %Y-%m-%dT%H:%M:%S\n"])
def test_mosquitto(folder: Path, zone: str, form: str) -> None:
    log, since, config = folder / "mosquitto.log", time.time(), folder / "mosquitto.conf"
    config.write_text(f"{form}listener {free_port()} 127.0.0.1\nallow_anonymous true\nlog_dest file {log}\nuser root\n")
    with running([program("mosquitto"), "-c", str(config)], zone):
        wait_for(written(log, b" running"))

    assert len(timed(log, LogFormat.MOSQUITTO, zone, since)) == len(log.read_bytes().splitlines())


@pytest.fixture(scope="module")
def cluster(folder_for_module: Path) -> Path:
    """A PostgreSQL cluster of its own."""
    made = given_to(folder_for_module, "postgres") / "cluster"
    subprocess.run([program("initdb"), "-D", str(made), "-A", "trust"], user="postgres", check=True,
                   stdout=subprocess.DEVNULL, env={"PATH": os.environ["PATH"], "LC_ALL": "C"}, cwd="/")  # fmt: skip
    return made


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize(
    "prefix", ["%m [%p] %q%u@%d ", "%t:%r:%u@%d:[%p]: ", "%p %m ", "%n [%p] ", "< %m >", "[%p] [%m] "]
)
def test_postgresql(cluster: Path, tmp_path: Path, zone: str, prefix: str) -> None:
    logs, since = cluster / tmp_path.name, time.time()
    with running(
        [program("postgres"), "-D", str(cluster), "-p", str(free_port()), "-k", str(cluster),
         *(word for setting in (
             "listen_addresses=127.0.0.1", f"log_timezone={zone}", f"log_line_prefix={prefix}", "logging_collector=on",
             "log_destination=stderr,csvlog,jsonlog", f"log_directory={logs}", "log_filename=x.log",
         ) for word in ("-c", setting))], zone, "postgres",
    ):  # fmt: skip
        wait_for(written(logs / "x.json", b"ready to accept connections"))

    for name, form in (("x.log", LogFormat.POSTGRESQL), ("x.csv", LogFormat.POSTGRESQL), ("x.json", LogFormat.JSON)):
        lines = (logs / name).read_bytes().splitlines()
        assert len(timed(logs / name, form, zone, since)) == len(lines) > 3


@pytest.mark.parametrize("zone", ZONES)
def test_mariadb(folder: Path, zone: str) -> None:
    log, since = folder / "error.log", time.time()
    given_to(folder, "mysql")
    subprocess.run([program("mariadb-install-db"), "--no-defaults", f"--datadir={folder}/data"], check=True,
                   user="mysql", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
    with running(
        [program("mariadbd"), "--no-defaults", f"--datadir={folder}/data", f"--socket={folder}/s",
         f"--port={free_port()}", "--bind-address=127.0.0.1", f"--log-error={log}"], zone, "mysql",
    ):  # fmt: skip
        wait_for(written(log, b"ready for connections"))

    times = timed(log, LogFormat.ISO, zone, since)
    assert len(times) == sum(line[:4].isdigit() for line in log.read_bytes().splitlines())
    assert len(times) > 10
