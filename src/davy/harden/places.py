"""Whether a configuration file is safe to write as root: who else could put another in its place, or owns its content.

Only a regular file with one name, of root or of the user that the service runs as, in folders that nobody else may
change.  What a package installed outside ``/etc`` and what a container's runtime keeps is theirs.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Collection
from typing import Final

from davy.host import HostError, Root
from davy.host.root import FileStat

_THEIRS: Final = (
    ("/var/lib/docker/", "a container's runtime owns it"),
    ("/var/lib/containerd/", "a container's runtime owns it"),
    ("/var/lib/containers/", "a container's runtime owns it"),
    ("/var/lib/kubelet/", "the kubelet owns it"),
    ("/var/lib/lxc/", "a container's runtime owns it"),
    ("/var/lib/machines/", "a container's runtime owns it"),
    ("/var/snap/", "a snap owns it"),
    ("/snap/", "a snap owns it"),
    ("/proc/", "it is of the kernel, or in a container"),
    ("/sys/", "it is of the kernel"),
    ("/dev/", "it is of the kernel"),
    ("/run/", "it is made anew whenever the machine starts"),
)
_PACKAGED: Final = "/usr/"
_OWN: Final = "/usr/local/"


class Owners:
    """Whom a file and its folders may belong to: root, and the user of the service."""

    def __init__(self, uids: Collection[int] = (), gids: Collection[int] = ()) -> None:
        self.uids, self.gids = {0, *uids}, {0, *gids}

    def alone(self, found: FileStat) -> bool:
        """Whether nobody else may write to it."""
        return found.uid in self.uids and not found.mode & 0o002 and (not found.mode & 0o020 or found.gid in self.gids)


def refusal(root: Root, path: str, owners: Owners) -> str | None:
    """Why a file is left alone; None where it may be written.  ``path`` is by its real folder."""
    for prefix, why in _THEIRS:
        if path.startswith(prefix):
            return why
    if path.startswith(_PACKAGED) and not path.startswith(_OWN):
        return "its package's next version would write over it"
    try:
        found = root.lstat(path)
        if found.link:
            return "a link"
        if not found.regular:
            return "not a regular file"
        if found.links > 1:
            return "it has other names"
        if not owners.alone(found):
            return "others than root and its service may write to it, or own it"
        return _folders(root, path, found, owners)
    except HostError as error:
        return str(error)


def _folders(root: Root, path: str, found: FileStat, owners: Owners) -> str | None:
    """The same of the folders on the way; in a sticky one nobody but root replaces what is root's."""
    below = found
    while path != "/":
        path = os.path.dirname(path)
        folder = root.lstat(path)
        if not owners.alone(folder) and not (folder.uid == 0 and folder.mode & stat.S_ISVTX and below.uid == 0):
            return f"others may put another file in its place: {path} is not root's alone"
        below = folder
    return None
