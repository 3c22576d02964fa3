"""Whose login an actor belongs to: cron's jobs, containers and users' own units have sessions, and nobody logged in."""

from __future__ import annotations

import re
from typing import Final

from davy.correlate.cast import Cast
from davy.model.allowance import unit_of
from davy.model.autostarts import AutostartKind
from davy.model.facts import Process
from davy.model.lookup import lookup
from davy.model.snapshot import Snapshot

_SCHEDULERS: Final = frozenset({"cron", "crond", "anacron", "atd", "fcron", "dcron", "busybox-crond"})
_SCHEDULED: Final = frozenset(
    {AutostartKind.CRON, AutostartKind.CRON_SCRIPT, AutostartKind.ANACRON, AutostartKind.AT}
)  # fmt: skip
_LOGIN_UNITS: Final = ("ssh", "dropbear", "getty@", "serial-getty@")
"""Units of what lets people in: where no logind counts sessions, these are in its unit."""
_OWNER: Final = re.compile(r"/user-(\d{1,10})\.slice/")


def logged_in(snapshot: Snapshot, process: Process) -> str | None:
    """The account in whose login session a process is; None of one that is in none.

    PAM gives a session to what cron starts, too (``pam_loginuid``, and ``pam_systemd`` on Red Hat's), and to a user's
    own manager; who starts a container hands on his own.  Source: pam_loginuid(8), pam_systemd(8), cron's PAM files.
    """
    ways = lookup(snapshot)
    if not _in_a_session(process) or ways.container(process) is not None:
        return None
    if any(above.name in _SCHEDULERS for above in ways.ancestors(process)):
        return None
    owner = _OWNER.search(process.cgroup or "")
    uid = process.login_uid if process.login_uid is not None else int(owner[1]) if owner else None
    return account(snapshot, str(uid)) if uid is not None and uid != process.uid else process.user


def may_be_scheduled(cast: Cast, process: Process) -> bool:
    """Whether a process without a terminal may as well be cron's for its user: what cron starts has a session, too."""
    return process.tty == 0 and any(
        one.kind in _SCHEDULED and one.user in (process.user, None) for one in cast.autostarts
    )


def account(snapshot: Snapshot, user: str) -> str:
    """The name of an account of which a log has the number; the number of one that has no name here."""
    return next((one.name for one in snapshot.accounts if str(one.uid) == user), user)


def _in_a_session(process: Process) -> bool:
    """By its control group; where that says nothing, by the kernel's account of logins."""
    group = process.cgroup or ""
    if "/user.slice/" in f"{group}/" and "/session-" in group:
        return True
    unit = unit_of(process.cgroup)
    counted = process.login_uid is not None and process.audit_session is not None
    return counted and (unit is None or unit.startswith(_LOGIN_UNITS))
