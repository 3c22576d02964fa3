"""When a record was written, by each format's own lines."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from importlib import import_module
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davy.collect.logs.formats import INNER, REACH, TEXT
from davy.collect.logs.record import Clock
from davy.knowledge.services import LogFormat as Format

BERLIN = ZoneInfo("Europe/Berlin")
LATEST = datetime(2020, 10, 17, 12, tzinfo=UTC).timestamp()
CLOCK = Clock(BERLIN, LATEST)
"""Two hours east of UTC on the day of most samples."""

SAMPLES: tuple[tuple[Format, bytes, str], ...] = (
    (Format.LOG4J, b"2020-10-17 03:17:44,446 WARN  org.apache.flink.JarRunHandler   [] - x", "2020-10-17T01:17:44.446"),
    (Format.LOG4J, b"2020-10-17 03:17:44.446 INFO  (qtp1-20) [   ] o.a.s.c.S.Request [x]", "2020-10-17T01:17:44.446"),
    (Format.LOG4J, b"2020-10-17 03:17:44,446 | INFO  | Apache ActiveMQ 5.15.15 | main", "2020-10-17T01:17:44.446"),
    (Format.LOG4J, b"[2020-10-17 03:17:44,446] INFO [KafkaServer id=0] started", "2020-10-17T01:17:44.446"),
    (Format.LOG4J, b"2020-10-17T03:17:44,446 INFO [main] x", "2020-10-17T01:17:44.446"),
    (Format.LOG4J, b"2020-10-17T03:17:44.446+09:00  INFO 1 --- [main] o.s.T : x", "2020-10-16T18:17:44.446"),
    (Format.LOG4J, b"2020-10-17T03:17:44.446Z  INFO 1 --- [main] o.s.T : x", "2020-10-17T03:17:44.446"),
    (Format.LOG4J, b"2020-10-17 03:17:44.446:INFO:oejs.Server:main: Started @812ms", "2020-10-17T01:17:44.446"),
    (Format.LOG4J, b"2020-10-17 03:17:44 INFO main - Try to start service thread", "2020-10-17T01:17:44"),
    (Format.LOG4J, b"2020-10-17 03:17:44,446\tINFO worker.py:1724 -- Started a local Ray", "2020-10-17T01:17:44.446"),
    (Format.LOG4J, b"[2020-10-17 03:17:44,446 I 8421 8421] (raylet) main.cc:1: x", "2020-10-17T01:17:44.446"),
    (Format.LOG4J, b"17-Oct-2020 03:17:44.446 INFO [main] org.apache.catalina.x y", "2020-10-17T01:17:44.446"),
    (Format.LOG4J, b"2020-12-31 23:59:60,500 WARN leap", "2020-12-31T23:00:00.500"),
    (Format.LOG4J_SHORT, b"20/10/17 03:17:44 INFO SecurityManager: x", "2020-10-17T01:17:44"),
    (Format.REDIS, b"1:M 17 Oct 2020 03:17:44.446 # Server initialized", "2020-10-17T01:17:44.446"),
    (Format.REDIS, b"8421:C 17 Oct 2020 03:17:44.446 * DB saved on disk", "2020-10-17T01:17:44.446"),
    (Format.REDIS, b"8421:signal-handler (1602904664) Received SIGTERM scheduling shutdown...",
     "2020-10-17T03:17:44"),
    (Format.REDIS, b"8421:M 17 Oct 03:17:44.446 * DB saved on disk", "2020-10-17T01:17:44.446"),
    (Format.REDIS, b"[8421] 17 Oct 03:17:44.446 * DB saved on disk", "2020-10-17T01:17:44.446"),
    (Format.REDIS, b"[8421] 17 Oct 03:17:44 - Accepted 192.0.2.7:50312", "2020-10-17T01:17:44"),
    (Format.REDIS, b"1:M 2020-10-17T03:17:44.446+02:00 * Background saving", "2020-10-17T01:17:44.446"),
    (Format.REDIS, b"1:M 1602904664446 * Background saving", "2020-10-17T03:17:44.446"),
    (Format.POSTGRESQL, b"2020-10-17 03:17:44.446 UTC [8421] postgres@postgres LOG:  x", "2020-10-17T03:17:44.446"),
    (Format.POSTGRESQL, b"2020-10-17 03:17:44.446 CEST [8421] LOG:  x", "2020-10-17T01:17:44.446"),
    (Format.POSTGRESQL, b"2020-10-17 03:17:44 UTC:192.0.2.7(5031):a@b:[8421]:LOG:  x", "2020-10-17T03:17:44"),
    (Format.POSTGRESQL, b"2020-10-17 03:17:44.446 +03 [8421] LOG:  x", "2020-10-17T00:17:44.446"),
    (Format.POSTGRESQL, b"2020-10-17 03:17:44.446 -0330 [8421] LOG:  x", "2020-10-17T06:47:44.446"),
    (Format.POSTGRESQL, b"2020-10-17 03:17:44.446 JST [8421] LOG:  x", "2020-10-16T18:17:44.446"),
    (Format.POSTGRESQL, b"[8421] 2020-10-17 03:17:44.446 UTC LOG:  x", "2020-10-17T03:17:44.446"),
    (Format.POSTGRESQL, b"8421 2020-10-17 03:17:44.446 UTC LOG:  x", "2020-10-17T03:17:44.446"),
    (Format.POSTGRESQL, b"< 2020-10-17 03:17:44.446 UTC >LOG:  x", "2020-10-17T03:17:44.446"),
    (Format.POSTGRESQL, b'2020-10-17 03:17:44.446 UTC,"ada","shop",8421,"192.0.2.7:50312"', "2020-10-17T03:17:44.446"),
    (Format.POSTGRESQL, b'{"timestamp":"2020-10-17 03:17:44.446 UTC","user":"ada"}', "2020-10-17T03:17:44.446"),
    (Format.POSTGRESQL, b"1602904664.446 [8421] LOG:  x", "2020-10-17T03:17:44.446"),
    (Format.LOGFMT, b'time="2020-10-17T03:17:44.446Z" level=warning msg="x"', "2020-10-17T03:17:44.446"),
    (Format.LOGFMT, b"ts=2020-10-17T03:17:44.446Z caller=main.go:1 level=info", "2020-10-17T03:17:44.446"),
    (Format.LOGFMT, b"logger=settings t=2020-10-17T03:17:44.446+02:00 level=info", "2020-10-17T01:17:44.446"),
    (Format.LOGFMT, b"ts=1602904664.446 level=info", "2020-10-17T03:17:44.446"),
    (Format.KLOG, b'I1017 03:17:44.446123       1 server.go:408] "Kubelet version"', "2020-10-17T01:17:44.446123"),
    (Format.KLOG, b"E20201017 03:17:44.446123  8421 main.cc:12] x", "2020-10-17T01:17:44.446123"),
    (Format.ACCESS, b'192.0.2.7 - - [17/Oct/2020:03:17:44 +0200] "GET / HTTP/1.1" 200 1', "2020-10-17T01:17:44"),
    (Format.ACCESS, b'2001:db8::7 - ada lovelace [17/Oct/2020:03:17:44 -0330] "GET / HTTP/1.1" 200 1 "-" "x"',
     "2020-10-17T06:47:44"),
    (Format.ACCESS, b'shop.example:443 192.0.2.7 - - [17/Oct/2020:03:17:44 +0000] "-" 408 0 "-" "-"',
     "2020-10-17T03:17:44"),
    (Format.ACCESS, b"[17/Oct/2020:03:17:44 +0200] - http-nio-8090-exec-4 192.0.2.7 GET / HTTP/1.1 200 1ms 1 - x",
     "2020-10-17T01:17:44"),
    (Format.ACCESS, b'192.0.2.7 -  17/Oct/2020:03:17:44 +0000 "POST /index.php" 200', "2020-10-17T03:17:44"),
    (Format.NGINX_ERROR, b"2020/10/17 03:17:44 [error] 8421#8421: *1 open() failed", "2020-10-17T01:17:44"),
    (Format.APACHE_ERROR, b"[Sat Oct 17 03:17:44.446123 2020] [cgid:error] [pid 8421] x", "2020-10-17T01:17:44.446123"),
    (Format.APACHE_ERROR, b"[Sat Oct 17 03:17:44 2020] [error] [client 192.0.2.7] x", "2020-10-17T01:17:44"),
    (Format.PHP, b"[17-Oct-2020 03:17:44] NOTICE: fpm is running, pid 8421", "2020-10-17T01:17:44"),
    (Format.PHP, b"[17-Oct-2020 03:17:44 UTC] PHP Warning:  x", "2020-10-17T03:17:44"),
    (Format.PHP, b"[17-Oct-2020 03:17:44 Asia/Tokyo] PHP Warning:  x", "2020-10-16T18:17:44"),
    (Format.PHP, b"[17-Oct-2020 03:17:44 No/Such] PHP Warning:  x", "2020-10-17T01:17:44"),
    (Format.PHP, b"[17-Oct-2020 03:17:44 +05:30] PHP Warning:  x", "2020-10-16T21:47:44"),
    (Format.SYSLOG, b"Oct 17 03:17:44 web1 sshd[8421]: Accepted password for ada", "2020-10-17T01:17:44"),
    (Format.SYSLOG, b"Oct  7 03:17:44 web1 CRON[8421]: (root) CMD (x)", "2020-10-07T01:17:44"),
    (Format.SYSLOG, b"<38>Oct 17 03:17:44 web1 sshd[8421]: x", "2020-10-17T01:17:44"),
    (Format.SYSLOG, b"2020-10-17T03:17:44.446123+00:00 web1 sshd[8421]: x", "2020-10-17T03:17:44.446123"),
    (Format.SYSLOG, b"<38>1 2020-10-17T03:17:44.446Z web1 sshd 8421 - - x", "2020-10-17T03:17:44.446"),
    (Format.SYSLOG, b"Oct 17 2019 03:17:44 fw1 : x", "2019-10-17T01:17:44"),
    (Format.JENKINS, b"Oct 17, 2020 3:17:44 AM hudson.WebAppMain$3 run", "2020-10-17T01:17:44"),
    (Format.JENKINS, b"Oct 17, 2020 12:17:44 AM hudson.WebAppMain$3 run", "2020-10-16T22:17:44"),
    (Format.JENKINS, "Oct 17, 2020, 12:17:44\u202fPM hudson.WebAppMain$3 run".encode(), "2020-10-17T10:17:44"),
    (Format.JENKINS, b"2020-10-17 03:17:44.446+0000 [id=25]\tINFO\thudson.x#y: z", "2020-10-17T03:17:44.446"),
    (Format.TORNADO, b"[W 2020-10-17 03:17:44.446 ServerApp] x", "2020-10-17T01:17:44.446"),
    (Format.TORNADO, b"\x1b[32m[I 2020-10-17 03:17:44.446 ServerApp]\x1b(B\x1b[m x", "2020-10-17T01:17:44.446"),
    (Format.TORNADO, b"[I 201017 03:17:44 web:2239] 200 GET / (192.0.2.7) 1.23ms", "2020-10-17T01:17:44"),
    (Format.TORNADO, b"[W 03:17:44.446 NotebookApp] x", "2020-10-17T01:17:44.446"),
    (Format.TORNADO, b"[W 14:01:01.446 NotebookApp] x", "2020-10-16T12:01:01.446"),
    (Format.JSON, b'{"level":"info","ts":"2020-10-17T03:17:44.446Z","msg":"x"}', "2020-10-17T03:17:44.446"),
    (Format.JSON, b'{"type": "server", "timestamp": "2020-10-17T03:17:44,446Z"}', "2020-10-17T03:17:44.446"),
    (Format.JSON, b'{"@timestamp":"2020-10-17T03:17:44.446+02:00","message":"x"}', "2020-10-17T01:17:44.446"),
    (Format.JSON, b'{"level":"info","ts":1602904664.446,"msg":"x"}', "2020-10-17T03:17:44.446"),
    (Format.JSON, b'{"time":1602904664446,"msg":"x"}', "2020-10-17T03:17:44.446"),
    (Format.JSON, b'{"t":{"$date":"2020-10-17T03:17:44.446+00:00"},"s":"I"}', "2020-10-17T03:17:44.446"),
    (Format.JSON, b'{"kind":"Event","requestObject":{"time":"1999-01-01T00:00:00Z"},'
     b'"requestReceivedTimestamp":"2020-10-17T03:17:44.446123Z"}', "2020-10-17T03:17:44.446123"),
    (Format.JSON, b'{"log":"' + b"\\u003c" * 3000 + b'","stream":"stdout","time":"2020-10-17T03:17:44.446Z"}\n',
     "2020-10-17T03:17:44.446"),
    (Format.JSON, b'{"a":{"ts":1},"ts":"2020-10-17T03:17:44.446Z","message":"cut of', "2020-10-17T03:17:44.446"),
    (Format.JSON, b'{"ts":"2020-10-17T03:17:44.446Z","message":"not UTF-8: \xff"}', "2020-10-17T03:17:44.446"),
    (Format.AUDITD, b'type=EXECVE msg=audit(1602904664.446:123): argc=1 a0="id"', "2020-10-17T03:17:44.446"),
    (Format.AUDITD, b"node=web1 type=UNKNOWN[1334] msg=audit(1602904664.446:123): x", "2020-10-17T03:17:44.446"),
    (Format.LARAVEL, b"[2020-10-17 03:17:44] production.ERROR: x", "2020-10-17T03:17:44"),
    (Format.LARAVEL, b"[2020-10-17T03:17:44.446123+02:00] local.ERROR: x", "2020-10-17T01:17:44.446123"),
    (Format.NATS, b"[8421] 2020/10/17 03:17:44.446123 [INF] Server is ready", "2020-10-17T01:17:44.446123"),
    (Format.NATS, b"[8421] 2020/10/17 03:17:44.446123 UTC [INF] Server is ready", "2020-10-17T03:17:44.446123"),
    (Format.ISO, b"2020-10-17  3:17:44 0 [Note] Starting MariaDB", "2020-10-17T01:17:44"),
    (Format.ISO, b"2020-10-17T03:17:44.446123Z 8 [Note] [MY-010914] x", "2020-10-17T03:17:44.446123"),
    (Format.ISO, b"2020-10-17 03:17:44.446123+00:00 [info] <0.222.0> x", "2020-10-17T03:17:44.446123"),
    (Format.ISO, b"2020-10-17 03:17:44,446 [salt.master :1][INFO ][8421] x", "2020-10-17T01:17:44.446"),
    (Format.ISO, b"2020/10/17 03:17:44 HTTPRequest [I] router: completed GET /", "2020-10-17T01:17:44"),
    (Format.ISO, b"(N) 2020-10-17T03:17:44 - WebAPI login success. IP: 192.0.2.7", "2020-10-17T01:17:44"),
    (Format.ISO, b"201017  3:17:44\t    31 Query\tSELECT 1", "2020-10-17T01:17:44"),
    (Format.ISO, b"[2020-10-17 03:17:44] x", "2020-10-17T01:17:44"),
    (Format.ISO, b"2020-10-17 03:17:44 UTC x", "2020-10-17T03:17:44"),
    (Format.ISO, b"2020-10-17 03:17:44 status installed x", "2020-10-17T01:17:44"),
    (Format.MOSQUITTO, b"1602904664: mosquitto version 2.0.11 starting", "2020-10-17T03:17:44"),
    (Format.MOSQUITTO, b"2020-10-17T03:17:44: mosquitto version 2.0.11 starting", "2020-10-17T01:17:44"),
)  # fmt: skip

CONTINUATIONS = (
    b"",
    b"\n",
    b"java.io.IOException: Connection reset by peer",
    b"\tat java.lang.Thread.run(Thread.java:834) [?:?]",
    b"Caused by: java.lang.IllegalStateException: 2020-10-17 03:17:44,446",
    b"\tDROP TABLE x; -- 2020-10-17 03:17:44.446 UTC",
    b"INFO: Jenkins is fully up and running",
    b"#1 {main}",
    b'"}',
    b'  "time": "2020-10-17T03:17:44Z"',
    b'{"message": "no time"}',
    b'{"message": "\\"time\\":\\"2020-10-17T03:17:44Z\\""}',
    b'msg="a" time="2020-10-17T03:17:44Z"',
    b"2020-13-17 03:17:44,446 WARN x",
    b"2020-02-30 03:17:44,446 WARN x",
    b"2020-10-17 24:17:44,446 WARN x",
    b"2020-10-17 03:61:44,446 WARN x",
    b"2020-10-17 03:17:61,446 WARN x",
    b" 2020-10-17 03:17:44,446 WARN x",
    "２０２０-10-17 03:17:44,446 WARN x".encode(),
    b"0000-00-00 00:00:00,000 WARN x",
    b"20/13/17 03:17:44 INFO x",
    b"20/10/17 03:17:44 not a level",
    b"Oct 32 03:17:44 web1 sshd[1]: x",
    b"Oct 17 25:17:44 web1 sshd[1]: x",
    b"Okt 17 03:17:44 web1 sshd[1]: x",
    b"Oct 17, 2020 13:17:44 AM hudson.x y",
    b"[31-Nov-2020 03:17:44] NOTICE: x",
    b"[Sat Foo 17 03:17:44 2020] [error] x",
    b"1602904664",
    b"16029046640000000000000000: x",
    b"type=EXECVE msg=audit(x:123): argc=1",
    b"1:M 31 Feb 2020 03:17:44.446 # x",
    b"I1301 03:17:44.446123       1 server.go:408] x",
    b'GET / [17/Oct/2020:03:17:44 +0200] HTTP/1.1" 200',
    b'192.0.2.7 - - [17/Xxx/2020:03:17:44 +0200] "GET /" 200',
)


@pytest.mark.parametrize(("form", "line", "moment"), SAMPLES, ids=lambda value: str(value)[:48])
def test_a_record_is_timed(form: Format, line: bytes, moment: str) -> None:
    expected = datetime.fromisoformat(moment).replace(tzinfo=UTC).timestamp()

    for ending in (b"", b"\n", b"\r\n"):
        assert TEXT[form](line + ending, CLOCK) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("form", TEXT)
def test_every_format_has_samples_here_and_in_its_docstring(form: Format) -> None:
    name = {Format.JSON: "json_lines"}.get(form, form.value.replace("-", "_"))
    told = import_module(f"davy.collect.logs.formats.{name}").__doc__ or ""
    lines = [line.removeprefix("    ").encode() for line in told.splitlines() if line.startswith("    ")]

    assert any(sample[0] is form for sample in SAMPLES)
    assert any(TEXT[form](line, CLOCK) is not None for line in lines)
    assert "Source: " in told


@pytest.mark.parametrize("line", CONTINUATIONS)
def test_a_line_that_goes_on_has_no_time_in_any_format(line: bytes) -> None:
    assert {form: time_of(line, CLOCK) for form, time_of in TEXT.items()} == dict.fromkeys(TEXT)


@pytest.mark.parametrize(
    ("form", "other"),
    [
        (Format.REDIS, Format.LOG4J), (Format.SYSLOG, Format.REDIS), (Format.ACCESS, Format.NGINX_ERROR),
        (Format.NGINX_ERROR, Format.NATS), (Format.NGINX_ERROR, Format.ISO), (Format.NATS, Format.ISO),
        (Format.KLOG, Format.SYSLOG), (Format.LARAVEL, Format.LOG4J),
        (Format.JSON, Format.LOGFMT), (Format.PHP, Format.APACHE_ERROR), (Format.APACHE_ERROR, Format.PHP),
        (Format.AUDITD, Format.SYSLOG), (Format.TORNADO, Format.KLOG), (Format.LOG4J_SHORT, Format.NGINX_ERROR),
    ],
)  # fmt: skip
def test_the_records_of_another_format_are_refused(form: Format, other: Format) -> None:
    assert all(TEXT[form](line, CLOCK) is None for of, line, _ in SAMPLES if of is other)


def test_neither_a_user_name_nor_a_request_moves_the_time_of_an_access() -> None:
    real = datetime(2020, 10, 17, 3, 17, 44, tzinfo=UTC).timestamp()
    for line in (
        rb'192.0.2.7 - x [01/Jan/1999:00:00:00 +0000] [17/Oct/2020:03:17:44 +0000] "GET / HTTP/1.1" 200 1',
        rb'192.0.2.7 - x [01/Jan/1999:00:00:00 +0000] \"GET / [17/Oct/2020:03:17:44 +0000] "GET / HTTP/1.1" 200 1',
        rb'192.0.2.7 - x [01/Jan/1999:00:00:00 +0000] \x22GET [17/Oct/2020:03:17:44 +0000] "GET / HTTP/1.1" 200 1',
        rb'192.0.2.7 - x\\ [17/Oct/2020:03:17:44 +0000] "GET / HTTP/1.1" 200 1',
        rb'192.0.2.7 - - [17/Oct/2020:03:17:44 +0000] "GET /\" [01/Jan/1999:00:00:00 +0000] \"" 200 1 "-" "-"',
        rb'192.0.2.7 - - [17/Oct/2020:03:17:44 +0000] "GET /" 200 1 "-" "x - - [01/Jan/1999:00:00:00 +0000] \"GET"',
        rb'192.0.2.7 -  17/Oct/2020:03:17:44 +0000 "GET / 01/Jan/1999:00:00:00 +0000 " 200',
        rb'[17/Oct/2020:03:17:44 +0000] - e 192.0.2.7 GET / HTTP/1.1 200 1ms 5 - x - - [01/Jan/1999:00:00:00 +0000] "',
    ):
        assert TEXT[Format.ACCESS](line, CLOCK) == real


def test_no_value_of_a_client_moves_the_time_of_an_object() -> None:
    line = (
        rb'{"ua":"\",\"time\":\"1999-01-01T00:00:00Z\\","in":{"ts":1},"l":[{"t":5}],"timestamp":"2020-10-17T03:17:44Z"'
    )

    for ending in (b"}", b', "cut of'):
        assert TEXT[Format.JSON](line + ending, CLOCK) == datetime(2020, 10, 17, 3, 17, 44, tzinfo=UTC).timestamp()


@pytest.mark.parametrize("form", TEXT)
def test_a_time_far_into_a_line_is_none_of_the_records(form: Format) -> None:
    line = next(line for of, line, _ in SAMPLES if of is form)

    assert TEXT[form](b" " * REACH[TEXT[form]] + line, CLOCK) is None


PIECES = st.sampled_from([
    b"2020-10-17", b"03:17:44", b" ", b"T", b",446", b".446", b"Z", b"+99:99", b"-0000", b"[", b"]", b"Oct", b"17",
    b"Oct  7", b"20/10/17", b"2020/10/17", b"1:M ", b'"', b"\\", b"{", b"}", b'"time":', b'"ts":', b"9" * 12, b"INFO ",
    b"time=", b"I1017 ", b"[W ", b"type=A msg=audit(", b":1)", b" - - [17/Oct/2020:03:17:44 +0200] ", b"9999-12-31",
    b"0001-01-01", b"AM ", b"PM", b"UTC", b"Europe/Berlin", b"Sat ", b"2020", b": ", b"\0", b"\n", b"\xff",
    b"proctitle=41",
    b"23:59:60", b"Feb 29 ",
])  # fmt: skip
ZONES = st.sampled_from([UTC, BERLIN, ZoneInfo("Asia/Kathmandu"), ZoneInfo("America/St_Johns")])
LATESTS = st.one_of(st.floats(), st.sampled_from([0.0, LATEST, 253402300799.0, -62135596800.0]))


@given(line=st.one_of(st.binary(max_size=600), st.lists(PIECES, max_size=14).map(b"".join)), zone=ZONES, latest=LATESTS)
def test_any_bytes_have_a_finite_time_or_none(line: bytes, zone: ZoneInfo, latest: float) -> None:
    for time_of in TEXT.values():
        time = time_of(line, Clock(zone, latest))
        assert time is None or math.isfinite(time)
    for inner in INNER.values():
        assert inner(line) is None or isinstance(inner(line), bytes)


@given(sample=st.sampled_from(SAMPLES), at=st.integers(0, 60), byte=st.integers(0, 255), latest=LATESTS)
def test_a_broken_record_has_a_finite_time_or_none(
    sample: tuple[Format, bytes, str], at: int, byte: int, latest: float
) -> None:
    form, line, _ = sample
    broken = line[:at] + bytes([byte]) + line[at + 1 :]

    time = TEXT[form](broken, Clock(BERLIN, latest))
    assert time is None or math.isfinite(time)
