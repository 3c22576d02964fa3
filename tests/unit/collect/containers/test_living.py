"""Which containers live, who is in them, and whose the user ids in there are."""

from __future__ import annotations

import msgspec
import pytest
from tests.unit.snapshots import process, snapshot

from davy.collect.containers import containers, with_own_users
from davy.host import Host, MemoryRoot, RecordedKernel
from davy.host.procfs import RecordedProcfs
from davy.model.containers import Container
from davy.model.facts import Account, Gap, Process
from davy.model.lookup import lookup

from .test_docker import FOLDER, ID, files

HOST_NS = {f"1/ns/{kind}": f"->{kind}:[1]" for kind in ("mnt", "pid", "net")}


def inside(pid: int, inner: int, *, ppid: int = 1, cgroup: str = "/", uid: int = 0, name: str = "php-fpm") -> Process:
    plain = process(pid, f"/usr/bin/{name}", ppid=ppid, cgroup=cgroup)
    return msgspec.structs.replace(plain, inner_pid=inner, uid=uid, user="of-the-host")


def apart(pid: int, *, net: int = 1) -> dict[str, bytes | str]:
    """The namespaces of a process in a container."""
    return {f"{pid}/ns/mnt": f"->mnt:[{pid}]", f"{pid}/ns/pid": f"->pid:[{pid}]", f"{pid}/ns/net": f"->net:[{net}]"}


def living(tree: dict[str, bytes | str], procfs: dict[str, bytes | str], *processes: Process) -> list[Container]:
    host = Host(MemoryRoot({"/etc/passwd": "", **tree}), RecordedKernel(RecordedProcfs({**HOST_NS, **procfs})))
    found = list(containers(host, processes))
    assert not [fact for fact in found if isinstance(fact, Gap)]
    return [fact for fact in found if isinstance(fact, Container)]


def test_a_container_lives_by_the_processes_in_its_control_group() -> None:
    first, second = inside(300, 1, cgroup=f"/docker/{ID}"), inside(301, 7, ppid=300, cgroup=f"/docker/{ID}")
    (one,) = living(files(), apart(300), second, first)
    assert (one.running, one.pid, one.root, one.cgroup) == (True, 300, "/proc/300/root", f"/docker/{ID}")
    facts = snapshot(first, second, one, process(5, "/usr/sbin/cron", cgroup="/system.slice/cron.service"))
    assert [lookup(facts).container(each) for each in facts.processes] == [one, one, None]


def test_what_its_runtime_says_runs_and_nobody_is_in_does_not() -> None:
    (one,) = living(files(), {}, process(21568, "/usr/sbin/other"))
    assert (one.running, one.pid) == (False, None)


def test_a_container_without_a_control_group_lives_by_the_pid_that_its_runtime_names() -> None:
    started = 1795639724.5
    first = msgspec.structs.replace(inside(21568, 1), start_time=started)
    (one,) = living(files(), apart(21568), first)
    assert (one.running, one.pid) == (True, 21568)
    late = msgspec.structs.replace(first, start_time=started + 3600)
    found = living(files(), apart(21568), late)
    assert [(each.runtime, each.pid) for each in found] == [("docker", None), ("namespaces", 21568)], "a reused pid"


def test_a_container_that_no_file_tells_of_is_known_by_its_control_group() -> None:
    (one,) = living({}, apart(300), inside(300, 1, cgroup=f"/docker/{ID}"))
    assert (one.runtime, one.id, one.name, one.running, one.pid) == ("docker", ID, ID[:12], True, 300)


def test_a_container_is_known_by_its_namespaces_where_nothing_else_tells_of_it() -> None:
    first, second = inside(300, 1), inside(301, 2, ppid=300)
    (one,) = living({}, apart(300, net=300), first, second)
    assert (one.runtime, one.id, one.pid, one.network_mode) == ("namespaces", "pid:[300]", 300, "private")
    facts = snapshot(first, second, one)
    assert lookup(facts).container(second) == one


def test_what_nspawn_started_is_called_as_nspawn_was_told() -> None:
    words = ("systemd-nspawn", "-b", "-D", "/srv/web", "--machine=web")
    nspawn = process(299, *words, exe="/usr/bin/systemd-nspawn", name="systemd-nspawn", cgroup="/web/supervisor")
    first = inside(300, 1, ppid=299, cgroup="/web/payload")
    (one,) = living({}, apart(300), nspawn, first)
    assert (one.runtime, one.name, one.layer, one.host_network) == ("nspawn", "web", "/srv/web", True)
    assert lookup(snapshot(nspawn, first, one)).container(nspawn) is None, "it only watches"


@pytest.mark.parametrize("kind", ["mnt", "pid"])
def test_a_pid_namespace_or_a_mount_namespace_alone_is_no_container(kind: str) -> None:
    assert living({}, apart(300) | {f"300/ns/{kind}": f"->{kind}:[1]"}, inside(300, 1)) == []


def test_the_host_s_own_network_is_told_by_the_namespace() -> None:
    settings = {f"{FOLDER}/hostconfig.json": "{}"}
    (one,) = living(files() | settings, apart(300), inside(300, 1, cgroup=f"/docker/{ID}"))
    assert one.host_network


ACCOUNTS = (Account("root", 0, 0, "/root", "/bin/sh"), Account("postgres", 999, 999, "/", "/bin/sh"))


@pytest.mark.parametrize(
    ("uid_map", "uid", "name"),
    [
        ("0 0 4294967295\n", 999, "postgres"),
        ("0 0 4294967295\n", 0, "root"),
        ("0 0 4294967295\n", 33, "33"),
        ("0 100000 65536\n", 100_999, "postgres"),
        ("0 100000 65536\n", 999, "999"),
        ("0 1000 1\n1 100000 65535\n", 1000, "root"),
        ("0 1000 1\n1 100000 65535\n", 100_998, "postgres"),
        ("no map", 999, "999"),
    ],
)
def test_a_user_in_a_container_is_the_one_in_there(uid_map: str, uid: int, name: str) -> None:
    member = inside(300, 1, cgroup=f"/docker/{ID}", uid=uid)
    box = Container(runtime="docker", id=ID, name="web", running=True, pid=300, accounts=ACCOUNTS)
    kernel = RecordedKernel(RecordedProcfs({"300/uid_map": uid_map}))
    outside = process(5, "/usr/sbin/cron", user="root")
    first, other = with_own_users(kernel, [member, outside], [box])
    assert (first.user, other.user) == (name, "root")


def test_a_container_without_accounts_has_numbers_and_root() -> None:
    members = [inside(300, 1, cgroup=f"/docker/{ID}"), inside(301, 2, cgroup=f"/docker/{ID}", uid=999)]
    box = Container(runtime="docker", id=ID, name="web", running=True, pid=300)
    kernel = RecordedKernel(RecordedProcfs({"300/uid_map": "0 0 4294967295\n"}))
    assert [each.user for each in with_own_users(kernel, members, [box])] == ["root", "999"]
