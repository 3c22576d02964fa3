r"""Scripts and commands that run as the network comes, changes and goes.

Folders of scripts (``/etc/NetworkManager/dispatcher.d``, ``/etc/network/if-up.d``, ``/etc/ppp/ip-up.d``, ...), and
lines: of ``/etc/network/interfaces`` ``post-up /usr/local/bin/x``, of ``/etc/wireguard/wg0.conf`` ``PostUp = x %i``, of
``/etc/openvpn/office.conf`` ``up "/etc/openvpn/x --y"``.
Source: NetworkManager-dispatcher(8), dhclient-script(8), dhcpcd-run-hooks(8), interfaces(5), pppd(8), wg-quick(8),
openvpn(8), networkd-dispatcher(8).
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from typing import Final

from davy.collect.autostarts.reading import Entry, File, Files, rows
from davy.host import Host
from davy.model.autostarts import Autostart, AutostartKind
from davy.model.facts import Gap

_MANAGER: Final = tuple(
    f"{top}/NetworkManager/dispatcher.d{inside}"
    for top in ("/etc", "/usr/lib")
    for inside in ("", "/pre-up.d", "/pre-down.d", "/no-wait.d")
)
_STATES: Final = (
    "carrier", "configured", "configuring", "degraded", "degraded-carrier", "dormant", "enslaved", "initialized",
    "linger", "no-carrier", "off", "online", "routable", "unmanaged",
)  # fmt: skip
_NETWORKD: Final = tuple(f"{top}/networkd-dispatcher/{state}.d" for top in ("/etc", "/usr/lib") for state in _STATES)
_IFUPDOWN: Final = tuple(f"/etc/network/if-{moment}.d" for moment in ("pre-up", "up", "down", "post-down"))
_PPP: Final = tuple(f"/etc/ppp/{moment}.d" for moment in ("ip-up", "ip-down", "ipv6-up", "ipv6-down"))
_PPP_FILES: Final = tuple(
    f"/etc/ppp/{name}"
    for name in (
        "ip-pre-up", "ip-up", "ip-down", "ipv6-up", "ipv6-down", "ip-up.local", "ip-down.local", "auth-up", "auth-down",
    )
)  # fmt: skip
_SCRIPTS: Final = (
    *_MANAGER, *_NETWORKD, *_IFUPDOWN, *_PPP, "/etc/sysconfig/network/if-up.d", "/etc/sysconfig/network/if-down.d",
    "/etc/udhcpc", "/etc/dhclient.d", "/etc/ifplugd/action.d", "/etc/wpa_supplicant/action.d",
    "/etc/resolvconf/update.d", "/etc/resolvconf/update-libc.d", "/etc/ModemManager/connection.d",
    "/etc/ModemManager/fcc-unlock.d",
)  # fmt: skip
_SCRIPT_FILES: Final = (
    *_PPP_FILES, "/sbin/ifup-local", "/sbin/ifup-pre-local", "/sbin/ifdown-local", "/sbin/ifdown-pre-local",
    "/etc/ifplugd/ifplugd.action", "/usr/share/udhcpc/default.script",
)  # fmt: skip
_SOURCED: Final = (
    "/etc/dhcp/dhclient-enter-hooks.d", "/etc/dhcp/dhclient-exit-hooks.d", "/etc/dhcp/dhclient.d",
    "/etc/dhcp3/dhclient-enter-hooks.d", "/etc/dhcp3/dhclient-exit-hooks.d", "/lib/dhcpcd/dhcpcd-hooks",
    "/usr/libexec/dhcpcd-hooks", "/usr/lib/dhcpcd/dhcpcd-hooks",
)  # fmt: skip
_SOURCED_FILES: Final = (
    "/etc/dhclient-enter-hooks", "/etc/dhclient-exit-hooks", "/etc/dhcp/dhclient-enter-hooks",
    "/etc/dhcp/dhclient-exit-hooks", "/etc/dhcpcd.enter-hook", "/etc/dhcpcd.exit-hook",
)  # fmt: skip
_INTERFACES: Final = ("/etc/network/interfaces", "/etc/network/interfaces.d/*", "/run/network/interfaces.d/*")
_OPENVPN: Final = ("/etc/openvpn/*.conf", "/etc/openvpn/client/*.conf", "/etc/openvpn/server/*.conf")
_WIREGUARD: Final = ("/etc/wireguard/*.conf",)

_INTERFACES_LINE: Final = re.compile(
    r"[ \t]*(?P<when>pre-up|up|post-up|down|pre-down|post-down)[ \t]+(?P<command>\S.*)", re.DOTALL
)
_OPENVPN_LINE: Final = re.compile(
    r"""[ \t]*(?:--)?(?P<when>up|down|route-up|route-pre-down|ipchange|tls-verify|auth-user-pass-verify|client-connect
    |client-disconnect|learn-address|tls-crypt-v2-verify)[ \t]+
    (?: "(?P<double>(?:\\.|[^"\\])*)" | '(?P<single>[^']*)' | (?P<bare>[^\s#;]\S*) )""",
    re.VERBOSE,
)
_WIREGUARD_LINE: Final = re.compile(
    r"[ \t]*(?P<when>PreUp|PostUp|PreDown|PostDown)[ \t]*=[ \t]*(?P<command>[^#]*[^#\s])", re.IGNORECASE
)


def interfaces_entries(content: str) -> Iterator[Entry]:
    """The commands of a file of interfaces(5); a backslash at the end of a line goes on."""
    for row in rows(content, continued=True):
        if entry := _INTERFACES_LINE.match(row.whole.partition("\0")[0]):
            yield row.entry(entry["command"].strip(), f"network {entry['when']}")


def openvpn_entries(content: str) -> Iterator[Entry]:
    """The commands of an openvpn(8) configuration, which are run without a shell."""
    for row in rows(content):
        if entry := _OPENVPN_LINE.match(row.text):
            command = entry["double"].replace('\\"', '"') if entry["double"] else entry["single"] or entry["bare"]
            if command:
                yield row.entry(command, f"openvpn {entry['when']}")


def wireguard_entries(content: str) -> Iterator[Entry]:
    """The commands of a wg-quick(8) configuration, which bash runs; ``%i`` is the interface."""
    for row in rows(content):
        if entry := _WIREGUARD_LINE.match(row.text.partition("\0")[0]):
            yield row.entry(entry["command"], f"wireguard {entry['when']}")


def _when(script: File) -> str:
    """``network if-up``, ``network dispatcher``: after the folder of a script, or the one name that it must have."""
    named = script.place in _SCRIPT_FILES or script.place in _SOURCED_FILES
    when = script.place if named else posixpath.dirname(script.place)
    return f"network {posixpath.basename(when).removesuffix('.d')}"


def network_hooks(host: Host) -> Iterator[Autostart | Gap]:
    """Scripts and commands of NetworkManager, networkd-dispatcher, ifupdown, DHCP clients, pppd and VPNs, as root."""
    files = Files(host, "network", AutostartKind.NETWORK_HOOK)
    yield from files.scripts(*_in(_SCRIPTS), *_SCRIPT_FILES, schedule=_when, user="root")
    yield from files.scripts(*_in(_SOURCED), *_SOURCED_FILES, schedule=_when, user="root", executable=False)
    yield from files.autostarts(interfaces_entries, *_INTERFACES, user="root")
    yield from files.autostarts(openvpn_entries, *_OPENVPN, user="root")
    yield from files.autostarts(wireguard_entries, *_WIREGUARD, user="root")


def _in(folders: tuple[str, ...]) -> Iterator[str]:
    return (f"{folder}/*" for folder in folders)
