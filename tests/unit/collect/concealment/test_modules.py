"""The kernel's modules by every view: what is missing where, and what a race must not make of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec
import pytest
from tests.unit.snapshots import module_file

from davy.collect.concealment.modules import module_table
from davy.host import Denied, Entry, Gone, Host, MemoryRoot, RecordedKernel
from davy.host.procfs import RecordedProcfs
from davy.host.root import FileStat
from davy.model.concealment import ModuleFile, ModuleRow, ModuleTable, ModuleView
from davy.model.facts import Executable, Gap

FOREIGN = 1 << 12 | 1 << 13
DEP = "/lib/modules/0/modules.dep"
MAC = "/lib/udev/usb_control/iptable_mac.ko"
LOGGED = b"<4>[ 1.0] iptable_mac: loading out-of-tree module taints kernel.\n"

Files = dict[str, bytes | str | Entry]


def listing(*names: str, taint: str = " (OE)") -> str:
    return "".join(f"{name} 16384 0 - Live 0x0{taint if name == 'iptable_mac' else ''}\n" for name in names)


def sysfs(*names: str) -> Files:
    return {f"/sys/module/{name}/initstate": "live\n" for name in names} | {"/sys/module/kernel/parameters/x": "1"}


def symbols(*names: str) -> str:
    return "ffffffff81000000 T _text\n" + "".join(f"ffffffffc0000000 t f\t[{name}]\n" for name in names)


def facts(
    *, listed: Iterable[str] = (), own: Iterable[str] = (), state: Iterable[str] = (), files: Files | None = None,
    taint: int = 0, log: bytes = b"", deep: bool = False, seen: Iterable[str] = (), notes: Iterable[ModuleFile] = (),
) -> list[ModuleTable | Gap]:  # fmt: skip
    root = MemoryRoot({"/proc/modules": listing(*listed), **sysfs(*state), **(files or {})})
    procfs = RecordedProcfs(
        {"modules": listing(*own), "sys/kernel/tainted": f"{taint}\n", "kallsyms": symbols(*(seen or own))}
    )
    kernel = RecordedKernel(procfs, log=log)
    return list(module_table(Host(root, kernel), kernel, notes, deep=deep))


def table(**options: object) -> ModuleTable:
    (found,) = facts(**options)  # type: ignore[arg-type]
    assert isinstance(found, ModuleTable)
    return found


def row(of: ModuleTable, name: str) -> ModuleRow:
    return next(each for each in of.rows if each.name == name)


def test_modules_that_every_view_shows_are_nobodys_matter_and_the_costly_views_are_not_asked() -> None:
    found = table(listed=["loop", "ext4"], own=["loop", "ext4"], state=["loop", "ext4"])
    assert found.columns == (ModuleView.LISTING, ModuleView.OWN_LISTING, ModuleView.SYSFS, ModuleView.LOG)
    assert [each.name for each in found.rows] == ["ext4", "loop"]
    assert found.hidden == ()
    assert not any(each.missing for each in found.rows)


def test_a_built_in_module_has_no_state_and_is_no_row() -> None:
    assert [each.name for each in table(listed=["loop"], own=["loop"], state=["loop"]).rows] == ["loop"]


def test_what_a_filtered_copy_leaves_out_is_hidden_and_asked_of_all_views() -> None:
    found = table(listed=["loop"], own=["loop", "iptable_mac"], state=["loop", "iptable_mac"], taint=FOREIGN)
    assert ModuleView.SYMBOLS in found.columns
    hidden = row(found, "iptable_mac")
    assert hidden.hidden
    assert hidden.missing == {ModuleView.LISTING}
    assert hidden.seen == {ModuleView.OWN_LISTING, ModuleView.SYSFS, ModuleView.SYMBOLS}
    assert hidden.taint == "OE"
    assert [each.name for each in found.hidden] == ["iptable_mac"]


def test_what_took_itself_out_of_the_kernels_list_is_hidden_with_its_taint() -> None:
    files: Files = {"/sys/module/iptable_mac/taint": "OE\n"}
    found = table(listed=["loop"], own=["loop"], state=["loop", "iptable_mac"], files=files, taint=FOREIGN)
    hidden = row(found, "iptable_mac")
    assert hidden.missing == {ModuleView.LISTING, ModuleView.OWN_LISTING, ModuleView.SYMBOLS}
    assert hidden.taint == "OE"
    assert hidden.hidden


def test_what_only_its_functions_betray_is_hidden() -> None:
    files: Files = {"/sys/kernel/tracing/available_filter_functions": "do_one\nwent [iptable_mac]\n"}
    found = table(listed=["loop"], own=["loop"], state=["loop"], files=files, taint=FOREIGN)
    assert row(found, "iptable_mac").seen == {ModuleView.TRACED}
    assert row(found, "iptable_mac").hidden
    assert ModuleView.TRACED not in row(found, "loop").missing, "a module need not have functions to trace"


def test_a_taint_that_nobody_bears_and_a_name_in_the_log_are_reasons_to_ask_all() -> None:
    for reason in ({"taint": FOREIGN}, {"log": LOGGED}, {"deep": True}):
        assert ModuleView.SYMBOLS in table(listed=["loop"], own=["loop"], state=["loop"], **reason).columns


def test_what_only_the_log_names_is_neither_loaded_nor_hidden() -> None:
    found = table(listed=["loop"], own=["loop"], state=["loop"], taint=FOREIGN, log=LOGGED)
    assert row(found, "iptable_mac").seen == {ModuleView.LOG}
    assert found.hidden == ()
    assert [each.name for each in found.loaded] == ["loop"]
    assert found.unexplained == "OE"


def test_a_taint_is_explained_by_a_module_that_bears_it() -> None:
    names = ["iptable_mac"]
    assert table(listed=names, own=names, state=names, taint=FOREIGN).unexplained == ""


def test_a_kernel_without_loadable_modules_has_no_columns_and_no_gap() -> None:
    kernel = RecordedKernel(RecordedProcfs({"sys/kernel/tainted": "4096\n"}))
    assert list(module_table(Host(MemoryRoot({}), kernel), kernel, deep=True)) == [ModuleTable(columns=())]


def test_a_listing_that_is_no_file_is_a_gap_and_no_column() -> None:
    found = facts(own=["loop"], state=["loop"], files={"/proc/modules": Entry(mode=0o020666)})
    assert [type(each) for each in found] == [ModuleTable, Gap]
    assert isinstance(found[0], ModuleTable)
    assert ModuleView.LISTING not in found[0].columns
    assert found[0].hidden == ()


def test_a_log_that_may_not_be_read_is_no_column() -> None:
    class Silent(RecordedKernel):
        def log(self, limit: int = 0) -> bytes:  # noqa: ARG002
            raise Denied("the kernel's log: not permitted")

    kernel = Silent(RecordedProcfs({"modules": listing("loop"), "sys/kernel/tainted": "0\n"}))
    (found,) = module_table(Host(MemoryRoot({"/proc/modules": listing("loop"), **sysfs("loop")}), kernel), kernel)
    assert isinstance(found, ModuleTable)
    assert ModuleView.LOG not in found.columns


def test_without_a_procfs_of_our_own_there_is_one_listing() -> None:
    procfs = RecordedProcfs({"modules": listing("loop"), "sys/kernel/tainted": "0\n"})
    procfs.own = False
    kernel = RecordedKernel(procfs)
    (found,) = module_table(Host(MemoryRoot({"/proc/modules": listing("loop"), **sysfs("loop")}), kernel), kernel)
    assert isinstance(found, ModuleTable)
    assert ModuleView.OWN_LISTING not in found.columns


class Clock:
    """Time that passes with every question; ``loaded`` says which loading of the module there is at a time, 0 none."""

    def __init__(self, loaded: Callable[[int], int]) -> None:
        self.now, self._loaded = 0, loaded

    def names(self) -> list[str]:
        self.now += 1
        return ["loop", "iptable_mac"] if self._loaded(self.now) else ["loop"]

    def loading(self) -> int:
        self.now += 1
        return self._loaded(self.now)


class ClockedProcfs(RecordedProcfs):
    def __init__(self, clock: Clock) -> None:
        super().__init__({"sys/kernel/tainted": "0\n"})
        self._clock = clock

    def read(self, path: str, limit: int = 1 << 20) -> bytes:
        texts = {"modules": listing, "kallsyms": symbols}
        return texts[path](*self._clock.names()).encode() if path in texts else super().read(path, limit)


class ClockedRoot(MemoryRoot):
    def __init__(self, clock: Clock) -> None:
        super().__init__({"/proc/modules": "", **sysfs("loop", "iptable_mac")})
        self._clock = clock

    def read(self, path: str, limit: int = 1 << 20) -> bytes:
        return listing(*self._clock.names()).encode() if path == "/proc/modules" else super().read(path, limit)

    def lstat(self, path: str) -> FileStat:
        found = super().lstat(path)
        if path != "/sys/module/iptable_mac/initstate":
            return found
        loading = self._clock.loading()
        if not loading:
            raise Gone(f"{path}: No such file or directory")
        return msgspec.structs.replace(found, inode=1000 + loading)


def looked(clock: Clock, *, deep: bool) -> ModuleTable:
    kernel = RecordedKernel(ClockedProcfs(clock))
    (found,) = module_table(Host(ClockedRoot(clock), kernel), kernel, deep=deep)
    assert isinstance(found, ModuleTable)
    return found


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize(
    "loaded",
    [
        lambda now, at: int(now >= at),
        lambda now, at: int(now < at),
        lambda now, at: int(at <= now < at + 1),
        lambda now, at: int(at <= now < at + 3),
        lambda now, at: int(now < at) or 2 * int(now >= at + 2),
        lambda now, at: 1 + int(now >= at) if abs(now - at) > 1 else 0,
    ],
    ids=["loaded", "unloaded", "there for a moment", "there for a while", "loaded anew", "loaded anew at once"],
)
def test_a_module_that_comes_or_goes_at_any_time_is_not_hidden(loaded: Callable[[int, int], int], deep: bool) -> None:
    for at in range(25):
        found = looked(Clock(lambda now, at=at: loaded(now, at)), deep=deep)
        assert found.hidden == (), at


@pytest.mark.parametrize("there", [1, 2, 3, 5, 8, 13])
@pytest.mark.parametrize("gone", [1, 2, 3, 5, 8, 13])
def test_one_that_comes_and_goes_all_the_time_is_not_hidden(there: int, gone: int) -> None:
    period = there + gone
    for start in range(period):
        clock = Clock(lambda now, start=start: 1 + (now + start) // period if (now + start) % period < there else 0)
        assert looked(clock, deep=True).hidden == (), start


def test_the_clocked_module_is_seen_when_it_stays() -> None:
    assert [each.name for each in looked(Clock(lambda _: 1), deep=True).rows] == ["iptable_mac", "loop"]


def note(path: str, name: str) -> ModuleFile:
    program = Executable(path=path, device=1, inode=1, size=1, mode=0o644, uid=0, links=1, mtime=0.0, ctime=0.0)
    return ModuleFile(path=path, name=name, executable=program, signed=False)


def test_a_foreign_module_has_the_file_of_note_and_an_honest_one_of_that_name_its_own() -> None:
    names = ["iptable_mac", "loop"]
    files: Files = {DEP: "kernel/net/iptable_mac.ko:\nkernel/drivers/block/loop.ko.xz: kernel/x.ko\n"}
    found = table(
        listed=names, own=names, state=names, taint=FOREIGN, files=files,
        notes=[note(MAC, "iptable_mac"), note("/tmp/loop.ko", "loop")],
    )  # fmt: skip
    assert row(found, "iptable_mac").file == MAC
    assert row(found, "loop").file == "/lib/modules/0/kernel/drivers/block/loop.ko.xz"


@pytest.mark.parametrize(("uid", "mode"), [(1000, 0o100644), (0, 0o100666)])
def test_a_file_that_others_can_write_is_not_taken_for_a_loaded_module_s(uid: int, mode: int) -> None:
    """Or anybody could have a vendor's module unloaded by writing its name into a file of a known name."""
    own = msgspec.structs.replace(module_file("/tmp/usb_pcs.ko"), name="iptable_mac")
    claims = msgspec.structs.replace(own, executable=msgspec.structs.replace(own.executable, uid=uid, mode=mode))
    loaded = {"listed": ["iptable_mac"], "own": ["iptable_mac"], "state": ["iptable_mac"], "taint": FOREIGN}
    assert row(table(**loaded, notes=[own]), "iptable_mac").file == "/tmp/usb_pcs.ko"
    assert row(table(**loaded, notes=[claims]), "iptable_mac").file is None
