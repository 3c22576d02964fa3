"""Hands on mounts: take off exactly the one that a plan names.

Source: umount(2), proc_pid_mountinfo(5), proc_pid_fdinfo(5).
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from davy.hands.errors import Untouched
from davy.hands.files import Note
from davy.hands.folders import folder_of
from davy.host import HostError
from davy.host.mount_tree import MountTree
from davy.host.mounts import Mount, parse_mountinfo
from davy.host.procfs import Procfs
from davy.model.plan import Unmount
from davy.model.text import printable
from davy.model.undo import Unmounted

_MNT_DETACH: Final = 2
_UMOUNT_NOFOLLOW: Final = 8
_MOUNTINFO_LIMIT: Final = 16 << 20


def unmount(procfs: Procfs, step: Unmount, note: Note) -> str:
    """Take off the mount of a plan, which has to be the topmost at its point, with nothing mounted on it.

    What is taken off is not put back: an undo never mounts anything.  One that has gone is done with: the kernel takes
    off by itself what is mounted over a process that ends.  Raises `Untouched`.
    """
    shown = os.fsdecode(step.point)
    tree = _tree(procfs)
    mount = _found(tree, step)
    if mount is None:
        return "it had gone"
    if tree.topmost(mount.point) is not mount:
        raise Untouched(f"{shown}: another mount lies over it")
    if on_it := tree.children(mount):
        raise Untouched(f"{shown}: {on_it[0].point} is mounted on it, and not in the plan")
    with folder_of(step.point) as (folder, name):
        if _mount_id(procfs, folder, name) != step.mount_id:
            raise Untouched(f"{shown}: no longer the mount that the plan saw")
        note(Unmounted(point=step.point, filesystem=step.filesystem, source=step.source, root=step.root))
        with _standing_in(folder):
            libc = ctypes.CDLL(None, use_errno=True)
            if libc.umount2(ctypes.c_char_p(name), ctypes.c_int(_MNT_DETACH | _UMOUNT_NOFOLLOW)):
                raise Untouched(f"{shown}: {os.strerror(ctypes.get_errno())}")
    if _found(_tree(procfs), step) is not None:
        raise Untouched(f"{shown}: something was mounted over it meanwhile, and was taken off in its place")
    return ""


def _tree(procfs: Procfs) -> MountTree:
    try:
        return MountTree(parse_mountinfo(os.fsdecode(procfs.read("self/mountinfo", _MOUNTINFO_LIMIT))))
    except HostError as error:
        raise Untouched(f"the mount table: {error}") from None


def _found(tree: MountTree, step: Unmount) -> Mount | None:
    """The mount of a plan; its number alone does not make it that, for the kernel gives it to another later."""
    return next(
        (
            mount
            for mount in tree.mounts
            if (mount.mount_id, mount.device) == (step.mount_id, step.device)
            and printable(mount.filesystem) == step.filesystem
            and (mount.point, mount.root, mount.source) == tuple(map(os.fsdecode, (step.point, step.root, step.source)))
        ),
        None,
    )


def _mount_id(procfs: Procfs, folder: int, name: bytes) -> int | None:
    """On which mount a name lies."""
    try:
        descriptor = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    except OSError as error:
        raise Untouched(f"{os.fsdecode(name)}: {error.strerror}") from None
    try:
        for line in procfs.read(f"self/fdinfo/{descriptor}").splitlines():
            key, _, value = line.partition(b":")
            if key == b"mnt_id" and value.strip().isdigit():
                return int(value)
    except HostError as error:
        raise Untouched(f"{os.fsdecode(name)}: {error}") from None
    finally:
        os.close(descriptor)
    return None


@contextmanager
def _standing_in(folder: int) -> Iterator[None]:
    """Work in an open folder: umount2(2) takes a path, and a name in the working folder meets no link on its way."""
    before = os.open(".", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fchdir(folder)
        yield
    finally:
        os.fchdir(before)
        os.close(before)
