"""Which mounts of a table can be reached by their points, and which lies on top.  Source: proc_pid_mountinfo(5)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from davy.host.mounts import Mount


class MountTree:
    """The mounts of one namespace by their ids, as their parents hold them."""

    def __init__(self, mounts: Sequence[Mount]) -> None:
        self.mounts = tuple(mounts)
        self._by_id = {mount.mount_id: mount for mount in mounts}
        self._children: dict[int, list[Mount]] = {}
        for mount in mounts:
            if mount.parent_id != mount.mount_id:
                self._children.setdefault(mount.parent_id, []).append(mount)
        self._points = {parent: {mount.point for mount in on_it} for parent, on_it in self._children.items()}
        self._at: dict[str, list[Mount]] = {}
        for mount in mounts:
            self._at.setdefault(mount.point, []).append(mount)

    def parent(self, mount: Mount) -> Mount | None:
        """None for the root, whose parent no table shows."""
        found = self._by_id.get(mount.parent_id)
        return None if found is mount else found

    def children(self, mount: Mount) -> Sequence[Mount]:
        """What is mounted on it, directly."""
        return self._children.get(mount.mount_id, ())

    def ancestors(self, mount: Mount) -> Iterator[Mount]:
        """Its parent, the parent of that, and so on."""
        seen = {mount.mount_id}
        here = self.parent(mount)
        while here is not None and here.mount_id not in seen:
            seen.add(here.mount_id)
            yield here
            here = self.parent(here)

    def reachable(self, mount: Mount) -> bool:
        """Whether no other mount was laid over the folder that holds its point, or that of one it stands on.

        What is mounted at the very same point does not count: it stands on this one.
        """
        return not any(self._overlaid(one) for one in (mount, *self.ancestors(mount)))

    def _overlaid(self, mount: Mount) -> bool:
        points = self._points.get(mount.parent_id, set())
        return any(folder in points for folder in _folders_above(mount.point))

    def topmost(self, point: str) -> Mount | None:
        """What a path that is a mount point leads to."""
        return next(
            (
                mount
                for mount in self._at.get(point, ())
                if self.reachable(mount) and not any(child.point == point for child in self.children(mount))
            ),
            None,
        )


def _folders_above(path: str) -> Iterator[str]:
    while path != "/" and path:
        path = path.rpartition("/")[0] or "/"
        yield path


def below(path: str, folder: str) -> bool:
    """Whether a path is a folder's own or lies in it."""
    return path == folder or path.startswith(folder.rstrip("/") + "/")
