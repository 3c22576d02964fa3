"""Jobs of Upstart."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.collect.autostarts.taking_out import facts, found

from davy.collect.autostarts.boot.upstart import job, upstart_jobs
from davy.host import Entry
from davy.model.autostarts import AutostartKind
from davy.model.facts import Gap

JOB = """\
description "backup"
start on (local-filesystems
          and net-device-up)
setuid backup
pre-start script
  # first
  mkdir -p /run/backup
end script
exec /usr/bin/backupd \\
  --quiet
"""


def test_a_job_is_an_entry_as_a_whole_with_all_that_it_runs() -> None:
    (entry,) = found(upstart_jobs, {"/etc/init/backup.conf": JOB})
    assert (entry.kind, entry.path, entry.line) == (AutostartKind.INIT_SCRIPT, "/etc/init/backup.conf", None)
    assert entry.command.split() == ["mkdir", "-p", "/run/backup", "/usr/bin/backupd", "--quiet"]
    assert (entry.user, entry.schedule, entry.programs) == ("backup", "boot", ("/usr/bin/backupd",))


@pytest.mark.parametrize(
    ("path", "schedule", "user"),
    [
        ("/etc/init/x.conf", "boot", "root"),
        ("/etc/init/net/x.conf", "boot", "root"),
        ("/etc/init/x.override", "boot", "root"),
        ("/usr/share/upstart/sessions/x.conf", "login", None),
        ("/home/ada/.config/upstart/x.conf", "login", "ada"),
        ("/home/ada/.init/x.conf", "login", "ada"),
    ],
)
def test_every_place_is_read(path: str, schedule: str, user: str | None) -> None:
    (entry,) = found(upstart_jobs, {path: "start on startup\nexec /tmp/x\n"})
    assert (entry.path, entry.schedule, entry.user, entry.programs) == (path, schedule, user, ("/tmp/x",))


def test_what_nothing_starts_has_no_schedule_and_what_runs_nothing_is_no_entry() -> None:
    assert [entry.schedule for entry in found(upstart_jobs, {"/etc/init/x.conf": "exec /tmp/x"})] == [""]
    assert found(upstart_jobs, {"/etc/init/x.conf": "start on startup\n# exec /tmp/x\n", "/etc/init/README": JOB}) == []


def test_what_cannot_be_read_is_a_gap() -> None:
    told = facts(upstart_jobs, {"/etc/init/x.conf": Entry(target="x.conf")})
    assert {fact.what for fact in told if isinstance(fact, Gap)} == {"/etc/init/x.conf"}


@given(st.lists(st.sampled_from(["exec", "script", "end script", "pre-start ", " ", "\n", "\\\n", "/x", "#", "\0"])))
def test_any_text_is_read(pieces: list[str]) -> None:
    assert "\n\n" not in job("".join(pieces)).command
