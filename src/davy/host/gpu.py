"""Who works on the graphics cards, as the driver's own library tells (NVML).

A driver that hangs keeps whoever asks it in the kernel, out of reach even of signals.  So another process asks it, and
is killed and left behind when it does not answer in time.  As a module of its own this is that process: it prints one
line of JSON.

Source: NVML API reference; nvidia-ml-py.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final

import msgspec

from davy.host.errors import Refused

NODE: Final = "/dev/nvidiactl"
LIBRARY: Final = "libnvidia-ml.so.1"
_SECONDS: Final = 3.0
_ANSWER_LIMIT: Final = 1 << 20
_CARDS_LIMIT: Final = 64
_PROCESSES_LIMIT: Final = 1024
_LOOKBACK: Final = 2_000_000
"""Microseconds of the driver's samples that are asked for."""


class GpuProcess(msgspec.Struct, frozen=True, kw_only=True):
    """A process on a card, as the driver names it."""

    pid: int
    device: int
    device_name: str
    sm_percent: int | None = None
    device_percent: int | None = None
    memory_bytes: int | None = None


def gpu_processes(node: str = NODE, library: str = LIBRARY, seconds: float = _SECONDS) -> list[GpuProcess]:
    """Every process on every card; none where there is no driver.  Raises `Refused` when it cannot be asked."""
    if not os.path.lexists(node):
        return []
    if importlib.util.find_spec("pynvml") is None:
        raise Refused("there is a driver, and davy[gpu] is not installed")
    command = [sys.executable, "-I", "-m", "davy.host.gpu", library]
    try:
        asking = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env={}, cwd="/"
        )  # fmt: skip
    except OSError as error:
        raise Refused(f"the driver's library: {error.strerror}") from None
    try:
        answer, _ = asking.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        raise Refused(f"the driver did not answer within {seconds:g} s") from None
    finally:
        if asking.returncode is None:
            asking.kill()
            with suppress(subprocess.TimeoutExpired):
                asking.wait(0.1)
        if asking.stdout is not None:
            asking.stdout.close()
    if asking.returncode or len(answer) > _ANSWER_LIMIT:
        raise Refused("the driver's library failed")
    try:
        found = msgspec.json.decode(answer, type=list[GpuProcess] | str)
    except msgspec.DecodeError:
        raise Refused("the driver's library failed") from None
    if isinstance(found, str):
        raise Refused(found[:200])
    return found


def _asked(nvml: Any) -> Iterator[GpuProcess]:
    """What NVML knows of each card.  What one card does not tell is None, and keeps nothing back of the others."""
    for number in range(min(nvml.nvmlDeviceGetCount(), _CARDS_LIMIT)):
        card = nvml.nvmlDeviceGetHandleByIndex(number)
        memory: dict[int, int | None] = {}
        for running in (nvml.nvmlDeviceGetComputeRunningProcesses, nvml.nvmlDeviceGetGraphicsRunningProcesses):
            with suppress(nvml.NVMLError):
                for one in running(card)[:_PROCESSES_LIMIT]:
                    memory[int(one.pid)] = one.usedGpuMemory
        share: dict[int, list[int]] = {}
        with suppress(nvml.NVMLError):
            since = max(int(time.time() * 1e6) - _LOOKBACK, 0)
            for sample in nvml.nvmlDeviceGetProcessUtilization(card, since)[:_PROCESSES_LIMIT]:
                share.setdefault(int(sample.pid), []).append(int(sample.smUtil))
        name, busy = "", None
        with suppress(nvml.NVMLError):
            busy = int(nvml.nvmlDeviceGetUtilizationRates(card).gpu)
        with suppress(nvml.NVMLError):
            name = str(nvml.nvmlDeviceGetName(card))
        for pid in sorted(memory.keys() | share.keys()):
            taken = [percent for percent in share.get(pid, ()) if 0 <= percent <= 100]
            yield GpuProcess(
                pid=pid,
                device=number,
                device_name=name[:100],
                sm_percent=sum(taken) // len(taken) if taken else None,
                device_percent=busy,
                memory_bytes=memory.get(pid),
            )


def _answer(library: str) -> list[GpuProcess] | str:
    import pynvml  # type: ignore[import-not-found, import-untyped, unused-ignore]

    try:
        pynvml.nvmlLib = ctypes.CDLL(library)
        pynvml.nvmlInit()
        return list(_asked(pynvml))
    except (OSError, pynvml.NVMLError) as error:
        return f"the driver's library: {error}"


if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.json.encode(_answer(sys.argv[1])))
