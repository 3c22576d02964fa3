"""A container's restart policy is set over its runtime's socket, and put back; a runtime that lies is not believed."""

from __future__ import annotations

import json
import re
import socket
import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from davy.hands import runtimes
from davy.hands.errors import Untouched
from davy.hands.runtimes import Policy, policy_of, restore_policy, set_policy
from davy.model.plan import SetRestartPolicy
from davy.model.undo import RestartPolicySet, Undo

ID = "43dd4091be92e124c3ecb235d604e93dba299dbf6d9e6731295968544b63e0f1"


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


class Runtime:
    """Answers as Docker does: one container, and what was asked for."""

    def __init__(self, path: Path) -> None:
        self.path = bytes(path)
        self.policy: Any = {"Name": "on-failure", "MaximumRetryCount": 3}
        self.asked: list[str] = []
        self.deaf = self.refuses = False
        self.answer: bytes | None = None
        self.id = ID
        runtime = self

        class Handler(BaseHTTPRequestHandler):
            def address_string(self) -> str:
                return "-"

            def log_message(self, *_: object) -> None: ...

            def do_GET(self) -> None:
                self._answer(200, {"Id": runtime.id, "HostConfig": {"RestartPolicy": runtime.policy}})

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if runtime.refuses:
                    self.send_response(404)
                    self.send_header("Content-Length", "19")
                    self.end_headers()
                    self.wfile.write(b"404 page not found\n")
                    return
                if not runtime.deaf:
                    runtime.policy = body["RestartPolicy"]
                self._answer(200, {"Warnings": []})

            def _answer(self, status: int, body: object) -> None:
                runtime.asked.append(f"{self.command} {self.path}")
                if not re.fullmatch(rf"/containers/{ID}/(json|update)", self.path):
                    status, body = 404, {"message": "No such container"}
                data = json.dumps(body).encode() if runtime.answer is None else runtime.answer
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

        self.server = _Server(str(path), Handler)
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[Runtime]:
    made = Runtime(tmp_path / "docker.sock")
    yield made
    made.server.shutdown()
    made.server.server_close()


def step(runtime: Runtime, seen: str = "on-failure", container: str = ID) -> SetRestartPolicy:
    return SetRestartPolicy(runtime="docker", socket=runtime.path, container=container, name="web", seen=seen)


def test_a_policy_is_set_written_down_before_and_put_back(runtime: Runtime) -> None:
    notes: list[Undo] = []

    def note(undo: Undo) -> None:
        assert runtime.policy["Name"] == "on-failure", "told before anything is changed"
        notes.append(undo)

    set_policy(step(runtime), note)
    assert policy_of(runtime.path, ID) == Policy("no", 0)
    (undo,) = notes
    assert undo == RestartPolicySet(socket=runtime.path, container=ID, name="web", before="on-failure", retries=3)
    assert isinstance(undo, RestartPolicySet)
    restore_policy(undo)
    restore_policy(undo)
    assert policy_of(runtime.path, ID) == Policy("on-failure", 3)


def test_a_step_that_was_cut_short_is_finished(runtime: Runtime) -> None:
    undo = RestartPolicySet(socket=runtime.path, container=ID, name="web", before="on-failure", retries=3)
    runtime.policy = {"Name": "no", "MaximumRetryCount": 0}
    set_policy(step(runtime), pytest.fail, undo)
    assert [line.split()[0] for line in runtime.asked] == ["GET"]


def test_another_policy_than_the_plan_saw_stays(runtime: Runtime) -> None:
    with pytest.raises(Untouched, match="on-failure by now"):
        set_policy(step(runtime, "always"), pytest.fail)
    assert runtime.policy["Name"] == "on-failure"


def test_a_policy_that_somebody_has_set_since_is_not_overwritten(runtime: Runtime) -> None:
    undo = RestartPolicySet(socket=runtime.path, container=ID, name="web", before="always")
    with pytest.raises(Untouched, match="somebody has given it"):
        restore_policy(undo)


