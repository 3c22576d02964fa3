"""What is run on the planted cases, and how its answer is read."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from bench.concealment.stage import FOLDER, LIBRARY, PATH

NO: Final = "-"


class Planted(NamedTuple):
    """The pids that are hidden, by a mount and by a preloaded library."""

    covered: int
    preloaded: int


class Sight(NamedTuple):
    """What a program said of each case, in words; `NO` when nothing."""

    covered: str
    preloaded: str
    forged: str


class Tool(NamedTuple):
    """One program as it is run, and the reader of what it prints."""

    name: str
    command: list[str]
    read: Callable[[str, Planted], Sight]
    alarms: Callable[[str], int]
    """How often it speaks of something hidden, for a place where nothing is."""
    package: str | None = None

    @property
    def there(self) -> bool:
        return self.package is None or shutil.which(self.package, path=PATH) is not None

    @property
    def version(self) -> str:
        """Of the Debian package; empty for Davy itself."""
        if self.package is None:
            return ""
        done = subprocess.run(
            ["dpkg-query", "--show", "--showformat=${Version}", self.package],
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout.strip()


def _findings(output: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for one in json.loads(output)["incidents"]:
        found += one["findings"]
    return found


def _davy(output: str, planted: Planted) -> Sight:
    answer = json.loads(output)
    hiding = [one for one in _findings(output) if one["aspect"] == "concealment"]
    actors = {actor["pid"]: actor for one in answer["incidents"] for actor in one["actors"] if actor["pid"]}

    def of(pid: int, *others: str) -> str:
        told = [one for one in hiding if one["subject"] in others or one["subject"].startswith(f"process:{pid}:")]
        program = actors[pid]["path"] if pid in actors else None
        if told:
            return "hidden" + (f", runs {os.path.basename(program)}" if program else "")
        return f"runs {os.path.basename(program)}, not that it is hidden" if program else NO

    forged = next((one["summary"] for one in hiding if one["subject"] == "mount:/proc/stat"), None)
    return Sight(
        of(planted.covered, f"mount:/proc/{planted.covered}"),
        of(planted.preloaded, f"library:{LIBRARY}"),
        forged.partition("/proc/stat ")[2] if forged else NO,
    )


def _davys_alarms(output: str) -> int:
    return sum(one["aspect"] == "concealment" for one in _findings(output))


_HIDDEN_PID: Final = re.compile(r"HIDDEN PID: (\d+)")


def _unhide(output: str, planted: Planted) -> Sight:
    found = {int(pid) for pid in _HIDDEN_PID.findall(output)}

    def of(pid: int) -> str:
        if pid not in found:
            return NO
        part = output.partition(f"HIDDEN PID: {pid}\n")[2].partition("HIDDEN PID")[0]
        program = re.search(r'Executable: "(/[^"]*)"', part)
        return "a pid" + (f", runs {os.path.basename(program[1])}" if program else "")

    return Sight(of(planted.covered), of(planted.preloaded), NO)


def _chkrootkit(output: str, _: Planted) -> Sight:
    """It counts, and names no pid."""
    ps = re.search(r"(\d+) process(?:es)? hidden for ps", output)
    listing = re.search(r"(\d+) process(?:es)? hidden for readdir", output)
    counted = f"{ps[1]} hidden for ps, no pid" if ps else NO
    listed = f"{listing[1]} hidden for readdir, no pid" if listing else NO
    return Sight(counted, listed if LIBRARY not in output else "the library", NO)


def _chkrootkits_alarms(output: str) -> int:
    return len(re.findall(r"process(?:es)? hidden", output))


def _rkhunter(output: str, planted: Planted) -> Sight:
    """It has unhide look for processes where that is installed; its log tells what was found."""
    pids = _unhide(output, planted)
    library = f"preloaded shared library: {LIBRARY}" in output
    seen = [word for word in (pids.preloaded, "the library" if library else NO) if word != NO]
    return Sight(pids.covered, "; ".join(seen) or NO, NO)


def _rkhunters_alarms(output: str) -> int:
    return len(_HIDDEN_PID.findall(output)) + output.count("preloaded shared library")


def tools(state: str) -> list[Tool]:
    """All of them, the quick ones first.  ``state`` is a folder for what they keep."""
    davy = [sys.executable, "-m", "davy", "scan", "--json", "--state", f"{state}/davy"]
    log = f"{FOLDER}/rkhunter.log"
    rkhunter = ["/bin/sh", "-c", f"rkhunter --check --sk --nocolors --logfile {log} > /dev/null; cat {log}"]
    return [
        Tool("davy scan", davy, _davy, _davys_alarms),
        *(
            Tool(f"unhide {test}", ["unhide", test], _unhide, lambda text: len(_HIDDEN_PID.findall(text)), "unhide")
            for test in ("proc", "quick", "sys")
        ),
        Tool("chkrootkit -q", ["chkrootkit", "-q"], _chkrootkit, _chkrootkits_alarms, "chkrootkit"),
        Tool("rkhunter --check", rkhunter, _rkhunter, _rkhunters_alarms, "rkhunter"),
    ]
