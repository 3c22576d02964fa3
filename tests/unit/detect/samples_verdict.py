"""Samples of volunteer computing, and of every degree of a weight that no other sample has."""

from __future__ import annotations

from typing import Final

from tests.unit.detect.sample import Sample
from tests.unit.detect.samples_memory import LONG_AGO, conversation, hosts_line, pool, served, wallet
from tests.unit.detect.samples_memory import hit as in_memory
from tests.unit.detect.samples_workload import DATA_SET, WORKER, workload
from tests.unit.snapshots import (
    connection,
    content_hit,
    cover,
    cron,
    detail,
    executable,
    followed,
    known_file,
    listener,
    module_file,
    modules_load,
    preload,
    process,
    service,
    snapshot,
)

from davy.knowledge.matching import Kind, content_rules
from davy.model.concealment import CoverKind
from davy.model.content import Place
from davy.model.snapshot import Snapshot

CLIENT: Final = process(700, "/usr/bin/boinc", user="nobody", cgroup="/system.slice/boinc-client.service")
CLIENT_DETAIL: Final = detail(CLIENT, program=executable("/usr/bin/boinc", owner_package="boinc-client"))
WORK_PATH: Final = "/var/lib/boinc-client/projects/einstein.phys.uwm.edu/hsgamma_1.28_x86_64"
WORK: Final = process(701, WORK_PATH, ppid=700, user="nobody", cores=1.0, cgroup="/system.slice/boinc-client.service")
_FORGED: Final = executable("/usr/bin/boinc", owner_package="boinc-client", unmodified=False)
_ELSEWHERE: Final = process(702, "/opt/x/boinc", user="nobody")
_TMP: Final = process(703, "/tmp/hsgamma", ppid=700, user="nobody", cores=1.0)
_OTHERS: Final = process(704, WORK_PATH, ppid=700, user="ada", cores=1.0)

MATCHING: Final = (Sample("trust.volunteer", "BOINC's client", snapshot(CLIENT, CLIENT_DETAIL), CLIENT.subject),)

SPARED: Final = (
    Sample(
        "trust.volunteer",
        "a client that is not what its package installed",
        snapshot(WORK, detail(WORK), CLIENT, detail(CLIENT, program=_FORGED)),
    ),
    Sample(
        "trust.volunteer",
        "a copied name",
        snapshot(_ELSEWHERE, detail(_ELSEWHERE, program=executable("/opt/x/boinc", owner_package=None))),
    ),
    Sample(
        "trust.volunteer",
        "another package's program of that name",
        snapshot(CLIENT, detail(CLIENT, program=executable("/usr/bin/boinc", owner_package="coreutils"))),
    ),
    Sample("trust.volunteer", "a program in the client's folder that it did not start", snapshot(WORK, detail(WORK))),
)

_BURNER: Final = process(705, "/tmp/abcd", cores=1.0)
_SCRIPT: Final = process(706, "/usr/bin/python3.11", "/home/ada/.secret/a.py", user="ada")
_PROXIED: Final = process(707, "/opt/a", age=5.0)
_OLD: Final = process(708, "/opt/a", age=500.0)
_SERVED: Final = process(709, "/opt/app/server", deleted=True)
_TMP_SCRIPT: Final = process(710, "/usr/bin/python3.11", "/tmp/a.py", cores=1.0)
_AT_HOME: Final = process(711, "/home/ada/.secret/tool", user="ada")
_LOADED: Final = modules_load("vendor")
_AGENT: Final = "/opt/datadog-packages/datadog-apm-inject/stable/inject/launcher.preload.so"

_NATIVE: Final = process(715, "/opt/x/server", cores=1.0)
_NATIVE_FILE: Final = executable("/opt/x/server")
_STARTED: Final = service("/opt/x/server")
_TEXTS: Final = process(716, "python3", "/srv/read.py", exe="/usr/bin/python3.11", cores=1.0)

