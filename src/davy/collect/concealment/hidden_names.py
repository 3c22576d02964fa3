"""Names that answer when they are asked for, and that no listing of their folder shows.

Somebody has to name them first: what is known of families, what autostarts and command lines run, what processes run
and have mapped.  Each folder is listed before and after the look-up, so a file that comes or goes meanwhile is none.

Source: getdents64(2), stat(2); the idea is Alibaba Cloud's advice to ask for ``/lib/udev/usb_control/*.ko`` by name.
"""

from __future__ import annotations

import os
import time
import unicodedata
from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from davy.host import Host, HostError, raw
from davy.host.clean_start import PRELOAD_FILE
from davy.host.root import NAMES_LIMIT, FileStat
from davy.model.concealment import HiddenName
from davy.model.facts import Gap
from davy.model.reach import Reach
from davy.model.snapshot import Snapshot

_FOLDERS_LIMIT: Final = 256
_NAMES_MOST: Final = 4096
_SECONDS: Final = 0.1
_KERNELS: Final = ("/proc/", "/sys/", "/dev/fd/")
"""Where the kernel itself answers for names that it does not list: threads, descriptors."""


def hidden_names(host: Host, snapshot: Snapshot, _reach: Reach) -> Iterator[HiddenName | Gap]:
    """Regular files that something names, that are there, and that their folder does not list.

    Folders of more than 20,000 names, and those on file systems that may never answer, are passed over.
    """
    for path in host.start.unlisted_names:
        if _regular(host, path) is not None:
            yield HiddenName(path=path, listed_by="the C library's", named_by="the kernel's listing")
    wanted: dict[str, dict[str, str]] = defaultdict(dict)
    for count, (path, named_by) in enumerate(_named(snapshot)):
        folder, _, name = path.rpartition("/")
        if path.startswith("/") and name not in ("", ".", "..") and not path.startswith(_KERNELS):
            wanted[folder or "/"].setdefault(name, named_by)
        if count == _NAMES_MOST:
            break
    deadline = time.monotonic() + _SECONDS
    for number, (folder, names) in enumerate(wanted.items()):
        if number == _FOLDERS_LIMIT or time.monotonic() > deadline:
            yield Gap("hidden names", "folders", f"{number} of {len(wanted)} were compared")
            return
        yield from _left_out(host, folder, names)


def _named(snapshot: Snapshot) -> Iterator[tuple[str, str]]:
    """Paths to ask for, and what names them; the most telling first."""
    yield PRELOAD_FILE, "the loader"
    yield from ((known.path, f"a known path of {known.family}") for known in snapshot.known_files)
    yield from ((file.path, "a module that is loaded or known") for file in snapshot.module_files)
    yield from ((preload.path, preload.source) for preload in snapshot.preloads)
    for autostart in snapshot.autostarts:
        yield from ((program, autostart.path) for program in autostart.programs)
    for process in snapshot.processes:
        who = f"process {process.pid}"
        if process.exe and not process.exe.deleted and not process.exe.memory_only:
            yield process.exe.path, who
        if process.script:
            yield process.script, who
        yield from ((word, f"the command line of {who}") for word in process.cmdline[1:16] if word.startswith("/"))
    for detail in snapshot.details:
        yield from ((path, f"the maps of process {detail.pid}") for path in detail.mapped_files)


def _left_out(host: Host, folder: str, names: dict[str, str]) -> Iterator[HiddenName]:
    try:
        before = _listing(host, folder)
    except HostError:
        return
    suspects = {name: there for name in names.keys() - before if (there := _regular(host, f"{folder}/{name}"))}
    if not suspects:
        return
    try:
        listed = before | _listing(host, folder)
    except HostError:
        return
    spellings = {_folded(name) for name in listed}
    for name, there in sorted(suspects.items()):
        again = _regular(host, f"{folder}/{name}")
        same = again is not None and (again.device, again.inode) == (there.device, there.inode)
        if same and name not in listed and _folded(name) not in spellings:
            path = f"{folder.rstrip('/')}/{name}"
            yield HiddenName(path=path, listed_by="the kernel's", named_by=names[name])


def _listing(host: Host, folder: str) -> set[str]:
    """Raises `HostError`."""
    if not host.start.still_preloaded:
        return set(host.root.names(folder))
    try:
        return {os.fsdecode(name) for name in raw.names(os.fsencode(folder), NAMES_LIMIT)}
    except OSError:
        return set(host.root.names(folder))


def _regular(host: Host, path: str) -> FileStat | None:
    try:
        found = host.root.lstat(path)
    except HostError:
        return None
    return found if found.regular else None


def _folded(name: str) -> str:
    """A name as file systems see it that tell neither capitals nor ways to write an accent apart."""
    return unicodedata.normalize("NFKD", name).casefold()
