"""What undoes a step: written to the journal before the step is done."""

from __future__ import annotations

from msgspec import Struct

from davy.model.plan import Within


class FileAttributes(Struct, frozen=True, kw_only=True):
    """What is put back with a file's content.  Inode, change time and birth cannot be."""

    mode: int
    uid: int
    gid: int
    atime_ns: int
    mtime_ns: int
    flags: int | None
    """Inode flags of ioctl_iflags(2), such as immutable and append-only; None where the file system has none."""
    xattrs: dict[bytes, bytes]
    """Names are bytes: an enemy may choose ones that no text encoding knows."""


class FolderTimes(Struct, frozen=True, kw_only=True):
    """The modification time of the folder in which a name was changed, in nanoseconds."""

    before_ns: int
    left_ns: int
    """What the step left it at: while it is that, nobody has changed the folder since."""


class EditedFile(Struct, frozen=True, kw_only=True, tag="edited"):
    """A file from which lines were taken, or that has its package's content: the original is kept under ``kept``."""

    path: bytes
    attributes: FileAttributes
    kept: str
    before_sha256: str
    after_sha256: str
    folder_flags: int | None = None
    """Inode flags of its folder: they are off while the file is replaced."""
    folder_times: FolderTimes | None = None


class MovedFile(Struct, frozen=True, kw_only=True, tag="moved"):
    """A file that was moved to the quarantine, where it is called ``kept``."""

    path: bytes
    attributes: FileAttributes
    kept: str
    sha256: str
    folder_flags: int | None = None
    """As in `EditedFile`."""
    folder_times: FolderTimes | None = None
    within: Within | None = None
    """The container it was moved out of."""


class RemovedLink(Struct, frozen=True, kw_only=True, tag="removed-link"):
    path: bytes
    destination: bytes
    uid: int
    gid: int
    folder_flags: int | None = None
    """As in `EditedFile`."""
    folder_times: FolderTimes | None = None
    atime_ns: int | None = None
    """Its own times; None in journals of a Davy that did not keep them."""
    mtime_ns: int | None = None


class MadeLink(Struct, frozen=True, kw_only=True, tag="made-link"):
    """A link that the eviction made (a unit's mask)."""

    path: bytes
    destination: bytes


class KernelValueSet(Struct, frozen=True, kw_only=True, tag="kernel-value"):
    """A value of the kernel that was given its usual one."""

    path: bytes
    before: bytes
    after: bytes


class Unregistered(Struct, frozen=True, kw_only=True, tag="unregistered"):
    """A binary format that was taken out of the kernel, and the line that registers it (binfmt_misc)."""

    path: bytes
    registration: bytes
    enabled: bool = True


class FrozenGroup(Struct, frozen=True, kw_only=True, tag="frozen-group"):
    """Processes stopped in a control group of Davy's own; None where they were stopped by a signal."""

    group: bytes | None
    homes: dict[int, str] = {}
    """The control group each was in before, by pid."""


class ManagerReloaded(Struct, frozen=True, kw_only=True, tag="reloaded"):
    """systemd read its unit files again; undoing it means to have it read them once more."""

    socket: bytes


class RestartPolicySet(Struct, frozen=True, kw_only=True, tag="restart-policy"):
    """A container that is not started again any more, and the policy by which it was."""

    socket: bytes
    container: str
    name: str
    before: str
    retries: int = 0


class Unmounted(Struct, frozen=True, kw_only=True, tag="unmounted"):
    """A mount that was taken off.  It is not put back: an undo never mounts anything over what others look at."""

    point: bytes
    filesystem: str
    source: bytes
    root: bytes


class UnloadedModule(Struct, frozen=True, kw_only=True, tag="unloaded-module"):
    """A kernel module that was unloaded.  Nothing undoes it: Davy never loads a module."""

    name: str


Undo = (
    EditedFile
    | MovedFile
    | RemovedLink
    | MadeLink
    | KernelValueSet
    | Unregistered
    | FrozenGroup
    | ManagerReloaded
    | RestartPolicySet
    | Unmounted
    | UnloadedModule
)
