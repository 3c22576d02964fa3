"""`davy.collect.accounts`: lines of passwd(5), as the C library reads them."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

import pytest

from davy.collect.accounts import accounts
from davy.host import Entry, Host, MemoryRoot
from davy.model.facts import Account, Gap


def read(content: bytes | str | Entry) -> list[Account | Gap]:
    return list(accounts(Host(MemoryRoot({"/etc/passwd": content}))))


def test_an_account_has_its_name_numbers_home_and_shell() -> None:
    assert read("daemon:x:1:2:daemon:/usr/sbin:/usr/sbin/nologin\n") == [
        Account("daemon", 1, 2, "/usr/sbin", "/usr/sbin/nologin")
    ]


def test_a_second_account_of_the_same_number_is_given_too() -> None:
    assert [a.name for a in read("root:x:0:0::/root:/bin/sh\ntoor:x:0:0::/root:/bin/sh") if isinstance(a, Account)] == [
        "root",
        "toor",
    ]


def test_lines_that_are_no_account_are_counted_in_one_gap() -> None:
    found = read("rubbish\nuser:x:one:1::/:\nuser:x:1\na:x:1:1::/:/bin/sh\n\n# comment\n+::::::\n")
    assert found == [
        Account("a", 1, 1, "/", "/bin/sh"),
        Gap("accounts", "3 lines of /etc/passwd", "not an account of passwd(5)"),
    ]


def test_a_name_that_is_not_utf8_keeps_its_bytes() -> None:
    (account,) = read(b"a\xff:x:1:1::/h\xfe:/s")
    assert isinstance(account, Account)
    assert (os.fsencode(account.name), os.fsencode(account.home)) == (b"a\xff", b"/h\xfe")


@pytest.mark.parametrize("root", [MemoryRoot({}), MemoryRoot({"/etc/passwd": Entry(mode=0o010600)})])
def test_a_file_that_cannot_be_read_is_a_gap(root: MemoryRoot) -> None:
    (gap,) = accounts(Host(root))
    assert isinstance(gap, Gap)
    assert gap.what == "/etc/passwd"


def test_a_huge_file_is_read_up_to_a_limit_and_the_rest_is_a_gap() -> None:
    found = read(b"a:x:1:1::/:/s\n" * 60_000)
    assert (len(found), found[-1]) == (50_001, Gap("accounts", "the rest of /etc/passwd", "more than 50000 accounts"))
    assert read(b"#" * (5 << 20)) == [Gap("accounts", "the rest of /etc/passwd", "larger than 4 MiB")]


class _Passwd(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("password", ctypes.c_char_p),
        ("uid", ctypes.c_uint32),
        ("gid", ctypes.c_uint32),
        ("gecos", ctypes.c_char_p),
        ("home", ctypes.c_char_p),
        ("shell", ctypes.c_char_p),
    )


def _by_the_c_library(path: Path) -> list[Account]:
    libc = ctypes.CDLL(None)
    libc.fopen.restype, libc.fgetpwent.restype = ctypes.c_void_p, ctypes.POINTER(_Passwd)
    libc.fgetpwent.argtypes = libc.fclose.argtypes = [ctypes.c_void_p]
    stream, found = libc.fopen(os.fsencode(path), b"r"), []
    while entry := libc.fgetpwent(stream):
        row = entry.contents
        found.append(Account(os.fsdecode(row.name), row.uid, row.gid, os.fsdecode(row.home), os.fsdecode(row.shell)))
    libc.fclose(stream)
    return found


@pytest.mark.parametrize(
    "line",
    [
        b"a:x:0:0", b"a:x:0:0:", b"a:x:0", b"a:x:+0:-0", b"a:x:-1:0", b"a:x: 7:8", b"a:x:7 :8", b"a:x:7:8:g:h:s:t:u",
        b":x:0:0::/:s", b"#a:x:0:0::/:", b"a:x::0::/:", b"a:x:4294967295:4294967296::/:s", b"a:x:4294967295:0",
        b"a:x:0x10:1::/:", b"a\xffb:x:1:1::/h\xff:/s", b"a:x:00012:1:", b"a:x:1:1:g:h", b"a:x:1:1:g:h: s ",
        b"\xc2\xa0a:x:1:1:", b"\x1ca:x:1:1:", b"a:x:1:1::/h\0h:/s", b"a:x:1:2\0b::", b"a:x:\xd9\xa1:1::/:",
        b"a:x:1_0:1::/:",
    ],
)  # fmt: skip
def test_a_line_is_an_account_where_the_c_library_says_so(line: bytes, tmp_path: Path) -> None:
    file = tmp_path / "passwd"
    file.write_bytes(line + b"\n")
    assert [fact for fact in read(line) if isinstance(fact, Account)] == _by_the_c_library(file)
