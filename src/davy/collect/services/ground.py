"""The files as a service sees them: the host's, a container's, or those of a mount namespace of its own."""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Final

from davy.collect.accounts import accounts
from davy.collect.autostarts.reading.homes import Home, homes
from davy.collect.autostarts.reading.patterns import Patterns
from davy.collect.services.below import Below, outside
from davy.collect.services.formats import Pair, pairs
from davy.host import DirectoryRoot, Gone, Host, HostError, Root
from davy.host.links import Links
from davy.knowledge.data import wild
from davy.knowledge.services import ConfigFormat
from davy.model.containers import Bind, Container
from davy.model.facts import Account, Gap

COLLECTOR: Final = "services"
FILE_BYTES: Final = 512 << 10
"""What is read of one configuration file."""
TOTAL_BYTES: Final = 16 << 20
"""What is read of the files of one ground."""
FILES_LIMIT: Final = 500
"""Files that one pattern may come to."""
HOMES_LIMIT: Final = 200
_NEVER: Final = ("/proc/", "/sys/", "/dev/")
"""Where no file of settings lies, whatever names it: reading may do something."""
_WILD: Final = re.compile(r"[*?\[]")
_NOWHERE: Final = "/nonexistent"
_OF_PEOPLE: Final = ("/home/", "/root")
_NO_LOGIN: Final = ("/nologin", "/false")


class Ground:
    """One tree of files, whose paths are told as the service has them.

    What cannot be read becomes a gap in ``gaps``; each file is read once.
    """

    def __init__(self, root: Root, folder: str = "", binds: Sequence[Bind] = (), hosts: Root | None = None) -> None:
        """``folder`` is where its ``/`` is on the host; empty for the host's own.

        ``hosts`` is the host's own tree where the ground is that of a process which is in no container, but has mounts
        of its own, as systemd gives them to services: most of its files are the host's, by the same paths.
        """
        self._root, self._folder, self._binds, self._hosts = root, folder.rstrip("/"), binds, hosts
        self._links = Links(root)
        self._host = Host(root)
        self._patterns = Patterns(self._host, COLLECTOR, self._links)
        self._texts: dict[str, str | None] = {}
        self._pairs: dict[tuple[ConfigFormat, str], tuple[Pair, ...]] = {}
        self._names: dict[str, frozenset[str] | None] = {}
        self._there = {"": True}
        self._homes: tuple[str, ...] | None = None
        self._left = TOTAL_BYTES
        self.gaps: list[Gap] = []

    def path_outside(self, path: str) -> str:
        """Where a file is on the host: in a folder of the host's that is bound there, or below the ground's own."""
        if self._hosts is not None and self._same_in(self._hosts, path):
            return path
        return outside(path, self._folder, self._binds) or path

    def _same_in(self, hosts: Root, path: str) -> bool:
        try:
            own, theirs = self._root.stat(path), hosts.stat(path)
        except HostError:
            return False
        return (own.device, own.inode) == (theirs.device, theirs.inode)

    def of_binds(self, binds: Sequence[Bind]) -> Ground:
        """What a container would see of this ground that only has these of its folders and files."""
        return Ground(Below(self._root, None, binds), _NOWHERE, binds)

    def homes(self) -> tuple[str, ...]:
        """The homes of people and of services that may log in."""
        if self._homes is None:
            people = {
                account.name
                for account in accounts(self._host)
                if isinstance(account, Account) and not account.shell.endswith(_NO_LOGIN)
            }
            found = [home for home in homes(self._host, COLLECTOR) if isinstance(home, Home)]
            chosen = [home.path for home in found if home.user in people or home.path.startswith(_OF_PEOPLE)]
            self._homes = tuple(chosen[:HOMES_LIMIT])
        return self._homes

    def files(self, patterns: Iterable[str]) -> Iterator[str]:
        """The regular files that patterns match, each once, without links; ``~/`` is every home."""
        seen = set()
        for pattern in patterns:
            for count, path in enumerate(self._matching(pattern)):
                if count == FILES_LIMIT:
                    self.gaps.append(Gap(COLLECTOR, f"the rest of {pattern}", f"more than {FILES_LIMIT} files"))
                    break
                if isinstance(path, Gap):
                    self.gaps.append(path)
                    continue
                own = self.regular(path)
                if own is not None and own not in seen:
                    seen.add(own)
                    yield own

    def _matching(self, pattern: str) -> Iterator[str | Gap]:
        for below in self.homes() if pattern.startswith("~/") else ("",):
            rest = pattern.removeprefix("~").lstrip("/")
            if self._may_be(f"{below}/{rest}"):
                yield from self._patterns.paths(rest, below=below)

    def _may_be(self, pattern: str) -> bool:
        """Whether the folders that a pattern names, and the names up to its first wildcard, are there.

        Told by listings, each read once: there are hundreds of usual places, and few of them on one host.
        """
        literal = pattern if not wild(pattern) else _WILD.split(pattern, 1)[0].rpartition("/")[0]
        return self._has(literal.rstrip("/"))

    def _has(self, path: str) -> bool:
        if path not in self._there:
            folder, _, name = path.rpartition("/")
            names = self._listed(folder) if not folder or self._has(folder) else frozenset[str]()
            self._there[path] = names is None or name in (".", "..") or name in names
        return self._there[path]

    def _listed(self, folder: str) -> frozenset[str] | None:
        """The names in a folder, none of what is no folder; None where it cannot be listed."""
        if folder not in self._names:
            self._names[folder] = None
            with suppress(HostError):
                self._names[folder] = frozenset(self._root.names(folder or "/"))
        return self._names[folder]

    def folders(self, starts: Iterable[str], depth: int, limit: int) -> Iterator[tuple[str, frozenset[str]]]:
        """Folders below others and the names in each, as deep as told; ``~`` is every home, hidden ones are left out.

        At most ``limit`` names are asked whether they are folders.
        """
        level = [path for start in starts for path in (self.homes() if start == "~" else (start,))]
        for deep in range(depth + 1):
            below = []
            for folder in level:
                limit -= 1
                names = self._listed(folder) if limit >= 0 else None
                if names is None:
                    continue
                yield folder, names
                if deep < depth:
                    below += [f"{folder}/{name}" for name in sorted(names) if not name.startswith(".")]
            level = below

    def pairs(self, format_: ConfigFormat, path: str) -> tuple[Pair, ...]:
        """The settings of a file, as its language has them."""
        if (format_, path) not in self._pairs:
            self._pairs[format_, path] = tuple(pairs(format_, self.text(path) or ""))
        return self._pairs[format_, path]

    def regular(self, path: str) -> str | None:
        """The path without links, if a regular file is there."""
        try:
            own = self._links.find(path)
            return own if own is not None and self._root.stat(own).regular else None
        except HostError:
            return None

    def lying(self, pattern: str) -> Iterator[str]:
        """The files and folders that a pattern matches, without links."""
        for path in self._matching(pattern):
            if isinstance(path, Gap):
                self.gaps.append(path)
            else:
                with suppress(HostError):
                    if (own := self._links.find(path)) is not None and self._root.stat(own):
                        yield own

    def files_in(self, path: str) -> list[str]:
        """The paths of the regular files in a folder; none where it is no folder."""
        try:
            own = self._links.find(path)
            if own is None or own.startswith(_NEVER) or not self._root.stat(own).directory:
                return []
            names = self._root.names(own)[:FILES_LIMIT]
        except HostError:
            return []
        return [found for name in names if (found := self.regular(posixpath.join(own, name)))]

    def modified(self, path: str) -> float:
        try:
            return self._root.stat(path).mtime
        except HostError:
            return 0.0

    def text(self, path: str, size: int = FILE_BYTES) -> str | None:
        """What a file holds, its first ``size`` bytes; None where it cannot be read."""
        try:
            own = self._links.find(path)
        except HostError:
            return None
        if own is None or own.startswith(_NEVER):
            return None
        if own not in self._texts:
            self._texts[own] = self._read(own, min(size, self._left))
        return self._texts[own]

    def _read(self, path: str, size: int) -> str | None:
        if size <= 0:
            self.gaps.append(Gap(COLLECTOR, path, f"more than {TOTAL_BYTES >> 20} MiB of such files"))
            return None
        try:
            data = self._root.read(path, size + 1)
        except Gone:
            return None
        except HostError as error:
            self.gaps.append(Gap(COLLECTOR, self.path_outside(path), str(error)))
            return None
        self._left -= len(data)
        if len(data) > size:
            self.gaps.append(Gap(COLLECTOR, f"the rest of {self.path_outside(path)}", f"larger than {size >> 10} KiB"))
            data = data[: data.rfind(b"\n", 0, size) + 1]
        return os.fsdecode(data)


