"""When a host was installed: by the files that an installation or a first start makes, and nothing renews.

Source: machine-id(5), sshd(8) (host keys), cloud-init (``/var/lib/cloud``), Debian's and Red Hat's installers.
"""

from __future__ import annotations

from typing import Final

from davy.host import Host, HostError

_MADE: Final = (
    "/etc/machine-id", "/etc/ssh/ssh_host_ed25519_key", "/etc/ssh/ssh_host_rsa_key", "/var/log/installer",
    "/root/anaconda-ks.cfg", "/var/lib/cloud/instances",
)  # fmt: skip
_LEAST: Final = 2
"""So many of them must be there: one alone may have been made anew."""


def installed(host: Host) -> float | None:
    """The oldest of the times of these files, in seconds since the epoch; None where too few tell.

    What an image was made with is as old as the image; what a first start makes is as old as this machine.
    """
    times = []
    for path in _MADE:
        try:
            found = host.root.lstat(path)
        except HostError:
            continue
        if found.size or found.directory:
            times.append(min(found.mtime, found.birth or found.mtime))
    return min(times) if len(times) >= _LEAST else None
