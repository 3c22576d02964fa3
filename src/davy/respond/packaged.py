"""What belongs to a package is given its package's content back, rather than removed.

In this order: taking the guilty lines out gives exactly what the package installed; the package's own archive lies in
the package manager's cache; else the file keeps what its owner wrote into it, and what installs it anew is said.
"""

from __future__ import annotations

import os
from typing import Final

from davy.hands.errors import Untouched
from davy.host import DirectoryRoot, HostError, Root
from davy.host.digests import digest_of_bytes
from davy.host.package_archives import Archived, archived, member_of
from davy.host.packages import Expected
from davy.knowledge.system_tools import fix
from davy.model.plan import FileIdentity, RestorePackaged
from davy.model.tools import SystemTool, Tampering
from davy.respond.draft import Draft

_DATABASES: Final = (
    ("/var/lib/dpkg/status", "dpkg"),
    ("/var/lib/pacman/local", "pacman"),
    ("/lib/apk/db/installed", "apk"),
    ("/usr/lib/apk/db/installed", "apk"),
    ("/usr/lib/sysimage/rpm", "rpm"),
    ("/var/lib/rpm", "rpm"),
)
"""What tells whose database a root has."""
_CONFIGURATION: Final = "-o Dpkg::Options::=--force-confnew,confmiss"
"""Without, dpkg keeps a configuration file that was changed."""


def reinstalling(root: Root, package: str, *, configuration: bool = False) -> str:
    """In words, what a person does to have a package's files as it installed them."""
    words = fix(package, next((database for place, database in _DATABASES if _there(root, place)), ""))
    return words.replace("--reinstall ", f"--reinstall {_CONFIGURATION} ") if configuration else words


def _there(root: Root, path: str) -> bool:
    try:
        root.stat(path)
    except HostError:
        return False
    return True


def becomes_packaged(expected: Expected | None, content: bytes) -> bool:
    """Whether this is what the package installed."""
    if expected is None or expected.sum is None:
        return False
    return expected.sum.agrees(digest_of_bytes(content, (expected.sum.kind,))) is True


def from_archive(draft: Draft, path: str, identity: FileIdentity, expected: Expected) -> RestorePackaged | None:
    """The step that gives a file its package's content, if a cached archive has it."""
    try:
        found = archived(draft.host.root, expected.package, path, lambda content: becomes_packaged(expected, content))
    except HostError:
        return None
    if found is None:
        return None
    return RestorePackaged(
        file=identity, package=expected.package, archive=os.fsencode(found.archive), member=os.fsencode(found.member),
        sha256=digest_of_bytes(found.content).sha256, mode=expected.mode or found.mode, uid=found.uid, gid=found.gid,
    )  # fmt: skip


def whole_file(draft: Draft, path: str, what: str, how: str | None = None) -> None:
    """Have a changed file of a package made what the package installed; left, with the way to do it, if Davy cannot."""
    expected = draft.database.expected(path)
    if expected is None:
        return
    identity = draft.identity(path)
    if identity is None or not draft.mine(path):
        return
    step = from_archive(draft, path, identity, expected)
    if step is not None:
        draft.entries.append(step)
        return
    how = how or reinstalling(draft.host.root, expected.package, configuration=expected.configuration)
    draft.leave(path, f"{what} of the installed package {expected.package}: {how}")


def tool(draft: Draft, found: SystemTool) -> None:
    """Have a system tool that was tampered with made what its package installed; what stands before one goes."""
    how = mending(found)
    if found.tampering is Tampering.SHADOWED:
        draft.file(found.path, "it stands before a system tool of its name")
    elif found.tampering in (Tampering.REPLACED, Tampering.WRAPPED):
        whole_file(draft, found.path, f"a program that was {found.tampering}", how)
    else:
        draft.leave(found.path, f"{found.tampering}: {how}")


def mending(found: SystemTool) -> str:
    """In words, what a person does to have a system tool as its package installed it."""
    shadows = found.tampering is Tampering.SHADOWED
    return f"remove {found.path}" if shadows else fix(found.package, found.database)


def content_of(step: RestorePackaged) -> bytes:
    """What the archive of a step has for its file now.  Raises `Untouched`."""
    try:
        found: Archived = member_of(DirectoryRoot("/"), os.fsdecode(step.archive), os.fsdecode(step.member))
    except HostError as error:
        raise Untouched(str(error)) from None
    return found.content
