"""Kernel modules in a plan: what is unloaded, what is left and why; and in the journal: cut short, finished, undone."""

from __future__ import annotations

import ctypes
import errno
from pathlib import Path

import pytest
from tests.unit.snapshots import module_file, module_row, module_table, modules_load, snapshot

from davy.correlate import correlate
from davy.detect import detect
from davy.hands import modules
from davy.host import Entry, Host, MemoryRoot, RecordedKernel
from davy.host.procfs import RecordedProcfs
from davy.journal import Journal, Progress
from davy.journal.state import State
from davy.model.concealment import ModuleView
from davy.model.plan import Plan, Quarantine, RemoveLines, UnloadModule
from davy.model.undo import UnloadedModule
from davy.respond import plan, undo_entries
from davy.respond.carry_out import carry_out

FILE = "/var/tmp/.x/usb_pcs.ko"
LOADS = "/etc/modules-load.d/davy-test.conf"
LINE = "usb_pcs 16384 0 - Live 0x0 (OE)\n"
OTHER = "loop 40960 0 - Live 0x0\n"
STEP = UnloadModule(name="usb_pcs", size=16384, references=0, taint="OE")


def kernel(listing: str) -> RecordedKernel:
    return RecordedKernel(RecordedProcfs({"modules": listing}))


def planned(
    listing: str = OTHER + LINE, *, missing: tuple[ModuleView, ...] = (), name: str = "usb_pcs", taint: str = "OE",
    files: dict[str, str | bytes | Entry] | None = None,
) -> Plan:  # fmt: skip
    """The plan against the one incident of a host that loads an intruder's module when it starts."""
    line = modules_load(name, path=LOADS)
    path = FILE.replace("usb_pcs", name)
    seen = snapshot(
        line,
        module_file(path, loaded_by=(line,)),
        module_table("loop", module_row(name, missing=missing, taint=taint, file=path)),
    )
    (incident,) = correlate(seen, detect(seen)).incidents
    root = MemoryRoot({path: b"\x7fELF", LOADS: f"{name}\n", **(files or {})})
    return plan(Host(root, kernel(listing)), seen, [incident])


def left(of: Plan) -> dict[str, str]:
    return {one.what: one.why for one in of.left}


def test_the_line_goes_first_then_the_module_then_its_file() -> None:
    made = planned()
    assert [type(step) for step in made.steps] == [RemoveLines, UnloadModule, Quarantine]
    assert made.steps[1] == STEP
    assert made.left == ()


@pytest.mark.parametrize(
    ("listing", "words"),
    [
        (OTHER, "not in the kernel's own list"),
        ("usb_pcs 16384 1 - Live 0x0 (OE)\n", "something uses it"),
        ("usb_pcs 16384 0 [permanent], Live 0x0 (OE)\n", "something uses it"),
        ("usb_pcs 16384 1 nf_x,nf_y, Live 0x0 (OE)\n", "nf_x, nf_y depend on it"),
    ],
)
def test_what_cannot_be_unloaded_is_left_with_the_reason_to_rebuild(listing: str, words: str) -> None:
    made = planned(listing, missing=(ModuleView.LISTING, ModuleView.OWN_LISTING))
    assert [type(step) for step in made.steps] == [RemoveLines, Quarantine]
    why = left(made)["the kernel module usb_pcs"]
    assert words in why
    assert "deceive every program" in why
    assert "install it anew" in why


def test_one_that_a_copy_leaves_out_is_unloaded_all_the_same() -> None:
    assert STEP in planned(missing=(ModuleView.LISTING,)).steps


def test_a_kernel_without_modules_has_nothing_to_unload() -> None:
    root = MemoryRoot({FILE: b"\x7fELF"})
    seen = snapshot(module_file(FILE, listed=False))
    (incident,) = correlate(seen, detect(seen)).incidents
    made = plan(Host(root, RecordedKernel(RecordedProcfs({}))), seen, [incident])
    assert [type(step) for step in made.steps] == [Quarantine]


def test_a_packages_module_stays_with_its_file() -> None:
    made = planned(files={"/var/lib/dpkg/info/odd.list": f"{FILE}\n"})
    assert [type(step) for step in made.steps] == [RemoveLines]
    assert left(made)["the kernel module usb_pcs"] == "belongs to the installed package odd"


def test_the_kernels_own_module_stays_whatever_file_bears_its_name() -> None:
    index, own = "/lib/modules/0/modules.dep", "/lib/modules/0/kernel/usb_pcs.ko"
    files: dict[str, str | bytes | Entry] = {index: "kernel/usb_pcs.ko:\n", "/var/lib/dpkg/info/linux.list": f"{own}\n"}
    honest = planned("usb_pcs 16384 0 - Live 0x0\n", files=files, taint="")
    assert left(honest)["the kernel module usb_pcs"] == "belongs to the installed package linux"
    assert STEP in planned(files=files).steps, "the kernel itself calls it foreign"


class Libc:
    """A C library whose kernel unloads a module by taking its line out of the listing, or refuses."""

    def __init__(self, answers: RecordedKernel, refuses: int = 0) -> None:
        self.asked: list[bytes | None] = []
        self._answers, self._refuses = answers, refuses

    def delete_module(self, name: ctypes.c_char_p, _: ctypes.c_uint) -> int:
        self.asked.append(name.value)
        if self._refuses:
            ctypes.set_errno(self._refuses)
            return -1
        self._answers.procfs = RecordedProcfs({"modules": OTHER})
        return 0


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(State(str(tmp_path / "state")))


def unloading() -> Plan:
    return Plan(incidents=("x",), boot_id=None, steps=(STEP,))


def test_it_is_unloaded_and_undo_says_that_nothing_loads_it(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = kernel(OTHER + LINE)
    libc = Libc(answers)
    monkeypatch.setattr(modules, "_libc", lambda: libc)
    carried = carry_out(answers, journal, journal.begin(unloading()))
    assert carried.done == ("unload the kernel module usb_pcs",)
    assert libc.asked == [b"usb_pcs"]
    put_back, kept = undo_entries(answers, journal, journal.last_operation())
    assert put_back == ()
    (one,) = kept
    assert "usb_pcs" in one.what
    assert "never loads a module" in one.why
    assert journal.last_operation() == (), "there is nothing to try again"
    assert libc.asked == [b"usb_pcs"]


def test_what_the_kernel_refuses_is_left(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = kernel(OTHER + LINE)
    monkeypatch.setattr(modules, "_libc", lambda: Libc(answers, errno.EWOULDBLOCK))
    carried = carry_out(answers, journal, journal.begin(unloading()))
    assert carried.done == ()
    assert [one.why for one in carried.left] == ["usb_pcs: in use"]


@pytest.mark.parametrize("unloaded", [True, False])
def test_cut_short_it_is_finished_once(unloaded: bool, journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = kernel(OTHER if unloaded else OTHER + LINE)
    libc = Libc(answers)
    monkeypatch.setattr(modules, "_libc", lambda: libc)
    begun = journal.begin(unloading())
    journal.begun(begun.id, 0, UnloadedModule(name="usb_pcs"))
    again = journal.unfinished()
    assert again is not None
    carried = carry_out(answers, journal, again)
    assert carried.done == ("unload the kernel module usb_pcs",)
    assert libc.asked == ([] if unloaded else [b"usb_pcs"])
    (entry,) = journal.last_operation()[0].entries
    assert entry.state is Progress.DONE
    assert entry.undo == UnloadedModule(name="usb_pcs")
