"""The native steps under the compiler's warnings, under sanitizers, and under a preload that lies."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[3]
SOURCE = PROJECT / "src/davy/host/native/steps.c"
IN_CI = os.environ.get("CI") == "true"
WARNINGS = ["-O2", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Wstrict-prototypes", "-Wvla", "-Werror"]
SANITIZERS = ["-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer"]


@pytest.fixture
def compiler() -> str:
    """GCC, beside the headers of this Python."""
    found = shutil.which("gcc")
    if found and Path(sysconfig.get_path("include"), "Python.h").is_file():
        return found
    if IN_CI:
        pytest.fail("there is no gcc, or no Python.h")
    pytest.skip("needs gcc and Python.h (apt-get install gcc libc6-dev python3-dev)")


def compiled(compiler: str, source: Path, to: Path, flags: Sequence[str]) -> Path:
    include = sysconfig.get_path("include")
    command = [compiler, *flags, "-fPIC", "-shared", f"-isystem{include}", "-o", str(to), str(source)]
    subprocess.run(command, check=True, timeout=120)
    return to


def output(code: str, arguments: Sequence[str | Path], environment: Mapping[str, str]) -> str:
    """What a Python with these variables prints; a failure shows all it said."""
    run = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        env=dict(os.environ) | environment, capture_output=True, text=True, timeout=280, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout


TESTED = """
import sys
import pytest
from davy.host import sweeps
assert sweeps.steps.__file__ == sys.argv[1], sweeps.steps
sys.exit(pytest.main(["-q", "-p", "no:cacheprovider", *sys.argv[2:]]))
"""


def test_the_sweeps_pass_their_tests_under_the_address_and_undefined_behaviour_sanitizers(
    compiler: str, tmp_path: Path
) -> None:
    """A copy of Davy whose native steps are compiled with every warning an error, and with sanitizers."""
    shutil.copytree(PROJECT / "src/davy", tmp_path / "davy", ignore=shutil.ignore_patterns("*.so", "__pycache__"))
    steps = compiled(compiler, SOURCE, tmp_path / "davy/host/_steps.abi3.so", WARNINGS + SANITIZERS)
    library = subprocess.run(
        [compiler, "-print-file-name=libasan.so"], capture_output=True, text=True, check=True
    ).stdout.strip()
    said = output(
        TESTED,
        [steps, PROJECT / "tests/unit/host/test_sweeps.py"],
        {
            "CI": "true",
            "PYTHONPATH": str(tmp_path),
            "PYTHONMALLOC": "malloc",
            "LD_PRELOAD": library,
            # Python frees not all at its end; what is freed is reused soon, so that growth can be measured.
            "ASAN_OPTIONS": "detect_leaks=0:abort_on_error=1:quarantine_size_mb=1:allocator_may_return_null=1",
            "UBSAN_OPTIONS": "print_stacktrace=1",
        },
    )
    assert "passed" in said
    assert "skipped" not in said


SEEN = """
import os
import davy.host.steps as pure, davy.host._steps as native
me = os.getpid()
folder = os.open("/proc", os.O_RDONLY | os.O_DIRECTORY)
print(str(me) in os.listdir(folder))
for steps in (pure, native):
    try:
        print(steps.living(me, me)[0] == [me])
    except OSError:
        print(False)
    os.lseek(folder, 0, os.SEEK_SET)
    try:
        print(me in (steps.numbers(folder) or []))
    except OSError:
        print(False)
"""


@pytest.mark.skipif(
    platform.machine() not in ("x86_64", "aarch64"), reason="the kernel is entered through the C library"
)
def test_the_native_steps_see_below_a_preload_that_hides_every_process(compiler: str, tmp_path: Path) -> None:
    preload = compiled(compiler, Path(__file__).with_name("hiding.c"), tmp_path / "hiding.so", ["-O2", "-Wall"])
    compiled(compiler, SOURCE, tmp_path / "_steps.abi3.so", WARNINGS)
    code = f"import davy.host; davy.host.__path__.insert(0, {str(tmp_path)!r})" + SEEN
    assert output(code, [], {}).split() == ["True"] * 5
    hidden = output(code, [], {"LD_PRELOAD": str(preload)}).split()
    assert hidden == ["False", "False", "False", "True", "True"]  # the C library's answers, then the kernel's
