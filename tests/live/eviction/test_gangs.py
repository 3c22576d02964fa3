"""Gangs that are hard to end: all of each is found, frozen, ended at once, quarantined, and stays gone."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from .support import (
    Answer,
    Bystander,
    Davy,
    Events,
    actors,
    end,
    living,
    pids_of,
    running,
    sha256,
    told,
    tool,
    within,
)

pytestmark = pytest.mark.live

SOURCE = Path(__file__).with_name("gang.c")
SECONDS = 58
VERIFY_SECONDS = 5
MINING_WORDS = ("-o", "stratum+tcp://127.0.0.1:3333", "-u", "nobody", "--donate-level=1")


class Gang:
    """Programs of one gang in a hidden folder that is removed, with all that runs from it, at the end."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix=".x-", dir="/tmp"))
        self.stop = Path(tempfile.mkdtemp(prefix="davy-gang-")) / "stop"
        self.programs: list[Path] = []
        self._scripts: list[Path] = []

    def compile(self, name: str, role: str, **known: str | int) -> Path:
        """A member of this role.  ``known`` are paths and numbers that it has compiled in."""
        path = self.folder / name
        words = [f"-D{key}={value}" if isinstance(value, int) else f'-D{key}="{value}"' for key, value in known.items()]
        arguments = "".join(f'"{word}",' for word in MINING_WORDS) if known.get("VEILED") else ""
        subprocess.run(
            [tool("gcc", "gcc"), "-O1", "-o", path, SOURCE, f"-DROLE={role}", f"-DARGUMENTS={arguments}", *words],
            check=True,
        )  # fmt: skip
        self.programs.append(path)
        return path

    def script(self, path: Path, text: str) -> Path:
        path.write_text(text)
        path.chmod(0o755)
        self._scripts.append(path)
        self.programs.append(path)
        return path

    def start(self, *command: str | Path) -> int:
        """Start a member, in our control group and session, as an orphan.  Its pid, as far as it keeps it."""
        between = subprocess.run(
            ["/bin/sh", "-c", '"$@" </dev/null >/dev/null 2>&1 & echo $!', "sh", *command],
            env={
                "PATH": os.defpath, "GANG_UNTIL": f"{time.time() + SECONDS:.0f}", "GANG_STOP": os.fspath(self.stop),
            },
            stdout=subprocess.PIPE, text=True, check=True,
        )  # fmt: skip
        return int(between.stdout)

    def members(self) -> list[int]:
        """Whatever runs one of its programs."""
        return [pid for program in self.programs for pid in running(program)]

    def remove(self) -> None:
        self.stop.touch()
        for path in self.programs:
            path.unlink(missing_ok=True)
        end(self.members)
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.rmtree(self.stop.parent, ignore_errors=True)


@pytest.fixture
def gang() -> Iterator[Gang]:
    tool("gcc", "gcc")
    made = Gang()
    try:
        yield made
    finally:
        made.remove()


def unremarkable() -> str:
    """A name that says nothing."""
    return random.choice(("indexer", "notesd", "syncer", "librarian")) + f"{random.randrange(1000):03}"


def comes_back(miner: Path, seconds: float) -> None:
    """What the gang can do: its miner, ended alone, runs again at once."""
    before = set(running(miner))
    assert before
    end(partial(living, before))
    assert within(seconds, lambda: bool(set(running(miner)) - before)), "it does not come back: the test shows nothing"


def evicted(davy: Davy, gang: Gang, bystanders: list[Bystander], rounds: int = 1) -> Answer:
    """Found and confirmed, all of it ended, verified, quarantined; nobody else touched.  The scan before it."""
    hashes = {sha256(path) for path in gang.programs if path.exists()}
    paths = [path for path in gang.programs if path.exists()]
    found = davy.scan()
    assert (found.status, found.json["verdict"]) == (1, "confirmed"), told(found)
    assert [one["verdict"] for one in found.json["incidents"]] == ["confirmed"], told(found)
    done = davy.evict(VERIFY_SECONDS)
    assert done.json["clean"], json.dumps(done.json, indent=1)
    assert (done.status, done.json["returned"], done.json["left"], done.json["remaining"]) == (0, None, [], [])
    assert done.json["rounds"] <= rounds
    assert not gang.members()
    assert not [path for path in paths if os.path.lexists(path)]
    assert hashes <= davy.quarantined()
    for each in bystanders:
        each.check()
    clean = davy.scan()
    assert (clean.status, clean.json["verdict"]) == (0, "clean"), told(clean)
    return found


