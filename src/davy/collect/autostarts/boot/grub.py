"""What boot loaders are configured by, and what runs when a kernel is installed.

``/etc/grub.d/40_custom`` runs when GRUB's configuration is made, ``/etc/default/grub`` is read by the same shell, and
the kernel's command line in it may name the first program: ``GRUB_CMDLINE_LINUX="quiet init=/usr/bin/x"``.
``/etc/kernel/postinst.d/x`` runs when a kernel is installed.
Source: grub-mkconfig(8), GRUB Manual ("Simple configuration handling"), kernel-install(8), Debian Linux Kernel Handbook
("Kernel hooks"), the Boot Loader Specification.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from davy.collect.autostarts.formats.kernel_parameters import started_by, without_started
from davy.collect.autostarts.formats.shell_lines import shell_entries
from davy.collect.autostarts.reading import Entry, Files, rows
from davy.host import Host
from davy.model.autostarts import Autostart, AutostartKind
from davy.model.facts import Gap

_CONFIGURED, _INSTALLED = "GRUB configured", "kernel installed"
_SCRIPTS: Final = ("/etc/grub.d/*",)
_DEFAULTS: Final = ("/etc/default/grub", "/etc/default/grub.d/*")
_HOOKS: Final = tuple(
    f"{top}/kernel/{moment}.d/{names}"
    for top in ("/etc", "/usr/share")
    for moment in ("preinst", "postinst", "prerm", "postrm", "header_postinst", "header_postrm")
    for names in ("*", "[0-9]*.[0-9]*/*")
)
"""A folder that is named as a version has the hooks of that kernel alone."""
_INSTALL_HOOKS: Final = ("/etc/kernel/install.d/*", "/usr/lib/kernel/install.d/*", "/usr/lib/kernel/postinst.d/*")
_MENUS: Final = (
    "/boot/grub/grub.cfg", "/boot/grub2/grub.cfg", "/boot/grub/custom.cfg", "/boot/grub2/custom.cfg",
    "/boot/grub/menu.lst", "/boot/extlinux/extlinux.conf", "/boot/syslinux/syslinux.cfg", "/boot/cmdline.txt",
    "/boot/firmware/cmdline.txt", "/etc/kernel/cmdline", "/boot/loader/entries/*", "/boot/efi/loader/entries/*",
    "/efi/loader/entries/*",
)  # fmt: skip


def defaults_entries(content: str) -> Iterator[Entry]:
    """What ``/etc/default/grub`` runs itself, and what the command lines in it have the kernel start."""
    found = {entry.line: entry for entry in shell_entries(content)}
    found |= {entry.line: entry for entry in parameters_entries(content)}
    yield from sorted(found.values(), key=lambda entry: entry.line or 0)


def parameters_entries(content: str) -> Iterator[Entry]:
    """Command lines of the kernel that name a program to start; ``remains`` is the line without it."""
    for row in rows(content):
        if not row.text.lstrip().startswith("#") and (command := started_by(row.text.partition("\0")[0])):
            yield row.entry(command, "boot", remains=without_started(row.text))


def grub_scripts(host: Host) -> Iterator[Autostart | Gap]:
    """Scripts of GRUB and of kernel installations, and what boot loaders have the kernel start."""
    files = Files(host, "GRUB", AutostartKind.GRUB)
    yield from files.scripts(*_SCRIPTS, schedule=_CONFIGURED, user="root")
    yield from files.scripts(*_HOOKS, *_INSTALL_HOOKS, schedule=_INSTALLED, user="root")
    yield from files.autostarts(defaults_entries, *_DEFAULTS, schedule=_CONFIGURED, user="root")
    yield from files.autostarts(parameters_entries, *_MENUS, user="root")
