"""What the labs of servers share: what a miner is started with there, and what a scan inside says."""

from __future__ import annotations

import json
from typing import Any, Protocol

from davy.knowledge.services import Sign, known_services

MINER = (
    "cp /bin/sh /var/tmp/sysupdate; nohup setsid /var/tmp/sysupdate -c 'while :; do :; done'"
    " -o stratum+tcp://192.0.2.9:3333 -u x --donate-level=1 > /dev/null 2>&1 < /dev/null &"
)
"""A shell that burns, with the words of a miner: it speaks to nobody."""


class Lab(Protocol):
    def run(self, *command: str, check: bool = True, timeout: float = 120) -> Any: ...
    def davy(self, *arguments: str, check: bool = False, timeout: float = 180) -> Any: ...
    def write(self, path: str, text: str, mode: str = "0644") -> None: ...


def exposed(lab: Lab, kind: str) -> dict[str, Any]:
    """What stands open of a service, by what opens it."""
    shown = json.loads(lab.davy("scan", "--json").stdout)
    return {one["opening"]: one for one in shown["exposures"] if one["kind"] == kind}


def incident(lab: Lab) -> Any:
    (found,) = json.loads(lab.davy("scan", "--json").stdout)["incidents"]
    return found


def sign(kind: str, identity: str) -> Sign:
    found = known_services()[kind].sign_by_id(identity)
    assert found is not None
    return found
