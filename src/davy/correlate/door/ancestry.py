"""Who started the first of them: the chain of parents, and where it is cut, what only a service's own share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from davy.correlate.cast import inside
from davy.correlate.door.candidates import named
from davy.correlate.door.sessions import logged_in, may_be_scheduled
from davy.correlate.door.story import Candidate, Ground, Speaks, Story, Way
from davy.knowledge.programs import interpreter
from davy.model.cgroup_names import group_name, short_ids
from davy.model.containers import Container
from davy.model.facts import Process
from davy.model.lookup import lookup

_PARENT: Final = 6.0
_CONTAINER: Final = 5.0
_GROUP: Final = 5.5
_SESSION: Final = 2.5
_ACCOUNT: Final = 3.0
_LOGIN: Final = 4.0
_MADE: Final = 5.0
_RUNNING: Final = 4.0
_PERSONS: Final = 1000
"""From this user id on accounts are people's: much else runs as they."""
_SHARED_GROUPS: Final = frozenset({
    "/", "/init.scope", "/system.slice", "/user.slice", "/system.slice/cron.service", "/system.slice/crond.service",
    "/system.slice/atd.service",
})  # fmt: skip
_DOCKER: Final = ("docker", "docker-api", "podman", "containerd", "kubelet", "kube-api")
"""Services through which containers are made."""
_INITS: Final = frozenset(
    {"tini", "tini-static", "docker-init", "dumb-init", "catatonit", "sh", "bash", "dash", "ash", "busybox"}
)  # fmt: skip
"""What is often a container's first process and only starts the one that it is made for."""
_CLOCKS: Final = 86_400.0
"""Clocks of hosts and images differ by less."""
_CHAIN: Final = 6


def ancestry(story: Story, candidate: Candidate) -> Iterator[Speaks]:
    """What ties the incident's processes to a door by descent, container, control group, session or account."""
    if candidate.way is Way.LOGIN:
        yield from _login(story, candidate)
    elif candidate.way is Way.CONTAINER:
        yield from _container(story, candidate)
    elif candidate.way is Way.PACKAGE:
        yield from _package(story, candidate)
    else:
        yield from _service(story, candidate)


def _service(story: Story, candidate: Candidate) -> Iterator[Speaks]:
    own = {process.pid for process in candidate.processes}
    ways = lookup(story.snapshot)
    for process in story.cast.processes:
        above = list(ways.ancestors(process))
        started = next((one for one in above if one.pid in own), None)
        if started is not None:
            yield _started(started, above, process)
            break
    yield from _same_container(story, candidate)
    groups = {process.cgroup for process in candidate.processes if _telling(process.cgroup)}
    sessions = {process.session for process in candidate.processes if process.session > 1}
    for process in story.cast.processes:
        what = f"{process.name} ({process.pid})"
        if process.cgroup is not None and process.cgroup in groups:
            group = short_ids(process.cgroup)
            yield Speaks(Ground.ANCESTRY, _GROUP, f"{what} is in its control group {group}", shows=True)
            break
        if process.session in sessions:
            yield Speaks(Ground.ANCESTRY, _SESSION, f"{what} is in its session", shows=True)
            break
    yield from _account(story, candidate)
    if candidate.kind in _DOCKER and candidate.exposures:
        yield from _made_there(story)


def _started(by: Process, above: Sequence[Process], process: Process) -> Speaks:
    chain = [by, *reversed(above[: above.index(by)]), process]
    words = " -> ".join(f"{one.name} ({one.pid})" for one in chain[:_CHAIN])
    return Speaks(Ground.ANCESTRY, _PARENT, f"started by a process of it: {words}", shows=True)


def _telling(cgroup: str | None) -> bool:
    """Whether a control group is one service's own: not everybody's, no login's, and not a container's, which is told
    by its name.
    """
    if not cgroup or cgroup in _SHARED_GROUPS or "/session-" in cgroup:
        return False
    return group_name(cgroup) is None


def _same_container(story: Story, candidate: Candidate) -> Iterator[Speaks]:
    if candidate.container is None:
        return
    for process in story.cast.processes:
        if inside(story.snapshot, process, candidate.container):
            what = f"{process.name} ({process.pid}) is in its container {named(candidate.container)}"
            yield Speaks(Ground.ANCESTRY, _CONTAINER, what, shows=True)
            return


def _account(story: Story, candidate: Candidate) -> Iterator[Speaks]:
    """They are of the account that the service has for itself; root's and people's accounts have much else."""
    user = candidate.user
    uids = {process.uid for process in candidate.processes} - {None}
    if not user or user == "root" or not uids or any(uid == 0 or (uid or 0) >= _PERSONS for uid in uids):
        return
    for process in story.cast.processes:
        if process.user == user and process.uid in uids:
            yield Speaks(
                Ground.ANCESTRY, _ACCOUNT, f"{process.name} ({process.pid}) runs as its user {user}", shows=True
            )
            return
    for autostart in story.cast.autostarts:
        if autostart.user == user:
            yield Speaks(Ground.ANCESTRY, _ACCOUNT, f"{autostart.path} starts it as its user {user}", shows=True)
            return


