"""Which front ends of the packet filter are switched on: ufw, firewalld, ConfigServer's CSF.

Source: ufw(8) (``ENABLED`` in ufw.conf), firewalld(1) (its unit is enabled), CSF's readme (``TESTING``, csf.disable).
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from typing import Final

from davy.host import Gone, Host, HostError
from davy.model.facts import Gap
from davy.model.services import Firewall

_UFW: Final = "/etc/ufw/ufw.conf"
_ENABLED: Final = re.compile(rb"(?im)^[ \t]*ENABLED[ \t]*=[ \t]*[\"']?yes\b")
_FIREWALLD: Final = (
    "/etc/systemd/system/multi-user.target.wants/firewalld.service",
    "/etc/systemd/system/dbus-org.fedoraproject.FirewallD1.service",
)
_CSF: Final = "/etc/csf/csf.conf"
_TESTING: Final = re.compile(rb"(?m)^[ \t]*TESTING[ \t]*=[ \t]*[\"']?1\b")


def firewalls(host: Host) -> Iterator[Firewall | Gap]:
    """Those that their own configuration says are on."""
    content = yield from _content(host, _UFW)
    if content is not None and _ENABLED.search(content):
        yield Firewall(name="ufw", path=_UFW)
    for link in _FIREWALLD:
        try:
            host.root.lstat(link)
        except HostError:
            continue
        yield Firewall(name="firewalld", path=link)
        break
    content = yield from _content(host, _CSF)
    if content is not None and not _TESTING.search(content):
        try:
            host.root.lstat("/etc/csf/csf.disable")
        except HostError:
            yield Firewall(name="CSF", path=_CSF)


def _content(host: Host, path: str) -> Generator[Gap, None, bytes | None]:
    try:
        return host.root.read(path)
    except Gone:
        return None
    except HostError as error:
        yield Gap("firewalls", path, str(error))
        return None
