"""A plan while it is made: what is to go, and what is left alone with the reason."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from functools import cached_property
from typing import Final, NamedTuple

import msgspec

from davy.correlate.allowed import own_autostarts
from davy.hands.attributes import storable
from davy.host import DirectoryRoot, Gone, Host, HostError
from davy.host.links import Links
from davy.host.packages import PackageDatabase, packages
from davy.model.autostarts import Autostart
from davy.model.concealment import Cover, Preload
from davy.model.incidents import Actor, Allowed
from davy.model.lookup import lookup
from davy.model.plan import FileIdentity, Left, Quarantine, RemoveLink, Step, Target, UnloadModule, Within
from davy.model.snapshot import Snapshot
from davy.model.text import printable
from davy.respond.lying import Lying, lying

_FILE_LIMIT: Final = 1 << 30
ALLOWED: Final = "its owner allowed it: davy allow --list"
REBUILD: Final = (
    "what runs in the kernel can deceive every program on this host, Davy included; "
    "cut it off the network, save what you need, install it anew"
)


class Taken(NamedTuple):
    """One line, or a part of one, that is to be taken out of a file."""

    number: int
    text: bytes
    remains: bytes
    """What of the line is not taken; nothing when all is."""


class Draft:
    """A plan while it is made."""

    def __init__(
        self,
        host: Host,
        snapshot: Snapshot,
        spared_files: frozenset[tuple[int, int]],
        actors: Sequence[Actor],
        allowed: Sequence[Allowed] = (),
        named: Sequence[Autostart] = (),
    ) -> None:
        self.host, self.snapshot, self.ways = host, snapshot, lookup(snapshot)
        known = (self.ways.autostart.get(actor.subject) for actor in actors)
        self.actor_autostarts = [autostart for autostart in known if autostart is not None]
        self.named = {autostart.subject for autostart in named}
        """Autostarts that the operator named."""
        self.database: PackageDatabase = packages(host.root)
        self.database.owners({autostart.path for autostart in (*self.actor_autostarts, *named)})  # all at once
        self.spared_files = spared_files
        self.allowed = {subject for one in allowed for subject in one.subjects}
        """Processes that the owner allowed."""
        self.allowed_paths = {path for subject in self.allowed for path in self._paths(subject)}
        self.allowed_autostarts = {autostart.subject for autostart in own_autostarts(snapshot, allowed)}
        self.targets: dict[str, Target] = {}
        self.programs: dict[bytes, FileIdentity] = {}
        self.files: dict[bytes, Quarantine] = {}
        self.covers: list[Cover] = []
        self.entries: list[Step] = []
        self.moved: set[bytes] = set()
        """The files and links that go before anything is ended."""
        self.unloads: dict[str, UnloadModule] = {}
        self.managers: dict[bytes, list[str]] = {}
        self.lines: dict[str, list[Taken]] = {}
        self.preloads: dict[str, list[Preload]] = {}
        self.left: dict[str, Left] = {}
        self.vendor_units: list[str] = []
        self.notes: dict[str, None] = {}

    @cached_property
    def _mixed(self) -> set[str]:
        """The files in which entries stand by the line."""
        return _of_lines(self.snapshot.autostarts)

    def _paths(self, subject: str) -> Iterator[str]:
        """The real paths of what a process runs."""
        process = self.ways.by_subject[subject]
        for path in (process.exe_path, process.script):
            if path:
                yield _real_name(path)

    def leave(self, what: str, why: str) -> None:
        self.left.setdefault(what, Left(printable(what, 400), printable(why, 400)))

    def identity(
        self, path: str, sha256: str | None = None, *, limit: int = _FILE_LIMIT, follow: bool = False
    ) -> FileIdentity | None:
        """The file at ``path`` as it is now, by its real folder; None, and left with the reason, when it must stay.

        To ``follow`` means to take the file that a last link leads to.
        """
        try:
            real = os.path.realpath(path) if follow else _real_name(path)
            found = self.host.root.lstat(real)
            if not found.regular:
                self.leave(path, "not a regular file")
                return None
            digest = self.host.root.digest(real, limit)
        except Gone:
            return None  # by itself, since the scan
        except HostError as error:
            self.leave(path, str(error))
            return None
        if (found.device, found.inode) in self.spared_files:
            return None
        if real in self.allowed_paths:
            self.leave(path, ALLOWED)
            return None
        if digest is None:
            self.leave(path, f"larger than {limit >> 20} MiB")
            return None
        if sha256 is not None and digest.sha256 != sha256:
            self.leave(path, "another file by now than the one that runs")
            return None
        return FileIdentity(
            path=os.fsencode(real),
            device=found.device,
            inode=found.inode,
            size=found.size,
            mtime_ns=storable(found.mtime_ns),
            sha256=digest.sha256,
        )

    def identity_within(self, within: Within, path: str, sha256: str | None) -> tuple[FileIdentity, int, Lying] | None:
        """The file at ``path`` in a container as it is now, how many names it has and where it lies; None as in
        `identity`.
        """
        kernel, shown = self.host.kernel, f"{path} in container {within.name}"
        if kernel is None or os.geteuid() != 0:
            self.leave(shown, "run as root to move it")
            return None
        container = self.ways.container_by_id.get(within.container)
        try:
            with closing(DirectoryRoot.of_process(kernel.procfs, within.pid)) as root:
                folder, name = os.path.split(path)
                real = os.path.join(Links(root).resolve(folder), name)
                found, digest = root.lstat(real), root.digest(real, _FILE_LIMIT)
                lies = lying(self.host, kernel, root, within.pid, real, container)
        except Gone:
            return None
        except HostError as error:
            self.leave(shown, str(error))
            return None
        outside = None if lies.own else lies.outside
        owner = self.database.owners([outside]).get(outside) if outside else None
        why = None
        if owner is not None:
            why = f"is {outside} on the host, which belongs to the installed package {owner}"
        elif lies.outside in self.allowed_paths:
            why = ALLOWED
        elif not found.regular or digest is None:
            why = f"no regular file of at most {_FILE_LIMIT >> 20} MiB"
        elif sha256 is not None and digest.sha256 != sha256:
            why = "another file by now than the one that runs"
        if why is not None or digest is None:
            self.leave(shown, why or "cannot be read")
            return None
        if (found.device, found.inode) in self.spared_files:
            return None
        if within.layer is not None and not self._holds(os.fsdecode(within.layer) + real, digest.sha256):
            within = msgspec.structs.replace(within, layer=None)
        identity = FileIdentity(
            path=os.fsencode(real), device=found.device, inode=found.inode, size=found.size,
            mtime_ns=storable(found.mtime_ns), sha256=digest.sha256, within=within,
        )  # fmt: skip
        return identity, found.links, lies

    def _holds(self, path: str, sha256: str) -> bool:
        """Whether a file of the host has this content: only then it is known by which path an undo finds its place."""
        try:
            digest = self.host.root.digest(path, _FILE_LIMIT)
        except HostError:
            return False
        return digest is not None and digest.sha256 == sha256

    def mine(self, path: str) -> bool:
        """Whether this person may move the file; left with the reason when not."""
        if os.geteuid() == 0:
            return True
        try:
            if self.host.root.lstat(path).uid == os.geteuid():
                return True
        except HostError:
            pass
        self.leave(path, "belongs to another user: run as root")
        return False

    def entry(self, path: str, why: str) -> bool:
        """Have a file that is an entry of its own moved away; of a link, the link goes and what it leads to.

        False when it must stay, which is left with the reason.
        """
        try:
            if self.host.root.lstat(_real_name(path)).link:
                self.enabling_links((path,))
                path = os.path.realpath(path)
                if owner := self.database.owners([path]).get(path):
                    self.leave(path, f"belongs to the installed package {owner}")
                    return True
        except HostError as error:
            self.leave(path, str(error))
            return False
        identity = self.identity(path)
        if identity is None or not self.mine(path):
            return False
        if identity.path not in self.moved:
            self.moved.add(identity.path)
            self.entries.append(Quarantine(file=identity, why=why))
        return True

    def enabling_links(self, links: Sequence[str]) -> None:
        """Have links removed; what is no link is left."""
        for link in links:
            try:
                destination = os.fsencode(self.host.root.readlink(link))
            except HostError as error:
                self.leave(link, str(error))
                continue
            path = os.fsencode(_real_name(link))
            if path not in self.moved:
                self.moved.add(path)
                self.entries.append(RemoveLink(path=path, destination=destination))

    def file(self, path: str, why: str, *, loaded_by_others: bool = False) -> None:
        """Have a file moved away, unless an installed package owns it.  ``loaded_by_others`` as in `Quarantine`."""
        owner = self.database.owners([path]).get(path)
        if owner:
            self.leave(path, f"belongs to the installed package {owner}")
            return
        real = _real_name(path)
        if real in _of_lines(self.actor_autostarts):
            return  # by its lines, between which honest ones may stand
        if real in self._mixed:
            self.leave(path, "entries stand in it, which are only taken out one by one")
            return
        identity = self.identity(path)
        if identity is not None and self.mine(path):
            step = Quarantine(file=identity, why=why, loaded_by_others=loaded_by_others)
            self.files.setdefault(identity.path, step)


def _of_lines(autostarts: Iterable[Autostart]) -> set[str]:
    return {_real_name(path) for path in {each.path for each in autostarts if each.line is not None}}


def _real_name(path: str) -> str:
    """The path by its real folder, its own last link not followed."""
    return os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))
