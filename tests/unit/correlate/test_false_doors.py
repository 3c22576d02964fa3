"""What happens on the host each day is no door: its owners' logins and jobs, cron's sessions, what others have open."""

from __future__ import annotations

import msgspec
import pytest
from tests.unit.correlate.stories import (
    CONTAINER,
    ENTRY,
    HOUR,
    IN_CONTAINER,
    WHOLE_HOST,
    container,
    doors_at,
    exposed,
    host,
    incident_at,
    known,
    line,
)
from tests.unit.snapshots import TTY, connection, cron, detail, executable, process, service

from davy.correlate.door import Doors
from davy.model.containers import Bind
from davy.model.exposures import Exposure, Severity
from davy.model.facts import Account, Process
from davy.model.incidents import Verdict
from davy.model.logs import ClockStep, LogHit, Shows
from davy.model.services import ReachedFrom

SSHD = process(90, "/usr/sbin/sshd", age=20 * 86_400, cgroup="/system.slice/ssh.service")
SERVER = known("ssh", SSHD, port=22)
AUTH = "/var/log/auth.log"
ACCOUNTS = (Account("root", 0, 0, "/root", "/bin/bash"), Account("ada", 1000, 1000, "/home/ada", "/bin/bash"))


def gang(user: str, ppid: int = 1, **options: object) -> tuple[Process, Process]:
    """Kinsing and its miner, an hour old."""
    login = options.pop("login", None)
    made = (
        process(200, "/var/tmp/kinsing", user=user, ppid=ppid, **options),  # type: ignore[arg-type]
        process(201, "/tmp/kdevtmpfsi", user=user, ppid=200, cores=1.0, **options),  # type: ignore[arg-type]
    )
    if login is None:
        return made
    return tuple(msgspec.structs.replace(one, login_uid=login, audit_session=7) for one in made)  # type: ignore[return-value]


