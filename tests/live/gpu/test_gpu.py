"""A graphics card is asked through the driver's library, and a driver that hangs or lies costs little.

The library is a stand-in that knows one process; what asks it is the real binding.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.live.eviction.support import dies_with_us, missing, tool

from davy.collect.computation.gpu import gpu_uses
from davy.detect import detect
from davy.host import Refused, gpu, live
from davy.host.gpu import gpu_processes
from davy.model.facts import Gap
from davy.model.gpu import GpuUse
from davy.model.incidents import Verdict
from davy.scan import scan

pytestmark = pytest.mark.live

SOURCE = Path(__file__).with_name("nvml.c")
Library = Callable[..., str]


@pytest.fixture
def node(tmp_path: Path) -> str:
    path = tmp_path / "nvidiactl"
    path.touch()
    return str(path)


@pytest.fixture
def library(tmp_path: Path) -> Library:
    """Compiles the stand-in with the definitions given."""
    pytest.importorskip("pynvml")

    def compiled(*definitions: str) -> str:
        made = tmp_path / "libnvidia-ml.so.1"
        command = [tool("gcc", "gcc"), "-shared", "-fPIC", "-O1", "-Wall", "-Werror", f'-DPID_FILE="{tmp_path}/pid"']
        subprocess.run([*command, *(f"-D{one}" for one in definitions), "-o", made, SOURCE], check=True, timeout=60)
        return str(made)

    return compiled


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """What works on the card: hardly any CPU, under the name of a daemon."""
    program = tmp_path / "sshd-update"
    program.write_bytes(Path(tool("sleep", "coreutils")).read_bytes())
    program.chmod(0o755)
    with subprocess.Popen([program, "600"], preexec_fn=dies_with_us) as one:
        (tmp_path / "pid").write_text(str(one.pid))
        yield one
        one.kill()


def test_a_process_on_a_card_is_known_with_its_share(
    node: str, library: Library, worker: subprocess.Popen[bytes]
) -> None:
    (found,) = gpu_processes(node, library())
    assert (found.pid, found.sm_percent, found.device_percent) == (worker.pid, 97, 99)
    assert found.memory_bytes == 3 << 30
    assert found.device_name == "Stand-in 4090"


def test_a_card_that_tells_no_shares_tells_who_is_on_it(
    node: str, library: Library, worker: subprocess.Popen[bytes]
) -> None:
    (found,) = gpu_processes(node, library("NO_SHARES"))
    assert (found.pid, found.sm_percent, found.device_percent) == (worker.pid, None, 99)


def test_without_a_driver_there_is_nothing_to_ask(tmp_path: Path) -> None:
    assert gpu_processes(str(tmp_path / "none"), "libnvidia-ml.so.1") == []


def test_a_driver_that_hangs_is_left_behind(node: str, library: Library) -> None:
    began = time.monotonic()
    with pytest.raises(Refused, match="did not answer within 1 s"):
        gpu_processes(node, library("HANG"), seconds=1.0)
    assert time.monotonic() - began < 3.0


def test_a_library_that_is_missing_or_none_is_refused(node: str, tmp_path: Path) -> None:
    pytest.importorskip("pynvml")
    with pytest.raises(Refused, match="library"):
        gpu_processes(node, str(tmp_path / "none.so"))
    (tmp_path / "junk.so").write_bytes(b"\x7fELF junk")
    with pytest.raises(Refused, match="library"):
        gpu_processes(node, str(tmp_path / "junk.so"))


def test_a_scan_looks_closely_at_who_works_on_a_card_and_accuses_nobody_of_that_alone(
    node: str, library: Library, worker: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, real = library(), gpu_processes
    monkeypatch.setattr("davy.host.kernel.gpu_processes", lambda: real(node, path))
    host = live()
    assert host.kernel is not None
    if not host.kernel.first_pid_namespace:
        missing("the driver's pids are the machine's")
    snapshot, judgement = scan(host)
    (use,) = snapshot.gpu_uses
    assert use.pid == worker.pid
    assert worker.pid in {detail.pid for detail in snapshot.details}
    (found,) = (finding for finding in detect(snapshot) if finding.rule == "behaviour.gpu-load")
    assert found.bits <= 2.0
    assert not found.conclusive
    about = [one for one in judgement.incidents if worker.pid in {actor.pid for actor in one.actors}]
    assert not [one for one in about if one.verdict is Verdict.CONFIRMED and one.findings == (found,)]


def test_what_cannot_be_asked_is_a_gap(node: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("davy.host.kernel.gpu_processes", lambda: gpu.gpu_processes(node, str(tmp_path / "none.so")))
    (gap,) = gpu_uses(live())
    assert isinstance(gap, Gap)
    assert gap.collector == "gpu"
    assert not isinstance(gap, GpuUse)