class Grounds:
    """The grounds of one host: its own, and those of processes and containers that have another."""

    def __init__(self, host: Host) -> None:
        self.host = Ground(host.root)
        self._kernel = host.kernel
        self._root = host.root
        self._by_namespace: dict[str, Ground] = {}
        self._opened: list[DirectoryRoot] = []
        self.gaps: list[Gap] = []

    def of_process(self, pid: int, container: Container | None) -> Ground:
        """What a process sees; where that cannot be told, what the host sees."""
        kernel = self._kernel
        if kernel is None:
            return self.of_container(container) if container else self.host
        try:
            namespace, root = kernel.procfs.link(f"{pid}/ns/mnt"), kernel.procfs.link(f"{pid}/root")
            if root == "/" and namespace == kernel.procfs.link("self/ns/mnt"):
                return self.host
        except HostError:
            return self.host
        key = f"{namespace} {root}"
        if key not in self._by_namespace:
            try:
                root_folder = DirectoryRoot.of_process(kernel.procfs, pid)
            except HostError as error:
                self.gaps.append(Gap(COLLECTOR, f"the files of process {pid}", str(error)))
                return self.host
            self._opened.append(root_folder)
            binds, hosts = (container.binds, None) if container else ((), self._root)
            self._by_namespace[key] = Ground(root_folder, f"/proc/{pid}/root", binds, hosts)
        return self._by_namespace[key]

    def of_container(self, container: Container) -> Ground:
        """What a container has, running or not; an empty one where its files are nowhere."""
        key = f"container {container.id}"
        if key not in self._by_namespace:
            folder = (container.root or "").rstrip("/") or None
            tree = Below(self._root, folder, container.binds)
            self._by_namespace[key] = Ground(tree, folder or _NOWHERE, container.binds)
        return self._by_namespace[key]

    def close(self) -> None:
        """Let go of the roots of processes; nothing can be read of them afterwards."""
        for root in self._opened:
            root.close()
        self._opened.clear()

    def every_gap(self) -> Iterator[Gap]:
        seen = set()
        for gaps in (self.gaps, self.host.gaps, *(ground.gaps for ground in self._by_namespace.values())):
            for gap in gaps:
                if gap not in seen:
                    seen.add(gap)
                    yield gap