def _login(story: Story, candidate: Candidate) -> Iterator[Speaks]:
    own = {process.pid for process in candidate.processes}
    ways = lookup(story.snapshot)
    for process in story.cast.processes:
        session = logged_in(story.snapshot, process)
        if candidate.user not in (session, process.user):
            continue
        what = f"{process.name} ({process.pid})"
        if any(above.pid in own for above in ways.ancestors(process)):
            yield Speaks(Ground.ANCESTRY, _GROUP, f"{what} was started in a login over it", shows=True)
            return
        if session == candidate.user and not may_be_scheduled(story.cast, process):
            yield Speaks(Ground.ANCESTRY, _LOGIN, f"{what} is in a login session of {session}", shows=True)
            return
    alike = [process for process in story.cast.processes if process.user == candidate.user]
    if any(0 < (process.uid or 0) < _PERSONS for process in alike):
        yield Speaks(Ground.ANCESTRY, _ACCOUNT, f"it runs as {candidate.user}, as whom no person works", shows=True)
    elif alike:
        yield Speaks(Ground.ANCESTRY, 1.0, f"it runs as {candidate.user}")


def _container(story: Story, candidate: Candidate) -> Iterator[Speaks]:
    box = candidate.container
    if box is None:
        return
    own = [process for process in story.cast.processes if inside(story.snapshot, process, box)]
    if own:
        what = f"{own[0].name} ({own[0].pid}) runs in it"
        yield Speaks(Ground.ANCESTRY, _RUNNING, what, shows=True)
    yield from _by_its_program(story, box, own)
    if first := _made_for(story, box):
        what = f"it is what the container is made for: its first process is {first.name}"
        yield Speaks(Ground.ANCESTRY, _MADE, what, shows=True)
    if _came_along(story, box):
        what = "it was made before this system was installed: it came with the disk, an image or a backup"
        yield Speaks(Ground.ANCESTRY, _MADE, what, shows=True)


def _by_its_program(story: Story, box: Container, own: Sequence[Process]) -> Iterator[Speaks]:
    """That what a container is for started them, not a shell that somebody opened in it."""
    ways = lookup(story.snapshot)
    acting = {process.pid for process in story.cast.processes}
    for process in own:
        above = list(ways.ancestors(process))
        for one in above:
            program = (one.exe_path or one.name).rpartition("/")[2]
            if one.pid not in acting and program not in _INITS and inside(story.snapshot, one, box):
                yield _started(one, above, process)
                return


def _came_along(story: Story, box: Container) -> bool:
    """Whether a container is older than the system: nobody made it here."""
    installed = story.snapshot.host.installed
    return installed is not None and box.created is not None and box.created < installed - _CLOCKS


def _made_for(story: Story, box: Container) -> Process | None:
    """The actor for whom a container was made: its first process, or the only one that its init or shell starts."""
    acting = {process.pid: process for process in story.cast.processes}
    if box.pid in acting:
        return acting[box.pid]
    own = [process for process in story.snapshot.processes if inside(story.snapshot, process, box)]
    first = next((process for process in own if process.pid == box.pid), None)
    if first is None or (first.exe_path or first.name).rpartition("/")[2] not in _INITS:
        return None
    rest = [process for process in own if process is not first]
    started = next((process for process in rest if process.ppid == first.pid and process.pid in acting), None)
    return started if all(process.pid in acting for process in rest) else None


def _made_there(story: Story) -> Iterator[Speaks]:
    """A container that nobody of the house makes: made for the miner, or with the host's own root in it."""
    for box in story.cast.containers:
        if _came_along(story, box):
            continue
        first = _made_for(story, box)
        why = f"its first process is {first.name}" if first is not None else odd(box)
        if why:
            what = f"the container {named(box)} was made through it: {why}"
            yield Speaks(Ground.ANCESTRY, _MADE, what, shows=True)
            return


def odd(box: Container) -> str | None:
    """What of a container is not as its owner makes them, in words: it can do with the host whatever it likes."""
    whole = next((bind for bind in box.binds if bind.outside in ("/", "/etc", "/root", "/var/spool/cron")), None)
    if box.project is None and whole is not None and not whole.read_only:
        return f"it has the host's {whole.outside} in it, and belongs to no project"
    return "it is privileged, and belongs to no project" if box.project is None and box.privileged else None


def _package(story: Story, candidate: Candidate) -> Iterator[Speaks]:
    """Code that came with a package runs in the interpreter of whoever uses it."""
    names = ("python",) if candidate.kind == "pip" else ("node",)
    ways = lookup(story.snapshot)
    for process in story.cast.processes:
        for above in ways.ancestors(process):
            program = (above.exe_path or "").rpartition("/")[2]
            if program.startswith(names) and interpreter(program) and _uses_packages(above):
                what = f"started by {above.name} ({above.pid}), which runs {above.invocation}"
                yield Speaks(Ground.ANCESTRY, _ACCOUNT, what, shows=True)
                return


def _uses_packages(process: Process) -> bool:
    return process.script is not None or process.inline is not None or len(process.cmdline) > 1
