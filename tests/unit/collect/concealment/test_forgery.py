"""What a covered file says is held against what the kernel says, and a change in between is no lie."""

from __future__ import annotations

import pytest

from davy.collect.concealment.forgery import Shown, difference

TICKS = 100


def _same(first: str, second: str) -> tuple[Shown, Shown]:
    return _two((first, first, first), (second, second, second))


def _two(first: tuple[str, str, str], second: tuple[str, str, str], seconds: float = 1.0) -> tuple[Shown, Shown]:
    before, after = (tuple(text.encode() for text in texts) for texts in (first, second))
    return Shown(10.0, *before), Shown(10.0 + seconds, *after)


def _stat(busy: int, idle: int, switches: int) -> str:
    return f"cpu  {busy} 0 0 {idle} 0 0 0 0 0 0\ncpu0 {busy} 0 0 {idle} 0 0 0 0 0 0\nctxt {switches}\nprocesses 9\n"


MODULES = "overlay 155648 0 - Live 0x0\niptable_mac 16384 0 - Live 0x0 (OE)\nloop 40960 2 - Live 0x0\n"
UP = ("100.0 1", "101.0 1")


@pytest.mark.parametrize(
    ("name", "first", "second"),
    [
        ("stat", _stat(100, 100, 5000), _stat(290, 110, 5100)),
        ("uptime", "100.00 50.00\n", "101.00 50.20\n"),
        ("loadavg", "0.10 0.20 0.30 1/200 4000\n", "0.19 0.21 0.30 2/201 4001\n"),
        ("modules", MODULES, MODULES),
        ("meminfo", "MemTotal: 100 kB\nMemFree: 50 kB\n", "MemTotal: 100 kB\nMemFree: 40 kB\n"),
        ("swaps", "", ""),
    ],
)
def test_what_agrees_is_no_forgery(name: str, first: str, second: str) -> None:
    assert difference(name, *_same(first, second), TICKS) is None


def test_the_kernels_figures_may_change_while_they_are_read() -> None:
    stat = [_stat(100, 100, 5000), _stat(101, 100, 5001), _stat(102, 100, 5002)]
    later = [_stat(200, 100, 5100), _stat(201, 100, 5101), _stat(202, 100, 5102)]
    assert difference("stat", *_two(tuple(stat), tuple(later)), TICKS) is None  # type: ignore[arg-type]
    new = MODULES + "zram 1 0 - Live 0x0\n"
    assert difference("modules", *_two((MODULES, new, new), (new, new, new)), TICKS) is None
    assert difference("modules", *_two((new, MODULES, MODULES), (MODULES, MODULES, MODULES)), TICKS) is None
    assert difference("loadavg", *_two(("1", "2", "2"), ("2", "2", "3")), TICKS) is None


@pytest.mark.parametrize(
    ("name", "kernels", "shown", "said"),
    [
        (
            "stat",
            (_stat(100, 100, 5000), _stat(290, 110, 5100)),
            (_stat(3, 90, 40), _stat(3, 90, 40)),
            "claims 0.0 busy cores while the kernel counts 1.9",
        ),
        (
            "stat",
            (_stat(100, 100, 5000), _stat(101, 299, 5100)),
            (_stat(3, 90, 40), _stat(4, 290, 41)),
            "counts other context switches than the kernel",
        ),
        ("stat", (_stat(1, 1, 1), _stat(2, 2, 2)), ("hello", "hello"), "says nothing of the CPUs' time"),
        ("modules", (MODULES, MODULES), (MODULES.replace("iptable_mac", "x"),) * 2, "leaves out iptable_mac"),
        ("modules", (MODULES, MODULES), ("", ""), "shows nothing"),
        ("uptime", UP, ("7.0 1", "7.0 1"), "claims 7 s since the start of the machine, the kernel 101 s"),
        ("uptime", UP, ("x", "x"), "claims no time since the start of the machine, the kernel 101 s"),
        ("loadavg", ("2.0 1.9\n", "2.1 1.9\n"), ("0.0 0.0\n",) * 2, "says 0.0 0.0 where the kernel says 2.1 1.9"),
        ("loadavg", ("2.0 1.9\n", "2.1 1.9\n"), ("2.0 1.9\n",) * 2, "does not move while the kernel's does"),
        (
            "meminfo",
            ("MemTotal: 100 kB\nMemFree: 5 kB\n", "MemTotal: 100 kB\nMemFree: 6 kB\n"),
            ("MemTotal: 200 kB\nMemFree: 5 kB\n", "MemTotal: 200 kB\nMemFree: 6 kB\n"),
            "says otherwise than the kernel of MemTotal",
        ),
    ],
)  # fmt: skip
def test_a_forgery_is_told_in_words(name: str, kernels: tuple[str, str], shown: tuple[str, str], said: str) -> None:
    first, second = ((kernel, claim, kernel) for kernel, claim in zip(kernels, shown, strict=True))
    assert difference(name, *_two(first, second), TICKS) == said


def test_a_claim_that_was_only_seen_once_is_not_held_against_its_pace() -> None:
    once = Shown(10.0, _stat(100, 100, 5000).encode(), _stat(3, 90, 40).encode(), _stat(100, 100, 5001).encode())
    assert difference("stat", once, once, TICKS) == "counts other context switches than the kernel"
