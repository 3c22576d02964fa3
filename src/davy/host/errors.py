"""What can go wrong when a host is read, mapped from errno in one place."""

from __future__ import annotations

import errno


class HostError(Exception):
    """Something on the host could not be read."""


class Gone(HostError):
    """It is not there (any more): a vanished process, a missing file."""


class Denied(HostError):
    """The kernel does not let us."""


class Refused(HostError):
    """Davy does not read such a thing: not a regular file, a loop, a file system that may never answer."""


_GONE = frozenset({errno.ENOENT, errno.ESRCH, errno.ENOTDIR, errno.EBADF})
_DENIED = frozenset({errno.EACCES, errno.EPERM})


def mapped(error: OSError, what: str) -> HostError:
    """The `HostError` that an `OSError` about ``what`` stands for."""
    reason = error.strerror or str(error)
    if error.errno in _GONE:
        return Gone(f"{what}: {reason}")
    if error.errno in _DENIED:
        return Denied(f"{what}: {reason}")
    return Refused(f"{what}: {reason}")
