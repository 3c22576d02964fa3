"""Miners in real containers: found, the container named, evicted, and everything put back by an undo."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
import time
from pathlib import Path
from typing import Any

import pytest
from tests.live.eviction.support import (
    Davy,
    actors,
    dies_with_us,
    end,
    identity,
    living,
    running,
    told,
    tool,
    within,
)

from .conftest import MINING, PROGRAM, SECONDS, Engine, for_a_while, image, policy

pytestmark = pytest.mark.live

VERIFY_SECONDS = 3
NSPAWNED = "/var/tmp/kdevtmpfsi"
"""nspawn has a ``/tmp`` of its own in memory."""


def victim(engine: Engine, programs: dict[str, bytes], *options: str) -> int:
    """A container somebody broke into: its own process idles, and a miner was put into it.  The miner's pid."""
    engine("import", "-", "php:7.3-fpm", given=image({"usr/bin/php-fpm": programs["idle"]}))
    engine(
        "run", "--detach", "--name", "web-php-fpm-1", "--network", "none", *options, *for_a_while(),
        "--label", "com.docker.compose.project=shop", "--label", "com.docker.compose.service=php",
        "php:7.3-fpm", "/usr/bin/php-fpm",
    )  # fmt: skip
    engine.put("web-php-fpm-1", PROGRAM, programs["miner"])
    engine("exec", "--detach", "--user", "999", *for_a_while(), "web-php-fpm-1", PROGRAM, *MINING)
    first = engine.pid("web-php-fpm-1")
    mining: list[int] = []

    def started() -> bool:
        mining[:] = [pid for pid in _of_container(first) if os.readlink(f"/proc/{pid}/exe") == PROGRAM]
        return bool(mining)

    assert within(10, started), "the miner did not start"
    return mining[0]


def _of_container(first: int) -> list[int]:
    """The processes in the pid namespace of a container's first process."""
    wanted = os.readlink(f"/proc/{first}/ns/pid")
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                if os.readlink(f"/proc/{name}/ns/pid") == wanted:
                    found.append(int(name))
            except OSError:
                continue
    return found


def one_of(answer: Any, pid: int) -> dict[str, Any]:
    (miner,) = [actor for actor in actors(answer, "miner") if actor["pid"] == pid]
    return miner


def test_a_miner_in_somebody_s_docker_container(docker: Engine, programs: dict[str, bytes], davy: Davy) -> None:
    mining = victim(docker, programs, "--restart", "unless-stopped")
    first = docker.pid("web-php-fpm-1")
    kept = identity(first)

    found = davy.scan()
    miner = one_of(found, mining)
    container = miner["container"]
    assert (container["name"], container["image"], container["runtime"]) == ("web-php-fpm-1", "php:7.3-fpm", "docker")
    assert (container["project"], container["uid"]) == ("shop", 999)
    assert container["words"] == "container web-php-fpm-1 (image php:7.3-fpm, docker, compose project shop)"
    assert Path(container["host_path"]).read_bytes() == programs["miner"], "where it is on the host"
    assert (miner["user"], miner["path"], miner["files"]) == ("postgres", PROGRAM, [PROGRAM])
    (incident,) = [one for one in found.json["incidents"] if miner in one["actors"]]
    assert incident["verdict"] == "confirmed", told(found)
    assert "in container web-php-fpm-1 (image php:7.3-fpm, docker, compose project shop)" in incident["summary"]
    own = [one["summary"] for one in incident["findings"] if one["subject"].split(":")[1] == str(mining)]
    assert own
    assert all(summary.endswith(", in container web-php-fpm-1") for summary in own)
    assert "container web-php-fpm-1 was created from the image php:7.3-fpm" in [
        one["what"] for one in incident["timeline"]
    ]

    planned = davy.json("evict", "--dry-run").json
    (note,) = planned["notes"]
    assert "docker compose -p shop down -v" in note
    out = davy.evict(VERIFY_SECONDS)
    assert out.status == 0, out.json
    assert living([mining]) == []
    assert identity(first) == kept, "what the container is for goes on"
    assert policy(docker, "web-php-fpm-1") == "unless-stopped"
    inside = Path(f"/proc/{first}/root{PROGRAM}")
    assert not inside.exists()

    back = davy.undo()
    assert back.status == 0
    assert inside.read_bytes() == programs["miner"]
    assert (inside.stat().st_uid, inside.stat().st_mode & 0o7777) == (999, 0o755)


