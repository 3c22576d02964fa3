"""A kernel module of an intruder's name in a real kernel: found by name, place, taint and missing signature; found when
a filtered copy lies over /proc/modules; unloaded, with its file and the line that loads it; and not loaded again.  Then
a program of a miner's that the kernel itself is to run when another crashes.

The kernel is Debian's own, the module is harmless and built here.  Everything happens in one boot of one machine.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.live.vm.machine import HERE, Sources, boot, image, missing_tools

pytestmark = pytest.mark.live

IN_CI = os.environ.get("CI") == "true"
SECONDS = 200.0
"""The machine must have done everything by then."""
MODULE = "/lib/udev/usb_control/iptable_mac.ko"
LOADS = "/etc/modules-load.d/usb_control.conf"
INSTALLS = "/etc/modprobe.d/usb_control.conf"
INSTALL = f"install iptable_mac /sbin/insmod {MODULE}"
ORDINARY = ("drivers/net/dummy.ko", "drivers/net/ifb.ko")
"""Modules of the kernel's own that are loaded, too."""
SCAN = ["davy", "scan", "--json"]
STAGES: list[tuple[str, list[str]]] = [
    ("loaded", []),
    ("lsmod", ["/sbin/lsmod"]),
    ("plain", SCAN),
    ("race", []),
    ("covered lsmod", []),
    ("covered", SCAN),
    ("plan", ["davy", "evict", "--dry-run", "--json"]),
    ("evicted", ["davy", "evict", "--yes", "--verify-for", "0.2", "--json"]),
    ("kernel's list", []),
    ("after", SCAN),
    ("undone", ["davy", "undo", "--yes", "--json"]),
    ("helper", []),
]
"""In order; what has no command is a function of ``guest.py`` of that purpose."""


def _files(sources: Sources, folder: Path) -> dict[str, Path | bytes]:
    """What lies on the machine's disk: the intruder's module, what loads it, and whose the kernel's modules are."""
    owned = "".join(f"/lib/modules/{sources.release}/kernel/{name}\n" for name in ORDINARY)
    return {
        MODULE: sources.build(HERE / "iptable_mac.c", folder / "build"),
        LOADS: b"# usb\niptable_mac\n",
        INSTALLS: f"# usb\n{INSTALL}\noptions dummy numdummies=0\n".encode(),
        "/etc/modules-load.d/ordinary.conf": b"dummy\nifb\n",
        "/var/lib/dpkg/info/linux-image.list": owned.encode(),
    }


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """What came of every stage.  ``DAVY_VM_SOURCES`` names a folder that keeps the packages for the next run."""
    missing = missing_tools() or ([] if platform.machine() == "x86_64" else ["an x86_64 processor"])
    if missing:
        reason = f"the virtual machine needs {', '.join(missing)} (apt-get install qemu-system-x86 gcc make)"
        if IN_CI:
            pytest.fail(reason)
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("vm")
    try:
        sources = Sources(Path(os.environ.get("DAVY_VM_SOURCES") or folder / "sources"))
        modules = sources.installed(ORDINARY, folder / "modules")
        image(sources, modules, _files(sources, folder), STAGES).write(folder / "initial")
        yield boot(sources, folder / "initial", folder, SECONDS)
    finally:
        shutil.rmtree(folder)


def scanned(result: dict[str, Any]) -> dict[str, Any]:
    assert result["err"] == ""
    return dict(json.loads(result["out"]))


