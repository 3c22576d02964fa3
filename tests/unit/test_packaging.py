"""What is installed: with a compiler and without one, from the checkout and from a source distribution."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
IN_CI = os.environ.get("CI") == "true"
LEFT_OUT = shutil.ignore_patterns(".*", "build", "dist", "*.egg-info", "*.so", "__pycache__")
BUILD_SOURCE = "import sys; from setuptools import build_meta; build_meta.build_sdist(sys.argv[1])"
ASKED = """
import os, sys
from davy.host import steps, sweeps
assert sweeps.__file__.startswith(sys.argv[1]), sweeps.__file__
print("python" if sweeps.steps is steps else "native", os.getpid() in sweeps.living_pids(1, sweeps.PID_LIMIT).pids)
"""


def run(command: list[str], folder: Path, environment: Mapping[str, str]) -> str:
    """What a command prints; a failure shows all it said."""
    made = subprocess.run(
        command,
        cwd=folder,
        env=dict(os.environ) | environment,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert made.returncode == 0, made.stdout + made.stderr
    return made.stdout


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project as it would be checked out."""
    return Path(shutil.copytree(PROJECT, tmp_path_factory.mktemp("checkout") / "davy", ignore=LEFT_OUT))


@pytest.fixture(scope="module")
def backend(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """Variables with which Python finds what builds the package."""
    folder = tmp_path_factory.mktemp("backend")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(folder), "setuptools>=77"]
    run(command, folder, {})
    return {"PYTHONPATH": str(folder)}


def wheel(source: Path, to: Path, environment: Mapping[str, str]) -> Path:
    """Built by pip, as `pip install`, `pipx install` and `uv tool install` do."""
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", str(to)]
    run([*command, str(source)], to, environment)
    (found,) = to.glob("davy-*.whl")
    return found


def contents(archive: Path) -> set[str]:
    with zipfile.ZipFile(archive) as opened:
        return {name for name in opened.namelist() if ".dist-info/" not in name}


def wanted(source: Path) -> set[str]:
    """Every file of the package."""
    files = (path for path in (source / "src").rglob("*") if path.is_file() and ".egg-info" not in str(path))
    return {str(path.relative_to(source / "src")) for path in files if path.suffix not in (".so", ".pyc")}


def answered(archive: Path, to: Path) -> str:
    """Which steps an installed wheel sweeps with, and whether it finds its own process."""
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(to)
    return run([sys.executable, "-c", ASKED, str(to)], to, {"PYTHONPATH": str(to)}).strip()


def without_a_compiler(to: Path) -> Mapping[str, str]:
    """A search path on which there is nothing at all, and a compiler that is not there."""
    (to / "empty").mkdir()
    return {"PATH": str(to / "empty"), "CC": "cc"}


def test_with_a_compiler_the_steps_are_native(checkout: Path, backend: Mapping[str, str], tmp_path: Path) -> None:
    if not shutil.which("gcc") or not Path(sysconfig.get_path("include"), "Python.h").is_file():
        if IN_CI:
            pytest.fail("there is no gcc, or no Python.h")
        pytest.skip("needs gcc and Python.h (apt-get install gcc libc6-dev python3-dev)")
    made = wheel(checkout, tmp_path, backend)
    assert "-cp311-abi3-" in made.name
    assert contents(made) == wanted(checkout) | {"davy/host/_steps.abi3.so"}
    assert answered(made, tmp_path / "installed") == "native True"


@pytest.mark.parametrize("compiler", ["none", "failing"])
def test_without_a_compiler_it_is_installed_all_the_same_and_sweeps_in_python(
    checkout: Path, backend: Mapping[str, str], tmp_path: Path, compiler: str
) -> None:
    lacking = without_a_compiler(tmp_path) if compiler == "none" else {"CC": shutil.which("false") or "false"}
    made = wheel(checkout, tmp_path, {**backend, **lacking})
    assert contents(made) == wanted(checkout)
    assert answered(made, tmp_path / "installed") == "python True"


def test_a_source_distribution_holds_all_that_the_package_is_made_of(
    checkout: Path, backend: Mapping[str, str], tmp_path: Path
) -> None:
    run([sys.executable, "-c", BUILD_SOURCE, str(tmp_path)], checkout, backend)
    (archive,) = tmp_path.glob("davy-*.tar.gz")
    shutil.unpack_archive(archive, tmp_path / "source")
    (source,) = (tmp_path / "source").iterdir()
    assert wanted(source) == wanted(checkout)
    assert contents(wheel(source, tmp_path, {**backend, "CC": "false"})) == wanted(checkout)


def test_what_an_earlier_build_left_in_the_checkout_is_not_installed(
    checkout: Path, backend: Mapping[str, str], tmp_path: Path
) -> None:
    stale = checkout / "src/davy/knowledge/families/stale.toml"
    stale.touch()
    try:
        wheel(checkout, tmp_path, {**backend, "CC": "false"}).unlink()
    finally:
        stale.unlink()
    assert contents(wheel(checkout, tmp_path, {**backend, "CC": "false"})) == wanted(checkout)
