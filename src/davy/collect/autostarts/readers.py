"""Who reads autostarts: a list of all kinds, which brings all of them along."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from davy.collect.autostarts.boot.grub import grub_scripts
from davy.collect.autostarts.boot.init_scripts import init_scripts, init_settings
from davy.collect.autostarts.boot.initramfs import initramfs_hooks
from davy.collect.autostarts.boot.modules import modprobe_lines, modules_load_lines
from davy.collect.autostarts.boot.rc_local import inittab_lines, rc_local_lines
from davy.collect.autostarts.boot.upstart import upstart_jobs
from davy.collect.autostarts.events.binfmt import binfmt_interpreters
from davy.collect.autostarts.events.dbus import dbus_services
from davy.collect.autostarts.events.kernel_helpers import kernel_helpers
from davy.collect.autostarts.events.network import network_hooks
from davy.collect.autostarts.events.polkit import polkit_rules
from davy.collect.autostarts.events.udev import udev_rules
from davy.collect.autostarts.login.authorized_keys import authorized_keys
from davy.collect.autostarts.login.desktop import desktop_autostarts
from davy.collect.autostarts.login.motd import motd_scripts
from davy.collect.autostarts.login.pam import pam_lines
from davy.collect.autostarts.login.profiles import profile_lines
from davy.collect.autostarts.login.ssh import ssh_lines, ssh_rc_lines
from davy.collect.autostarts.login.sudoers import sudoers_rules
from davy.collect.autostarts.programs.environment import environment_lines
from davy.collect.autostarts.programs.git import git_hooks
from davy.collect.autostarts.programs.loader import loader_lines
from davy.collect.autostarts.programs.package_hooks import package_hooks
from davy.collect.autostarts.programs.python_starts import python_starts
from davy.collect.autostarts.scheduled.cron import anacron_lines, at_jobs, cron_lines, cron_scripts
from davy.collect.autostarts.scheduled.logrotate import logrotate_scripts
from davy.collect.autostarts.services.containers import containers
from davy.collect.autostarts.services.databases import databases
from davy.collect.autostarts.services.monit import monit_programs
from davy.collect.autostarts.services.pm2 import pm2_programs
from davy.collect.autostarts.services.static_pods import static_pods
from davy.collect.autostarts.services.supervised import supervised_services
from davy.collect.autostarts.services.supervisor import supervised_programs
from davy.collect.autostarts.services.web_modules import web_modules
from davy.collect.autostarts.systemd.generators import generators, lingering, sleep_hooks
from davy.collect.autostarts.systemd.units import systemd_units
from davy.host import Host
from davy.model.autostarts import Autostart
from davy.model.facts import Gap

AUTOSTARTS: Final[tuple[tuple[str, Callable[[Host], Iterator[Autostart | Gap]]], ...]] = (
    ("cron", cron_lines),
    ("cron", cron_scripts),
    ("anacron", anacron_lines),
    ("at", at_jobs),
    ("systemd", systemd_units),
    ("generators", generators),
    ("systemd hooks", sleep_hooks),
    ("linger", lingering),
    ("init scripts", init_scripts),
    ("init scripts", init_settings),
    ("Upstart", upstart_jobs),
    ("rc.local", rc_local_lines),
    ("inittab", inittab_lines),
    ("profiles", profile_lines),
    ("environment", environment_lines),
    ("loader", loader_lines),
    ("PAM", pam_lines),
    ("sudoers", sudoers_rules),
    ("motd", motd_scripts),
    ("authorized keys", authorized_keys),
    ("ssh", ssh_lines),
    ("ssh rc", ssh_rc_lines),
    ("modules", modules_load_lines),
    ("modules", modprobe_lines),
    ("package hooks", package_hooks),
    ("python starts", python_starts),
    ("git", git_hooks),
    ("supervisor", supervised_programs),
    ("pm2", pm2_programs),
    ("monit", monit_programs),
    ("supervised services", supervised_services),
    ("containers", containers),
    ("static pods", static_pods),
    ("web modules", web_modules),
    ("databases", databases),
    ("udev", udev_rules),
    ("desktop", desktop_autostarts),
    ("D-Bus", dbus_services),
    ("polkit", polkit_rules),
    ("network", network_hooks),
    ("binfmt", binfmt_interpreters),
    ("kernel helpers", kernel_helpers),
    ("initramfs", initramfs_hooks),
    ("GRUB", grub_scripts),
    ("logrotate", logrotate_scripts),
)
"""Who reads them, in order, each with the name that its gaps bear."""
