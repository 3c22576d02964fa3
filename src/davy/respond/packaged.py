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
from davy.model.plan import FileIdentity, RestorePackaged
from davy.model.tools import SystemTool, Tampering
from davy.respond.draft import Draft

_MANAGERS: Final = (
    ("/var/lib/dpkg/status", "apt-get install --reinstall {package}"),
    ("/lib/apk/db/installed", "apk fix --reinstall {package}"),
    ("/usr/lib/apk/db/installed", "apk fix --reinstall {package}"),
    ("/var/lib/pacman/local", "pacman -S {package}"),
    ("/etc/zypp", "zypper install --force {package}"),
    ("/usr/bin/dnf", "dnf reinstall {package}"),
    ("/usr/bin/yum", "yum reinstall {package}"),
)
"""What tells that a package manager is there, and how it installs a package anew."""
_CONFIGURATION: Final = "apt-get install --reinstall -o Dpkg::Options::=--force-confnew,confmiss {package}"


def reinstalling(root: Root, package: str, *, configuration: bool = False) -> str:
    """In words, what a person does to have a package's files as it installed them."""
    for place, command in _MANAGERS:
        try:
            root.stat(place)
        except HostError:
            continue
        if configuration and command.startswith("apt-get"):
            command = _CONFIGURATION
        return f"reinstall {package}: {command.format(package=package)}"
    return f"reinstall the package {package}"


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


def whole_file(draft: Draft, path: str, what: str) -> None:
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
    how = reinstalling(draft.host.root, expected.package, configuration=expected.configuration)
    draft.leave(path, f"{what} of the installed package {expected.package}: {how}")


def tool(draft: Draft, found: SystemTool) -> None:
    """Have a system tool that was replaced made what its package installed."""
    if found.tampering in (Tampering.MISSING, Tampering.LOCKED):
        draft.leave(found.path, f"{found.tampering}: {reinstalling(draft.host.root, found.package)}")
    else:
        whole_file(draft, found.path, f"a program that was {found.tampering}")


def content_of(step: RestorePackaged) -> bytes:
    """What the archive of a step has for its file now.  Raises `Untouched`."""
    try:
        found: Archived = member_of(DirectoryRoot("/"), os.fsdecode(step.archive), os.fsdecode(step.member))
    except HostError as error:
        raise Untouched(str(error)) from None
    return found.content
