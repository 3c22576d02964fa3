"""Where a fix of one line stands: by the language of its file."""

from __future__ import annotations

import pytest

from davy.hands.edits import with_lines
from davy.harden.lines import NoPlaceError, format_of, line_set
from davy.knowledge.services import ConfigFormat, known_services
from davy.model.exposures import LineChange


def set_in(
    content: bytes, after: str, format_: ConfigFormat, *, line: int | None = None, before: str | None = None,
    key: str = "",
) -> bytes:  # fmt: skip
    change = LineChange(path="/etc/x", line=line, before=before, after=after, restart="")
    return with_lines(content, [line_set(content, change, format_, (key,) if key else ())])


@pytest.mark.parametrize(
    ("format_", "content", "line", "after", "becomes"),
    [
        (ConfigFormat.DIRECTIVES, b"bind 0.0.0.0\nport 1\n", 1, "bind 127.0.0.1", b"bind 127.0.0.1\nport 1\n"),
        (ConfigFormat.DIRECTIVES, b"\tBind *\n", 1, "bind 127.0.0.1", b"\tbind 127.0.0.1\n"),
        (ConfigFormat.DIRECTIVES, b"PermitRootLogin=yes\r\n", 1, "PermitRootLogin no", b"PermitRootLogin no\r\n"),
        (ConfigFormat.POSTGRESQL, b"listen_addresses = '*'  # all", 1, "listen_addresses = 'localhost'",
         b"listen_addresses = 'localhost'"),
        (ConfigFormat.PROPERTIES, b"a=1\nhost: 0.0.0.0\n", 2, "host=127.0.0.1", b"a=1\nhost=127.0.0.1\n"),
        (ConfigFormat.YAML, b"rest.bind-address: 0.0.0.0\n", 1, "rest.bind-address: 127.0.0.1",
         b"rest.bind-address: 127.0.0.1\n"),
        (ConfigFormat.YAML, b"rest:\n  bind-address: 0.0.0.0\n  port: 1\n", 2, "rest.bind-address: 127.0.0.1",
         b"rest:\n  bind-address: 127.0.0.1\n  port: 1\n"),
        (ConfigFormat.HBA, b"host all all 0.0.0.0/0 trust\n", 1, "host all all 127.0.0.1/32 scram-sha-256",
         b"host all all 127.0.0.1/32 scram-sha-256\n"),
        (ConfigFormat.PYTHON, b"c.ServerApp.ip = '*'\n", 1, "c.ServerApp.ip = '127.0.0.1'",
         b"c.ServerApp.ip = '127.0.0.1'\n"),
    ],
)  # fmt: skip
def test_the_line_that_says_it_is_replaced(
    format_: ConfigFormat, content: bytes, line: int, after: str, becomes: bytes
) -> None:
    assert set_in(content, after, format_, line=line) == becomes


@pytest.mark.parametrize(
    ("format_", "content", "after", "key", "becomes"),
    [
        (ConfigFormat.DIRECTIVES, b"port 1\n", "bind 127.0.0.1", "", b"port 1\nbind 127.0.0.1\n"),
        (ConfigFormat.DIRECTIVES, b"", "bind 127.0.0.1", "", b"bind 127.0.0.1\n"),
        (ConfigFormat.DIRECTIVES, b"Port 22\n# Match\nMatch User ada\n\tX no\nmatch all\n", "PermitRootLogin no", "",
         b"Port 22\n# Match\nPermitRootLogin no\nMatch User ada\n\tX no\nmatch all\n"),
        (ConfigFormat.INI, b"[a]\nx=1\n[www]\nuser=u\n[b]\n", "listen = 127.0.0.1:9000", "www.listen",
         b"[a]\nx=1\n[www]\nlisten = 127.0.0.1:9000\nuser=u\n[b]\n"),
        (ConfigFormat.INI, b"[pool]\nuser=u\n", "listen = 127.0.0.1:9000", "*.listen",
         b"[pool]\nlisten = 127.0.0.1:9000\nuser=u\n"),
        (ConfigFormat.TOML, b"a = 1\n[x]\nb = 1\n", 'addr = "127.0.0.1"', "addr",
         b'a = 1\naddr = "127.0.0.1"\n[x]\nb = 1\n'),
        (ConfigFormat.YAML, b"# c\nrest:\n  port: 1\n", "rest.bind-address: 127.0.0.1", "",
         b"# c\nrest:\n  port: 1\nrest.bind-address: 127.0.0.1\n"),
        (ConfigFormat.YAML, b"---\na: 1", "b: 2", "", b"---\na: 1\nb: 2"),
        (ConfigFormat.NATS, b"port: 4222\ncluster { port: 1 }\n", "host: 127.0.0.1", "",
         b"port: 4222\ncluster { port: 1 }\nhost: 127.0.0.1\n"),
    ],
)  # fmt: skip
def test_a_line_that_is_nowhere_comes_to_its_place(
    format_: ConfigFormat, content: bytes, after: str, key: str, becomes: bytes
) -> None:
    assert set_in(content, after, format_, key=key) == becomes


