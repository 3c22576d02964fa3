"""Graphics cards: which process works on which, and how much.  Source: NVML API reference."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from davy.host import Host, HostError
from davy.host.stat import parse_stat
from davy.model.facts import Gap
from davy.model.gpu import GpuUse


def gpu_uses(host: Host) -> Iterator[GpuUse | Gap]:
    """Every living process on a card."""
    kernel = host.kernel
    if kernel is None:
        return
    try:
        found = kernel.gpu_processes()
    except HostError as error:
        yield Gap("gpu", "graphics cards", str(error))
        return
    if found and not kernel.first_pid_namespace:
        yield Gap("gpu", "processes on graphics cards", "in a container: the driver names them by the machine's pids")
        return
    on_card = Counter(one.device for one in found)
    for one in found:
        try:
            stat = parse_stat(kernel.procfs.read(f"{one.pid}/stat"))
        except HostError:
            continue
        yield GpuUse(
            pid=one.pid,
            start_ticks=stat.start_ticks,
            device=one.device,
            device_name=one.device_name,
            sm_percent=one.sm_percent,
            device_percent=one.device_percent,
            memory_bytes=one.memory_bytes,
            alone=on_card[one.device] == 1,
        )
