"""What lines carry that wrap or encode another text."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from davy.collect.logs.formats import INNER
from davy.knowledge.services import LogFormat


def test_a_line_of_dockers_carries_what_the_container_wrote() -> None:
    inner = INNER[LogFormat.JSON]

    line = b'{"log":"1:M 17 Oct 2020 03:17:44.446 * \\u003cx\\u003e \\"y\\"\\n","stream":"stdout","time":"x"}\n'
    assert inner(line) == b'1:M 17 Oct 2020 03:17:44.446 * <x> "y"'
    assert inner(b'{"msg":"x","ts":1}') is None
    assert inner(b'{"log":{"level":"info"},"time":"2020-10-17T03:17:44.447Z"}') is None
    assert inner(b'{"log":"cut of') is None
    assert inner(b'{"log":"\\ud800","stream":"stdout"}') is None


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_whatever_a_container_wrote_comes_out_as_it_was(text: str) -> None:
    line = json.dumps({"log": f"{text}\n", "stream": "stderr", "time": "x"}, separators=(",", ":")).encode()

    assert INNER[LogFormat.JSON](line) == text.encode()


def test_a_line_of_kubernetes_carries_what_the_container_wrote() -> None:
    inner = INNER[LogFormat.ISO]

    assert inner(b"2024-01-02T03:04:05.678901234+01:00 stdout F Server initialized") == b"Server initialized"
    assert inner(b"2024-01-02T03:04:05.678901234Z stderr P half a li") == b"half a li"
    assert inner(b"2024-01-02 03:04:05 stdout F x") is None


def test_the_arguments_of_a_command_in_the_audit_log_are_text() -> None:
    inner = INNER[LogFormat.AUDITD]
    head = b"type=EXECVE msg=audit(1602904664.446:123): "

    assert inner(head + b'argc=3 a0="sh" a1="-c" a2=6964203E202F746D702F78') == (
        head + b'argc=3 a0="sh" a1="-c" a2="id > /tmp/x"'
    )
    assert inner(b"type=PROCTITLE msg=audit(1602904664.446:123): proctitle=7368002D63006964") == (
        b'type=PROCTITLE msg=audit(1602904664.446:123): proctitle="sh -c id"'
    )
    head = b'type=USER_CMD msg=audit(1602904664.446:1): pid=1 msg=\'cwd="/" '
    assert inner(head + b"cmd=6C73202D6C res=success'") == head + b'cmd="ls -l" res=success\''


def test_numbers_in_the_audit_log_stay_numbers() -> None:
    line = b"type=SYSCALL msg=audit(1602904664.446:123): arch=c000003e syscall=59 a0=55D0 a1=7F00 pid=8421 comm=6120"

    assert INNER[LogFormat.AUDITD](line) == line.replace(b"comm=6120", b'comm="a "')
    assert INNER[LogFormat.AUDITD](b'type=EXECVE msg=audit(1602904664.446:123): argc=1 a0="id"') is None
    assert INNER[LogFormat.AUDITD](b"proctitle=7368002D63006964") is None
