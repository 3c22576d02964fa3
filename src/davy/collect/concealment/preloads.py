"""Libraries that are loaded into programs which never asked for them.

Four ways lead there, and each is looked at by itself: the file that the loader reads for every program, variables in a
process's environment, the loader itself, and what is mapped in programs that have nothing else in common.

Source: ld.so(8), proc_pid_environ(5), proc_pid_maps(5).
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Final, NamedTuple

import msgspec

from davy.collect.executables import SIZE_LIMIT, Contents, executable
from davy.host import Gone, Host, HostError, Kernel, raw
from davy.host.clean_start import PRELOAD_FILE, VARIABLES, named_in, without_comments
from davy.host.digests import SumKind, digest_of_bytes
from davy.host.packages import NoPackages, PackageDatabase, packages
from davy.host.stat import parse_exe, parse_stat
from davy.knowledge.preloads import honest_preload
from davy.model.concealment import Preload, PreloadKind
from davy.model.facts import PF_KTHREAD, Executable, Gap, ProcessKey

_FILE_LIMIT: Final = 64 << 10
_LINES_LIMIT: Final = 256
_ENVIRON_LIMIT: Final = 32 << 10
_ENVIRON_SECONDS: Final = 0.05
_LIBRARIES_LIMIT: Final = 64
_HASHED_LIMIT: Final = 64 << 20
"""Bytes of libraries that are hashed of those that anybody can name; what is larger, or comes after, has no hash."""
_NAMES_SECONDS: Final = 0.5
"""So long libraries are searched for the names of processes."""
_PIDS_LIMIT: Final = 16
_LIBRARY_LIMIT: Final = 8 << 20
"""Bytes of a library that are searched for the names of processes."""
_MAPS_LIMIT: Final = 4 << 20
_NAME_LEAST: Final = 4
_SAMPLE_MOST: Final = 64
_SAMPLE_LEAST: Final = 4
"""So many different programs must have a library in common before that says anything."""
_PACKAGED_LEAST: Final = 2
_LOADERS: Final = (
    "/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux.so.2", "/lib/ld-linux-aarch64.so.1", "/lib/ld-linux-armhf.so.3",
    "/lib/ld-linux-riscv64-lp64d.so.1", "/lib64/ld64.so.2", "/lib/ld64.so.1",
)  # fmt: skip
"""glibc's, by the names that programs ask for (PT_INTERP).  musl's reads no preload file."""
_GLIBC: Final = b"GLIBC_PRIVATE"
"""The version of symbols by which glibc's loader and library know each other."""
_LOADER_PACKAGES: Final = ("libc6:amd64", "libc6:arm64", "libc6:riscv64", "libc6:i386", "libc6")
_OWN_ENVIRONMENT: Final = "what Davy was started with"
"""A variable that Davy has dropped since, or that only its own program was given."""
_LOADER_NAME: Final = re.compile(r"(?:ld-linux|ld64|ld-2|ld-musl|libc\.so|libc-2)")
_TEXT: Final = re.compile(rb"(?<=\0)/[\x21-\x7e]{4,200}(?=\0)")
_TRIPLET: Final = f"{os.uname().machine}-linux-gnu"
_LIBRARY_FOLDERS: Final = (
    f"/lib/{_TRIPLET}", f"/usr/lib/{_TRIPLET}", "/lib64", "/usr/lib64", "/lib", "/usr/lib", "/usr/local/lib",
)  # fmt: skip


def preloads(host: Host) -> Iterator[Preload | Gap]:
    """Everything preloaded on this host, and whether Davy itself was.

    A library is looked at only as a file of this mount namespace: what a container preloads is not here.
    """
    look = _Look(host)
    yield from look.gaps()
    for each in look.found():
        yield each if isinstance(each, Gap) else look.with_deeds(each)
    if look.names_cut_short:
        yield Gap("preloads", "names in libraries", f"not all were looked for within {_NAMES_SECONDS} s")


class _Named(NamedTuple):
    """A living process, and the names it goes by."""

    key: ProcessKey
    started: float
    """Seconds after boot."""
    name: bytes
    exe: str | None


