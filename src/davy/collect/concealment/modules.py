"""The kernel's modules, as each way of seeing them shows them.

Source: proc_modules(5), Documentation/ABI/testing/sysfs-module, Documentation/trace/ftrace.rst, syslog(2); the table is
Volatility's modxview.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

import msgspec

from davy.collect.concealment.module_files import files_of_modules
from davy.host import Gone, Host, HostError, Kernel
from davy.host.modules import (
    LoadedModule,
    functions_hooked,
    memory_of_modules,
    modules_of_functions,
    modules_of_log,
    modules_of_symbols,
    parse_modules,
)
from davy.knowledge.modules import OWN_FOLDER
from davy.model.concealment import ModuleFile, ModuleRow, ModuleTable, ModuleView
from davy.model.facts import Gap

_LISTING_LIMIT: Final = 1 << 20
_SYMBOLS_LIMIT: Final = 64 << 20
_FUNCTIONS_LIMIT: Final = 32 << 20
_WATCHES: Final = 20
_WATCH_SECONDS: Final = 0.01
"""What seems hidden is looked at so many times more, so long apart."""
_FUNCTIONS: Final = (
    "/sys/kernel/tracing/available_filter_functions",
    "/sys/kernel/debug/tracing/available_filter_functions",
)
_ENABLED: Final = tuple(path.replace("available_filter", "enabled") for path in _FUNCTIONS)
_SETTLING_SECONDS: Final = 0.1
_AREAS_LIMIT: Final = 16 << 20
_WHOLE: Final = frozenset({ModuleView.LISTING, ModuleView.OWN_LISTING, ModuleView.SYSFS, ModuleView.SYMBOLS})
"""Views that show every module; the others show some, and prove nothing by what they leave out."""
Names = Mapping[str, int]
"""Names of modules, each with what tells this loading of it from another: an inode, or 0 where there is nothing."""


def module_table(
    host: Host, kernel: Kernel, files: Iterable[ModuleFile] = (), *, deep: bool = False
) -> Iterator[ModuleTable | Gap]:
    """Every kernel module and which views show it; without columns where the kernel has no loadable modules.

    The costly views, kallsyms and tracefs (a tenth of a second), are asked when there is a reason: ``deep``, views that
    disagree, a taint or a line in the log that no listed module explains.  Where views disagree all are asked twice, in
    opposite order, and what one shows or leaves out counts only when it does so both times.  What seems hidden then is
    watched for a moment: a module that is loaded or unloaded meanwhile, be it again and again, is not missing anywhere.
    ``files`` say where modules lie.
    """
    views = _CHEAP if kernel.procfs.own else _CHEAP[:-1]
    try:
        own = _own_modules(kernel)
        taint = int(kernel.procfs.read("sys/kernel/tainted"))
    except Gone:
        yield ModuleTable(columns=())
        return
    except (HostError, ValueError) as error:
        yield Gap("modules", "/proc/modules", str(error))
        return
    gaps: dict[ModuleView, Gap] = {}
    first = _look(host, kernel, views, gaps)
    logged = _logged(kernel)
    table = _table(host, own, (first, first), logged, taint)
    if deep or table.unexplained or _disagree(table) or len(table.rows) > len(table.loaded):
        views = (*_COSTLY, *views)
        first = _look(host, kernel, views, gaps)
        table = _table(host, own, (first, first), logged, taint)
    if _disagree(table):
        second = _look(host, kernel, views[::-1], gaps)
        table = _table(host, own | _own_modules(kernel), (first, second), logged, taint)
        table = _without(table, _fickle(host, kernel, {row.name for row in table.hidden}))
    table = _with_files(host, kernel, table, files)
    yield msgspec.structs.replace(table, stray_bytes=_stray_bytes(kernel), hooks=_hooks(host))
    yield from gaps.values()


def _stray_bytes(kernel: Kernel) -> int:
    """Memory of modules that are in no list: what is there at two looks, for a module that was just loaded gives back
    what it needed to begin."""
    stray = _unlisted_bytes(kernel)
    if stray:
        kernel.sleep(_SETTLING_SECONDS)
        stray = min(stray, _unlisted_bytes(kernel))
    return stray


def _unlisted_bytes(kernel: Kernel) -> int:
    """0 where it is not told, and where modules come or go just now."""
    try:
        before = _own_modules(kernel)
        allocated = memory_of_modules(kernel.procfs.read("vmallocinfo", _AREAS_LIMIT))
        after = _own_modules(kernel)
    except HostError:
        return 0
    if allocated is None or before.keys() != after.keys():
        return 0
    return max(allocated - sum(module.size for module in after.values()), 0)


def _hooks(host: Host) -> tuple[str, ...]:
    """Functions that something leads elsewhere, unless the kernel is patched live, which does the same."""
    try:
        if host.root.names("/sys/kernel/livepatch"):
            return ()
    except HostError:
        pass  # a kernel that cannot be patched
    for path in _ENABLED:
        try:
            return functions_hooked(host.root.read(path, _FUNCTIONS_LIMIT))
        except HostError:
            continue
    return ()


def _disagree(table: ModuleTable) -> bool:
    return any(row.missing for row in table.loaded)


def _fickle(host: Host, kernel: Kernel, names: set[str]) -> set[str]:
    """Those of ``names`` that come or go: the kernel's own views change, or the ordinary listing has them by now."""
    states: dict[str, set[tuple[bool, int]]] = {name: set() for name in names}
    always = set(names)
    for _ in range(_WATCHES if names else 0):
        kernel.sleep(_WATCH_SECONDS)
        try:
            own = _own_modules(kernel)
            for name, seen in states.items():
                seen.add((name in own, _loading(host, name)))
            always &= _listing(host, kernel).keys()
        except HostError:
            always.clear()
    return always | {name for name, seen in states.items() if len(seen) > 1}