def test_a_runtime_that_does_nothing_and_says_yes_is_not_believed(runtime: Runtime) -> None:
    runtime.deaf = True
    with pytest.raises(Untouched, match="does not change"):
        set_policy(step(runtime), lambda _: None)


def test_a_container_that_is_gone_is_said(runtime: Runtime) -> None:
    with pytest.raises(Untouched, match="No such container"):
        set_policy(step(runtime, container="0" * 64), pytest.fail)


def test_a_runtime_that_has_no_such_request_is_said_with_what_a_person_does(runtime: Runtime) -> None:
    """Podman before 5.1 answers in plain text."""
    runtime.refuses = True
    with pytest.raises(Untouched, match="refuses: Not Found; by hand: docker stop web, or docker rm -f web"):
        set_policy(step(runtime), lambda _: None)


@pytest.mark.parametrize("container", ["../images", "web", "", ID[:12], "A" * 64, f"{ID}/json?x"])
def test_nothing_but_an_id_is_asked_for(runtime: Runtime, container: str) -> None:
    with pytest.raises(Untouched, match="not a container's id"):
        set_policy(step(runtime, container=container), pytest.fail)
    assert runtime.asked == []


@pytest.mark.parametrize(
    "answer", [b"", b"[]", b"{", b"7", b'{"HostConfig": {"RestartPolicy": {"Name": "x; reboot"}}}', b"[" * 9000]
)
def test_an_answer_that_is_none_changes_nothing(runtime: Runtime, answer: bytes) -> None:
    runtime.answer = answer
    with pytest.raises(Untouched):
        set_policy(step(runtime), pytest.fail)
    assert runtime.policy["Name"] == "on-failure"


def test_nobody_who_answers_is_said(tmp_path: Path) -> None:
    with pytest.raises(Untouched, match="does not answer"):
        policy_of(bytes(tmp_path / "none.sock"), ID)


def test_a_container_that_only_bears_the_id_as_its_name_is_another(runtime: Runtime) -> None:
    """Docker looks for a name where no container has the id any more."""
    runtime.id = "0" * 64
    with pytest.raises(Untouched, match="knows another by that id"):
        set_policy(step(runtime), pytest.fail)
    with pytest.raises(Untouched, match="knows another by that id"):
        restore_policy(RestartPolicySet(socket=runtime.path, container=ID, name="web", before="always"))
    assert runtime.policy["Name"] == "on-failure"


@contextmanager
def _answering(path: Path, piece: bytes, pause: float) -> Iterator[None]:
    """A listener that sends the same piece again and again."""
    stop = threading.Event()

    def serve(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            while not stop.wait(pause):
                connection.sendall(piece)

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        thread = threading.Thread(target=lambda: serve(listener.accept()[0]), daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()


@pytest.mark.parametrize(
    ("piece", "pause"),
    [(b"H", 0.1), (b"HTTP/1.1 100 Continue\r\n\r\n", 0.0), (b"HTTP/1.1 200 OK\r\n\r\n" + b" " * 65536, 0.0)],
)
def test_an_answer_without_an_end_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, piece: bytes, pause: float
) -> None:
    monkeypatch.setattr(runtimes, "_SECONDS", 1.0)
    with (
        _answering(tmp_path / "endless.sock", piece, pause),
        pytest.raises(Untouched, match=r"answer|no restart policy"),
    ):
        policy_of(bytes(tmp_path / "endless.sock"), ID)


def test_a_socket_at_which_another_user_listens_is_no_runtime_s(tmp_path: Path) -> None:
    path = tmp_path / "theirs.sock"
    program = (
        "import os, socket\nos.setuid(65534)\ns = socket.socket(fileno=0)\ns.listen()\nprint(flush=True)\ns.accept()"
    )
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        with subprocess.Popen([sys.executable, "-c", program], stdin=listener, stdout=subprocess.PIPE) as theirs:
            try:
                assert theirs.stdout is not None
                assert theirs.stdout.readline() == b"\n"
                with pytest.raises(Untouched, match="user 65534 listens there"):
                    policy_of(bytes(path), ID)
            finally:
                theirs.kill()
