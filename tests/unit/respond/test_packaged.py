"""What belongs to a package is made what it installed: by taking lines out, from its archive, or by a person."""

from __future__ import annotations

import hashlib
import os

import msgspec
import pytest
from tests.unit.host.test_package_archives import deb
from tests.unit.snapshots import snapshot

from davy.host import Host, MemoryRoot
from davy.model.autostarts import Autostart, AutostartKind
from davy.model.findings import Aspect, Finding
from davy.model.incidents import Actor, Incident, Kind, Role, Verdict
from davy.model.plan import Plan, Quarantine, RemoveLines, RestorePackaged
from davy.model.tools import SystemTool, Tampering
from davy.respond import described, plan

GUILTY = "* * * * * root /var/tmp/kinsing"
CRONTAB = "17 * * * * root run-parts /etc/cron.hourly\n"
RULES = 'ACTION=="add", TAG+="systemd"\n'
RULE = 'RUN+="/tmp/x"'
DAILY = "#!/bin/sh\nexit 0\n"
ARCHIVE = "/var/cache/apt/archives/cron_3.0_amd64.deb"


@pytest.fixture(autouse=True)
def _as_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)


def md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def debian(**files: bytes | str) -> dict[str, bytes | str]:
    """A root in which ``cron`` owns a configuration file, a rule, a program and a script."""
    status = (
        "Package: cron\nStatus: install ok installed\nArchitecture: amd64\nVersion: 3.0\nConffiles:\n"
        f" /etc/crontab {md5(CRONTAB)}\n /etc/cron.daily/tidy {md5(DAILY)}\n\n"
    )
    listed = "/etc/crontab\n/etc/cron.daily/tidy\n/usr/lib/udev/rules.d/x.rules\n/usr/bin/ps\n"
    return {
        "/var/lib/dpkg/status": status,
        "/var/lib/dpkg/info/cron.list": listed,
        "/var/lib/dpkg/info/cron.md5sums": f"{md5(RULES)}  usr/lib/udev/rules.d/x.rules\n{md5('ps')}  usr/bin/ps\n",
        "/etc/crontab": CRONTAB,
        "/etc/cron.daily/tidy": DAILY,
        "/usr/lib/udev/rules.d/x.rules": RULES,
        "/usr/bin/ps": "ps",
    } | files


def planned(root: dict[str, bytes | str], *found: Autostart | SystemTool) -> Plan:
    actors = tuple(
        Actor(
            role=Role.AUTOSTART if isinstance(each, Autostart) else Role.HIDER,
            kind=Kind.AUTOSTART if isinstance(each, Autostart) else Kind.FILE,
            subject=each.subject, name=each.path, detail="",
        )
        for each in found
    )  # fmt: skip
    hides = tuple(
        Finding(rule="tools.wrapped", aspect=Aspect.CONCEALMENT, bits=8.0, subject=each.subject, summary="")
        for each in found
    )
    incident = Incident(
        id="x", verdict=Verdict.CONFIRMED, bits=20.0, confidence=1.0, family=None, summary="", actors=actors,
        findings=hides,
    )  # fmt: skip
    facts = snapshot(*(each for each in found if isinstance(each, Autostart)))
    tools = tuple(each for each in found if isinstance(each, SystemTool))
    return plan(Host(MemoryRoot(root)), msgspec.structs.replace(facts, tools=tools), [incident])


def line(path: str, number: int, text: str, kind: AutostartKind = AutostartKind.CRON) -> Autostart:
    return Autostart(kind=kind, path=path, line=number, text=text, command=text)


def script(path: str) -> Autostart:
    return Autostart(kind=AutostartKind.CRON_SCRIPT, path=path, command=path)


def test_a_file_that_is_its_packages_without_the_line_is_said_to_be_so() -> None:
    made = planned(debian(**{"/etc/crontab": f"{CRONTAB}{GUILTY}\n"}), line("/etc/crontab", 2, GUILTY))
    (step,) = made.steps
    assert isinstance(step, RemoveLines)
    assert (step.restores, made.left) == ("cron", ())
    assert described(step) == "take line 2 out of /etc/crontab, which is as the package cron installed it then"


