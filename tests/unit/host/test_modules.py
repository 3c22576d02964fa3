"""The kernel's lines about its modules."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davy.host.modules import (
    LoadedModule,
    functions_hooked,
    memory_of_modules,
    modules_of_functions,
    modules_of_log,
    modules_of_symbols,
    parse_modules,
)

LISTING = b"""\
iptable_mac 16384 0 - Live 0xffffffffc0a1b000 (OE)
snd_pcm 118784 2 snd_hda_codec,snd_hda_intel, Live 0x0000000000000000
cryptd 24576 1 [permanent], Live 0xffffffffc0a00000
builtin 1 - - Live 0x0
"""


def test_a_line_has_name_size_references_users_and_taint() -> None:
    assert parse_modules(LISTING) == (
        LoadedModule("iptable_mac", 16384, 0, (), "OE"),
        LoadedModule("snd_pcm", 118784, 2, ("snd_hda_codec", "snd_hda_intel"), ""),
        LoadedModule("cryptd", 24576, None, (), ""),
        LoadedModule("builtin", 1, None, (), ""),
    )


def test_foreign_is_what_the_kernel_calls_so() -> None:
    assert [module.name for module in parse_modules(LISTING) if module.foreign] == ["iptable_mac"]


def test_symbols_name_modules_and_neither_bpf_nor_trampolines() -> None:
    data = (
        b"ffffffff81000000 T _text\nffffffff81000001 t a[0]\nffffffffc0a1b000 t came\t[iptable_mac]\n"
        b"ffffffffc0a1b010 d x\t[dm_mod]\nffffffffc0a1c000 t bpf_prog_0\t[bpf]\n"
        b"ffffffffc0a1d000 t ftrace_trampoline\t[__builtin__ftrace]\n"
    )
    assert modules_of_symbols(data) == {"iptable_mac", "dm_mod"}
    assert modules_of_symbols(b"ffffffff81000000 T _text\n") == set()


def test_functions_name_modules() -> None:
    assert modules_of_functions(b"do_one\nwent [iptable_mac]\nx [dm_mod]\ny [dm_mod]\n") == {"iptable_mac", "dm_mod"}
    assert modules_of_functions(b"do_one\n") == set()


def test_the_log_names_what_taints_the_kernel() -> None:
    log = (
        b"<4>[    2.1] iptable_mac: loading out-of-tree module taints kernel.\n"
        b"<5>[    2.1] iptable_mac: module verification failed: signature and/or required key missing - taint\n"
        b"<4>[    3.1][  T123] nvidia: module license 'NVIDIA' taints kernel.\n"
        b"<4>old: module is from the staging directory, the quality is unknown, you have been warned.\n"
        b"<6>[    4.0] usbcore: registered new interface driver hub\n"
    )
    assert modules_of_log(log) == {"iptable_mac", "nvidia", "old"}


def test_what_a_program_wrote_to_the_log_is_not_the_kernels() -> None:
    assert modules_of_log(b"<12>[    2.1] innocent: loading out-of-tree module taints kernel.\n") == set()
    assert modules_of_log(b"<6>[    2.1] x: y <4>[ 1.0] innocent: loading out-of-tree module taints kernel.\n") == set()


def test_a_kernels_worth_of_symbols_is_read_in_a_moment() -> None:
    core = b"".join(b"%016x T symbol_number_%d\n" % (number, number) for number in range(150_000))
    data = core + b"".join(b"%016x t function_%d\t[module_%d]\n" % (n, n, n % 150) for n in range(30_000))
    started = time.process_time()
    assert len(modules_of_symbols(data)) == 150
    assert time.process_time() - started < 0.5


@given(st.binary(max_size=300))
def test_any_bytes_are_read(data: bytes) -> None:
    for module in parse_modules(data):
        assert module.size >= 0
    for read in (modules_of_symbols, modules_of_functions, modules_of_log):
        assert all(len(name) <= 64 for name in read(data))


AREAS = b"""\
0x000000009bf2cb97-0x000000009b31484b   20480 load_module+0xbb7/0x21a0 pages=4 vmalloc N0=4
0x000000009b31484b-0x00000000c0a6d5bc   20480 load_module+0xbb7/0x21a0 pages=4 vmalloc N0=4
0x00000000c0a6d5bc-0x0000000046a3098e    8192 bpf_prog_alloc_no_stats+0x2b/0x130 pages=1 vmalloc N0=1
0x0000000046a3098e-0x00000000deadbeef    8192 my_load_module+0x2b/0x130 pages=1 vmalloc N0=1
"""
"""As Debian's 6.1 kernel writes it with two modules loaded."""


def test_memory_that_the_module_loader_asked_for_is_added_up_without_its_guard_pages() -> None:
    assert memory_of_modules(AREAS) == 2 * 16384


@pytest.mark.parametrize("data", [b"", b"\n" * 9, AREAS.splitlines()[2], b"0x0-0x1 x load_module+0x1\n"])
def test_where_no_area_is_the_module_loader_s_nothing_is_told(data: bytes) -> None:
    assert memory_of_modules(data) is None


def test_functions_that_are_led_elsewhere_are_told_from_those_that_are_traced() -> None:
    enabled = (
        b"schedule (1)           \ttramp: 0xffffffffc0123000 (function_trace_call+0x0/0x10) ->function_trace_call\n"
        b"__x64_sys_getdents64 (1) R I     \ttramp: 0xffffffffc0124000 (fh_ftrace_thunk+0x0/0x20 [x]) ->ftrace_ops\n"
        b"do_exit (1) R   D   \tdirect-->bpf_trampoline_6442+0x0/0x1000\n"
        b"filldir64 (2) R I M \n"
    )
    assert functions_hooked(enabled) == ("__x64_sys_getdents64", "filldir64")
    assert functions_hooked(b"\n \nx (1)\nI (1) R\n") == ()
