"""Java's log4j and logback, and those that write like them: Flink, YARN, Kafka, Solr, Confluence, ActiveMQ, Nacos, Ray.

    2020-10-17 03:17:44,446 WARN  org.apache.flink.runtime.webmonitor.handlers.JarRunHandler   [] - Configuring ...
    [2024-01-02 03:04:05,678] INFO [KafkaServer id=0] started (kafka.server.KafkaServer)
    2024-01-02T03:04:05.678+01:00  INFO 1 --- [main] o.s.b.w.embedded.tomcat.TomcatWebServer  : Tomcat started
    2020-10-17 03:17:44 INFO main - Try to start service thread:AllocateMappedFileService started:false
    2020-10-17 03:17:44.446:INFO:oejs.Server:main: Started @812ms
    17-Oct-2020 03:17:44.446 INFO [main] org.apache.catalina.startup.Catalina.start Server startup in [812] ms

The parts of a second follow a comma or a dot, or are left out (RocketMQ).  What a message has on further lines stands
without a time.  Without an offset the time is that of the machine, or of what ``-Duser.timezone`` says.

Source: Log4j 2 manual, "Pattern layout" (``%d``); Logback manual, "Layouts"; the configurations that these ship;
Tomcat's ``OneLineFormatter``.
"""

from __future__ import annotations

import re
from typing import Final

from davy.collect.logs.formats.times import (
    CLOCK,
    DATE,
    HEAD,
    MONTH,
    OFFSET,
    SECONDS,
    minute,
    named_minute,
    offset_zone,
    part,
)
from davy.collect.logs.record import Clock

_TIME: Final = re.compile(
    rb"(?:\x1b\[[\d;]{0,12}m)?\[?(" + DATE + rb"[ T]" + CLOCK + rb"):(" + SECONDS + rb")(?:[.,](\d{1,9}))?"
    rb"(" + OFFSET + rb")?(?=[\s\]|:\x1b]|$)"
)
_TOMCAT: Final = re.compile(
    rb"([0-3]\d)-(" + MONTH + rb")-(\d{4}) (" + CLOCK + rb"):(" + SECONDS + rb")\.(\d{3}) [A-Z]{4,7} "
)


def time_of(line: bytes, clock: Clock) -> float | None:
    if found := _TIME.match(line, 0, HEAD):
        text, seconds, fraction, offset = found.groups()
        begin = minute(text, offset_zone(offset) if offset else clock.zone)
    elif found := _TOMCAT.match(line, 0, HEAD):
        day, name, year, time, seconds, fraction = found.groups()
        begin = named_minute(year, name, day, time, clock.zone)
    else:
        return None
    return None if begin is None else begin + int(seconds) + part(fraction)