def _without(table: ModuleTable, fickle: set[str]) -> ModuleTable:
    """The table in which nothing is missing of what comes and goes."""
    rows = tuple(
        ModuleRow(name=row.name, seen=row.seen, missing=frozenset(), taint=row.taint) if row.name in fickle else row
        for row in table.rows
    )
    return ModuleTable(columns=table.columns, rows=rows, taint=table.taint)


def _own_modules(kernel: Kernel) -> dict[str, LoadedModule]:
    return {module.name: module for module in parse_modules(kernel.procfs.read("modules", _LISTING_LIMIT))}


def _listing(host: Host, _: Kernel) -> Names:
    return {module.name: 0 for module in parse_modules(host.root.read("/proc/modules", _LISTING_LIMIT))}


def _own_listing(_: Host, kernel: Kernel) -> Names:
    return dict.fromkeys(_own_modules(kernel), 0)


def _sysfs(host: Host, _: Kernel) -> Names:
    """A loaded module has a state; a built-in one that only has parameters does not."""
    return {name: loading for name in host.root.names("/sys/module") if (loading := _loading(host, name))}


def _loading(host: Host, name: str) -> int:
    """What tells this loading of a module from another: the inode of its state; 0 where it has none."""
    try:
        return host.root.lstat(f"/sys/module/{name}/initstate").inode
    except Gone:
        return 0


def _symbols(_: Host, kernel: Kernel) -> Names:
    return dict.fromkeys(modules_of_symbols(kernel.procfs.read("kallsyms", _SYMBOLS_LIMIT)), 0)


def _traced(host: Host, _: Kernel) -> Names:
    for path in _FUNCTIONS:
        try:
            return dict.fromkeys(modules_of_functions(host.root.read(path, _FUNCTIONS_LIMIT)), 0)
        except Gone:
            continue
    raise Gone("tracefs: not mounted")


_ASK: Final[dict[ModuleView, Callable[[Host, Kernel], Names]]] = {
    ModuleView.SYMBOLS: _symbols,
    ModuleView.TRACED: _traced,
    ModuleView.SYSFS: _sysfs,
    ModuleView.LISTING: _listing,
    ModuleView.OWN_LISTING: _own_listing,
}
_COSTLY: Final = (ModuleView.SYMBOLS, ModuleView.TRACED)
_CHEAP: Final = (ModuleView.SYSFS, ModuleView.LISTING, ModuleView.OWN_LISTING)


def _look(
    host: Host, kernel: Kernel, views: Iterable[ModuleView], gaps: dict[ModuleView, Gap]
) -> dict[ModuleView, Names]:
    """What each view shows now; one that is not there has no column, one that cannot be read is a gap, too."""
    found = {}
    for view in views:
        try:
            found[view] = _ASK[view](host, kernel)
        except Gone:
            continue
        except HostError as error:
            gaps[view] = Gap("modules", view, str(error))
    return found


def _logged(kernel: Kernel) -> set[str] | None:
    """None where the kernel does not let us read its log."""
    try:
        return modules_of_log(kernel.log())
    except HostError:
        return None


def _table(
    host: Host,
    own: Mapping[str, LoadedModule],
    looks: tuple[Mapping[ModuleView, Names], Mapping[ModuleView, Names]],
    logged: set[str] | None,
    taint: int,
) -> ModuleTable:
    first, second = looks
    columns = tuple(view for view in ModuleView if view in first and view in second)
    names = {name for look in looks for view in columns for name in look[view]} | (logged or set())
    rows = []
    for name in sorted(names):
        seen = {view for view in columns if name in first[view] and first[view][name] == second[view].get(name)}
        missing = {view for view in columns if view in _WHOLE and name not in first[view] and name not in second[view]}
        if logged and name in logged:
            seen.add(ModuleView.LOG)
        if seen:
            letters = own[name].taint if name in own else _taint(host, name)
            rows.append(ModuleRow(name=name, seen=frozenset(seen), missing=frozenset(missing), taint=letters))
    return ModuleTable(columns=columns if logged is None else (*columns, ModuleView.LOG), rows=tuple(rows), taint=taint)


def _taint(host: Host, name: str) -> str:
    try:
        return host.root.read(f"/sys/module/{name}/taint", 32).decode("ascii", "replace").strip()
    except HostError:
        return ""


def _with_files(host: Host, kernel: Kernel, table: ModuleTable, files: Iterable[ModuleFile]) -> ModuleTable:
    """The table with the files of those modules that are hidden, bear a taint of their own, or have a file of note.

    What modprobe finds by a module's name is its file, unless that is the kernel's own and the module is foreign.
    Only root loads modules, so a file that others can write is not taken for one that is loaded, whatever it says.
    """
    placed = {file.name: file.path for file in files if file.of_root}
    asked = {row.name for row in table.rows if row.hidden or row.taint or row.name in placed}
    indexed = files_of_modules(host, kernel.release, asked)

    def file_of(row: ModuleRow) -> str | None:
        known, own = indexed.get(row.name), placed.get(row.name)
        return own if own and known and row.foreign and OWN_FOLDER in known else known or own

    return ModuleTable(
        columns=table.columns,
        rows=tuple(
            ModuleRow(name=row.name, seen=row.seen, missing=row.missing, taint=row.taint, file=file_of(row))
            for row in table.rows
        ),
        taint=table.taint,
    )