def test_an_undo_finds_a_container_s_files_when_its_process_is_another(
    docker: Engine, programs: dict[str, bytes], davy: Davy
) -> None:
    victim(docker, programs)
    assert davy.evict(VERIFY_SECONDS).status == 0
    before = docker.pid("web-php-fpm-1")
    docker("restart", "--time", "0", "web-php-fpm-1")
    assert docker.pid("web-php-fpm-1") != before
    assert davy.undo().status == 0
    assert Path(f"/proc/{docker.pid('web-php-fpm-1')}/root{PROGRAM}").read_bytes() == programs["miner"]


def test_a_miner_s_own_container_is_not_started_again_until_an_undo(
    docker: Engine, programs: dict[str, bytes], davy: Davy
) -> None:
    docker("import", "-", "someone/xmrig:latest", given=image({"usr/bin/xmrig": programs["miner"]}))
    docker(
        "run", "--detach", "--name", "gifted_wing", "--network", "none", "--restart", "always", *for_a_while(),
        "someone/xmrig:latest", "/usr/bin/xmrig", *MINING,
    )  # fmt: skip
    first = docker.pid("gifted_wing")
    os.kill(first, 9)
    assert within(10, lambda: docker.pid("gifted_wing") not in (0, first)), "its policy starts it again"
    mining = docker.pid("gifted_wing")
    found = davy.scan()
    assert one_of(found, mining)["container"]["name"] == "gifted_wing"
    assert "identity.container-image" in {one["rule"] for each in found.json["incidents"] for one in each["findings"]}

    out = davy.evict(VERIFY_SECONDS)
    assert out.status == 0, out.json
    assert (
        "have docker not start the container gifted_wing again, of which the restart policy is always"
        in out.json["done"]
    )
    assert living([mining]) == []
    assert docker.inspect("gifted_wing", "{{.State.Running}}") == "false"
    assert policy(docker, "gifted_wing") == "no"

    assert davy.undo().json["put_back"] == ["the restart policy always of container gifted_wing"]
    assert policy(docker, "gifted_wing") == "always"


def test_a_miner_in_a_container_that_nothing_but_its_namespaces_tells_of(
    home: Path, programs: dict[str, bytes], davy: Davy
) -> None:
    """nspawn that keeps our own control group and registers nowhere."""
    root = home / "tree"
    with tarfile.open(fileobj=io.BytesIO(image({"usr/bin/php-fpm": programs["miner"]}))) as archive:
        archive.extractall(root, filter="data")
    program = root / NSPAWNED.lstrip("/")
    program.parent.mkdir(parents=True)
    program.write_bytes(programs["miner"])
    program.chmod(0o755)
    until = f"GANG_UNTIL={time.time() + SECONDS:.0f}"
    with (home / "log").open("wb") as log:
        nspawn = subprocess.Popen(
            [
                tool("systemd-nspawn", "systemd-container"), "--directory", root, "--machine", "davy-web", "--quiet",
                "--register=no", "--keep-unit", "--private-network", "--as-pid2", f"--setenv={until}",
                "--setenv=GANG_STOP=/stop", NSPAWNED, *MINING,
            ],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=dies_with_us,
        )  # fmt: skip
    try:
        assert within(20, lambda: bool(running(NSPAWNED))), (home / "log").read_text(errors="replace")
        (mining,) = running(NSPAWNED)
        container = one_of(davy.scan(), mining)["container"]
        assert (container["name"], container["runtime"]) == ("davy-web", "nspawn")
        assert Path(container["host_path"]) == program
        assert davy.evict(VERIFY_SECONDS).status == 0
        assert living([mining]) == []
        assert not program.exists()
        back = davy.undo()
        assert back.status == 0
        assert back.json["put_back"] == [f"{NSPAWNED} in container davy-web"]
        assert program.read_bytes() == programs["miner"]
    finally:
        nspawn.kill()
        nspawn.wait()
        end(lambda: running(NSPAWNED))


def test_a_miner_in_podman_s_container(podman: Engine, programs: dict[str, bytes], davy: Davy) -> None:
    limits = ("--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024")
    mining = victim(podman, programs, *limits)
    miner = one_of(davy.scan(), mining)
    assert (miner["user"], miner["container"]["name"], miner["container"]["runtime"]) == (
        "postgres", "web-php-fpm-1", "podman",
    )  # fmt: skip
    assert davy.evict(VERIFY_SECONDS).status == 0
    first = podman.pid("web-php-fpm-1")
    assert identity(first)
    assert not Path(f"/proc/{first}/root{PROGRAM}").exists()
    assert davy.undo().status == 0
    assert Path(f"/proc/{first}/root{PROGRAM}").read_bytes() == programs["miner"]
