"""Everything that makes a command run without a person: a file per kind, one common record.

In goes a host; out come `davy.model.autostarts.Autostart` records, with the command followed to the files it runs as
far as its words say.  What is known of each kind, and of how it is taken out, is in ``knowledge/autostarts``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from davy.collect.autostarts.cron import anacron_lines, at_jobs, cron_lines, cron_scripts
from davy.collect.autostarts.modules import modprobe_lines, modules_load_lines
from davy.collect.autostarts.systemd import systemd_units
from davy.host import Host
from davy.model.autostarts import Autostart
from davy.model.facts import Gap

AUTOSTARTS: Final[tuple[tuple[str, Callable[[Host], Iterator[Autostart | Gap]]], ...]] = (
    ("cron", cron_lines),
    ("cron", cron_scripts),
    ("anacron", anacron_lines),
    ("at", at_jobs),
    ("systemd", systemd_units),
    ("modules", modules_load_lines),
    ("modules", modprobe_lines),
)
"""Who reads them, in order, each with the name that its gaps bear."""
