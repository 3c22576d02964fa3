"""What boot loaders are configured by, and what runs when a kernel is installed.

``/etc/grub.d/40_custom`` runs when GRUB's configuration is made, ``/etc/default/grub`` is read by the same shell, and
the kernel's command line in it may name the first program: ``GRUB_CMDLINE_LINUX="quiet init=/usr/bin/x"``.
``/etc/kernel/postinst.d/x`` runs when a kernel is installed.
Source: grub-mkconfig(8), GRUB Manual ("Simple configuration handling"), kernel-install(8), Debian Linux Kernel Handbook
("Kernel hooks"), the Boot Loader Specification.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from davy.collect.autostarts.kernel_parameters import started_by, without_started
from davy.collect.autostarts.reading import Reading
from davy.collect.autostarts.written import Written, rows, shell_lines
from davy.host import Host
from davy.model.autostarts import Autostart, AutostartKind
from davy.model.facts import Gap

_CONFIGURED, _INSTALLED = "GRUB configured", "kernel installed"
_SCRIPTS: Final = ("/etc/grub.d",)
_DEFAULTS: Final = ("/etc/default/grub",)
_DEFAULTS_FOLDERS: Final = ("/etc/default/grub.d",)
_HOOKS: Final = tuple(
    f"{top}/kernel/{moment}.d"
    for top in ("/etc", "/usr/share")
    for moment in ("preinst", "postinst", "prerm", "postrm", "header_postinst", "header_postrm")
)
_INSTALL_HOOKS: Final = ("/etc/kernel/install.d", "/usr/lib/kernel/install.d", "/usr/lib/kernel/postinst.d")
_MENUS: Final = (
    "/boot/grub/grub.cfg", "/boot/grub2/grub.cfg", "/boot/grub/custom.cfg", "/boot/grub2/custom.cfg",
    "/boot/grub/menu.lst", "/boot/extlinux/extlinux.conf", "/boot/syslinux/syslinux.cfg", "/boot/cmdline.txt",
    "/boot/firmware/cmdline.txt", "/etc/kernel/cmdline",
)  # fmt: skip
_MENU_FOLDERS: Final = ("/boot/loader/entries", "/boot/efi/loader/entries", "/efi/loader/entries")

_VERSION: Final = re.compile(r"\d+\.\d+")


def defaults_entries(content: str) -> Iterator[Written]:
    """What ``/etc/default/grub`` runs itself, and what the command lines in it have the kernel start."""
    found: dict[int | None, Written] = {entry.line: entry for entry in shell_lines(content, _CONFIGURED)}
    found |= {entry.line: entry for entry in parameters_entries(content)}
    yield from sorted(found.values(), key=lambda entry: entry.line or 0)


def parameters_entries(content: str) -> Iterator[Written]:
    """Command lines of the kernel that name a program to start; ``remains`` is the line without it."""
    for row in rows(content, continued=False):
        if not row.text.lstrip().startswith("#") and (command := started_by(row.text.partition("\0")[0])):
            yield row.written(command, "boot", remains=without_started(row.text))


def grub_scripts(host: Host) -> Iterator[Autostart | Gap]:
    """Scripts of GRUB and of kernel installations, and what boot loaders have the kernel start."""
    reading = Reading(host, "GRUB", AutostartKind.GRUB)
    yield from reading.scripts(reading.places(_SCRIPTS), lambda _: _CONFIGURED)
    hooks = [*_HOOKS, *_INSTALL_HOOKS]
    for folder in _HOOKS:
        for found in reading.inside(folder):
            if isinstance(found, Gap):
                yield found
            elif _VERSION.match(found, len(folder) + 1):
                hooks.append(found)
    yield from reading.scripts(reading.places(hooks), lambda _: _INSTALLED)
    yield from reading.entries(reading.places(_DEFAULTS_FOLDERS, _DEFAULTS), defaults_entries)
    yield from reading.entries(reading.places(_MENU_FOLDERS, _MENUS), parameters_entries)
