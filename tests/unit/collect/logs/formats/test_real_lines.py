"""Lines as the programs wrote them, on a machine in Newfoundland, three and a half hours west of UTC in winter.

Redis 7.0, nats-server 2.9, Mosquitto 2.0, PostgreSQL 15, MariaDB 10.11, nginx 1.22, Apache 2.4, PHP 8.2, OpenSSH 9.2
with rsyslog 8.2302 and cron, RabbitMQ 3.10, all of Debian 12.
"""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from davy.collect.logs.formats import TEXT
from davy.collect.logs.record import Clock
from davy.knowledge.services import LogFormat as Format

NEWFOUNDLAND = ZoneInfo("America/St_Johns")

LINES = (
    (Format.REDIS, "16031:C 25 Nov 2026 17:38:52.291 * DB saved on disk", "21:08:52.291"),
    (Format.REDIS, "16023:signal-handler (1795640932) Received SIGTERM scheduling shutdown...", "21:08:52"),
    (Format.NATS, "[16038] 2026/11/25 17:38:52.877750 [INF] Starting nats-server", "21:08:52.877750"),
    (Format.MOSQUITTO, "1795640934: mosquitto version 2.0.11 starting", "21:08:54"),
    (Format.MOSQUITTO, "2026-11-25T17:38:55: mosquitto version 2.0.11 starting", "21:08:55"),
    (Format.POSTGRESQL,
     "2026-11-25 17:39:18.146 NST [16783] LOG:  starting PostgreSQL 15.20 (Debian 15.20-0+deb12u1)", "21:09:18.146"),
    (Format.POSTGRESQL, '2026-11-25 17:39:20 NST::@:[16831]: LOG:  listening on IPv4 address "127.0.0.1"', "21:09:20"),
    (Format.POSTGRESQL, "1795640964.183 [16850] LOG:  listening on IPv4 address", "21:09:24.183"),
    (Format.POSTGRESQL, "< 2026-11-25 17:39:26.204 NST >LOG:  listening on IPv4 address", "21:09:26.204"),
    (Format.POSTGRESQL, "[16962] [2026-11-25 17:39:28.218 NST] LOG:  listening on IPv4 address", "21:09:28.218"),
    (Format.POSTGRESQL, "2026-11-26 02:54:30.245 +0545,,,16971,,6b074e8a.424b,2,,2026-11-26 02:54:30 +0545,,0,LOG",
     "21:09:30.245"),
    (Format.JSON, '{"timestamp":"2026-11-26 02:54:30.245 +0545","pid":16971,"session_id":"6b074e8a.424b","line_num":2}',
     "21:09:30.245"),
    (Format.ISO, "2026-11-25 17:39:36 0 [Note] InnoDB: Compressed tables use zlib 1.2.13", "21:09:36"),
    (Format.ISO, "2026-11-25 20:29:17.885365+00:00 [info] <0.733.0> connection <0.733.0> (127.0.0.1:34432",
     "20:29:17.885365"),
    (Format.ACCESS, '127.0.0.1 - x [01/Jan/1999 [25/Nov/2026:17:54:50 -0330] "GET /z HTTP/1.0" 404 153 "-" "-"',
     "21:24:50"),
    (Format.ACCESS, r'127.0.0.1 - a\x5C [25/Nov/2026:17:54:50 -0330] "GET /z HTTP/1.0" 404 153 "-" "-"', "21:24:50"),
    (Format.ACCESS, r'127.0.0.1 - - [25/Nov/2026:17:38:57 -0330] "\x16\x03\x01\x00\xEE" 400 157 "-" "-"', "21:08:57"),
    (Format.ACCESS, '127.0.0.1 - - [25/Nov/2026:17:38:57 -0330] "GET /x HTTP/1.0" 404 153 "-"'
     r' "x [01/Jan/1999:00:00:00 +0000] \x22GET /"', "21:08:57"),
    (Format.ACCESS, r'127.0.0.1 - a\\ [25/Nov/2026:17:54:59 -0330] "GET /z HTTP/1.0" 401 708 "-" "-"', "21:24:59"),
    (Format.ACCESS, r'127.0.0.1 - - [25/Nov/2026:17:38:57 -0330] "GET /y\" [01/Jan/1999:00:00:00" 400 525 "-" "-"',
     "21:08:57"),
    (Format.NGINX_ERROR, '2026/11/25 17:54:50 [crit] 654#654: *3 stat() "/var/www/html/z" failed (13)',
     "21:24:50"),
    (Format.APACHE_ERROR, "[Wed Nov 25 17:54:59.723434 2026] [auth_basic:error] [pid 588:tid 605] [client "
     "127.0.0.1:46808] AH01618: user q [01/Jan/1999 not found: /z", "21:24:59.723434"),
    (Format.PHP, "[25-Nov-2026 17:38:57] NOTICE: fpm is running, pid 340", "21:08:57"),
    (Format.PHP, "[25-Nov-2026 21:24:40 UTC] PHP Fatal error:  Uncaught ValueError: system(): Argument #1 ($command)",
     "21:24:40"),
    (Format.PHP, "[26-Nov-2026 03:09:41 Asia/Kathmandu] PHP Fatal error:  Uncaught Error: Call to undefined",
     "21:24:41"),
    (Format.SYSLOG, "2026-11-25T21:05:27.767729+00:00 vm sshd[196]: Accepted password for ada from 192.0.2.7 port 45073"
     " ssh2", "21:05:27.767729"),
    (Format.SYSLOG, "Nov 25 17:54:01 vm CRON[486]: pam_unix(cron:session): session closed for user root", "21:24:01"),
)  # fmt: skip


@pytest.mark.parametrize(("form", "line", "time"), LINES, ids=lambda value: str(value)[:40])
def test_a_line_of_a_real_program_is_timed(form: Format, line: str, time: str) -> None:
    expected = datetime.fromisoformat(f"2026-11-25T{time}").replace(tzinfo=UTC).timestamp()

    assert TEXT[form](line.encode(), Clock(NEWFOUNDLAND, expected + 3600)) == pytest.approx(expected, abs=1e-6)