Innocents = Callable[[str | Path], list[Bystander]]


def test_a_guardian_that_restarts_within_a_millisecond(davy: Davy, gang: Gang, bystander_in: Innocents) -> None:
    miner = gang.compile(unremarkable(), "miner")
    guardian = gang.compile(unremarkable(), "waiting", MINER=os.fspath(miner))
    boss = gang.start(guardian)
    assert within(2, lambda: len(running(miner)) == 1)
    with Events() as events:
        comes_back(miner, 1)
        events.read()
    (again,) = [fork for fork in events.forks if fork.parent == boss]
    last = max(one.when for one in events.exits if one.killed_by and one.when < again.when)
    assert again.when - last < 0.01
    found = evicted(davy, gang, bystander_in(gang.folder))
    assert pids_of(actors(found, "guardian")) == {boss}


def test_a_miner_under_a_new_pid_every_twenty_milliseconds(davy: Davy, gang: Gang, bystander_in: Innocents) -> None:
    miner = gang.compile(unremarkable(), "renewing")
    with Events() as events:
        first = gang.start(miner, *MINING_WORDS)
        time.sleep(1)
        events.read()
    assert len(events.family([first])) > 15, "it hardly renews itself: the test shows nothing"
    evicted(davy, gang, bystander_in(gang.folder))


@pytest.mark.parametrize("veiled", [False, True], ids=["by name", "veiled"])
def test_two_guardians_that_watch_each_other(davy: Davy, gang: Gang, bystander_in: Innocents, veiled: bool) -> None:
    names = [f"{unremarkable()}{letter}" for letter in "mab"]
    paths = {name: os.fspath(gang.folder / name)[:: -1 if veiled else 1] for name in (*names, ".pids")}
    options: dict[str, str | int] = {"MINER": paths[names[0]], "STATE": paths[".pids"]}
    if veiled:
        options["VEILED"] = 1
    gang.compile(names[0], "miner")
    one = gang.compile(names[1], "watching", OTHER=paths[names[2]], ME=0, **options)
    other = gang.compile(names[2], "watching", OTHER=paths[names[1]], ME=1, **options)
    gang.start(one)
    assert within(2, lambda: all(len(running(path)) == 1 for path in gang.programs))
    for path in gang.programs:
        comes_back(path, 1)
    guardians = {*running(one), *running(other)}
    # Those that do not name it are known by what they do: they start it again, and go in the next round.
    found = evicted(davy, gang, bystander_in(gang.folder), rounds=3 if veiled else 1)
    if not veiled:
        assert pids_of(actors(found, "guardian")) == guardians


def test_a_guardian_that_is_a_script(davy: Davy, gang: Gang, bystander_in: Innocents) -> None:
    miner = gang.compile(unremarkable(), "miner")
    script = gang.script(
        Path(f"/var/tmp/{unremarkable()}.sh"),
        f"while [ $(date +%s) -lt $GANG_UNTIL ]; do kill -0 $pid || {{ {miner} & pid=$!; }}; sleep 0.05; done\n",
    )
    boss = gang.start("/bin/sh", script)
    assert within(2, lambda: len(running(miner)) == 1)
    comes_back(miner, 1)
    shell = Path(tool("sh", "dash")).resolve().stat()
    found = evicted(davy, gang, [*bystander_in(gang.folder), *bystander_in("/var/tmp")])
    (guardian,) = actors(found, "guardian")
    assert (guardian["pid"], guardian["files"]) == (boss, [str(script)])
    assert Path(tool("sh", "dash")).resolve().stat() == shell


def test_a_miner_that_deleted_its_file(davy: Davy, gang: Gang, bystander_in: Innocents) -> None:
    miner = gang.compile(unremarkable(), "deleted")
    content = sha256(miner)
    pid = gang.start(miner, *MINING_WORDS)
    assert within(2, lambda: not miner.exists())
    found = evicted(davy, gang, bystander_in(gang.folder))
    (actor,) = actors(found, "miner")
    assert (actor["pid"], actor["path"], actor["files"]) == (pid, str(miner), [])
    assert content in davy.evidence(), "its program, which is on no disk, is not kept"


def test_a_miner_with_workers(davy: Davy, gang: Gang, bystander_in: Innocents) -> None:
    miner = gang.compile(unremarkable(), "workers")
    boss = gang.start(miner, *MINING_WORDS)
    assert within(2, lambda: len(running(miner)) == 4)
    found = evicted(davy, gang, bystander_in(gang.folder))
    assert boss in pids_of(actors(found, "miner"))
    assert len(actors(found, "miner")) == 4
