"""Autostarts: what makes a command run without a person, and the files that its command comes to."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from davy.model.facts import Executable


class AutostartKind(StrEnum):
    """By what reads the entry.  What is known of each is in ``knowledge/autostarts``."""

    CRON = "cron"
    CRON_SCRIPT = "cron script"
    ANACRON = "anacron"
    AT = "at"
    SERVICE = "systemd service"
    TIMER = "systemd timer"
    UNIT = "systemd unit"
    """A socket or a path unit."""
    GENERATOR = "systemd generator"
    """A program that systemd runs before it reads its units, or to make an environment."""
    SLEEP_HOOK = "systemd hook"
    """A program that systemd runs as the machine sleeps, wakes or shuts down."""
    LINGER = "linger"
    """A mark that a user's units start with the machine."""
    INIT_SCRIPT = "init script"
    RC_LOCAL = "rc.local"
    INITTAB = "inittab"
    PROFILE = "shell profile"
    ENVIRONMENT = "environment"
    """A variable that has programs load a library or a script: ``LD_PRELOAD``, ``BASH_ENV``, ..."""
    LOADER = "loader"
    """A line of ``ld.so.preload`` or a folder of ``ld.so.conf``."""
    PAM = "PAM"
    MODULE = "modules-load"
    """A line that names a kernel module to be loaded when the machine starts."""
    MODPROBE = "modprobe"
    """An ``install`` or ``remove`` line: what modprobe runs instead of loading or unloading a module."""
    UDEV = "udev rule"
    XDG = "desktop autostart"
    AUTHORIZED_KEY = "authorized key"
    SSHD = "sshd"
    SSH_RC = "ssh rc"
    SUDOERS = "sudoers"
    MOTD = "motd"
    PACKAGE_HOOK = "package manager hook"
    PYTHON = "python start"
    """A ``.pth`` line or ``sitecustomize``: what every Python runs as it starts."""
    GIT = "git"
    """A hook, or a setting that has git run a command."""
    NETWORK_HOOK = "network hook"
    DBUS = "D-Bus service"
    POLKIT = "polkit rule"
    BINFMT = "binfmt"
    KERNEL_HELPER = "kernel helper"
    """A program that the kernel itself runs: ``core_pattern``, ``uevent_helper``, ``modprobe``."""
    INITRAMFS = "initramfs hook"
    GRUB = "GRUB script"
    LOGROTATE = "logrotate"
    SUPERVISOR = "supervisor"
    PM2 = "pm2"
    MONIT = "monit"
    RUNIT = "supervised service"
    """A service folder of runit, s6 or daemontools."""
    CONTAINER = "container"
    STATIC_POD = "static pod"
    WEB_MODULE = "web server module"
    DATABASE = "database"


class News(StrEnum):
    """What the memory of the host says of an autostart: see `davy.journal.seen`."""

    NEW = "new"
    CHANGED = "changed"


class AutostartCount(Struct, frozen=True):
    """How many autostarts one look saw, and how many of them are new or changed by the memory of the host."""

    seen: int = 0
    new: int = 0
    changed: int = 0


class Autostart(Struct, frozen=True, kw_only=True):
    """Anything that makes a command run without a person."""

    kind: AutostartKind
    path: str
    """The file that holds the entry."""
    line: int | None = None
    """1-based; None when the whole file is the entry, or a part that has no lines: see ``within``."""
    end_line: int | None = None
    """The last line of an entry that takes several; None for one that takes one."""
    column: int | None = None
    """1-based, in characters: where it begins in a line with several entries; may be None for the first of them."""
    text: str = ""
    """The line as it stands, without its end; the lines of a longer one with a newline between them."""
    remains: str | None = None
    """What has to stay of its line, which holds more than this entry; None when the line is all the entry's."""
    command: str
    """What runs, as it is written.  For a library, a module or a key: what is loaded, or let in."""
    schedule: str = ""
    """When, as the entry has it: ``*/5 * * * *``, ``OnCalendar=daily``, ``boot``, ``login``; in words: see
    `davy.knowledge.schedules`."""
    user: str | None = None
    """As whom it runs; None when that is whoever starts it."""
    unit: str | None = None
    activates: str | None = None
    """For a timer, path or socket unit, a D-Bus service or a rule of udev: the unit it starts.  For a kernel module's
    line: the module.  For an authorized key: its fingerprint, ``SHA256:...``."""
    links: tuple[str, ...] = ()
    """The links that enable it: those in ``*.wants``, ``rc?.d``, ``runlevels`` and the like."""
    programs: tuple[str, ...] = ()
    """Absolute paths of the files its command runs, as far as the words say."""
    mtime: float | None = None
    """When the file was last written; None, as ``ctime`` and ``birth``, where that says nothing of the entry."""
    ctime: float | None = None
    """When the file, or its owner or mode, was last changed; cannot be set back by who is not root."""
    birth: float | None = None
    image: str | None = None
    """For a container or a pod: the image it is made of, in whose files its command is."""
    within: str | None = None
    """In a file that holds entries by name, not by line, which one: the container in an engine's database."""
    owner_package: str | None = None
    """The installed package that lists the file."""
    unmodified: bool | None = None
    """Whether the file is as that package installed it; None when nothing says."""
    first_seen: float | None = None
    """When Davy first saw it on this host; None when it keeps no memory."""
    news: News | None = None

    @property
    def subject(self) -> str:
        parts = ("autostart", self.path, self.line, self.column, self.within)
        return ":".join(str(part) for part in parts if part is not None)

    @property
    def vendor(self) -> bool:
        """Whether an installed package put it there as it is: by its sum, since a line in a list is soon written."""
        return self.owner_package is not None and self.unmodified is True


class Step(StrEnum):
    """How a command leads to a file or a text."""

    COMMAND = "command"
    """Its words say so."""
    SCRIPT = "script"
    """The text of a script that it runs says so."""
    DECODED = "decoded"
    """A text that it, or its script, decodes (base64, hexadecimal) says so."""


class Followed(Struct, frozen=True, kw_only=True):
    """One file that an autostart's command comes to, or one text that it decodes."""

    autostart: str
    """The subject of the autostart."""
    step: Step
    path: str | None = None
    """The program file as it is named; None of a text."""
    executable: Executable | None = None
    """Its identity, with links followed; None when there is no such file."""
    folder_mode: int | None = None
    """Permission bits of the folder it lies in."""
    text: str | None = None
    """What was decoded, or the lines of a script that run something; bounded."""
