"""Services are asked over loopback whom they answer: real ones of the test's own, open and closed."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from glob import glob
from pathlib import Path

import pytest

from davy.collect.services.probes import ANSWER_LIMIT, SECONDS, probed
from davy.host import live
from davy.knowledge.services import KnownService, Probe, known_services
from davy.model.facts import Gap
from davy.model.services import Listening, ReachedFrom, Service, SettingSource

pytestmark = pytest.mark.live

IN_CI = os.environ.get("CI") == "true"


def needed(program: str, *places: str) -> str:
    """The path of a program; without it the test is skipped, and fails where all has to be there."""
    found = shutil.which(program) or next((path for place in places for path in glob(f"{place}/{program}")), None)
    if found is None:
        if IN_CI:
            pytest.fail(f"needs {program}")
        pytest.skip(f"needs {program}")
    return found


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def answers(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


@contextmanager
def running(words: Sequence[str], port: int, **how: object) -> Iterator[int]:
    """A server of the test's own, once it listens: its pid."""
    process = subprocess.Popen(
        words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **how
    )  # type: ignore[call-overload]
    try:
        limit = time.monotonic() + 20
        while not answers(port):
            assert process.poll() is None, "it has ended"
            assert time.monotonic() < limit, "it does not listen"
            time.sleep(0.01)
        yield process.pid
    finally:
        process.terminate()
        process.wait(20)


def asking(protocol: str, question: str, open_if: str, closed_if: str) -> KnownService:
    probe = Probe(
        protocol=protocol, question=question, open_if=open_if, closed_if=closed_if, setting="probe", must_match=(),
        must_not_match=(),
    )  # fmt: skip
    return KnownService(id="it", name="It", probe=(probe,), basis="seen")


REDIS = known_services()["redis"]
NATS = asking("nats", "CONNECT {}", r"PONG\r\n", r"-ERR 'Authorization Violation'")
MQTT = asking("mqtt", "CONNECT", r"^\x20\x02[\s\S]\x00", r"^\x20\x02[\s\S][\x04\x05]")
POSTGRESQL = asking(
    "postgresql", "startup as postgres", r"^R\x00\x00\x00\x08\x00\x00\x00\x00", r"^R|^E[\s\S]*\x00C28000\x00"
)


def told_at_last(known: KnownService, pid: int, port: int) -> tuple[str | None, list[Gap]]:
    """The same of one that may still be starting, and slow to answer."""
    limit = time.monotonic() + 30
    while (found := told(known, pid, port))[0] is None and time.monotonic() < limit:
        pass
    return found


def told(known: KnownService, pid: int | None, port: int, address: str = "127.0.0.1") -> tuple[str | None, list[Gap]]:
    """What the answer of one service makes of its setting, and what was not asked."""
    end = Listening(address=address, port=port, reached_from=ReachedFrom.ANY, source="a test")
    service = Service(kind=known.id, running=True, pid=pid, listening=(end,))
    found = list(probed(live(), [service], {known.id: known}))
    (after,) = [one for one in found if isinstance(one, Service)]
    assert all(one.source is SettingSource.PROBE for one in after.settings)
    return next(iter(after.values("probe")), None), [one for one in found if isinstance(one, Gap)]


@pytest.mark.parametrize(("extra", "meant"), [([], "open"), (["--requirepass", "x"], "closed")])
def test_redis(tmp_path: Path, extra: list[str], meant: str) -> None:
    port = free_port()
    words = [needed("redis-server"), "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--dir", str(tmp_path)]
    with running([*words, *extra], port) as pid:
        assert told_at_last(REDIS, pid, port) == (meant, [])
        assert told(REDIS, pid, port, "0.0.0.0") == (meant, [])


@pytest.mark.parametrize(("extra", "meant"), [([], "open"), (["--user", "ada", "--pass", "x"], "closed")])
def test_nats(extra: list[str], meant: str) -> None:
    port = free_port()
    with running([needed("nats-server", "/usr/sbin"), "-a", "127.0.0.1", "-p", str(port), *extra], port) as pid:
        assert told_at_last(NATS, pid, port) == (meant, [])


@pytest.mark.parametrize(("anonymous", "meant"), [("true", "open"), ("false", "closed")])
def test_mqtt(tmp_path: Path, anonymous: str, meant: str) -> None:
    port, config = free_port(), tmp_path / "mosquitto.conf"
    config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous {anonymous}\n")
    with running([needed("mosquitto", "/usr/sbin"), "-c", str(config)], port) as pid:
        assert told_at_last(MQTT, pid, port) == (meant, [])


