"""Whether Davy itself was preloaded, and starting again without.

A library named by ``/etc/ld.so.preload``, ``LD_PRELOAD`` or ``LD_AUDIT`` is loaded into Davy as into any other program,
and answers in the C library's place.  So Davy looks at itself first.  If anything was loaded that its interpreter never
asked for, it becomes the same interpreter with the same arguments once more, without these variables and, as root,
in a mount namespace of its own where ``/etc/ld.so.preload`` is empty; it leaves that namespace as soon as it runs.

What the deceived process could still see is handed over: what the C library lists, against what the kernel does.

Source: ld.so(8), execve(2), mount_namespaces(7), setns(2), memfd_create(2).
"""

from __future__ import annotations

import ctypes
import errno
import os
import re
import stat
import struct
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Final, NamedTuple

import msgspec
from msgspec import Struct

from davy.host import raw
from davy.host.deceived import Sight, look
from davy.host.stat import parse_stat

PRELOAD_FILE: Final = "/etc/ld.so.preload"
VARIABLES: Final = ("LD_PRELOAD", "LD_AUDIT")
"""Variables that have the loader load what a program did not ask for."""
_LIBRARY_PATH: Final = b"LD_LIBRARY_PATH"
_HAND_OVER: Final = b"DAVY_STARTED_AGAIN"
"""Names the descriptor of what is handed over.  Believed only if that names this very process."""

_LIMIT: Final = 4 << 20
_OPEN_FOLDERS: Final = ("/tmp", "/var/tmp", "/dev/shm", "/run/shm", "/run/lock")
_WORDS: Final = re.compile(rb"[ \t\n:]+")
_NULL: Final = (1, 3)
_AT_BASE: Final = 7
_AT_SYSINFO_EHDR: Final = 33
_CLONE_NEWNS: Final = 0x00020000
_MS_BIND: Final = 0x1000
_MS_REC: Final = 0x4000
_MS_PRIVATE: Final = 0x40000
_SETTLED_SECONDS: Final = 0.05
"""A process that started so shortly before the listing may have been too young for it."""


class Start(Struct, frozen=True, kw_only=True):
    """How this process came to run."""

    was_preloaded: tuple[str, ...] = ()
    """Libraries that were loaded into Davy unasked, before it started again without."""
    still_preloaded: tuple[str, ...] = ()
    """Those that are loaded into it now: it could not start without, and what it reads may be made up."""
    why: str = ""
    """Why it could not."""
    own_mounts: bool = False
    """Whether it could not leave its own mount namespace again: mounts made since are not seen, and the preload file
    looks empty."""
    hooked_listing: frozenset[int] | None = None
    """The processes that ``/proc`` has for a program which has these libraries loaded; None when nobody asked."""
    unlisted: frozenset[int] = frozenset()
    """Those that the kernel listed just before and just after, and that were left out of it."""
    unlisted_names: tuple[str, ...] = ()
    """The same of files: their paths."""
    listed_at: float | None = None
    """When, in seconds since boot: the clock of process start times."""
    forged: tuple[str, ...] = ()
    """Files of the kernel's that read otherwise with these libraries loaded."""

    def left_out(self, pid: int, started: float) -> bool:
        """Whether a process that is alive now, and started so many seconds after boot, was left out of the listing."""
        old = self.listed_at is not None and started < self.listed_at - _SETTLED_SECONDS
        return old and pid in self.unlisted


class _HandedOver(Struct, frozen=True, kw_only=True):
    """What the first process tells the second, which is itself: exec keeps the pid and the start time."""

    pid: int
    start_ticks: int
    preloaded: tuple[bytes, ...]
    sight: Sight
    away: tuple[int, int, int] | None
    """Where it came from, as in `_Away`; None when it stayed there."""


_started: Start | None = None


def started() -> Start:
    """What `ensure_clean` found when this process started; nothing of note where it was not asked to look."""
    return _started or Start()


