"""What happens when an autostart runs that has no time of its own: ``RUN on add`` is ``when udev sees a device added``.

The occasions are those that the readers in ``collect/autostarts`` write.
"""

from __future__ import annotations

import re
from typing import Final

_OCCASIONS: Final = {
    "logout": "when somebody logs out",
    "shell": "when a shell starts",
    "ssh login": "when somebody logs in by ssh",
    "sudo": "when somebody uses sudo",
    "auth": "when somebody is asked who they are",
    "account": "when it is asked whether an account may be used",
    "session": "when a session begins or ends",
    "password": "when a password is changed",
    "python start": "when any Python starts",
    "ctrlaltdel": "when somebody presses Ctrl-Alt-Del",
    "manual": "when somebody starts it",
    "exec": "when any program starts",
    "core dump": "when a process dumps core",
    "module wanted": "when a kernel module is wanted",
    "device event": "when a device comes, changes or goes",
    "power off": "when the machine powers off",
    "control group empty": "when the last process of a control group ends",
    "initramfs built": "when the initial RAM file system is built",
    "GRUB configured": "when GRUB is configured",
    "kernel installed": "when a kernel is installed or removed",
    "authorization asked": "when somebody asks to do what only root may",
    "polkit starts": "when polkit starts",
}
_ACTIONS: Final = {
    "add": "added", "remove": "removed", "change": "changed", "bind": "bound", "unbind": "unbound", "move": "moved",
    "online": "online", "offline": "offline",
}  # fmt: skip
_UDEV: Final = re.compile(r"(?:RUN|PROGRAM|IMPORT|unit)(?:/(?:RUN|PROGRAM|IMPORT|unit))* on (?P<actions>.+)")
_NAMED: Final = (
    (re.compile(r"message to (?P<name>.+)"), "when somebody sends {} a message on D-Bus"),
    (re.compile(r"network (?P<name>.+)"), "when the network changes ({})"),
    (re.compile(r"(?P<name>(?:openvpn|wireguard) .+)"), "when a tunnel changes ({})"),
    (re.compile(r"rotation (?P<name>.+)"), "when logs are rotated ({})"),
    (re.compile(r"boot (?P<name>.+)"), "when the machine starts ({})"),
    (re.compile(r"key (?P<name>.+) wanted"), "when the kernel wants a key of type {}"),
    (re.compile(r"program of (?P<name>.+)"), "when a program of {} is run"),
    (re.compile(r"respawn (?P<name>\w+)"), "whenever it ends, in the runlevels {}"),
    (re.compile(r"(?:docker|podman|containerd): restart=(?P<name>always|unless-stopped)"), "whenever it ends ({})"),
    (re.compile(r"(?:docker|podman|containerd): restart=(?P<name>on-failure(?::\d+)?)"), "whenever it fails ({})"),
    (re.compile(r"(?P<name>(?:apt|dpkg|dnf|yum|zypper|pacman|pip): .+)"), "when packages are installed ({})"),
    (re.compile(r"(?P<name>git: .+)"), "when somebody uses git ({})"),
    (re.compile(r"(?P<name>(?:nginx|apache|php|mysql|postgresql|redis|lxc): .+)"), "when a service does its work ({})"),
    (re.compile(r"authorization asked: (?P<name>.+)"), "when somebody asks to do what only root may: {}"),
)


def in_words(occasion: str) -> str | None:
    """When it runs; None for what is no known occasion."""
    if words := _OCCASIONS.get(occasion):
        return words
    if udev := _UDEV.fullmatch(occasion):
        return _device(udev["actions"])
    for pattern, words in _NAMED:
        if named := pattern.fullmatch(occasion):
            return words.format(named["name"])
    return None


def _device(actions: str) -> str:
    """The actions that a rule of udev asks for."""
    known = [_ACTIONS.get(action) for action in actions.split("|")]
    if all(known):
        return f"when a device is {' or '.join(filter(None, known))}"
    return "when a device comes, changes or goes" if actions == "every event" else f"when a device's event is {actions}"
