"""The hand that unloads kernel modules: only what the plan saw, and nothing that is in use."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable

import pytest

from davy.hands.errors import Untouched
from davy.hands.modules import unload
from davy.host.procfs import RecordedProcfs
from davy.model.plan import UnloadModule
from davy.model.undo import Undo, UnloadedModule

STEP = UnloadModule(name="iptable_mac", size=16384, references=0, taint="OE")
LINE = "iptable_mac 16384 0 - Live 0x0 (OE)\n"
OTHER = "loop 40960 0 - Live 0x0\n"


class Kernel:
    """What was asked of it, in order."""

    def __init__(self, listing: str = OTHER + LINE, refuses: int = 0) -> None:
        self.procfs = RecordedProcfs({"modules": listing})
        self.asked: list[object] = []
        self._refuses = refuses

    def note(self, undo: Undo) -> None:
        self.asked.append(undo)

    def delete(self, name: bytes) -> None:
        self.asked.append(name)
        if self._refuses:
            raise OSError(self._refuses, os.strerror(self._refuses))

    def unload(self) -> str:
        return unload(self.procfs, STEP, self.note, self.delete)


def test_it_tells_the_journal_first_and_then_unloads() -> None:
    kernel = Kernel()
    assert kernel.unload() == ""
    assert kernel.asked == [UnloadedModule(name="iptable_mac"), b"iptable_mac"]


def test_what_is_gone_is_done() -> None:
    kernel = Kernel(OTHER)
    assert "gone" in kernel.unload()
    assert kernel.asked == []


def test_what_goes_meanwhile_is_done() -> None:
    assert "gone" in Kernel(refuses=errno.ENOENT).unload()


@pytest.mark.parametrize(
    "listing",
    [
        "iptable_mac 20480 0 - Live 0x0 (OE)\n",
        "iptable_mac 16384 1 - Live 0x0 (OE)\n",
        "iptable_mac 16384 0 nf_nat, Live 0x0 (OE)\n",
        "iptable_mac 16384 0 - Live 0x0\n",
        "iptable_mac 16384 0 [permanent], Live 0x0 (OE)\n",
    ],
    ids=["another size", "a reference", "a user", "another taint", "permanent"],
)
def test_what_is_not_as_the_plan_saw_it_stays(listing: str) -> None:
    kernel = Kernel(listing)
    with pytest.raises(Untouched, match="not as the plan saw it"):
        kernel.unload()
    assert kernel.asked == []


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.EWOULDBLOCK, "in use"),
        (errno.EBUSY, "in use"),
        (errno.EPERM, "not permitted"),
        (errno.ENOSYS, "not impl"),
    ],
)
def test_what_the_kernel_refuses_is_said(number: int, words: str) -> None:
    with pytest.raises(Untouched, match=words):
        Kernel(refuses=number).unload()


def test_a_kernel_without_modules_is_left_alone() -> None:
    kernel: Callable[[], str] = lambda: unload(RecordedProcfs({}), STEP, lambda _: None, lambda _: None)  # noqa: E731
    with pytest.raises(Untouched):
        kernel()
