"""Plans: the ordered steps that evict incidents or close doors, made before anything is touched.

A plan is data: it is shown, journalled and carried out from the same words.  Paths are bytes, so that a
name in any encoding is exactly the name that is touched.
"""

from __future__ import annotations

from msgspec import Struct

from davy.model.facts import FileKey, ProcessKey
from davy.model.incidents import Role


class Target(Struct, frozen=True, kw_only=True):
    """A process to end: this pid with this start time, and nothing else that may bear the pid later."""

    pid: int
    start_ticks: int
    role: Role
    name: str
    invocation: str
    uid: int | None = None

    @property
    def key(self) -> ProcessKey:
        return ProcessKey(self.pid, self.start_ticks)


class Within(Struct, frozen=True, kw_only=True):
    """The container whose file a path means: found through a process whose root is the container's."""

    container: str
    """Its id."""
    name: str
    pid: int
    start_ticks: int
    layer: bytes | None = None
    """Where its own files lie on the host, by which they are found when that process has ended."""


class FileIdentity(Struct, frozen=True, kw_only=True):
    """A file as the plan saw it; a step refuses when it is no longer this."""

    path: bytes
    device: int
    inode: int
    size: int
    mtime_ns: int
    sha256: str
    within: Within | None = None
    """In which container ``path`` is meant; None on the host itself."""

    @property
    def place(self) -> bytes:
        """What tells its path from those of other containers, and of the host."""
        return self.path if self.within is None else b"%s:%s" % (self.within.container.encode(), self.path)

    @property
    def key(self) -> FileKey:
        return FileKey(self.device, self.inode)


class Freeze(Struct, frozen=True, kw_only=True, tag="freeze"):
    """Stop every actor, whatever runs one of ``programs``, and all their descendants, to a fixed point."""

    targets: tuple[Target, ...]
    programs: tuple[FileIdentity, ...] = ()


class Preserve(Struct, frozen=True, kw_only=True, tag="preserve"):
    """Keep the evidence of one process: program, command line, environment, maps, sockets, memory strings."""

    target: Target


class Unmount(Struct, frozen=True, kw_only=True, tag="unmount"):
    """Take off exactly this mount, and no other at its point."""

    point: bytes
    mount_id: int
    filesystem: str
    source: bytes
    root: bytes
    device: tuple[int, int]


class RemoveLines(Struct, frozen=True, kw_only=True, tag="remove-lines"):
    """Take these lines out of a file; every other byte stays."""

    file: FileIdentity
    lines: tuple[int, ...]
    texts: tuple[bytes, ...]
    remains: tuple[bytes, ...] = ()
    """What stays of each line that holds honest entries, too; empty for one that goes whole.  None at all: all go."""
    restores: str | None = None
    """The package whose own content the file has then; None where nothing says so."""


class LineSet(Struct, frozen=True, kw_only=True):
    """One line of a configuration file that gets its place."""

    number: int
    """From 1, of the file as it was seen: the line that is replaced, or before which the new one comes; of a file with
    N lines, N + 1 is its end."""
    before: bytes | None
    """The line as it was seen, without its end; None where the new one is added."""
    after: bytes
    """Without an end: it gets the one that its neighbours have."""


class SetLines(Struct, frozen=True, kw_only=True, tag="set-lines"):
    """Give these lines their place in a configuration file; every other byte stays."""

    file: FileIdentity
    lines: tuple[LineSet, ...]
    """In order."""
    closes: tuple[str, ...] = ()
    """What that closes: ids of exposures."""
    restart: str = ""
    """What has to be restarted for it, and how; left to the person."""


class RestorePackaged(Struct, frozen=True, kw_only=True, tag="restore-packaged"):
    """Give a changed file the content that its package installed, out of the package's own archive."""

    file: FileIdentity
    package: str
    archive: bytes
    """The archive's path."""
    member: bytes
    """The file's name in it."""
    sha256: str
    """Of the content."""
    mode: int
    uid: int
    gid: int


class Quarantine(Struct, frozen=True, kw_only=True, tag="quarantine"):
    """Move a file to the quarantine: copied, synced, compared, then unlinked."""

    file: FileIdentity
    why: str
    loaded_by_others: bool = False
    """A library that was forced on others: that they have it loaded is what it is guilty of, and keeps nobody from
    moving it.  They keep the file itself until they end."""


class RemoveLink(Struct, frozen=True, kw_only=True, tag="remove-link"):
    """Remove a symbolic link that enables a unit."""

    path: bytes
    destination: bytes


class SetKernelValue(Struct, frozen=True, kw_only=True, tag="set-kernel-value"):
    """Give a value of the kernel, if it is still ``seen``, its usual one: what the kernel itself runs."""

    path: bytes
    seen: bytes
    usual: bytes


class Unregister(Struct, frozen=True, kw_only=True, tag="unregister"):
    """Take a binary format out of the kernel (binfmt_misc), if it is still registered as the plan saw."""

    path: bytes
    seen: bytes


class MaskUnit(Struct, frozen=True, kw_only=True, tag="mask-unit"):
    """Mask a unit at run time, so that nothing starts it while its processes are ended."""

    unit: str
    manager: bytes
    """The service manager's run-time unit folder."""


class ReloadManager(Struct, frozen=True, kw_only=True, tag="reload-manager"):
    """Have systemd read its unit files again, and stop the named units that hold no process (timers, paths)."""

    socket: bytes
    stop: tuple[str, ...] = ()


class SetRestartPolicy(Struct, frozen=True, kw_only=True, tag="set-restart-policy"):
    """Have a container's runtime not start it again, if its policy is still ``seen``."""

    runtime: str
    socket: bytes
    """Of the file system: a runtime is never spoken to over the network."""
    container: str
    name: str
    seen: str


class UnloadModule(Struct, frozen=True, kw_only=True, tag="unload-module"):
    """Unload a kernel module that nothing uses, if it is still of this size and taint and has so many references."""

    name: str
    size: int
    references: int
    taint: str


class Kill(Struct, frozen=True, kw_only=True, tag="kill"):
    """End everything that the freeze step of the same plan stopped, at once."""


Step = (
    Freeze
    | Unmount
    | Preserve
    | RemoveLines
    | SetLines
    | RestorePackaged
    | Quarantine
    | RemoveLink
    | SetKernelValue
    | Unregister
    | MaskUnit
    | ReloadManager
    | SetRestartPolicy
    | UnloadModule
    | Kill
)


class Left(Struct, frozen=True):
    """What a plan leaves alone, and why."""

    what: str
    why: str


class Plan(Struct, frozen=True, kw_only=True):
    """What one eviction will do, in order, and what it will not."""

    incidents: tuple[str, ...]
    boot_id: str | None
    steps: tuple[Step, ...]
    left: tuple[Left, ...] = ()
    vendor_units: tuple[str, ...] = ()
    """Units of installed packages that the plan would touch: asks for the incident by name."""
    names: tuple[str, ...] = ()
    """Names and paths of the actors, by which a come-back is known."""
    notes: tuple[str, ...] = ()
    """What a person should know besides: which containers are met, and what makes them anew."""

    @property
    def targets(self) -> tuple[Target, ...]:
        return tuple(target for step in self.steps if isinstance(step, Freeze) for target in step.targets)