class _Look:
    """One look at one host: what costs much is read once, and only when it is asked for."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._contents: Contents = {}
        self._identities: dict[str, Executable | None] = {}
        self._to_hash = _HASHED_LIMIT
        self.names_cut_short = False

    @cached_property
    def _database(self) -> PackageDatabase:
        return packages(self._host.root, forgiving=True)

    def gaps(self) -> Iterator[Gap]:
        """What is to be said of Davy's own start."""
        start = self._host.start
        ours = [path for path in start.was_preloaded if not self._honest(path)]
        if ours:
            yield Gap("preloads", "Davy itself", f"was preloaded with {', '.join(ours)}; it started again without")
        if start.still_preloaded:
            libraries = ", ".join(start.still_preloaded)
            yield Gap("preloads", "Davy itself", f"is preloaded with {libraries}, and goes on: {start.why}")
        if start.own_mounts:
            yield Gap("preloads", PRELOAD_FILE, f"masked in Davy's own mount namespace: {start.why}")

    def found(self) -> Iterator[Preload | Gap]:
        told = []
        for each in self._elsewhere():
            told += [each.library.key] if isinstance(each, Preload) and each.library is not None else []
            yield each
        for path in self._host.start.was_preloaded:
            library = self._identity(path)
            if library is not None and library.key not in told:
                yield Preload(kind=PreloadKind.ENVIRONMENT, path=path, source=_OWN_ENVIRONMENT, library=library)

    def _elsewhere(self) -> Iterator[Preload | Gap]:
        yield from self._filed(PRELOAD_FILE)
        yield from self._loaders()
        if self._host.kernel is not None:
            yield from self._environments(self._host.kernel)
            yield from self._mapped(self._host.kernel)

    def with_deeds(self, preload: Preload) -> Preload:
        """With whom the library hides, what it forges, and whom its bytes name."""
        library = preload.library
        if preload.kind is PreloadKind.LOADER or library is None or self._host.kernel is None:
            return preload
        if library.key in self._hiding:
            hides = tuple(key.subject for key in self._left_out)
            preload = msgspec.structs.replace(preload, hides=hides, forges=self._host.start.forged)
        if _trusted(library):
            return preload
        return msgspec.structs.replace(preload, names=tuple(self._named_by(preload.path)))

    # Files

    def _filed(self, path: str) -> Iterator[Preload | Gap]:
        """The libraries that a preload file names."""
        try:
            text = self._text(path)
        except Gone:
            return
        except HostError as error:
            yield Gap("preloads", path, str(error))
            return
        lines = list(zip(text.split(b"\n"), without_comments(text).split(b"\n"), strict=True))
        if len(text) == _FILE_LIMIT or len(lines) > _LINES_LIMIT:
            yield Gap("preloads", path, f"longer than {_LINES_LIMIT} lines or {_FILE_LIMIT >> 10} KiB")
        for number, (line, heeded) in enumerate(lines[:_LINES_LIMIT], 1):
            for entry in dict.fromkeys(named_in(heeded)):
                library = self._resolved(os.fsdecode(entry))
                yield Preload(
                    kind=PreloadKind.FILE,
                    path=library,
                    source=path,
                    line=number,
                    text=os.fsdecode(line),
                    entry=os.fsdecode(entry),
                    library=self._identity(library),
                )

    def _text(self, path: str) -> bytes:
        if self._host.start.still_preloaded:  # the C library may be answered for, the kernel is not
            try:
                return raw.read(os.fsencode(path), _FILE_LIMIT)
            except OSError:
                pass
        return self._host.root.read(path, _FILE_LIMIT)

    def _resolved(self, entry: str, folder: str | None = None) -> str:
        """The file that an entry means, where one is found; else the entry as it stands."""
        words = (
            [entry.replace("$LIB", lib).replace("${LIB}", lib) for lib in (f"lib/{_TRIPLET}", "lib64", "lib")]
            if "$LIB" in entry or "${LIB}" in entry
            else [entry]
        )
        if "/" not in entry:
            words = [f"{each}/{entry}" for each in _LIBRARY_FOLDERS]
        elif not entry.startswith("/") and folder is not None:
            words = [os.path.normpath(os.path.join(folder, entry))]
        for word in words:
            try:
                if word.startswith("/") and self._host.root.stat(word).regular:
                    return word
            except HostError:
                continue
        return entry

    def _anybodys(self, path: str) -> Executable | None:
        """The same of a library that any process can name: it may be large, and there may be many."""
        found = self._identity(path, self._to_hash)
        if found is not None and found.sha256 is not None:
            self._to_hash = max(self._to_hash - found.size, 0)
        return found

    def _identity(self, path: str, limit: int = SIZE_LIMIT) -> Executable | None:
        if path not in self._identities:
            try:
                self._identities[path] = executable(
                    self._host, path, packages=self._database, size_limit=limit, contents=self._contents
                )
            except HostError:
                self._identities[path] = None
        return self._identities[path]

    def _honest(self, path: str) -> bool:
        library = self._identity(path)
        return library is not None and _trusted(library)

    # Environments

    def _environments(self, kernel: Kernel) -> Iterator[Preload | Gap]:
        """Variables of processes that share Davy's files, as many as can be read in a twentieth of a second."""
        procfs = kernel.procfs
        deadline = time.monotonic() + _ENVIRON_SECONDS
        pids = procfs.pids()
        named: dict[tuple[str, str], list[int]] = {}
        for index, pid in enumerate(pids):
            if time.monotonic() > deadline:
                yield Gap("preloads", "environments", f"{index} of {len(pids)} processes were read")
                break
            try:
                environment = b"\0" + procfs.read(f"{pid}/environ", _ENVIRON_LIMIT)
            except HostError:
                continue
            for variable in VARIABLES:
                for entry in _entries_of(environment, variable.encode()):
                    if self._shares_files(kernel, pid):
                        library = self._resolved(os.fsdecode(entry), self._folder(kernel, pid))
                        named.setdefault((variable, library), []).append(pid)
        for (variable, library), users in list(named.items())[:_LIBRARIES_LIMIT]:
            yield Preload(
                kind=PreloadKind.ENVIRONMENT,
                path=library,
                source=variable,
                library=self._anybodys(library),
                pids=tuple(users[:_PIDS_LIMIT]),
            )

    @staticmethod
    def _shares_files(kernel: Kernel, pid: int) -> bool:
        """Whether a path means to a process what it means to Davy."""
        procfs = kernel.procfs
        try:
            return procfs.link(f"{pid}/ns/mnt") == procfs.link("self/ns/mnt") and procfs.link(f"{pid}/root") == "/"
        except HostError:
            return False

    @staticmethod
    def _folder(kernel: Kernel, pid: int) -> str | None:
        try:
            return kernel.procfs.link(f"{pid}/cwd")
        except HostError:
            return None

    # The loader

    def _loaders(self) -> Iterator[Preload | Gap]:
        """A loader that is not the one its package installed, or that reads another preload file."""
        for name in _LOADERS:
            path = self._through_link(name)
            try:
                content = self._host.root.read(path, _LIBRARY_LIMIT)
            except HostError:
                continue
            if _GLIBC not in content:
                continue  # a stand-in for it, as of musl, gcompat, NixOS, which reads no preload file
            usual = PRELOAD_FILE.encode() in content
            others = [] if usual else _other_preload_files(content)
            if not usual or self._changed(path, content):
                library = self._identity(path)
                words = f"its preload file: {', '.join(others) or 'none that was recognised'}"
                yield Preload(
                    kind=PreloadKind.LOADER, path=path, source=path, text="" if usual else words, library=library
                )
            for other in others:
                yield from self._filed(other)

    def _through_link(self, path: str) -> str:
        """Where a loader's own name leads: packages keep sums of files, not of links."""
        try:
            return os.path.normpath(os.path.join(os.path.dirname(path), self._host.root.readlink(path)))
        except HostError:
            return path

    def _changed(self, path: str, content: bytes) -> bool:
        """Whether it is Debian's C library's, with another content.  Other packages are not asked: that takes long."""
        digest = digest_of_bytes(content, (SumKind.MD5,))
        for package in _LOADER_PACKAGES:
            try:
                unmodified = self._database.unmodified(path, package, digest)
            except HostError:
                continue
            if unmodified is not None:
                return not unmodified
        return False

    # What is mapped everywhere

    def _mapped(self, kernel: Kernel) -> Iterator[Preload]:
        """Libraries that no package owns, in every program looked at, those of packages included.

        The youngest programs tell most: a daemon that is older than the library has not loaded it.
        """
        if isinstance(self._database, NoPackages):
            return
        common: set[str] | None = None
        sampled: dict[str, int] = {}
        for process in sorted(self._living, key=lambda each: -each.started):
            if process.exe is None or process.exe in sampled or len(sampled) == _SAMPLE_MOST:
                continue
            mapped = self._libraries_of(kernel, process.key.pid)
            if mapped is None:
                continue
            sampled[process.exe] = process.key.pid
            common = mapped if common is None else common & mapped
            if not common:
                return
        if not common or len(sampled) < _SAMPLE_LEAST:
            return
        owners = self._database.owners({*common, *sampled})
        if sum(exe in owners for exe in sampled) < _PACKAGED_LEAST:
            return
        for path in sorted(common - owners.keys())[:_LIBRARIES_LIMIT]:
            library = self._identity(path)
            if library is not None and library.owner_package is None:
                yield Preload(
                    kind=PreloadKind.MAPPED, path=path, source=f"{len(sampled)} programs", library=library,
                    pids=tuple(sampled.values())[:_PIDS_LIMIT],
                )  # fmt: skip

    def _libraries_of(self, kernel: Kernel, pid: int) -> set[str] | None:
        """What a program has mapped to run besides itself and the C library; None where it has no loader, or its files
        are not Davy's.
        """
        try:
            files = {
                each.path for each in raw.parse_maps(kernel.procfs.read(f"{pid}/maps", _MAPS_LIMIT)) if each.executable
            }
        except (HostError, ValueError):
            return None
        loaded = {path for path in files if not _LOADER_NAME.match(os.path.basename(path))}
        if loaded == files or not self._shares_files(kernel, pid):
            return None
        return {path for path in loaded if not path.endswith(" (deleted)")}

    # What a library does

    @cached_property
    def _living(self) -> list[_Named]:
        kernel, found = self._host.kernel, []
        if kernel is None:
            return []
        for pid in kernel.procfs.pids():
            try:
                stat = parse_stat(kernel.procfs.read(f"{pid}/stat"))
                if stat.flags & PF_KTHREAD:
                    continue
                exe = parse_exe(kernel.procfs.link(f"{pid}/exe")).path
            except HostError:
                continue
            started = stat.start_ticks / kernel.ticks_per_second
            found.append(_Named(ProcessKey(pid, stat.start_ticks), started, os.fsencode(stat.name), exe))
        return found

    @cached_property
    def _left_out(self) -> list[ProcessKey]:
        """Processes that live, and that Davy did not see while it was preloaded."""
        start = self._host.start
        return [each.key for each in self._living if start.left_out(each.key.pid, each.started)]

    @cached_property
    def _hiding(self) -> set[object]:
        """The libraries to which that is put down: those that nobody vouches for, no package and no known product; or
        else those that no package does, or else all.
        """
        loaded = [library for path in self._host.start.was_preloaded if (library := self._identity(path))]
        strangers = [library for library in loaded if not _trusted(library)]
        unknown = [library for library in strangers if not honest_preload(library.path)]
        return {library.key for library in unknown or strangers or loaded}

    @cached_property
    def _strangers(self) -> Mapping[bytes, ProcessKey]:
        """The names of processes that are no package's program under its own name."""
        owners = self._database.owners({each.exe for each in self._living if each.exe})
        found: dict[bytes, ProcessKey] = {}
        for each in self._living:
            base = os.fsencode(os.path.basename(each.exe or ""))
            for name in {each.name, base}:
                own = each.exe not in owners or name != base[: len(name)]
                if len(name) >= _NAME_LEAST and own and each.key.pid != os.getpid():
                    found[name] = each.key
        return found

    @cached_property
    def _deadline_of_names(self) -> float:
        return time.monotonic() + _NAMES_SECONDS

    def _named_by(self, path: str) -> Iterator[str]:
        """Subjects of the processes whose name stands in the library as a text of its own."""
        try:
            content = b"\0" + self._host.root.read(path, _LIBRARY_LIMIT)
        except HostError:
            return
        keys = set()
        for name, key in self._strangers.items():
            if time.monotonic() > self._deadline_of_names:
                self.names_cut_short = True
                break
            if b"\0" + name + b"\0" in content:
                keys.add(key)
        yield from sorted(key.subject for key in keys)


def _trusted(library: Executable) -> bool:
    return library.owner_package is not None and library.unmodified is not False


def _entries_of(environment: bytes, variable: bytes) -> Iterable[bytes]:
    """The libraries that a variable names in an environment, which begins with a zero byte here."""
    start = environment.find(b"\0" + variable + b"=")
    if start < 0:
        return ()
    value = environment[start + len(variable) + 2 :].partition(b"\0")[0]
    return dict.fromkeys(named_in(value))


def _other_preload_files(loader: bytes) -> list[str]:
    """Paths of exactly the length of the usual one: what a loader's own text was overwritten with."""
    length = len(PRELOAD_FILE)
    return list(dict.fromkeys(os.fsdecode(text) for text in _TEXT.findall(loader) if len(text) == length))[:4]
