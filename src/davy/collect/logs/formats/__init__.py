"""The formats that logs are written in: a file for each, which says when a record was written.

What comes in is a line and a `Clock`, or a binary file; what goes out are times, or records.  Pure but for the binary
ones, which read the file they are given.  Everything is bounded, and nothing raises for what an enemy wrote.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from davy.collect.logs.formats import (
    access,
    apache_error,
    auditd,
    iso,
    jenkins,
    journal,
    json_lines,
    klog,
    laravel,
    lastlog,
    log4j,
    log4j_short,
    logfmt,
    mosquitto,
    nats,
    nginx_error,
    php,
    postgresql,
    redis,
    syslog,
    tornado,
    utmp,
)
from davy.collect.logs.formats.times import HEAD
from davy.collect.logs.record import Covers, Inner, Records, TimeOf
from davy.knowledge.services import LogFormat

TEXT: Final[Mapping[LogFormat, TimeOf]] = MappingProxyType(
    {
        LogFormat.LOG4J: log4j.time_of,
        LogFormat.LOG4J_SHORT: log4j_short.time_of,
        LogFormat.REDIS: redis.time_of,
        LogFormat.POSTGRESQL: postgresql.time_of,
        LogFormat.LOGFMT: logfmt.time_of,
        LogFormat.KLOG: klog.time_of,
        LogFormat.ACCESS: access.time_of,
        LogFormat.NGINX_ERROR: nginx_error.time_of,
        LogFormat.APACHE_ERROR: apache_error.time_of,
        LogFormat.PHP: php.time_of,
        LogFormat.SYSLOG: syslog.time_of,
        LogFormat.JENKINS: jenkins.time_of,
        LogFormat.TORNADO: tornado.time_of,
        LogFormat.JSON: json_lines.time_of,
        LogFormat.AUDITD: auditd.time_of,
        LogFormat.LARAVEL: laravel.time_of,
        LogFormat.NATS: nats.time_of,
        LogFormat.ISO: iso.time_of,
        LogFormat.MOSQUITTO: mosquitto.time_of,
    }
)
"""The formats whose records are lines."""

INNER: Final[Mapping[LogFormat, Inner]] = MappingProxyType(
    {
        LogFormat.JSON: json_lines.inner,
        LogFormat.AUDITD: auditd.inner,
        LogFormat.ISO: iso.inner,
    }
)
"""Those whose lines carry another text, or text that is encoded."""

REACH: Final[Mapping[TimeOf, int]] = MappingProxyType(
    dict.fromkeys(TEXT.values(), HEAD) | {access.time_of: access.LIMIT, json_lines.time_of: json_lines.WHOLE}
)
"""Of how many bytes of a line each wants to know to find the time: of most formats it stands at the begin."""

BINARY: Final[Mapping[LogFormat, Records]] = MappingProxyType(
    {LogFormat.UTMP: utmp.records, LogFormat.LASTLOG: lastlog.records, LogFormat.JOURNAL: journal.records}
)
"""The formats that are no text."""

COVERS: Final[Mapping[LogFormat, Covers]] = MappingProxyType(
    {LogFormat.UTMP: utmp.covers, LogFormat.JOURNAL: journal.covers}
)
"""From when to when a binary log tells, where that can be known without reading it."""