@pytest.mark.parametrize(("method", "meant"), [("trust", "open"), ("scram-sha-256", "closed"), ("reject", "closed")])
def test_postgresql(tmp_path: Path, method: str, meant: str) -> None:
    bin_ = "/usr/lib/postgresql/*/bin"
    initdb, postgres = needed("initdb", bin_), needed("postgres", bin_)
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_mode & 0o011 != 0o011:
            folder.chmod(folder.stat().st_mode | 0o011)  # as far as nobody has to go
    data, port = tmp_path / "data", free_port()
    data.mkdir()
    shutil.chown(data, "nobody")
    as_nobody: dict[str, object] = {"user": "nobody", "cwd": "/", "env": {"PATH": "/usr/bin:/bin", "LC_ALL": "C"}}
    words = [initdb, "-D", str(data), "-U", "postgres", "-A", "trust"]
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, **as_nobody)  # type: ignore[call-overload]
    (data / "pg_hba.conf").write_text(f"host all all 127.0.0.1/32 {method}\n")
    words = [postgres, "-D", str(data), "-p", str(port), "-h", "127.0.0.1", "-k", str(data)]
    with running(words, port, **as_nobody) as pid:
        assert told_at_last(POSTGRESQL, pid, port) == (meant, [])


@contextmanager
def stand_in(act: Callable[[socket.socket, int], None]) -> Iterator[int]:
    """A server in this very process that does something with each connection."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        ended = threading.Event()

        def serve() -> None:
            while not ended.is_set():
                with suppress(OSError):
                    connection, _ = server.accept()
                    threading.Thread(target=act, args=(connection, len(heard)), daemon=True).start()

        heard: list[bytes] = []
        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]
        ended.set()
        with suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)


WEB = asking("http", "/config", r"^HTTP/1\.1 200 ", r"^HTTP/1\.1 (?:302|401)")


def test_a_web_service_is_asked_with_one_get_and_a_redirect_is_not_followed() -> None:
    asked: list[bytes] = []

    def redirect(connection: socket.socket, _: int) -> None:
        with connection:
            asked.append(connection.recv(4096))
            to = connection.getsockname()[1]
            connection.sendall(f"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:{to}/x\r\n\r\n".encode())

    with stand_in(redirect) as port:
        assert told(WEB, os.getpid(), port) == ("closed", [])
    (request,) = asked
    assert request.startswith(b"GET /config HTTP/1.1\r\n")
    assert b"uthorization" not in request
    assert b"ookie" not in request


@pytest.mark.parametrize("protocol", ["http", "https", "redis", "postgresql", "nats", "mqtt", "mysql"])
def test_who_never_answers_or_answers_without_end_holds_nobody_up(protocol: str) -> None:
    def silent(connection: socket.socket, _: int) -> None:
        with connection, suppress(OSError):
            while connection.recv(1):
                pass

    def babbling(connection: socket.socket, _: int) -> None:
        with connection, suppress(OSError):
            while True:
                connection.sendall(b"\0" * 65536)

    known = asking(protocol, "x", "a", "b")
    with stand_in(silent) as port:
        said, (gap,) = told(known, os.getpid(), port)
        assert said is None
        assert gap.why.startswith("no answer")
    with stand_in(babbling) as port:
        assert told(known, os.getpid(), port)[0] is None


def test_all_are_asked_at_the_same_time() -> None:
    def silent(connection: socket.socket, _: int) -> None:
        with connection, suppress(OSError):
            while connection.recv(1):
                pass

    with stand_in(silent) as port:
        ends = tuple(
            Listening(address=f"127.0.0.{n}", port=port, reached_from=ReachedFrom.LOOPBACK, source="a test")
            for n in (1, 1, 1, 1, 1, 1, 1, 1)
        )
        many = [Service(kind="it", running=True, pid=os.getpid(), listening=ends[:1])] * 40
        began = time.monotonic()
        gaps = [one for one in probed(live(), many, {"it": WEB}) if isinstance(one, Gap)]
        assert len(gaps) == 40
        assert time.monotonic() - began < 40 * SECONDS / 2


def test_nobody_is_asked_at_an_address_that_is_not_loopback() -> None:
    said, (gap,) = told(WEB, os.getpid(), 80, "192.0.2.1")
    assert said is None
    assert "only loopback addresses are asked" in gap.why


def test_nobody_is_asked_in_a_network_of_its_own() -> None:
    process = subprocess.Popen(
        ["unshare", "--net", sys.executable, "-c", "import sys; print(flush=True); sys.stdin.read()"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        process.stdout.readline()
        said, (gap,) = told(WEB, process.pid, 80)
        assert said is None
        assert "network of its own" in gap.why
    finally:
        process.communicate()


def test_what_does_not_run_is_not_asked() -> None:
    end = Listening(address="0.0.0.0", port=free_port(), reached_from=ReachedFrom.ANY, source="a test")
    service = Service(kind="it", running=False, listening=(end,))
    assert list(probed(live(), [service], {"it": WEB})) == [service]


def test_no_more_is_heard_than_may_be() -> None:
    def long(connection: socket.socket, _: int) -> None:
        with connection, suppress(OSError):
            connection.recv(4096)
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * ANSWER_LIMIT + b"secret")

    behind = asking("http", "/", "secret", r"^HTTP/1\.1 200")
    with stand_in(long) as port:
        assert told(behind, os.getpid(), port) == ("closed", [])


def test_a_host_without_a_thread_to_spare_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refused)
    said, (gap,) = told(WEB, os.getpid(), 80)
    assert said is None
    assert gap.why == "no answer: can't start new thread"