@pytest.mark.parametrize(
    ("format_", "content", "line", "after", "why"),
    [
        (ConfigFormat.DIRECTIVES, b"port 1\n", 1, "bind 127.0.0.1", "something else"),
        (ConfigFormat.DIRECTIVES, b"bind 1\n", 2, "bind 127.0.0.1", "no line 2"),
        (ConfigFormat.YAML, b"host: '0.0.0.0\n\n  '\n", 1, "host: a", "goes on"),
        (ConfigFormat.PROPERTIES, b'host="a\nb"\n', 1, "host=b", "goes on"),
        (ConfigFormat.PYTHON, b"c.a = '''x\nc.b = 1\n'''\n", 1, "c.a = 'y'", "read otherwise"),
        (ConfigFormat.NATS, b"listen: 0.0.0.0:4222, port: 1\n", 1, "listen: 127.0.0.1:4222", "read otherwise"),
        (ConfigFormat.YAML, b"a: [1,\n", None, "b: 2", "not at all"),
        (ConfigFormat.YAML, b"- host: a\n", 1, "host: b", "first of a list's entry"),
        (ConfigFormat.DIRECTIVES, b"bind 1\n", 1, "bind 1\nport 2", "not one line"),
        (ConfigFormat.DIRECTIVES, b"x \\\n", None, "bind 1", "goes on"),
        (ConfigFormat.DIRECTIVES, b"", None, "requirepass <a long random password>", "value of your own"),
        (ConfigFormat.PROPERTIES, b"host=a,\\\n  b\n", 1, "host=c", "goes on"),
        (ConfigFormat.YAML, b"host:\n  - 0.0.0.0\n", 1, "host: 127.0.0.1", "goes on"),
        (ConfigFormat.YAML, b"host:\n- 0.0.0.0\n", 1, "host: 127.0.0.1", "goes on"),
        (ConfigFormat.YAML, b"host: >\n  0.0.0.0\n", 1, "host: 127.0.0.1", "goes on"),
        (ConfigFormat.YAML, b"a: 1\n---\nb: 1\n", None, "host: 127.0.0.1", "more than one document"),
        (ConfigFormat.YAML, b"{a: 1}\n", None, "host: 127.0.0.1", "not lines"),
        (ConfigFormat.YAML, b"host: 1\n", None, "host: 127.0.0.1", "already"),
        (ConfigFormat.INI, b"[a]\n", None, "listen = 1", "no section"),
        (ConfigFormat.HBA, b"host all all 0.0.0.0/0 trust\n", None, "host all all 0.0.0.0/0 md5", "order"),
        (ConfigFormat.HADOOP, b"<configuration>\n", None, "x", "language"),
        (ConfigFormat.JSON, b"{}\n", 1, "x", "language"),
    ],
)  # fmt: skip
def test_what_one_line_cannot_say_is_refused_with_the_reason(
    format_: ConfigFormat, content: bytes, line: int | None, after: str, why: str
) -> None:
    with pytest.raises(NoPlaceError, match=why):
        set_in(content, after, format_, line=line, key="www.listen" if format_ is ConfigFormat.INI else "")


def test_a_line_that_is_no_longer_what_was_read_is_refused() -> None:
    with pytest.raises(NoPlaceError, match="no longer"):
        set_in(b"bind 10.0.0.1\n", "bind 127.0.0.1", ConfigFormat.DIRECTIVES, line=1, before="bind 0.0.0.0")


def test_the_language_of_a_file_is_that_of_its_usual_place_or_the_only_one_of_its_service() -> None:
    known = known_services()
    assert format_of(known["redis"], "/srv/own.conf") is ConfigFormat.DIRECTIVES
    assert format_of(known["flink"], "/opt/flink/conf/config.yaml") is ConfigFormat.YAML
