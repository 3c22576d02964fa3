"""Logs of a Flink session cluster, as tests write them."""

from __future__ import annotations

import time
from collections.abc import Sequence

from davy.collect.logs import USUAL, Budget, log_facts
from davy.host import Entry, Host, MemoryRoot, Root
from davy.model.facts import Gap
from davy.model.logs import ClockStep, LogHit, LogRead, Span
from davy.model.services import Service

FOLDER = "/opt/flink/log"
LOG = f"{FOLDER}/flink-root-standalonesession-0-box.log"
ENTRY_TIME = 1602904664.0
"""2020-10-17 03:17:44 UTC"""
Fact = LogHit | LogRead | ClockStep | Gap


def stamp(at: float) -> str:
    return f"{time.strftime('%Y-%m-%d %H:%M:%S', time.gmtime(at))},{round(at % 1 * 1000):03}"


def quiet(at: float) -> str:
    return f"{stamp(at)} INFO  org.apache.flink.runtime.dispatcher.DispatcherRestEndpoint   [] - Nothing to do.\n"


def started(at: float) -> str:
    return f"{stamp(at)} INFO  org.apache.flink.client.ClientUtils                          [] - " + (
        "Starting program (detached: true)\n"
    )


def ran(at: float) -> str:
    return f"{stamp(at)} ERROR org.apache.flink.runtime.webmonitor.handlers.JarRunHandler   [] - " + (
        "Exception occurred in REST handler: No jobs included in application.\n"
    )


def broken_off(at: float, level: str = "WARN ", whom: str = "runtime.dispatcher.DispatcherRestEndpoint") -> str:
    said = "Unhandled exception" if level == "WARN " else "Caught exception"
    return (
        f"{stamp(at)} {level} org.apache.flink.{whom}   [] - {said}\n"
        "java.io.IOException: Connection reset by peer\n"
        "\tat sun.nio.ch.FileDispatcherImpl.read0(Native Method) ~[?:1.8.0_265]\n"
        "\tat sun.nio.ch.SocketDispatcher.read(SocketDispatcher.java:39) ~[?:1.8.0_265]\n"
        "\tat java.lang.Thread.run(Thread.java:748) [?:1.8.0_265]\n"
    )


def hours(begin: float, end: float, every: float = 10.0) -> str:
    """Quiet lines from one time to another."""
    return "".join(quiet(begin + every * number) for number in range(int((end - begin) / every)))


def facts(
    files: dict[str, Entry], spans: Sequence[Span] | None = None, path: str = LOG, budget: Budget = USUAL
) -> list[Fact]:
    return read(MemoryRoot({**files}), spans, path, budget)


def read(root: Root, spans: Sequence[Span] | None = None, path: str = LOG, budget: Budget = USUAL) -> list[Fact]:
    service = Service(kind="flink", running=True, logs=(path,))
    return list(log_facts(Host(root), [service], spans, budget=budget))


def hits(found: Sequence[Fact]) -> list[LogHit]:
    return [fact for fact in found if isinstance(fact, LogHit)]


def gaps(found: Sequence[Fact]) -> list[str]:
    return [f"{fact.what}: {fact.why}" for fact in found if isinstance(fact, Gap)]


def reads(found: Sequence[Fact]) -> dict[str, LogRead]:
    return {fact.path: fact for fact in found if isinstance(fact, LogRead)}


def steps(found: Sequence[Fact]) -> list[ClockStep]:
    return [fact for fact in found if isinstance(fact, ClockStep)]
