"""Kubernetes' klog and Google's glog: kubelet, kube-apiserver.

    I0102 03:04:05.678901       1 server.go:408] "Kubelet version" kubeletVersion="v1.29.0"
    E20240102 03:04:05.678901  1234 main.cc:12] with a year, as glog writes it since 0.6

Source: the header that ``k8s.io/klog/v2`` documents in klog.go (``Lmmdd hh:mm:ss.uuuuuu threadid file:line] msg``).
"""

from __future__ import annotations

import re
from typing import Final

from davy.collect.logs.formats.times import CLOCK, HEAD, SECONDS, minute, part, yearless_minute
from davy.collect.logs.record import Clock

_TIME: Final = re.compile(
    rb"[IWEF](\d{4})?([01]\d)([0-3]\d) (" + CLOCK + rb"):(" + SECONDS + rb")\.(\d{6}) +\d{1,10} [^\s\]]{1,128}\]"
)


def time_of(line: bytes, clock: Clock) -> float | None:
    found = _TIME.match(line, 0, HEAD)
    if found is None:
        return None
    year, month_number, day, time, seconds, fraction = found.groups()
    if year:
        begin = minute(b"%b-%b-%b %b" % (year, month_number, day, time), clock.zone)
    else:
        begin = yearless_minute(int(month_number), int(day), time, clock.zone, clock.latest)
    return None if begin is None else begin + int(seconds) + part(fraction)
