"""What the loader takes for a library's name, and what of an environment stays."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davy.host import clean_start
from davy.host.clean_start import Start, _stripped, named_in, without_comments


def named(text: bytes) -> list[bytes]:
    return named_in(without_comments(text))


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (b"/etc/libsystem.so\n", [b"/etc/libsystem.so"]),
        (b"/a.so /b.so:/c.so\t/d.so\r\n", [b"/a.so", b"/b.so", b"/c.so", b"/d.so\r"]),
        (b"# /a.so\n/b.so\n", [b"/b.so"]),
        (b"/b.so # /a.so", [b"/b.so"]),
        (b"/b.so#/a.so\n", [b"/b.so"]),
        (b"", []),
        (b" \n:\n", []),
        (b"# one\n/b.so # /a.so\n", [b"/b.so", b"a.so"]),  # as glibc has it: see the live test of the same
        (b"# keep\n/lib/b.so:/lib/c.so # /a.so\n", [b"/lib/b.so", b"/lib/c.so", b"/a.so"]),
    ],
)
def test_libraries_that_a_preload_file_names(text: bytes, names: list[bytes]) -> None:
    assert named(text) == names


@given(st.text(alphabet="#a/: \n", max_size=60).map(str.encode))
def test_comments_are_read_as_glibc_does(text: bytes) -> None:
    assert without_comments(text) == _as_glibc(text)


def _as_glibc(text: bytes) -> bytes:
    """The loop of dl_main, letter by letter."""
    found, rest = bytearray(text), len(text)
    while rest > 0:
        here = found.find(b"#", 0, rest)
        if here < 0:
            break
        rest -= here
        while True:
            found[here] = ord(" ")
            rest -= 1
            if rest <= 0:
                break
            here += 1
            if found[here] == ord("\n"):
                break
    return bytes(found)


def test_of_an_environment_only_what_loads_libraries_goes() -> None:
    given_ = {b"PATH": b"/bin", b"LD_PRELOAD": b"/x.so", b"LD_AUDIT": b"/y.so", b"GLIBC_TUNABLES": b"glibc.rtld=1"}
    assert _stripped(given_, []) == {b"PATH": b"/bin", b"GLIBC_TUNABLES": b"glibc.rtld=1"}


@pytest.mark.parametrize(
    ("paths", "kept"), [(b"/tmp/x:/opt/lib", b"/opt/lib"), (b"/tmp/x", None), (b"/tmp/x;/a", b"/a")]
)
def test_of_the_library_path_only_odd_folders_go(paths: bytes, kept: bytes | None) -> None:
    assert _stripped({b"LD_LIBRARY_PATH": paths}, [b"/tmp/x"]).get(b"LD_LIBRARY_PATH") == kept


def test_only_who_lived_before_the_listing_and_was_not_in_it_was_left_out() -> None:
    start = Start(unlisted=frozenset({7}), listed_at=100.0)
    assert start.left_out(7, 99.0)
    assert not start.left_out(7, 99.99), "perhaps too young for it, or another process of that pid"
    assert not start.left_out(8, 99.0)
    assert not Start().left_out(7, 99.0)


def test_the_vdso_is_the_kernel_s_even_where_proc_is_covered(monkeypatch: pytest.MonkeyPatch) -> None:
    told = clean_start._kernels_own()
    monkeypatch.setattr(clean_start, "_raw", lambda _: b"")
    assert clean_start._kernels_own() == told
