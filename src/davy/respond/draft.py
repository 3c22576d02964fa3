"""A plan while it is made: what is to go, and what is left alone with the reason."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Final

from davy.correlate.allowed import own_autostarts
from davy.hands.attributes import storable
from davy.host import Gone, Host, HostError
from davy.host.packages import PackageDatabase, packages
from davy.model.autostarts import Autostart
from davy.model.concealment import Cover, Preload
from davy.model.incidents import Actor, Allowed
from davy.model.lookup import lookup
from davy.model.plan import FileIdentity, Left, Quarantine, Step, Target, UnloadModule
from davy.model.snapshot import Snapshot
from davy.model.text import printable

_FILE_LIMIT: Final = 1 << 30
ALLOWED: Final = "its owner allowed it: davy allow --list"
REBUILD: Final = (
    "what runs in the kernel can deceive every program on this host, Davy included; "
    "cut it off the network, save what you need, install it anew"
)


class Draft:
    """A plan while it is made."""

    def __init__(
        self,
        host: Host,
        snapshot: Snapshot,
        spared_files: frozenset[tuple[int, int]],
        actors: Sequence[Actor],
        allowed: Sequence[Allowed] = (),
    ) -> None:
        self.host, self.snapshot, self.ways = host, snapshot, lookup(snapshot)
        known = (self.ways.autostart.get(actor.subject) for actor in actors)
        self.actor_autostarts = [autostart for autostart in known if autostart is not None]
        self.database: PackageDatabase = packages(host.root)
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
        self.unloads: dict[str, UnloadModule] = {}
        self.managers: dict[bytes, list[str]] = {}
        self.lines: dict[str, list[Autostart]] = {}
        self.preloads: dict[str, list[Preload]] = {}
        self.left: dict[str, Left] = {}
        self.vendor_units: list[str] = []

    def _paths(self, subject: str) -> Iterator[str]:
        """The real paths of what a process runs."""
        process = self.ways.by_subject[subject]
        for path in (process.exe_path, process.script):
            if path:
                yield os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))

    def leave(self, what: str, why: str) -> None:
        self.left.setdefault(what, Left(printable(what, 400), printable(why, 400)))

    def identity(self, path: str, sha256: str | None = None) -> FileIdentity | None:
        """The file at ``path`` as it is now, by its real folder; None, and left with the reason, when it must stay."""
        try:
            real = os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))
            found = self.host.root.lstat(real)
            if not found.regular:
                self.leave(path, "not a regular file")
                return None
            digest = self.host.root.digest(real, _FILE_LIMIT)
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
            self.leave(path, f"larger than {_FILE_LIMIT >> 20} MiB")
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

    def file(self, path: str, why: str) -> None:
        """Have a file moved away, unless an installed package owns it."""
        owner = self.database.owners([path]).get(path)
        if owner:
            self.leave(path, f"belongs to the installed package {owner}")
            return
        identity = self.identity(path)
        if identity is not None and self.mine(path):
            self.files.setdefault(identity.path, Quarantine(file=identity, why=why))
