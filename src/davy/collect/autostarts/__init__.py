"""Everything that makes a command run without a person: a file per kind, one common record.

In goes a host; out come `davy.model.facts.Autostart` records, with the command followed to the files it runs as far
as its words say.
"""

from davy.collect.autostarts.cron import anacron_lines, at_jobs, cron_lines, cron_scripts
from davy.collect.autostarts.modules import modprobe_lines, modules_load_lines
from davy.collect.autostarts.systemd import systemd_units

__all__ = [
    "anacron_lines", "at_jobs", "cron_lines", "cron_scripts", "modprobe_lines", "modules_load_lines", "systemd_units",
]  # fmt: skip
