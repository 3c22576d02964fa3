"""Scripts that are built into the initial RAM file system and run before the root is mounted, and those that build it.

``/etc/initramfs-tools/scripts/init-bottom/x`` runs each time the machine starts, ``/etc/initramfs-tools/hooks/x`` each
time the file system is built.  Source: initramfs-tools(7), dracut.modules(7), mkinitcpio(8).
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from typing import Final

from davy.collect.autostarts.reading import File, Files
from davy.host import Host
from davy.model.autostarts import Autostart, AutostartKind
from davy.model.facts import Gap

_BUILT: Final = "initramfs built"
_BUILDERS: Final = (
    "/etc/initramfs-tools/hooks/*", "/usr/share/initramfs-tools/hooks/*", "/etc/initramfs/post-update.d/*",
    "/etc/initcpio/install/*", "/usr/lib/initcpio/install/*", "/etc/initcpio/post/*", "/usr/lib/initcpio/post/*",
)  # fmt: skip
_TOPS: Final = ("/etc/initramfs-tools/scripts", "/usr/share/initramfs-tools/scripts")
_SCRIPTS: Final = tuple(f"{top}/*/*" for top in _TOPS)
_READ: Final = (*(f"{top}/*" for top in _TOPS), "/etc/initcpio/hooks/*", "/usr/lib/initcpio/hooks/*")
"""Scripts that others read."""
_DRACUT: Final = ("/etc/dracut/modules.d/*/*.sh", "/usr/lib/dracut/modules.d/*/*.sh")
_DRACUT_SETUP: Final = "module-setup.sh"


def initramfs_hooks(host: Host) -> Iterator[Autostart | Gap]:
    """Hooks and scripts of initramfs-tools, mkinitcpio and dracut: root runs them, of every file the whole."""
    files = Files(host, "initramfs", AutostartKind.INITRAMFS)
    yield from files.scripts(*_BUILDERS, schedule=_BUILT, user="root")
    yield from files.scripts(*_SCRIPTS, schedule=_moment, user="root")
    yield from files.scripts(*_READ, schedule="boot", user="root", executable=False)
    yield from files.scripts(*_DRACUT, schedule=_dracut, user="root", executable=False)


def _moment(script: File) -> str:
    """``boot init-bottom``: when it runs as the machine starts."""
    return f"boot {posixpath.basename(posixpath.dirname(script.place))}"


def _dracut(script: File) -> str:
    return _BUILT if script.name == _DRACUT_SETUP else "boot"
