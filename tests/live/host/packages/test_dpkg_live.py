"""`davy.host.packages` and dpkg itself, on this machine's database and on one that dpkg makes here."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from davy.host import DirectoryRoot, live
from davy.host.packages import packages

pytestmark = pytest.mark.live

needs_dpkg = pytest.mark.skipif(not shutil.which("dpkg"), reason="no dpkg here")
CONTROL = "Package: {name}\nVersion: 1\nArchitecture: all\nMaintainer: x <x@example.org>\nDescription: x\n"


@needs_dpkg
def test_dpkg_names_the_same_owners() -> None:
    folders = [path for path in map(Path, ("/usr/bin", "/usr/sbin", "/usr/lib", "/etc", "/bin")) if path.is_dir()]
    paths = [str(path) for folder in folders for path in sorted(folder.iterdir())[::9] if not path.is_dir()]
    told = subprocess.run(["dpkg", "-S", *paths], capture_output=True, text=True, check=False).stdout
    theirs: dict[str, set[str]] = {}
    diverted = set()
    for line in told.splitlines():
        owner, _, path = line.partition(": ")
        if owner.startswith(("diversion by", "local diversion")):
            diverted.add(path)
        else:
            theirs[path] = set(owner.split(", "))
    database = packages(live().root)
    ours = database.owners(paths)
    assert len(ours) > 100
    for path in set(theirs) - diverted:
        assert ours[path] in theirs[path]
    moved = _diverted()
    for path in set(ours) - set(theirs):  # dpkg looks for one of a file's names only
        name = path.removeprefix("/usr")
        name = moved.get(name, name)
        assert not _listed(ours[path]).isdisjoint((name, f"/usr{name}"))


def _diverted() -> dict[str, str]:
    """Where files lie that another package pushed aside, and where they are listed; without the merged ``/usr``.

    Source: dpkg-divert(1).
    """
    lines = [line.removeprefix("/usr") for line in Path("/var/lib/dpkg/diversions").read_text().splitlines()]
    return dict(zip(lines[1::3], lines[::3], strict=True))


def _listed(package: str) -> set[str]:
    return set(Path(f"/var/lib/dpkg/info/{package}.list").read_text().splitlines())


@needs_dpkg
def test_the_owners_of_100_paths_cost_at_most_80_milliseconds() -> None:
    host, best = live(), 1.0
    paths = [f"/usr/bin/{name}" for name in os.listdir("/usr/bin")[:80]] + [f"/tmp/{number}" for number in range(20)]
    for _ in range(3):
        before = time.process_time()
        owners = packages(host.root).owners(paths)
        best = min(best, time.process_time() - before)
    assert owners
    assert best <= 0.08


@needs_dpkg
def test_the_owners_of_5000_paths_cost_at_most_300_milliseconds() -> None:
    host, best = live(), 1.0
    lists = Path("/var/lib/dpkg/info").glob("*.list")
    listed = sorted({path for file in lists for path in file.read_text().split("\n") if path.startswith("/")})
    paths = [*listed[:: len(listed) // 4000][:4000], *(f"/tmp/nobody/{number}" for number in range(1000))]
    for _ in range(3):
        before = time.process_time()
        owners = packages(host.root).owners(paths)
        best = min(best, time.process_time() - before)
    assert len(owners) > 3000
    assert best <= 0.3


def _verified(told: str, mark: str) -> set[str]:
    """The paths that ``dpkg --verify`` has marked so; ``c`` is for configuration."""
    lines = (line for line in told.splitlines() if line.startswith(mark))
    return {line.removeprefix(mark).strip().removeprefix("c ") for line in lines}


def _package(folder: Path, name: str, files: dict[str, str], conffiles: str = "") -> Path:
    tree = folder / name
    for path, content in files.items():
        file = tree / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    (tree / "DEBIAN").mkdir()
    (tree / "DEBIAN/control").write_text(CONTROL.format(name=name))
    (tree / "DEBIAN/conffiles").write_text(conffiles)
    summed = [path.lstrip("/") for path in files if path not in conffiles.split()]
    sums = subprocess.run(["md5sum", *summed], cwd=tree, capture_output=True, text=True, check=True).stdout
    (tree / "DEBIAN/md5sums").write_text(sums)
    subprocess.run(["dpkg-deb", "--build", "--root-owner-group", tree, f"{tree}.deb"], check=True, capture_output=True)
    return Path(f"{tree}.deb")


@needs_dpkg
def test_dpkg_verifies_the_same_files(tmp_path: Path) -> None:
    root = tmp_path / "root"
    state = root / "var/lib/dpkg"
    for name in ("info", "updates", "triggers"):
        (state / name).mkdir(parents=True)
    for name in ("status", "available"):
        (state / name).touch()
    one = {f"/usr/bin/{name}": name for name in ("same", "changed", "gone", "diverted")}
    one |= {f"/etc/one/{name}": name for name in ("same conf", "changed", "gone")}
    first = _package(tmp_path, "one", one, "/etc/one/same conf\n/etc/one/changed\n/etc/one/gone\n")
    second = _package(tmp_path, "two", {"/usr/bin/diverted": "instead"})

    def dpkg(program: str, *arguments: str | Path) -> str:
        run = subprocess.run([program, f"--root={root}", *arguments], capture_output=True, text=True, check=False)
        return run.stdout

    dpkg("dpkg", "--force-not-root,script-chrootless", "--install", first)
    dpkg("dpkg-divert", "--package", "two", "--rename", "--add", "/usr/bin/diverted")
    dpkg("dpkg", "--force-not-root,script-chrootless", "--install", second)
    for path in ("usr/bin/changed", "etc/one/changed", "usr/bin/diverted.distrib"):
        (root / path).write_text("other")
    for path in ("usr/bin/gone", "etc/one/gone"):
        (root / path).unlink()

    ours = packages(DirectoryRoot(str(root)))
    paths = [*ours.listed("one"), *ours.listed("two")]
    found = ours.provenance(paths)
    theirs = _verified(dpkg("dpkg", "--verify"), "??5??????")
    assert theirs == {"/usr/bin/changed", "/etc/one/changed"}
    diverted = {"/usr/bin/diverted.distrib"}  # which dpkg itself does not look at
    assert {path for path, one in found.items() if one.unmodified is False} == theirs | diverted
    assert ours.missing(paths) == {"/usr/bin/gone": "one"}
    assert {path: one.owner for path, one in found.items() if "diverted" in path} == {
        "/usr/bin/diverted": "two",
        "/usr/bin/diverted.distrib": "one",
    }
    assert found["/etc/one/same conf"].unmodified is True


@needs_dpkg
def test_dpkg_verifies_the_packages_of_cron_as_davy_does() -> None:
    ours = packages(live().root)
    for name in sorted(set(ours.owners(["/usr/sbin/cron", "/usr/bin/openssl", "/bin/sleep"]).values())):
        paths = list(ours.listed(name))
        told = subprocess.run(["dpkg", "--verify", name], capture_output=True, text=True, check=False).stdout
        found = ours.provenance(paths)
        assert {path for path, one in found.items() if one.unmodified is False} == _verified(told, "??5??????")
        assert _verified(told, "missing") <= {path for path, one in found.items() if one.unmodified is None}
