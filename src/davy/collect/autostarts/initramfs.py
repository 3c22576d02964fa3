"""Scripts that are built into the initial RAM file system and run before the root is mounted, and those that build it.

``/etc/initramfs-tools/scripts/init-bottom/x`` runs each time the machine starts, ``/etc/initramfs-tools/hooks/x`` each
time the file system is built.  Source: initramfs-tools(7), dracut.modules(7), mkinitcpio(8).
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from itertools import chain
from typing import Final

from davy.collect.autostarts.reading import Place, Reading
from davy.host import Host
from davy.model.autostarts import Autostart, AutostartKind
from davy.model.facts import Gap

_BUILT: Final = "initramfs built"
_BUILDERS: Final = (
    "/etc/initramfs-tools/hooks", "/usr/share/initramfs-tools/hooks", "/etc/initramfs/post-update.d",
    "/etc/initcpio/install", "/usr/lib/initcpio/install", "/etc/initcpio/post", "/usr/lib/initcpio/post",
)  # fmt: skip
_SCRIPTS: Final = ("/etc/initramfs-tools/scripts", "/usr/share/initramfs-tools/scripts")
_HOOKS: Final = ("/etc/initcpio/hooks", "/usr/lib/initcpio/hooks")
_DRACUT: Final = ("/etc/dracut/modules.d", "/usr/lib/dracut/modules.d")
_DRACUT_SETUP: Final = "module-setup.sh"


def initramfs_hooks(host: Host) -> Iterator[Autostart | Gap]:
    """Hooks and scripts of initramfs-tools, mkinitcpio and dracut: root runs them, of every file the whole."""
    reading = Reading(host, "initramfs", AutostartKind.INITRAMFS)
    yield from reading.scripts(reading.places(_BUILDERS), lambda _: _BUILT)
    moments: list[str] = []
    for found in chain.from_iterable(map(reading.inside, _SCRIPTS)):
        if isinstance(found, Gap):
            yield found
        else:
            moments.append(found)
    yield from reading.scripts(reading.places(moments), _boot)
    yield from reading.scripts(reading.places((*_SCRIPTS, *_HOOKS)), _boot, executable=False)
    for module in chain.from_iterable(map(reading.inside, _DRACUT)):
        if isinstance(module, Gap):
            yield module
        else:
            yield from reading.scripts(reading.places((module,), suffix=".sh"), _dracut, executable=False)


def _boot(place: Place) -> str:
    """``boot init-bottom``: when it runs as the machine starts."""
    moment = posixpath.basename(place.given)
    return "boot" if moment in ("scripts", "hooks") else f"boot {moment}"


def _dracut(place: Place) -> str:
    return _BUILT if posixpath.basename(place.path) == _DRACUT_SETUP else "boot"
