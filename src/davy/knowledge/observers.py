"""Programs by which people look at a host: what hides replaces or covers them first.

Source: MITRE ATT&CK T1564.013 and T1014; the programs that chkrootkit and rkhunter look at.
"""

from __future__ import annotations

from typing import Final

_OBSERVERS: Final = frozenset(
    {"atop", "chkrootkit", "crontab", "dmesg", "dpkg", "find", "free", "fuser", "glances", "htop", "iftop", "iotop",
     "journalctl", "killall", "last", "lastlog", "ls", "lsattr", "lsmod", "lsof", "md5sum", "modinfo", "mpstat",
     "nethogs", "netstat", "pgrep", "pidof", "pidstat", "pkill", "ps", "pstree", "rkhunter", "rpm", "sar",
     "sha256sum", "ss", "sshd", "systemctl", "tload", "top", "unhide", "uptime", "vmstat", "w", "who"}
)  # fmt: skip


def observer(name: str) -> bool:
    """Whether a file name is that of a program by which people look at processes, files, sockets and logins."""
    return name in _OBSERVERS
