"""Which containers live: their first process, their files, their accounts; and those that no state file names.

Who is in which is told by control groups; where these say nothing (Podman's ``--cgroups=disabled``, nspawn that keeps
its unit), by pid namespaces: all of one descend from its first process, whose pid in it is 1.

Source: cgroups(7), pid_namespaces(7), user_namespaces(7), proc_pid_root(5), systemd-nspawn(1).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from typing import Final

import msgspec

from davy.collect.accounts import accounts
from davy.host import DirectoryRoot, Host, HostError, Kernel, Root
from davy.model.cgroup_names import own_group
from davy.model.containers import Container
from davy.model.facts import Account, Gap, Process
from davy.model.housing import Housing, container_by_group

_STARTS_APART: Final = 10.0
"""Seconds between what a runtime writes as a start and the start of the process; a reused pid is further off."""
_APART_LIMIT: Final = 256
"""Pid namespaces of no known container that are looked at."""
_IDS_APART: Final = ("mnt", "pid")
_MAP_FIELDS: Final = 3
_ROOT: Final = Account("root", 0, 0, "/", "")
"""Whom a container has whose files name nobody."""
_ACCOUNTS_KEPT: Final = 500


def living(host: Host, found: Sequence[Container], processes: Sequence[Process]) -> Iterator[Container | Gap]:
    """The containers ``found`` as they live, and those that only processes tell of."""
    kernel = host.kernel
    if kernel is None:
        for container in found:
            yield msgspec.structs.replace(container, running=False, pid=None, accounts=_own(host.root, container.root))
        return
    known = {container.id: container for container in found}
    members: dict[str, list[Process]] = {}
    for process in processes:
        if group := container_by_group(process.cgroup, known):
            known.setdefault(group.id, group)
            members.setdefault(group.id, []).append(process)
    by_pid = {process.pid: process for process in processes}
    grouped = {process.pid for inside in members.values() for process in inside}
    heads = [process for process in _heads(processes, by_pid) if process.pid not in grouped]
    firsts = {id_: first for id_, one in known.items() if (first := _first(one, members.get(id_, []), by_pid))}
    taken = {first.pid for first in firsts.values()}
    for id_, container in known.items():
        yield _as_it_lives(host, kernel, container, firsts.get(id_), members.get(id_, []))
    strangers = [head for head in heads if head.pid not in taken]
    for head in strangers[:_APART_LIMIT]:
        if apart := _of_namespaces(kernel, head, by_pid.get(head.ppid)):
            yield _as_it_lives(host, kernel, apart, head, [head])
    if len(strangers) > _APART_LIMIT:
        yield Gap("containers", "the rest of the pid namespaces", f"more than {_APART_LIMIT}")


def _heads(processes: Iterable[Process], by_pid: dict[int, Process]) -> Iterator[Process]:
    """The first processes of pid namespaces right below ours."""
    for process in processes:
        parent = by_pid.get(process.ppid)
        if process.inner_pid == 1 and (parent is None or parent.inner_pid is None):
            yield process


def _first(container: Container, members: list[Process], by_pid: dict[int, Process]) -> Process | None:
    """The first process of a container: the one its runtime names, if it is that one still, or by its pid inside."""
    named = by_pid.get(container.pid) if container.pid else None
    if named is not None:
        apart = abs(named.start_time - container.started) if container.started else 0.0
        if named in members or (named.inner_pid == 1 and apart < _STARTS_APART):
            return named
    oldest = sorted(members, key=lambda one: one.start_ticks)
    return next((one for one in oldest if one.inner_pid == 1), oldest[0] if oldest else None)


def _as_it_lives(
    host: Host, kernel: Kernel, container: Container, first: Process | None, members: list[Process]
) -> Container:
    if first is None:
        return msgspec.structs.replace(container, running=False, pid=None, accounts=_own(host.root, container.root))
    own: tuple[Account, ...] = ()
    try:
        with closing(DirectoryRoot.of_process(kernel.procfs, first.pid)) as root:
            own = _own(root, "")
    except HostError:
        pass  # it ended, or its files are on a file system that may never answer
    mode, cgroup = container.network_mode, (members[0] if members else first).cgroup
    return msgspec.structs.replace(
        container, running=True, pid=first.pid, cgroup=own_group(cgroup),
        root=f"/proc/{first.pid}/root", accounts=own, started=container.started or first.start_time,
        network_mode=mode or ("host" if _shared(kernel, first.pid, "net") else "private"),
    )  # fmt: skip


def _own(root: Root, folder: str | None) -> tuple[Account, ...]:
    """The accounts of a container's files; none where nobody says where they are."""
    if folder is None:
        return ()
    try:
        found = [one for one in accounts(Host(root), folder) if isinstance(one, Account)]
    except HostError:
        return ()
    return tuple(found[:_ACCOUNTS_KEPT])


def _shared(kernel: Kernel, pid: int, kind: str) -> bool:
    """Whether a process is in the same namespace of a kind as process 1, or as Davy where nobody may look at that."""
    try:
        own = kernel.procfs.link(f"{pid}/ns/{kind}")
    except HostError:
        return True
    for other in ("1", "self"):
        try:
            return own == kernel.procfs.link(f"{other}/ns/{kind}")
        except HostError:
            continue
    return True


def _of_namespaces(kernel: Kernel, head: Process, parent: Process | None) -> Container | None:
    """What is in a pid and a mount namespace of its own, though no state file and no control group names it."""
    if any(_shared(kernel, head.pid, kind) for kind in _IDS_APART):
        return None
    if parent is not None and parent.name == "systemd-nspawn":
        words = _options(parent.cmdline)
        root = words.get("-D") or words.get("--directory")
        name = words.get("-M") or words.get("--machine") or (root or "").rstrip("/").rpartition("/")[2]
        if name:
            return Container(runtime="nspawn", id=name, name=name, root=root, layer=root)
    try:
        identity = kernel.procfs.link(f"{head.pid}/ns/pid")
    except HostError:
        return None
    return Container(runtime="namespaces", id=identity, name=f"of process {head.pid} ({head.name})")


def _options(words: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for word, following in zip(words, (*words[1:], ""), strict=True):
        if word.startswith("--") and "=" in word:
            name, _, value = word.partition("=")
            found.setdefault(name, value)
        elif word.startswith("-"):
            found.setdefault(word, following)
    return found


def with_own_users(kernel: Kernel, processes: Sequence[Process], containers: Sequence[Container]) -> list[Process]:
    """The processes, those in containers with the name that their user has in there, or the number if it has none."""
    housing = Housing(processes, containers)
    names: dict[str, dict[int, str]] = {}
    found = []
    for process in processes:
        container = housing.of(process)
        if container is None or container.pid is None or process.uid is None:
            found.append(process)
            continue
        if container.id not in names:
            names[container.id] = _names(kernel, container)
        name = names[container.id].get(process.uid, str(process.uid))
        found.append(msgspec.structs.replace(process, user=name))
    return found


def _names(kernel: Kernel, container: Container) -> dict[int, str]:
    """The names of a container's accounts by the user ids that they have on the host."""
    try:
        rows = [line.split() for line in kernel.procfs.read(f"{container.pid}/uid_map").splitlines()]
        ranges = [(int(row[0]), int(row[1]), int(row[2])) for row in rows if len(row) == _MAP_FIELDS]
    except (HostError, ValueError):
        ranges = []
    names: dict[int, str] = {}
    for account in container.accounts or (_ROOT,):
        for inside, outside, count in ranges:
            if inside <= account.uid < inside + count:
                names.setdefault(account.uid - inside + outside, account.name)
    return names
