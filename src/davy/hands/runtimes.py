"""Hands on container runtimes: the policy by which a container is started again, over the runtime's own socket.

Docker's interface, which Podman has, too: ``GET /containers/ID/json`` and ``POST /containers/ID/update`` with
``{"RestartPolicy":{"Name":"no","MaximumRetryCount":0}}``.  What was asked for is looked at again: an engine that does
not know the setting says that all went well.

Source: docs.docker.com (Engine API, ContainerInspect and ContainerUpdate); docs.podman.io (the compatible API).
"""

from __future__ import annotations

import http.client
import json
import os
import re
import shlex
import socket
import struct
import time
from typing import Any, Final, NamedTuple

from davy.hands.errors import Untouched
from davy.hands.files import Note
from davy.model.plan import SetRestartPolicy
from davy.model.undo import RestartPolicySet

_SECONDS: Final = 10.0
_ANSWER_LIMIT: Final = 4 << 20
_CREDENTIALS: Final = struct.Struct("3i")
"""Process, user and group of who listens.  Source: unix(7), ``SO_PEERCRED``."""
_NO: Final = "no"
_ID: Final = re.compile(r"[0-9a-f]{64}")
_POLICIES: Final = frozenset({"", "no", "always", "unless-stopped", "on-failure"})


class Policy(NamedTuple):
    """By what a container is started again."""

    name: str
    retries: int = 0


class _Socket(socket.socket):
    """Whose answer is waited for so long as a whole: not so long for each piece of it."""

    until = 0.0

    def recv_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> int:
        left = self.until - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        self.settimeout(left)
        return super().recv_into(buffer, nbytes, flags)


class _Connection(http.client.HTTPConnection):
    """HTTP to a socket of the file system at which root listens, or who runs Davy."""

    def __init__(self, path: bytes) -> None:
        super().__init__("localhost", timeout=_SECONDS)
        self._path = path

    def connect(self) -> None:
        self.sock = listener = _Socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.until = time.monotonic() + _SECONDS
        listener.settimeout(_SECONDS)
        listener.connect(self._path)
        _, uid, _ = _CREDENTIALS.unpack(listener.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))
        if uid not in (0, os.geteuid()):
            raise PermissionError(f"user {uid} listens there")


def set_policy(step: SetRestartPolicy, note: Note, former: RestartPolicySet | None = None) -> None:
    """Have a container not started again.  ``former`` is what an earlier try that was cut short wrote down.

    Raises `Untouched` when its policy is no longer the one that the plan saw, or the runtime does not do it.
    """
    now = policy_of(step.socket, step.container)
    if former is not None and now.name in ("", _NO):
        return
    if now.name != step.seen:
        raise Untouched(f"container {step.name}: its restart policy is {now.name or _NO} by now")
    note(
        RestartPolicySet(
            socket=step.socket, container=step.container, name=step.name, before=now.name, retries=now.retries
        )
    )
    try:
        _update(step.socket, step.container, Policy(_NO))
    except Untouched as error:
        name = shlex.quote(step.name)
        raise Untouched(f"{error}; by hand: {step.runtime} stop {name}, or {step.runtime} rm -f {name}") from None


def restore_policy(undo: RestartPolicySet) -> None:
    """Give a container the policy that it had.  Raises `Untouched`, also where it has been given another since."""
    now = policy_of(undo.socket, undo.container)
    if now.name == undo.before:
        return
    if now.name not in ("", _NO):
        raise Untouched(f"container {undo.name}: somebody has given it the restart policy {now.name} since")
    _update(undo.socket, undo.container, Policy(undo.before, undo.retries))


def policy_of(path: bytes, container: str) -> Policy:
    """By what a container is started again, as its runtime says.  Raises `Untouched`."""
    found = _asked(path, "GET", f"/containers/{_checked(container)}/json")
    if isinstance(found, dict) and found.get("Id") != container:
        raise Untouched(f"container {container[:12]}: its runtime knows another by that id")
    settings = found.get("HostConfig") if isinstance(found, dict) else None
    policy = settings.get("RestartPolicy") if isinstance(settings, dict) else None
    name = policy.get("Name") if isinstance(policy, dict) else None
    retries = policy.get("MaximumRetryCount") if isinstance(policy, dict) else None
    if not isinstance(name, str) or name not in _POLICIES:
        raise Untouched(f"container {container[:12]}: its runtime tells no restart policy")
    return Policy(name, retries if isinstance(retries, int) else 0)


def _update(path: bytes, container: str, policy: Policy) -> None:
    settings = {"RestartPolicy": {"Name": policy.name, "MaximumRetryCount": policy.retries}}
    _asked(path, "POST", f"/containers/{_checked(container)}/update", settings)
    now = policy_of(path, container)
    if (now.name or _NO) != (policy.name or _NO):
        raise Untouched(f"container {container[:12]}: its runtime does not change restart policies")


def _checked(container: str) -> str:
    if not _ID.fullmatch(container):
        raise Untouched(f"container {container[:64]}: not a container's id")
    return container


def _asked(path: bytes, method: str, target: str, body: object = None) -> Any:
    """What the runtime answers.  Raises `Untouched`."""
    connection = _Connection(path)
    try:
        data = json.dumps(body).encode() if body is not None else None
        connection.request(method, target, data, {"Content-Type": "application/json"} if data else {})
        answer = connection.getresponse()
        text = answer.read(_ANSWER_LIMIT)
        found = json.loads(text) if text.lstrip()[:1] in (b"{", b"[") else None
    except (OSError, http.client.HTTPException) as error:
        raise Untouched(f"the container runtime does not answer: {error or type(error).__name__}") from None
    except (ValueError, RecursionError):
        raise Untouched("the container runtime's answer is none") from None
    finally:
        connection.close()
    if answer.status >= http.client.BAD_REQUEST:
        told = found.get("message") if isinstance(found, dict) else None
        raise Untouched(f"the container runtime refuses: {told if isinstance(told, str) else answer.reason}")
    return found