def test_what_its_owner_wrote_into_a_configuration_file_stays_though_the_archive_is_there() -> None:
    root = debian(**{
        "/etc/crontab": f"{CRONTAB}0 5 * * * ada backup\n{GUILTY}\n", ARCHIVE: deb({"./etc/crontab": CRONTAB.encode()})
    })  # fmt: skip
    made = planned(root, line("/etc/crontab", 3, GUILTY))
    (step,) = made.steps
    assert isinstance(step, RemoveLines)
    assert (step.lines, step.restores, made.left) == ((3,), None, ())


def test_a_file_that_nobody_should_change_comes_from_the_archive_if_the_lines_are_not_all() -> None:
    changed = f"{RULES}# and more\n{RULE}\n"
    root = debian(**{
        "/usr/lib/udev/rules.d/x.rules": changed, ARCHIVE: deb({"./lib/udev/rules.d/x.rules": RULES.encode()})
    })  # fmt: skip
    made = planned(root, line("/usr/lib/udev/rules.d/x.rules", 3, RULE, AutostartKind.UDEV))
    (step,) = made.steps
    assert isinstance(step, RestorePackaged)
    assert (step.package, step.mode, step.sha256) == ("cron", 0o755, hashlib.sha256(RULES.encode()).hexdigest())
    assert "out of /var/cache/apt/archives/cron_3.0_amd64.deb" in described(step)


def test_without_an_archive_the_lines_go_and_a_person_is_told_how_to_have_the_rest() -> None:
    root = debian(**{"/usr/lib/udev/rules.d/x.rules": f"{RULES}# and more\n{RULE}\n"})
    made = planned(root, line("/usr/lib/udev/rules.d/x.rules", 3, RULE, AutostartKind.UDEV))
    assert [type(step) for step in made.steps] == [RemoveLines]
    assert made.left[0].why.endswith("reinstall cron: apt-get install --reinstall cron")


def test_an_unmodified_file_of_a_package_is_never_touched() -> None:
    for entry in (line("/etc/crontab", 1, CRONTAB.strip()), script("/etc/cron.daily/tidy")):
        made = planned(debian(), entry)
        assert made.steps == ()
        assert [left.why for left in made.left] == ["belongs to the installed package cron"]


def test_a_whole_file_that_was_changed_comes_from_the_archive_or_is_left_with_the_way_to_do_it() -> None:
    root = debian(**{"/etc/cron.daily/tidy": f"{DAILY}/tmp/x &\n"})
    made = planned(root, script("/etc/cron.daily/tidy"))
    assert made.steps == ()
    assert "--force-confnew,confmiss cron" in made.left[0].why
    made = planned(root | {ARCHIVE: deb({"./etc/cron.daily/tidy": DAILY.encode()})}, script("/etc/cron.daily/tidy"))
    assert [type(step) for step in made.steps] == [RestorePackaged]
    assert made.left == ()


def test_a_system_tool_that_was_replaced_comes_from_the_archive_or_is_left_with_the_way_to_do_it() -> None:
    tool = SystemTool(path="/usr/bin/ps", package="cron", tampering=Tampering.WRAPPED, database="dpkg")
    root = debian(**{"/usr/bin/ps": "#!/bin/sh\nps.orig | grep -v x\n"})
    assert planned(root, tool).steps == ()
    assert "apt-get install --reinstall cron" in planned(root, tool).left[0].why
    made = planned(root | {ARCHIVE: deb({"./bin/ps": b"ps"})}, tool)
    assert [type(step) for step in made.steps] == [RestorePackaged]
    missing = SystemTool(path="/usr/bin/top", package="cron", tampering=Tampering.MISSING, database="dpkg")
    assert planned(root, missing).left[0].why == "missing: reinstall cron: apt-get install --reinstall cron"


def test_what_stands_before_a_system_tool_goes_to_the_quarantine() -> None:
    shadow = SystemTool(path="/usr/local/bin/ps", package="cron", tampering=Tampering.SHADOWED, database="dpkg")
    made = planned(debian(**{"/usr/local/bin/ps": "#!/bin/sh\n/bin/ps | grep -v x\n"}), shadow)
    assert [(type(step), step.file.path) for step in made.steps] == [(Quarantine, b"/usr/local/bin/ps")]  # type: ignore[union-attr]
