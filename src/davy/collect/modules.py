"""Whether a plain listing shows the kernel modules that are loaded.  Source: proc_modules(5)."""

from __future__ import annotations

import os
from collections.abc import Iterator

from davy.host import Gone, Host, HostError, Kernel
from davy.model.concealment import ModuleRow, ModuleTable, ModuleView
from davy.model.facts import Gap


def module_table(host: Host, kernel: Kernel) -> Iterator[ModuleTable | Gap]:
    """Every loaded module by ``/sys/module``, and whether ``/proc/modules`` lists it."""
    columns = (ModuleView.OWN_LISTING, ModuleView.SYSFS)
    try:
        listed = {os.fsdecode(line.split(b" ")[0]) for line in kernel.procfs.read("modules", 1 << 20).splitlines()}
    except Gone:
        yield ModuleTable(columns=())  # a kernel without loadable modules
        return
    except HostError as error:
        yield Gap("modules", "/proc/modules", str(error))
        return
    try:
        present = {name for name in host.root.names("/sys/module") if _loaded(host, name)}
    except HostError as error:
        yield Gap("modules", "/sys/module", str(error))
        return
    rows = []
    for name in sorted(present | listed):
        seen = {
            view for view, names in ((ModuleView.OWN_LISTING, listed), (ModuleView.SYSFS, present)) if name in names
        }
        rows.append(ModuleRow(name=name, seen=frozenset(seen), missing=frozenset(columns) - seen))
    yield ModuleTable(columns=columns, rows=tuple(rows))


def _loaded(host: Host, module: str) -> bool:
    """A loaded module has a state; a built-in one that only has parameters does not."""
    try:
        host.root.lstat(f"/sys/module/{module}/initstate")
    except HostError:
        return False
    return True
