"""The rehearsals: what each family does, played by copies of the shell that count to nothing.

None of them fetches, mines, contacts or hides anything.  Each command checks the drill's deadline for itself, lowers
its own priority and bounds its own CPU time, also when a cron daemon runs it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Final

from msgspec import Struct

from davy.drill.stage import NICE, Stage

_BURN: Final = "while :; do :; done"
_QUIET: Final = ">/dev/null 2>&1 &"


class Rehearsal(Struct, frozen=True):
    """One that can be played."""

    name: str
    description: str


class Script(Struct, frozen=True):
    """How one is played."""

    rehearsal: Rehearsal
    programs: tuple[str, ...]
    play: Callable[[Stage], None]


def _minerd(stage: Stage) -> None:
    """A burner that the caller's crontab starts again every minute."""
    program, account = "/tmp/minerd", stage.caller
    stage.program(program, account)
    burner = f"nice -n {NICE} {program} -c '{_BURN}' {_QUIET}"
    if stage.cores > 1:
        burner = f"for core in {' '.join(map(str, range(1, stage.cores + 1)))}; do {burner} done;"
    text = _unless_running(stage, program, burner)
    stage.cron_line(account, text)
    stage.as_cron_would(account, text)
    stage.appear({program: stage.cores})


def _tplink(stage: Stage) -> None:
    """A burner that calls itself sshd and whose file is gone.

    It reads what to do from standard input, so that its arguments are the very ones of an sshd.
    """
    program = "/tmp/tplink"
    stage.program(program, stage.caller)
    for _ in range(stage.cores):
        stage.under_name(program, ("/usr/sbin/sshd",), _BURN)
    os.unlink(program)
    stage.appear({program: stage.cores})


def _kdevtmpfsi(stage: Stage) -> None:
    """A burner, the guardian that starts it again within a second, and a cron line that starts the guardian again."""
    miner, guardian, account = "/tmp/kdevtmpfsi", "/var/tmp/kinsing", stage.unprivileged()
    stage.program(miner, account)
    stage.program(guardian, account)
    guard = (
        f"while [ $(date +\\%s) -lt {stage.record.until} ]; do "
        "set --; for job in $jobs; do kill -0 $job && set -- $* $job; done; "
        f'while [ $# -lt {stage.cores} ]; do {miner} -c "{_BURN}" & set -- $* $!; done; '
        'jobs="$*"; sleep 0.3 || sleep 1; done; kill $jobs'
    )
    text = _unless_running(stage, guardian, f"nice -n {NICE} {guardian} -c '{guard}' {_QUIET}")
    stage.cron_line(account, text)
    stage.as_cron_would(account, text)
    stage.appear({guardian: 1, miner: stage.cores})


def _unless_running(stage: Stage, program: str, command: str) -> str:
    """A crontab line that runs the command each minute until the deadline, unless a process runs the program.

    The command line is asked, not the name, which a zombie keeps until its parent has time for it.  Cron takes a bare
    per cent sign for the end of the command.  Source: crontab(5).
    """
    late = f"[ $(date +\\%s) -ge {stage.record.until} ]"
    found = f"pgrep -f ^{program} >/dev/null" if _has("pgrep") else f"grep -qs ^{program} /proc/[0-9]*/cmdline"
    return f"* * * * * {late} || {found} || {{ ulimit -t {stage.cpu_seconds}; {command} }}"


def _has(program: str) -> bool:
    return any(os.access(os.path.join(folder, program), os.X_OK) for folder in ("/usr/bin", "/bin"))


SCRIPTS: Final = (
    Script(
        Rehearsal("minerd", "a burner at /tmp/minerd that a cron line starts again every minute"),
        ("/tmp/minerd",),
        _minerd,
    ),
    Script(
        Rehearsal("tplink", "a burner in /tmp that calls itself sshd and whose file is deleted while it runs"),
        ("/tmp/tplink",),
        _tplink,
    ),
    Script(
        Rehearsal(
            "kdevtmpfsi",
            "a burner at /tmp/kdevtmpfsi, a guardian at /var/tmp/kinsing that brings it back within a second, "
            "and a cron line that brings the guardian back",
        ),
        ("/tmp/kdevtmpfsi", "/var/tmp/kinsing"),
        _kdevtmpfsi,
    ),
)