def hider(scan: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """The one incident, its module, and the module's findings by rule."""
    (incident,) = scan["incidents"]
    (actor,) = [actor for actor in incident["actors"] if actor["kind"] == "module"]
    subject = f"module:{actor['name']}"
    return incident, actor, {each["rule"]: each for each in incident["findings"] if each["subject"] == subject}


def test_the_intruders_module_and_ordinary_ones_are_loaded_as_at_any_start(machine: dict[str, Any]) -> None:
    assert [(done["status"], done["err"]) for done in machine["loaded"]] == [(0, "")] * 3
    listed = {line.split()[0] for line in machine["lsmod"]["out"].splitlines()[1:]}
    assert listed == {"iptable_mac", "dummy", "ifb"}


def test_it_is_found_by_name_place_taint_and_missing_signature(machine: dict[str, Any]) -> None:
    assert machine["plain"]["status"] == 1
    scan = scanned(machine["plain"])
    incident, actor, rules = hider(scan)
    assert (scan["verdict"], incident["verdict"], incident["family"]) == ("confirmed", "confirmed", "minerd-tplink")
    assert (actor["role"], actor["name"], actor["path"]) == ("hider", "iptable_mac", MODULE)
    assert "usb_control" in rules["identity.known-module"]["evidence"][0]
    assert "without a signature" in rules["origin.module-place"]["summary"]
    assert rules["origin.foreign-module"]["evidence"] == ["taint OE"]
    assert rules["persistence.autoloaded-module"]["bits"] >= 4.0
    loading = {(each["path"], each["line"]) for each in incident["actors"] if each["kind"] == "autostart"}
    assert loading == {(LOADS, 2), (INSTALLS, 2)}
    assert scan["views"]["modules"] == {"seen": 3, "hidden": 0}


def test_ordinary_modules_are_nobodys(machine: dict[str, Any]) -> None:
    for stage in ("plain", "covered"):
        assert "dummy" not in machine[stage]["out"]
        assert "ifb" not in machine[stage]["out"]


def test_a_filtered_copy_over_the_listing_makes_it_hidden(machine: dict[str, Any]) -> None:
    listed = {line.split()[0] for line in machine["covered lsmod"]["out"].splitlines()[1:]}
    assert listed == {"dummy", "ifb"}, "lsmod shows it: the test shows nothing"
    scan = scanned(machine["covered"])
    _, _, rules = hider(scan)
    hidden = rules["concealment.hidden-module"]
    assert hidden["technique"] == "T1014"
    assert any("own procfs" in line and "/sys/module" in line for line in hidden["evidence"])
    assert any("left out by lsmod" in line for line in hidden["evidence"])
    assert scan["views"]["modules"] == {"seen": 3, "hidden": 1}


def test_eviction_takes_out_the_lines_the_module_and_its_file(machine: dict[str, Any]) -> None:
    steps = json.loads(machine["plan"]["out"])["steps"]
    unload = steps.index("unload the kernel module iptable_mac")
    lines = [steps.index(f"take line 2 out of {path}") for path in (LOADS, INSTALLS)]
    (file,) = [number for number, step in enumerate(steps) if "iptable_mac.ko to the quarantine" in step]
    (cover,) = [number for number, step in enumerate(steps) if step.startswith("unmount ")]
    assert steps[cover].endswith("/proc/modules")
    assert cover < min(lines) <= max(lines) < unload < file
    outcome = json.loads(machine["evicted"]["out"])
    assert machine["evicted"]["err"] == ""
    assert steps[unload] in outcome["done"]
    assert outcome["left"] == []


def test_afterwards_the_kernel_has_it_no_more_and_a_scan_is_clean(machine: dict[str, Any]) -> None:
    listed = {line.split()[0] for line in machine["kernel's list"].splitlines()}
    assert listed == {"dummy", "ifb"}
    assert machine["after"]["status"] == 0
    scan = scanned(machine["after"])
    assert scan["verdict"] == "clean"
    assert scan["views"]["modules"] == {"seen": 2, "hidden": 0}


def test_undo_puts_lines_and_file_back_and_says_that_it_loads_no_module(machine: dict[str, Any]) -> None:
    undone = json.loads(machine["undone"]["out"])
    assert {MODULE, LOADS, INSTALLS} <= set(undone["put_back"])
    (left,) = undone["left"]
    assert "iptable_mac" in left["what"]
    assert "never loads a module" in left["why"]


def test_a_module_that_is_in_no_list_is_given_away_by_its_memory(machine: dict[str, Any]) -> None:
    """As if it had taken itself out of the kernel's list, by which Davy knows whose memory is whose."""
    listed, unlisted = machine["race"]["stray"]
    assert listed == 0
    assert unlisted >= 4096


def test_a_module_that_comes_and_goes_is_never_called_hidden(machine: dict[str, Any]) -> None:
    race = machine["race"]
    assert race["seen"] == [False, True], "it did not come and go: the test shows nothing"
    assert race["looks"] >= 10
    assert race["hidden"] == []


def test_what_the_kernel_itself_runs_is_given_its_usual_value_and_put_back(machine: dict[str, Any]) -> None:
    place = "/proc/sys/kernel/core_pattern"
    helper = machine["helper"]
    assert helper["values"] == ["|/var/tmp/kinsing %p\n", "core\n", "|/var/tmp/kinsing %p\n"]
    assert helper["done"] == [f"set {place} to core, from |/var/tmp/kinsing %p"]
    assert helper["put_back"] == [place]