def ensure_clean(arguments: Sequence[str] | None = None) -> Start:
    """Start again without whatever was loaded into this process unasked; to be called first of all, before any thread.

    Returns in a process that is clean, or that could not become so and says why.  At most one new start: the process
    that was started again is known by pid and start time, whatever its environment says.
    """
    global _started
    if _started is not None:
        return _started
    former = _handed_over()
    if former is None:
        _started = _first(list(sys.orig_argv if arguments is None else arguments))
    else:
        kept_away = _back(former.away)
        still = _unasked()
        _started = Start(
            was_preloaded=tuple(map(os.fsdecode, former.preloaded)),
            still_preloaded=still,
            why=kept_away or ("they are loaded again" if still else ""),
            own_mounts=bool(kept_away),
            hooked_listing=frozenset(former.sight.listing) if former.preloaded else None,
            unlisted=frozenset(former.sight.unlisted),
            unlisted_names=tuple(map(os.fsdecode, former.sight.unlisted_names)),
            listed_at=former.sight.listed_at if former.preloaded else None,
            forged=former.sight.forged,
        )
    return _started


def _first(arguments: list[str]) -> Start:
    """Look at this process; start it again if something is there that it did not ask for, and it can be left out."""
    variables = _variables()
    filed = named_in(without_comments(_raw(PRELOAD_FILE)))
    loaded = _unasked()
    paths = _odd_library_paths(os.environb.get(_LIBRARY_PATH, b""))
    if not (variables or filed or loaded or paths):
        return Start()
    away: _Away | None = None
    why = "it came neither from a variable nor from a preload file"
    if filed and os.geteuid() == 0:
        try:
            away = _mask()
        except OSError as error:
            why = f"{PRELOAD_FILE} cannot be masked: {error.strerror}"
    elif filed:
        why = f"{PRELOAD_FILE} can only be left out by root"
    if away is not None or variables or paths:
        try:
            _again(arguments, loaded, paths, away)
        except OSError as error:
            why = f"it could not start again: {error.strerror}"
            if away is not None and (stuck := _back(away)):
                return Start(still_preloaded=loaded, why=stuck, own_mounts=True)
    return Start(still_preloaded=loaded, why=why if loaded else "")


