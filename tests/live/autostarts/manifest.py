"""All that can be seen of files, links and folders, but for what nobody can set: inode, change time, birth."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import sys
from collections.abc import Iterable

from davy.hands.attributes import inode_flags

State = tuple[object, ...]


def manifest(paths: Iterable[str]) -> dict[str, State | None]:
    """What is at each path; None where nothing is."""
    return {path: state_of(path) for path in sorted(set(paths))}


def state_of(path: str) -> State | None:
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return None
    common = (stat.filemode(found.st_mode), found.st_uid, found.st_gid, found.st_mtime_ns)
    if stat.S_ISLNK(found.st_mode):
        return (*common, os.readlink(path))
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        labels = sorted((name, os.getxattr(descriptor, name).hex()) for name in os.listxattr(descriptor))
        more = (labels, inode_flags(descriptor))
        if stat.S_ISDIR(found.st_mode):
            return (*common, *more, sorted(os.listdir(descriptor)))
        with open(descriptor, "rb", closefd=False) as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        return (*common, *more, found.st_size, digest)
    finally:
        os.close(descriptor)


def differences(before: dict[str, State | None], after: dict[str, State | None]) -> list[str]:
    return [f"{path}: {before[path]} became {after[path]}" for path in before if before[path] != after[path]]


if __name__ == "__main__":
    print(json.dumps(manifest(sys.argv[1:])))
