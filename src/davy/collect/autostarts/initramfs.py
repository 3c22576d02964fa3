"""Scripts that are built into the initial RAM file system and run before the root is mounted, and those that build it.

``/etc/initramfs-tools/scripts/init-bottom/x`` runs each time the machine starts, ``/etc/initramfs-tools/hooks/x`` each
time the file system is built.  Source: initramfs-tools(7), dracut.modules(7), mkinitcpio(8).
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from typing import Final

from davy.collect.autostarts.places import Place, places, script_files, subfolders
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
    kind, collector = AutostartKind.INITRAMFS, "initramfs"
    yield from script_files(host, collector, kind, places(host, collector, _BUILDERS), lambda _: _BUILT)
    moments = list(_below(host, _SCRIPTS))
    gaps = [found for found in moments if isinstance(found, Gap)]
    yield from gaps
    scripts = places(host, collector, (found for found in moments if not isinstance(found, Gap)))
    yield from script_files(host, collector, kind, scripts, _boot)
    sourced = places(host, collector, (*_SCRIPTS, *_HOOKS))
    yield from script_files(host, collector, kind, sourced, _boot, executable=False)
    for module in _below(host, _DRACUT):
        if isinstance(module, Gap):
            yield module
        else:
            found = places(host, collector, (module,), suffix=".sh")
            yield from script_files(host, collector, kind, found, _dracut, executable=False)


def _below(host: Host, folders: tuple[str, ...]) -> Iterator[str | Gap]:
    for folder in folders:
        yield from subfolders(host, "initramfs", folder)


def _boot(place: Place) -> str:
    """``boot init-bottom``: when it runs as the machine starts."""
    moment = posixpath.basename(place.folder)
    return "boot" if moment in ("scripts", "hooks") else f"boot {moment}"


def _dracut(place: Place) -> str:
    return _BUILT if posixpath.basename(place.path) == _DRACUT_SETUP else "boot"