def _raw(path: str) -> bytes:
    """What the kernel says is in a file; nothing when there is none, or it is no file."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            return b""
    except OSError:
        pass  # a preloaded library may say so of a file that it hides
    try:
        return raw.read(os.fsencode(path), _LIMIT)
    except OSError:
        return b""


def _variables() -> bool:
    """Whether a variable has libraries loaded: now, or in the environment that the kernel gave this process."""
    given = [pair.partition(b"=") for pair in _raw("/proc/self/environ").split(b"\0")]
    return any(
        os.environ.get(name) or any(key == name.encode() and value for key, _, value in given) for name in VARIABLES
    )


def without_comments(text: bytes) -> bytes:
    """A preload file with blanks in place of what the loader takes for comments, from ``#`` to the end of the line.

    glibc looks for each further ``#`` from the start of the file, in as many bytes as are left: it misses some, and
    loads what stands behind them.  So does this.  Source: ld.so(8), dl_main in glibc's elf/rtld.c.
    """
    found, rest = bytearray(text), len(text)
    while rest > 0 and (here := found.find(b"#", 0, rest)) >= 0:
        end = found.find(b"\n", here)
        length = min(rest - here, (len(found) if end < 0 else end) - here)
        found[here : here + length] = b" " * length
        rest -= here + length
    return bytes(found)


def named_in(text: bytes) -> list[bytes]:
    """The libraries that a preload file without its comments names, or a variable: separated by blanks or colons."""
    return [word for word in _WORDS.split(text) if word]


def _unasked() -> tuple[str, ...]:
    """Files that were loaded into this process and that its interpreter did not ask for, in the loader's order.

    They stand in the loader's list between the program and the first library that it needs; or they are mapped,
    look like a program, and are not in that list at all (LD_AUDIT, or one that took itself out).
    """
    try:
        objects = raw.loaded_objects()
        asked = {os.path.basename(name) for name in raw.needed(objects[0])}
    except (OSError, AttributeError, IndexError, ValueError):
        return ()
    mapped = raw.parse_maps(_raw("/proc/self/maps"))
    kernels = _kernels_own()
    found: dict[str, None] = {}
    for each in objects[1:] if asked else ():
        if os.path.basename(each.name) in asked:
            break
        if each.base not in kernels:
            found[_file_at(mapped, each.dynamic) or each.name] = None
    known = {_file_at(mapped, each.dynamic) for each in objects}
    for file in mapped:
        if file.path not in known and file.executable and _elf(mapped, file.path):
            found[file.path] = None
    return tuple(found)


def _kernels_own() -> set[int]:
    """Where the kernel put the loader and the vdso.  Source: getauxval(3), AT_BASE and AT_SYSINFO_EHDR."""
    data = _raw("/proc/self/auxv")
    if not data:  # something is mounted over /proc
        ask = ctypes.CDLL(None).getauxval
        ask.argtypes, ask.restype = [ctypes.c_ulong], ctypes.c_ulong
        return {ask(kind) for kind in (_AT_BASE, _AT_SYSINFO_EHDR)}
    pairs = struct.iter_unpack("=QQ", data[: len(data) // 16 * 16])
    return {value for kind, value in pairs if kind in (_AT_BASE, _AT_SYSINFO_EHDR)}


def _file_at(mapped: Iterable[raw.MappedFile], address: int) -> str | None:
    return next((each.path for each in mapped if each.start <= address < each.end), None)


def _elf(mapped: Iterable[raw.MappedFile], path: str) -> bool:
    """Whether a mapped file begins as programs do: what libffi and others write and run for themselves does not."""
    return any(
        each.path == path and each.offset == 0 and each.readable and ctypes.string_at(each.start, 4) == b"\x7fELF"
        for each in mapped
    )


def _odd_library_paths(paths: bytes) -> list[bytes]:
    """Those folders of LD_LIBRARY_PATH where anyone may write or that hide, unless the interpreter lives there, too."""
    home = os.fsencode(sys.base_prefix) + b"/"
    return [
        folder
        for folder in re.split(rb"[:;]", paths)
        if folder.startswith(b"/") and not (folder + b"/").startswith(home) and _odd(os.fsdecode(folder))
    ]


def _odd(folder: str) -> bool:
    if f"{folder}/".startswith(tuple(f"{each}/" for each in _OPEN_FOLDERS)) or "/." in folder:
        return True
    try:
        return bool(os.stat(folder).st_mode & stat.S_IWOTH)
    except OSError:
        return False


class _Away(NamedTuple):
    """Descriptors of the mount namespace, the root and the folder that this process came from."""

    mounts: int
    root: int
    folder: int

    def go_back(self) -> None:
        """Return there.  Raises OSError."""
        raw.setns(self.mounts, _CLONE_NEWNS)
        _enter(self.root, self.folder)

    def close(self) -> None:
        for descriptor in self:
            with suppress(OSError):
                os.close(descriptor)


def _enter(root: int, folder: int) -> None:
    """Have this root and folder.  Raises OSError."""
    os.fchdir(root)
    os.chroot(".")
    os.fchdir(folder)


def _here() -> _Away:
    """Raises OSError."""
    return _Away(
        raw.open_path(b"/proc/self/ns/mnt", os.O_RDONLY),
        raw.open_path(b"/", os.O_PATH | os.O_DIRECTORY),
        raw.open_path(b".", os.O_PATH | os.O_DIRECTORY),
    )


def _mask() -> _Away:
    """Go to a mount namespace of our own where the preload file is empty; where we came from.  Raises OSError."""
    null = os.stat("/dev/null")
    if not stat.S_ISCHR(null.st_mode) or (os.major(null.st_rdev), os.minor(null.st_rdev)) != _NULL:
        raise OSError(errno.ENODEV, "/dev/null is something else")
    before = _here()
    try:
        raw.unshare(_CLONE_NEWNS)
    except OSError:
        before.close()
        raise
    try:
        _make_private()
        raw.mount(b"/dev/null", os.fsencode(PRELOAD_FILE), _MS_BIND)
    except OSError:
        _back(before)
        raise
    return before


def _make_private() -> None:
    """Keep every mount made from now on to ourselves.  Raises OSError.

    In a chroot ``/`` need not be a mount point, and what it lies on is out of reach: setns(2) leads to the root of the
    whole namespace, and then back.
    """
    try:
        raw.mount(None, b"/", _MS_REC | _MS_PRIVATE)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        inside = _here()
        raw.setns(inside.mounts, _CLONE_NEWNS)
        try:
            raw.mount(None, b"/", _MS_REC | _MS_PRIVATE)
        finally:
            _enter(inside.root, inside.folder)
            inside.close()


def _back(away: tuple[int, int, int] | None) -> str:
    """Leave the mount namespace that this process was started again in; why that was refused, or nothing."""
    if away is None:
        return ""
    before = _Away(*away)
    try:
        before.go_back()
    except OSError as error:
        return f"the way back to the host's mounts is refused: {error.strerror}"
    finally:
        before.close()
    return ""


def _again(arguments: Sequence[str], loaded: tuple[str, ...], paths: list[bytes], away: _Away | None) -> None:
    """Become the same interpreter with the same arguments, without what has libraries loaded.  Raises OSError."""
    pid, ticks = _own_identity()
    told = _HandedOver(
        pid=pid,
        start_ticks=ticks,
        preloaded=tuple(map(os.fsencode, loaded)),
        sight=look(loaded) if loaded else Sight(),
        away=away,
    )
    descriptor = os.memfd_create("davy-start", 0)
    try:
        os.write(descriptor, msgspec.msgpack.encode(told))
        os.lseek(descriptor, 0, os.SEEK_SET)
        program = os.fsencode(sys.executable) or os.readlink(b"/proc/self/exe")
        words = [os.fsencode(word) for word in arguments] or [program]
        raw.execve(program, words, {**_stripped(os.environb, paths), _HAND_OVER: b"%d" % descriptor})
    finally:
        os.close(descriptor)


def _stripped(environment: Mapping[bytes, bytes], paths: list[bytes]) -> dict[bytes, bytes]:
    """An environment without what has libraries loaded."""
    kept = {name: value for name, value in environment.items() if os.fsdecode(name) not in VARIABLES}
    if paths:
        folders = [folder for folder in re.split(rb"[:;]", kept.pop(_LIBRARY_PATH, b"")) if folder not in paths]
        if any(folders):
            kept[_LIBRARY_PATH] = b":".join(folders)
    return kept


def _own_identity() -> tuple[int, int]:
    """Pid and start ticks; the ticks are 0 where no ``/proc`` tells them."""
    try:
        return os.getpid(), parse_stat(raw.read(b"/proc/self/stat", 4096)).start_ticks
    except (OSError, ValueError, IndexError):
        return os.getpid(), 0


def _handed_over() -> _HandedOver | None:
    """What this process was told by itself before it started again; None when it was not.

    The variable goes.  One that somebody else set names no file, or a file about another process.
    """
    name = os.environb.pop(_HAND_OVER, None)
    if name is None or not name.isdigit() or len(name) > 9:
        return None
    descriptor = int(name)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        told = msgspec.msgpack.decode(os.pread(descriptor, _LIMIT, 0), type=_HandedOver)
    except (OSError, msgspec.MsgspecError):
        return None
    if (told.pid, told.start_ticks) != _own_identity():
        return None
    os.close(descriptor)
    return told
