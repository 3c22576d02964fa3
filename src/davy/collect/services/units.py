"""What a unit of systemd begins a service with: its command, for services that write over their own command line.

Source: systemd.unit(5) (the folders, specifiers), systemd.service(5).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from davy.collect.autostarts.formats.unit_files import exec_commands, unit_settings
from davy.collect.autostarts.systemd.unit_folders import SYSTEM_FOLDERS
from davy.collect.services.ground import Ground

_UNIT: Final = re.compile(r"[^/]+\.service")


def unit_of(cgroup: str | None) -> str | None:
    """The service unit that a control group is of: the last that its path names.  Source: systemd.slice(5)."""
    found = [part for part in (cgroup or "").split("/") if _UNIT.fullmatch(part)]
    return found[-1] if found else None


def started_with(ground: Ground, unit: str) -> Iterator[str]:
    """The command lines of a unit's ExecStart, one blank between words."""
    name = unit.removesuffix(".service")
    template, at, instance = name.partition("@")
    files = (unit, f"{template}@.service") if at else (unit,)
    specifiers = {"i": instance, "I": instance, "p": template, "P": template, "n": unit, "N": name, "%": "%"}
    for folder in SYSTEM_FOLDERS:
        for file in files:
            text = ground.text(f"{folder}/{file}")
            if text is None:
                continue
            for setting in unit_settings(text, frozenset({"ExecStart"})):
                if setting.section == "Service":
                    yield from (" ".join(words) for words in exec_commands(setting.value, specifiers))
            return
