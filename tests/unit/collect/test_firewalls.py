"""Which front ends of the packet filter are on, by their own configuration."""

from __future__ import annotations

import pytest

from davy.collect.firewalls import firewalls
from davy.host import Host, MemoryRoot
from davy.model.facts import Gap
from davy.model.services import Firewall

WANTS = "/etc/systemd/system/multi-user.target.wants/firewalld.service"


@pytest.mark.parametrize(
    ("files", "names"),
    [
        ({}, []),
        ({"/etc/ufw/ufw.conf": "# x\nENABLED=yes\nLOGLEVEL=low\n"}, ["ufw"]),
        ({"/etc/ufw/ufw.conf": "ENABLED=no\n"}, []),
        ({"/etc/ufw/ufw.conf": "#ENABLED=yes\n"}, []),
        ({WANTS: ""}, ["firewalld"]),
        ({"/usr/lib/systemd/system/firewalld.service": ""}, []),
        ({"/etc/csf/csf.conf": 'TESTING = "0"\n'}, ["CSF"]),
        ({"/etc/csf/csf.conf": 'TESTING = "1"\n'}, []),
        ({"/etc/csf/csf.conf": 'TESTING = "0"\n', "/etc/csf/csf.disable": ""}, []),
        ({"/etc/ufw/ufw.conf": "ENABLED=yes\n", "/etc/csf/csf.conf": "TESTING = 0\n"}, ["ufw", "CSF"]),
    ],
)  # fmt: skip
def test_one_is_on_where_its_own_files_say_so(files: dict[str, str], names: list[str]) -> None:
    found = list(firewalls(Host(MemoryRoot(files))))
    assert [one.name for one in found if isinstance(one, Firewall)] == names
    assert not [one for one in found if isinstance(one, Gap)]
