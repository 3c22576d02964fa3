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

from bench.concealment.stage import FOLDER, LIBRARY

NO: Final = "-"
PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


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
        return shutil.which(self.command[0], path=PATH) is not None

    @property
    def version(self) -> str:
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
    preload = re.search(r"(?i)preload[^\n]*warning|warning[^\n]*preload", output)
    hidden = {int(pid) for pid in re.findall(r"(?i)(?:HIDDEN PID|hidden process)[^\n]*?(\d+)", output)}
    library = "the library" if LIBRARY in output else "a preload file" if preload else NO
    return Sight("a pid" if planted.covered in hidden else NO, "a pid" if planted.preloaded in hidden else library, NO)


def _rkhunters_alarms(output: str) -> int:
    return len(re.findall(r"(?i)hidden (?:pid|process)[^\n]*(?:\d|warning)|preload[^\n]*warning", output))


def tools(state: str) -> list[Tool]:
    """All of them, the quick ones first.  ``state`` is a folder for what they keep."""
    davy = [sys.executable, "-m", "davy", "scan", "--json", "--state", f"{state}/davy"]
    rkhunter = [
        "rkhunter", "--check", "--skip-keypress", "--nocolors", "--noappend-log", "--logfile", f"{FOLDER}/rkhunter.log",
    ]  # fmt: skip
    return [
        Tool("davy scan", davy, _davy, _davys_alarms),
        *(
            Tool(f"unhide {test}", ["unhide", test], _unhide, lambda text: len(_HIDDEN_PID.findall(text)), "unhide")
            for test in ("proc", "quick", "sys")
        ),
        Tool("chkrootkit -q", ["chkrootkit", "-q"], _chkrootkit, _chkrootkits_alarms, "chkrootkit"),
        Tool("rkhunter --check", rkhunter, _rkhunter, _rkhunters_alarms, "rkhunter"),
    ]