FURTHER: Final[tuple[tuple[str, Snapshot], ...]] = (
    ("trust.volunteer", snapshot(WORK, detail(WORK), CLIENT, CLIENT_DETAIL)),
    ("trust.packaged", snapshot(_TMP_SCRIPT, process(712, "/usr/bin/python3.11", "-c", "1", cores=1.0))),
    ("identity.family", snapshot(process(713, "/tmp/zzz"), process(714, "/opt/zzz"))),
    ("identity.autostart", snapshot(cron("/tmp/zzz"))),
    ("identity.known-file", snapshot(known_file("/tmp/zzz", "kinsing"))),
    ("identity.preload", snapshot(preload("/tmp/zzz"))),
    ("network.pool", snapshot(_PROXIED, connection(_PROXIED, "9.9.9.9", 3333))),
    ("network.pool", snapshot(_PROXIED, connection(_PROXIED, "10.0.0.9", 3333))),
    ("network.pool", snapshot(_OLD, connection(_OLD, "10.0.0.9", 3333))),
    ("concealment.ownerless-socket", snapshot(connection(_OLD, "9.9.9.9", 3333, ownerless=True))),
    ("concealment.covered-kernel-file", snapshot(cover("/proc/keys"))),
    ("concealment.covered-program", snapshot(cover("/usr/bin/x", kind=CoverKind.PROGRAM, forged="is another"))),
    ("concealment.preload-names", snapshot(_BURNER, preload(_AGENT, names=[_BURNER]))),
    *(
        (rule, snapshot(_BURNER, *(preload(path, hides=[_BURNER], forges=("/proc/stat",)) for path in ("/a", "/b"))))
        for rule in ("concealment.preload-hides", "concealment.preload-forges")
    ),
    ("origin.deleted-executable", snapshot(_SERVED, service("/opt/app/server"))),
    ("origin.hidden-folder", snapshot(_SCRIPT)),
    ("origin.module-place", snapshot(module_file("/tmp/x.ko", signed=True))),
    ("persistence.autoloaded-module", snapshot(module_file("/opt/vendor.ko", loaded_by=(_LOADED,)), _LOADED)),
    ("persistence.started-again", snapshot(_AT_HOME, cron("/home/ada/.secret/tool", user="ada"))),
    ("persistence.started-again", snapshot(_TMP_SCRIPT, cron("/usr/bin/python3.11 /tmp/a.py"))),
    *(
        ("content.image", snapshot(_NATIVE, content_hit(rule.id, "/opt/x/server", of=_NATIVE_FILE, place=place)))
        for rule in content_rules()
        for place in {*rule.places} & {Place.IMAGE, Place.SCRIPT}
    ),
    *(
        (
            "content.autostart-file",
            snapshot(
                _STARTED,
                followed(_STARTED, "/opt/x/server", _NATIVE_FILE),
                content_hit(rule.id, "/opt/x/server", of=_NATIVE_FILE, place=place),
            ),
        )
        for rule in content_rules()
        for place in {*rule.places} & {Place.IMAGE, Place.SCRIPT}
    ),
    *(
        ("content.file", snapshot(content_hit(rule.id, "/var/tmp/.x", place=place)))
        for rule in content_rules()
        for place in {*rule.places} - {Place.MEMORY}
    ),
    *(
        ("content.memory", snapshot(_NATIVE, in_memory(_NATIVE, rule.id)))
        for rule in content_rules()
        if rule.kind is not Kind.CONVERSATION
    ),
    ("content.stratum-conversation", snapshot(_NATIVE, conversation(_NATIVE))),
    ("content.stratum-conversation", snapshot(_NATIVE, conversation(_NATIVE, newest=LONG_AGO))),
    (
        "content.stratum-conversation",
        snapshot(_NATIVE, conversation(_NATIVE), listener(_NATIVE, 3333), served(_NATIVE)),
    ),
    (
        "content.stratum-conversation",
        snapshot(_TEXTS, conversation(_TEXTS, shares=0), connection(_TEXTS, "9.9.9.9", 443)),
    ),
    ("content.stratum-conversation", snapshot(_NATIVE, conversation(_NATIVE, shares=0, newest=None))),
    ("content.stratum-conversation", snapshot(_TEXTS, conversation(_TEXTS, shares=0, newest=None))),
    ("content.wallet", snapshot(_NATIVE, wallet(_NATIVE, login=True))),
    ("content.wallet", snapshot(_NATIVE, wallet(_NATIVE, place=Place.COMMAND_LINE))),
    ("content.wallet", snapshot(_NATIVE, wallet(_NATIVE, weak=True))),
    ("content.wallet", snapshot(_TEXTS, wallet(_TEXTS))),
    ("content.pool-name", snapshot(_TEXTS, pool(_TEXTS))),
    ("content.pool-name", snapshot(_NATIVE, *(pool(_NATIVE, f"eu.pool{n}.example") for n in range(8)))),
    ("content.pool-name", snapshot(hosts_line("nanopool.org", blocked=False))),
    (
        "behaviour.randomx-memory",
        snapshot(WORKER, workload(WORKER, regions=DATA_SET, code_bytes=262_144, changes=3)),
    ),
    ("identity.known-file", snapshot(known_file("/tmp/zzz", "kinsing"), cron("/tmp/zzz"))),
    ("identity.known-line", snapshot(service("/usr/bin/x", unit="bot.service"))),
)
"""Snapshots that have the other degrees of a rule."""