def login(user: str, how: str, at: float) -> list[LogHit]:
    """All that a host writes down of one login."""
    number = {"root": "0", "ada": "1000"}[user]
    text = (
        f"Oct 17 03:17:44 web sshd[813]: Accepted password for {user} from 192.0.2.7 port 50023 ssh2"
        if how == "password"
        else f"Oct 17 03:17:44 web sshd[813]: Accepted publickey for {user} from 192.0.2.7 port 50023 ssh2: RSA "
        "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    )
    audited = (
        f"type=USER_LOGIN msg=audit(1602904664.446:123): pid=813 uid=0 auid=1000 ses=5 msg='op=login id={number} "
        'exe="/usr/sbin/sshd" hostname=192.0.2.7 addr=192.0.2.7 terminal=/dev/pts/0 res=success\''
    )
    return [
        line("ssh", f"{how}-accepted", Shows.SUCCESS, text=text, path=AUTH, time=at, user=user, address="192.0.2.7"),
        line(
            "ssh", "login-recorded", Shows.SUCCESS, text=f"login user {user} from 192.0.2.7 on pts/0",
            path="/var/log/wtmp", time=at, user=user, address="192.0.2.7",
        ),
        line(
            "ssh", "login-audited", Shows.SUCCESS, text=audited, path="/var/log/audit/audit.log", time=at, user=number,
            address="192.0.2.7",
        ),
        line(
            "ssh", "last-login", Shows.SUCCESS, text=f"last login of uid {number} from 192.0.2.7 on pts/0",
            path="/var/log/lastlog", time=at, user=number, address="192.0.2.7",
        ),
    ]  # fmt: skip


def told(found: Doors) -> list[str]:
    return [door.service for door in (*((found.door,) if found.door else ()), *found.others)]


@pytest.mark.parametrize("before", [20.0, 300.0, 2400.0, 5 * HOUR])
@pytest.mark.parametrize("how", ["password", "key"])
@pytest.mark.parametrize("user", ["root", "ada"])
@pytest.mark.parametrize("miner", ["root", "ada", "www-data"])
def test_an_administrators_login_before_it_began_is_not_the_door(
    user: str, how: str, before: float, miner: str
) -> None:
    of = host(SSHD, *gang(miner), services=[SERVER], hits=login(user, how, ENTRY - before), accounts=ACCOUNTS)
    found = doors_at(of, exposed(SERVER, Severity.HIGH))
    assert found.door is None
    assert told(found) in ([], [f"SSH, as {user}"])


def test_ten_thousand_failed_logins_and_none_that_was_accepted_are_no_door() -> None:
    failed = [
        line(
            "ssh", "failed-password", Shows.ATTEMPT, path=AUTH, time=ENTRY - number, address=f"192.0.2.{number}",
            count=200, text=f"Oct 17 03:17:40 web sshd[812]: Failed password for root from 192.0.2.{number} port 1 ssh2"
        )
        for number in range(50)
    ]  # fmt: skip
    found = doors_at(host(SSHD, *gang("root"), services=[SERVER], hits=failed), exposed(SERVER, Severity.HIGH))
    assert found.door is None
    assert all(door.confidence < 0.5 for door in found.others)


CRON = process(60, "/usr/sbin/cron", age=20 * 86_400, cgroup="/system.slice/cron.service")


@pytest.mark.parametrize("ppid", [60, 1], ids=["cron is its parent", "its parent has gone"])
@pytest.mark.parametrize(
    "group",
    ["/system.slice/cron.service", "/user.slice/user-0.slice/session-9.scope"],
    ids=["Debian's cron", "Red Hat's crond"],
)
def test_the_session_that_cron_gives_to_a_job_is_nobodys_login(ppid: int, group: str) -> None:
    start = cron("/var/tmp/kinsing; /tmp/kdevtmpfsi", user="root")
    job = gang("root", ppid=ppid, cgroup=group, login=0)
    redis = process(100, "/usr/bin/redis-server", "*:6379", age=86_400, cwd="/var/lib/redis", user="nobody")
    service = known("redis", redis, port=6379)
    of = host(SSHD, CRON, redis, *job, start, services=[SERVER, service], accounts=ACCOUNTS)
    found = doors_at(of, exposed(SERVER, Severity.HIGH), exposed(service))
    assert found.door is None
    assert not any("login session" in reason.what for door in found.others for reason in door.reasons)


def test_what_a_users_own_manager_or_container_engine_starts_is_in_no_login() -> None:
    units = gang("ada", cgroup="/user.slice/user-1000.slice/user@1000.service/app.slice/x.service", login=1000)
    boxed = gang("ada", cgroup=f"/user.slice/user-1000.slice/session-2.scope/libpod-{CONTAINER}.scope", login=1000)
    for actors in (units, boxed):
        found = doors_at(host(SSHD, *actors, services=[SERVER], accounts=ACCOUNTS))
        assert not any("login session" in reason.what for door in found.others for reason in door.reasons)


def test_a_session_of_which_no_line_tells_is_not_said_to_be_over_ssh() -> None:
    actors = gang("ada", cgroup="/user.slice/user-1000.slice/session-3.scope", login=1000)
    found = doors_at(host(SSHD, *actors, services=[SERVER], accounts=ACCOUNTS))
    assert found.door is None
    assert told(found) == ["a login session of ada"]


def test_who_became_root_in_a_session_is_told_by_the_account_that_logged_in() -> None:
    actors = gang("root", cgroup="/user.slice/user-1000.slice/session-3.scope", login=1000)
    hits = login("ada", "key", ENTRY)
    found = doors_at(host(SSHD, *actors, services=[SERVER], hits=hits, accounts=ACCOUNTS))
    assert found.door is not None
    assert (found.door.service, found.door.subject) == ("SSH, as ada", "account:ada")


def test_an_owners_own_miner_came_in_by_no_door_and_calls_for_no_rebuild() -> None:
    owned = process(
        100, "/usr/bin/xmrig", "-c", "/etc/xmrig/config.json", cores=1.0, user="ada", tty=TTY,
        cgroup="/user.slice/user-1000.slice/session-3.scope",
    )  # fmt: skip
    packaged = detail(owned, program=executable("/usr/bin/xmrig", owner_package="xmrig"))
    hits = login("ada", "key", ENTRY)
    work = connection(owned, "101.32.166.253", 3333)
    found = incident_at(host(SSHD, owned, packaged, work, services=[SERVER], hits=hits, accounts=ACCOUNTS))
    assert found.owners is not None
    assert found.verdict is Verdict.SUSPECT
    assert (found.door, found.keep, found.advice) == (None, (), ())
    (other,) = found.other_doors
    assert "xmrig (100) is in a login session of ada" in other.reasons[0].what
    elsewhere = msgspec.structs.replace(owned, tty=0, cgroup="/system.slice/xmrig.service")
    unit = service("/usr/bin/xmrig -c /etc/xmrig/config.json", unit="xmrig.service", user="ada")
    started = incident_at(
        host(SSHD, elsewhere, packaged, work, unit, services=[SERVER], hits=hits, accounts=ACCOUNTS)
    )  # fmt: skip
    assert (started.owners is not None, started.door, started.other_doors) == (True, None, ())


def test_an_exposed_redis_in_a_container_does_not_save_where_the_hosts_crontabs_lie() -> None:
    redis = process(
        100, "/usr/bin/redis-server", "*:6379", age=86_400, cwd="/var/spool/cron/crontabs", cgroup=IN_CONTAINER
    )
    start = cron("/var/tmp/kinsing; /tmp/kdevtmpfsi", user="root")
    service = known("redis", redis, port=6379, container=CONTAINER)

    def found(*binds: Bind) -> Doors:
        box = container(100, ports=[6379], binds=binds)
        return doors_at(host(redis, *gang("root"), start, services=[service], containers=[box]), exposed(service))

    assert found().door is None
    came = found(Bind("/var/spool/cron", "/var/spool/cron"))
    assert came.door is not None
    assert came.door.kind == "redis"


def test_a_path_in_one_container_is_no_trace_in_another() -> None:
    web = process(100, "/usr/sbin/apache2", age=86_400, cwd="/var/www/html/site", cgroup=f"/docker/{'b' * 64}")
    service = known("apache-http", web, port=80, container="b" * 64)
    others = gang("www-data", cgroup=IN_CONTAINER, cwd="/var/www/html/site")
    box = container(99)
    other = msgspec.structs.replace(box, id="b" * 64, name="web-2", cgroup=f"/docker/{'b' * 64}", pid=100)
    found = doors_at(host(web, *others, services=[service], containers=[box, other]), exposed(service))
    assert not any("lies or works" in reason.what for door in found.others for reason in door.reasons)
    assert found.door is None or found.door.kind != "apache-http"


def test_a_container_that_only_the_hosts_root_can_make_was_not_made_through_an_open_api() -> None:
    dockerd = process(80, "/usr/bin/dockerd", "-H", "fd://", age=9 * 86_400)
    box = container(201, image="alpine", binds=(WHOLE_HOST,), privileged=True)
    service = known("docker-api", dockerd, reached_from=ReachedFrom.LOOPBACK)
    of = host(dockerd, *gang("root", cgroup=IN_CONTAINER), services=[service], containers=[box])
    assert not any("made through it" in reason.what for door in doors_at(of).others for reason in door.reasons)


# And doors that are easily missed


def test_a_miner_whose_parent_has_gone_is_told_by_the_unit_that_started_it() -> None:
    fpm = process(100, "/usr/sbin/php-fpm8.2", age=86_400, cgroup="/system.slice/php8.2-fpm.service")
    service = known("php-fpm", fpm, reached_from=ReachedFrom.LOOPBACK)
    actors = gang("www-data", cgroup="/system.slice/php8.2-fpm.service")
    found = doors_at(host(fpm, *actors, services=[service]))
    assert found.door is not None
    assert found.door.kind == "php-fpm"
    assert any("/system.slice/php8.2-fpm.service" in reason.what for reason in found.door.reasons)


@pytest.mark.parametrize("init", ["/usr/bin/tini", "/usr/bin/dumb-init", "/bin/sh"])
def test_a_container_made_for_the_miner_is_known_behind_its_init(init: str) -> None:
    dockerd = process(80, "/usr/bin/dockerd", "-H", "tcp://0.0.0.0:2375", age=9 * 86_400)
    service = known("docker-api", dockerd, port=2375)
    first = process(199, init, "--", "/var/tmp/kinsing", exe=init, cgroup=IN_CONTAINER)
    box = container(199, image="alpine")
    actors = gang("root", ppid=199, cgroup=IN_CONTAINER)

    def found(*beside: Process) -> Doors:
        of = host(dockerd, first, *actors, *beside, services=[service], containers=[box])
        return doors_at(of, exposed(service))

    made = found()
    assert made.door is not None
    assert made.door.kind == "docker-api"
    server = process(300, "/usr/local/bin/node", "server.js", ppid=199, cgroup=IN_CONTAINER)
    assert not any("made through it" in reason.what for door in found(server).others for reason in door.reasons)


def test_in_a_container_it_is_said_once_where_the_miner_is() -> None:
    fpm = process(100, "/usr/local/sbin/php-fpm", age=86_400, cgroup=IN_CONTAINER)
    service = known("php-fpm", fpm, port=9000, container=CONTAINER)
    of = host(fpm, *gang("www-data", cgroup=IN_CONTAINER), services=[service], containers=[container(100)])
    exposure: Exposure = exposed(service)
    door = doors_at(of, exposure).door
    assert door is not None
    assert sum("its container" in reason.what or "control group" in reason.what for reason in door.reasons) == 1
    assert not any(CONTAINER in what for what in door.evidence)


def test_a_key_that_is_accepted_where_others_mistyped_was_not_found_by_trying() -> None:
    failed = line(
        "ssh", "failed-password", Shows.ATTEMPT, path=AUTH, time=ENTRY - 3600, address="192.0.2.7", count=9,
        text="Oct 17 02:17:40 web sshd[812]: Failed password for bob from 192.0.2.7 port 1 ssh2",
    )  # fmt: skip

    def found(how: str) -> Doors:
        of = host(SSHD, *gang("root"), services=[SERVER], hits=[failed, *login("root", how, ENTRY)], accounts=ACCOUNTS)
        return doors_at(of, exposed(SERVER, Severity.HIGH))

    assert found("key").door is None
    guessed = found("password").door
    assert guessed is not None
    assert any("after 9 failed attempts from there" in reason.what for reason in guessed.reasons)


def test_a_log_that_is_forged_full_of_accounts_is_weighed_within_bounds() -> None:
    text = "Oct 17 03:17:44 web sshd[813]: Accepted password for {} from 192.0.2.7 port 50023 ssh2"
    forged = [
        line(
            "ssh", "password-accepted", Shows.SUCCESS, text=text.format(f"u{number}"), path=AUTH, time=ENTRY - number,
            user=f"u{number}", address="192.0.2.7",
        )
        for number in range(400)
    ]  # fmt: skip
    guessed = line(
        "ssh", "password-guessed", Shows.SUCCESS, text=text.format("root"), path=AUTH, time=ENTRY, user="root",
        address="198.51.100.7", offset=1,
    )  # fmt: skip
    of = host(SSHD, *gang("root"), services=[SERVER], hits=[*forged, guessed], accounts=ACCOUNTS)
    found = doors_at(of, exposed(SERVER, Severity.HIGH))
    assert len(found.ruled_out) + len(found.others) <= 45
    assert found.door is None or found.door.subject == "account:root"
    assert "account:root" in {door.subject for door in (*((found.door,) if found.door else ()), *found.others)}


def test_a_pods_own_program_that_started_it_is_told_though_no_port_of_the_host_leads_there() -> None:
    group = (
        f"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod9d3a.slice/cri-containerd-{CONTAINER}.scope"
    )
    app = process(100, "/usr/local/bin/node", "server.js", age=86_400, cgroup=group)
    shell = process(100, "/bin/sh", age=86_400, cgroup=group)
    kubelet = process(80, "/usr/bin/kubelet", age=9 * 86_400)
    service = known("kubelet", kubelet, port=10250)
    box = msgspec.structs.replace(container(99), runtime="containerd", pod="web-5c8d", cgroup=group)

    def found(first: Process) -> Doors:
        of = host(first, kubelet, *gang("root", ppid=100, cgroup=group), services=[service], containers=[box])
        return doors_at(of, exposed(service))

    came = found(app).door
    assert came is not None
    assert came.subject == f"container:{CONTAINER}"
    assert "node (100) -> kinsing (200)" in came.reasons[0].what
    assert found(shell).door is None


def test_a_line_that_was_written_before_the_clock_was_set_back_is_near_all_the_same() -> None:
    text = "Oct 17 03:17:44 web sshd[813]: Accepted password for root from 192.0.2.7 port 50023 ssh2"
    guessed = line(
        "ssh", "password-guessed", Shows.SUCCESS, text=text, path=AUTH, time=ENTRY + 5 * 86_400, user="root",
        address="192.0.2.7",
    )  # fmt: skip
    step = ClockStep(path=AUTH, before=ENTRY + 5 * 86_400 + 60, after=ENTRY + 60, text="")

    def bits(*steps: ClockStep) -> float:
        of = host(SSHD, *gang("root"), services=[SERVER], hits=[guessed], accounts=ACCOUNTS, clock_steps=steps)
        found = doors_at(of)
        return max(door.bits for door in (*((found.door,) if found.door else ()), *found.others))

    assert bits(step) > 8.0 > 4.0 > bits()
