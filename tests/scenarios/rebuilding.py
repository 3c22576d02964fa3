"""A story rebuilt: its tree read by the collectors, its processes as facts, judged as a scan judges."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final

import msgspec
from tests.scenarios.stories import Story, StoryProcess
from tests.unit.snapshots import BOOT, TAKEN, detail, kernel_thread, process

from davy.collect.facts import every
from davy.collect.logs import log_facts
from davy.collect.services import services
from davy.collect.survey import survey
from davy.correlate import correlate
from davy.correlate.moments import spans
from davy.detect import detect, triage
from davy.host import Host, MemoryRoot, RecordedKernel
from davy.host.packages import packages
from davy.host.procfs import RecordedProcfs
from davy.model.facts import Gap, Load, Process, Socket
from davy.model.facts import Host as HostFacts
from davy.model.incidents import Judgement
from davy.model.logs import ClockStep, LogHit, LogRead
from davy.model.services import Service
from davy.model.snapshot import Snapshot

_UIDS: Final = {"root": 0, "www-data": 33, "ada": 1000, "redis": 999, "postgres": 999, "flink": 9999}


def rebuilt(story: Story) -> Snapshot:
    """The facts of the story's host, as a scan has them before it looks into logs."""
    host = Host(MemoryRoot(story.tree(TAKEN)))
    surveyed = survey(host, 0.0, packages(host.root, forgiving=True))
    processes = tuple(_process(story, one) for one in story.process)
    sockets = tuple(_listening(story, one.pid, one.address, one.port) for one in story.listening)
    pids = {one.id: one for one in story.container}
    containers = tuple(
        msgspec.structs.replace(one, pid=pids[one.id].pid, running=True, cgroup=pids[one.id].cgroup)
        for one in surveyed.containers
    )
    seen = Host(host.root, RecordedKernel(_procfs(story, sockets), now=TAKEN))
    found = list(services(seen, processes, sockets, containers))
    snapshot = msgspec.structs.replace(
        surveyed, live=True, taken=TAKEN, processes=processes, sockets=sockets, containers=containers,
        host=HostFacts(
            name="box", kernel="6.1.0", boot_time=BOOT, boot_id="b", cpus=4, installed=surveyed.host.installed
        ),
        load=Load(window_seconds=1.0, busy_cores=sum(one.cores for one in story.process)),
        services=every(found, Service), gaps=surveyed.gaps + every(found, Gap),
    )  # fmt: skip
    named = triage(snapshot).processes
    return msgspec.structs.replace(snapshot, details=tuple(detail(one) for one in processes if one.subject in named))


def judged(story: Story) -> Judgement:
    """What a scan says of the story's host."""
    snapshot = rebuilt(story)
    first = correlate(snapshot, detect(snapshot))
    if not first.incidents:
        return first
    host = Host(MemoryRoot(story.tree(TAKEN)))
    facts = list(log_facts(host, snapshot.services, spans(snapshot, first.incidents)))
    richer = msgspec.structs.replace(
        snapshot,
        log_hits=every(facts, LogHit), logs_read=every(facts, LogRead), clock_steps=every(facts, ClockStep),
        gaps=snapshot.gaps + every(facts, Gap),
    )  # fmt: skip
    return correlate(richer, detect(richer))


def entries(story: Story) -> tuple[LogHit, ...]:
    """What all the logs of the story's host say."""
    host = Host(MemoryRoot(story.tree(TAKEN)))
    return every(list(log_facts(host, rebuilt(story).services, None)), LogHit)


def _procfs(story: Story, sockets: Sequence[Socket]) -> RecordedProcfs:
    """Whose the sockets are, and which processes are in namespaces of their own."""
    files = {"self/ns/net": "-> net:[1]", "self/ns/mnt": "-> mnt:[1]"}
    boxes = {box.name: box for box in story.container}
    for one in story.process:
        box = boxes.get(one.container or "")
        outside = box is None or box.network_mode == "host"
        files[f"{one.pid}/ns/net"] = "-> net:[1]" if outside else f"-> net:[{one.pid}]"
        files[f"{one.pid}/ns/mnt"] = "-> mnt:[1]" if box is None else f"-> mnt:[{one.pid}]"
        files[f"{one.pid}/root"] = "-> /"
        files[f"{one.pid}/fd/0"] = "-> /dev/null"
        files[f"{one.pid}/environ"] = "".join(f"{word}\0" for word in (box.environment if box else ()))
    files |= {f"{pid}/fd/3": f"-> socket:[{socket.inode}]" for socket in sockets for pid in socket.pids}
    return RecordedProcfs(files)


def _process(story: Story, one: StoryProcess) -> Process:
    if one.kernel_thread:
        return kernel_thread(one.pid, one.name or "kthread", one.cores)
    box = next((box for box in story.container if box.name == one.container), None)
    cgroup = box.cgroup if box else f"/system.slice/{one.unit}" if one.unit else "/user.slice"
    made = process(
        one.pid, *one.command, exe=one.exe or one.command[0], name=one.name, ppid=one.ppid, age=one.minutes * 60,
        cores=one.cores, user=None, cgroup=cgroup, deleted=one.deleted, cwd=one.cwd,
    )  # fmt: skip
    return msgspec.structs.replace(made, uid=_UIDS.get(one.user, 4000), user=one.user)


def _listening(story: Story, pid: int, address: str, port: int) -> Socket:
    inode = int.from_bytes(hashlib.sha256(f"{pid}{address}{port}".encode()).digest()[:4])
    user = next(one.user for one in story.process if one.pid == pid)
    return Socket(
        protocol="tcp", state="LISTEN", local_address=address, local_port=port, remote_address="0.0.0.0",
        remote_port=0, inode=inode, uid=_UIDS.get(user, 4000), pids=(pid,),
    )  # fmt: skip
