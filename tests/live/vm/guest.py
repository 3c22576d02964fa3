"""The first process of the test's machine: mounts, loads the modules of modules-load.d, and does what the test asks.

It reads its stages from /stages.json and writes what came of them to the second serial line, as one JSON object.
"""

import ctypes
import glob
import json
import os
import subprocess
import sys
import time
import traceback

LIBC = ctypes.CDLL(None, use_errno=True)
MS_BIND = 4096
RESTART = 0x01234567
DAVY = [sys.executable, "-m", "davy"]
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "PYTHONPATH": "/davy", "LC_ALL": "C.UTF-8"}
RACE_SECONDS = 6.0
FILTERED = "/tmp/modules"
CORE_PATTERN = "/proc/sys/kernel/core_pattern"


def mount(source, target, filesystem, flags=0):
    os.makedirs(target, exist_ok=True) if not flags else None
    if LIBC.mount(source.encode(), target.encode(), filesystem.encode(), ctypes.c_ulong(flags), None):
        raise OSError(ctypes.get_errno(), f"mount {target}")


def run(*command):
    started = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT, stdin=subprocess.DEVNULL)
    return {
        "status": done.returncode, "out": done.stdout, "err": done.stderr[-4000:],
        "seconds": round(time.monotonic() - started, 2),
    }  # fmt: skip


def modules_load():
    """As systemd-modules-load.service does: every name that a file of modules-load.d holds is given to modprobe."""
    found = []
    for path in sorted(glob.glob("/etc/modules-load.d/*.conf")):
        with open(path) as file:
            names = [line.strip() for line in file if line.strip() and line[0] not in "#;"]
        found += [run("/sbin/modprobe", name) for name in names]
    return found


def cover():
    """Mount a copy of /proc/modules over it that leaves one module out."""
    with open("/proc/modules") as file:
        lines = [line for line in file if not line.startswith("iptable_mac ")]
    with open(FILTERED, "w") as file:
        file.writelines(lines)
    mount(FILTERED, "/proc/modules", "", MS_BIND)
    return run("/sbin/lsmod")


def uncover():
    """Take the cover off, if it is still there, and say what the kernel itself lists."""
    LIBC.umount2(b"/proc/modules", 2)
    with open("/proc/modules") as file:
        return file.read()


def race():
    """Look at the modules again and again while one of them is loaded and unloaded all the time."""
    sys.path.insert(0, "/davy")
    from davy.collect.concealment.modules import module_table
    from davy.host import live
    from davy.model.concealment import ModuleTable

    host, looks, hidden, seen = live(), 0, [], set()
    loop = "while :; do /sbin/modprobe ifb; /sbin/modprobe -r ifb; done"
    shell = subprocess.Popen(["/bin/sh", "-c", loop], env=ENVIRONMENT, start_new_session=True)
    try:
        deadline = time.monotonic() + RACE_SECONDS
        while time.monotonic() < deadline:
            for fact in module_table(host, host.kernel, deep=looks % 4 == 3):
                if isinstance(fact, ModuleTable):
                    hidden += [row.name for row in fact.hidden]
                    seen.add("ifb" in {row.name for row in fact.rows})
            looks += 1
    finally:
        os.killpg(shell.pid, 9)
        shell.wait()
        run("/sbin/modprobe", "ifb")
    return {"looks": looks, "hidden": hidden, "seen": sorted(seen), "columns": list(fact.columns), "stray": stray(host)}


def stray(host):
    """Bytes of modules that are in no list: of those that are listed, and were one of them not."""
    from davy.collect.concealment import modules

    found = [modules._stray_bytes(host.kernel)]
    listed = modules._own_modules
    modules._own_modules = lambda kernel: {
        name: module for name, module in listed(kernel).items() if name != "iptable_mac"
    }
    found.append(modules._stray_bytes(host.kernel))
    modules._own_modules = listed
    return found


def helper():
    """Have the kernel run a miner's program whenever another crashes, take that out, and put it back."""
    sys.path.insert(0, "/davy")
    from davy.collect.autostarts.events.kernel_helpers import kernel_helpers
    from davy.host import live
    from davy.journal import Journal
    from davy.journal.state import State
    from davy.model.autostarts import Autostart
    from davy.model.facts import Host
    from davy.model.incidents import Actor, Incident, Kind, Role, Verdict
    from davy.model.snapshot import Snapshot
    from davy.respond import plan, undo_entries
    from davy.respond.carry_out import carry_out

    def value():
        with open(CORE_PATTERN) as file:
            return file.read()

    with open(CORE_PATTERN, "w") as file:
        file.write("|/var/tmp/kinsing %p\n")
    values, host, journal = [value()], live(), Journal(State("/tmp/state"))
    found = [fact for fact in kernel_helpers(host) if isinstance(fact, Autostart) and fact.path == CORE_PATTERN]
    actors = tuple(
        Actor(role=Role.AUTOSTART, kind=Kind.AUTOSTART, subject=each.subject, name=each.path, detail="")
        for each in found
    )
    incident = Incident(
        id="x", verdict=Verdict.CONFIRMED, bits=20.0, confidence=1.0, family=None, summary="", actors=actors
    )
    seen = Snapshot(host=Host(name="machine"), taken=0.0, live=True, autostarts=tuple(found))
    eviction = journal.begin(plan(host, seen, [incident]))
    done = carry_out(host.kernel, journal, eviction).done
    journal.close(eviction.id)
    values.append(value())
    put_back, _ = undo_entries(host.kernel, journal, journal.last_operation())
    return {"values": [*values, value()], "done": done, "put_back": put_back}


STAGES = {"loaded": modules_load, "covered lsmod": cover, "kernel's list": uncover, "race": race, "helper": helper}


def stages():
    with open("/stages.json") as file:
        asked = json.load(file)
    for name, command in asked:
        if command and command[0] == "davy":
            yield name, run(*DAVY, *command[1:])
        elif command:
            yield name, run(*command)
        else:
            yield name, STAGES[name]()


def main():
    mount("proc", "/proc", "proc")
    mount("sysfs", "/sys", "sysfs")
    mount("devtmpfs", "/dev", "devtmpfs")
    mount("tracefs", "/sys/kernel/tracing", "tracefs")
    mount("tmpfs", "/run", "tmpfs")
    mount("tmpfs", "/tmp", "tmpfs")
    results = {}
    try:
        for name, result in stages():
            results[name] = result
            print(f"guest: {name}: {result.get('seconds', '') if isinstance(result, dict) else ''}", flush=True)
    except BaseException:
        results["failure"] = traceback.format_exc()
    import tty

    line = os.open("/dev/ttyS1", os.O_WRONLY | os.O_NOCTTY)
    tty.setraw(line)
    data = memoryview(json.dumps(results).encode() + b"\n")
    while data:
        data = data[os.write(line, data) :]
    import termios

    termios.tcdrain(line)


try:
    main()
except BaseException:
    traceback.print_exc()
finally:
    sys.stdout.flush()
    os.sync()
    LIBC.reboot(RESTART)
