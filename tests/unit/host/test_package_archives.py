"""Package archives in a cache: the file that a package installs, out of archives that this test makes itself."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davy.host import Gone, HostError, MemoryRoot
from davy.host import package_archives as archives
from davy.host.package_archives import archived, member_of

DEB = "/var/cache/apt/archives/procps_2%3a4.0.2-3_amd64.deb"
PACMAN = "/var/cache/pacman/pkg/procps-ng-4.0.4-3-x86_64.pkg.tar.xz"
PS = b"\x7fELF" + bytes(range(256)) * 40


def tar(files: dict[str, bytes | str]) -> bytes:
    """A text is where a link points."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.mode, member.uid, member.gid = 0o755, 0, 7
            if isinstance(content, str):
                member.type, member.linkname = tarfile.SYMTYPE, content
                archive.addfile(member)
            else:
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
    return made.getvalue()


def ar(members: dict[str, bytes]) -> bytes:
    made = b"!<arch>\n"
    for name, content in members.items():
        made += b"%-16s%-12d%-6d%-6d%-8s%-10d`\n" % (name.encode(), 0, 0, 0, b"100644", len(content))
        made += content + b"\n" * (len(content) % 2)
    return made


def deb(files: dict[str, bytes | str], packed: Callable[[bytes], bytes] = lzma.compress, kind: str = "xz") -> bytes:
    return ar({"debian-binary": b"2.0\n", "control.tar.xz": b"odd", f"data.tar.{kind}": packed(tar(files))})


def found(root: dict[str, bytes], package: str = "procps", path: str = "/usr/bin/ps", content: bytes = PS):
    return archived(MemoryRoot(root), package, path, content.__eq__)


@pytest.mark.parametrize(
    ("packed", "kind"), [(lzma.compress, "xz"), (gzip.compress, "gz"), (bz2.compress, "bz2"), (bytes, "")]
)
def test_the_file_of_a_debian_package_is_found_whichever_way_it_is_compressed(
    packed: Callable[[bytes], bytes], kind: str
) -> None:
    root = {DEB: deb({"./": b"", "./bin/ps": PS, "./bin/kill": b"k"}, packed, kind)}
    assert found(root) == (DEB, "./bin/ps", PS, 0o755, 0, 7)
    assert member_of(MemoryRoot(root), DEB, "./bin/ps").content == PS


def test_the_file_of_a_pacman_package_is_found() -> None:
    root = {PACMAN: lzma.compress(tar({".PKGINFO": b"", "usr/bin/ps": PS})), f"{PACMAN}.sig": b"x"}
    assert found(root, package="procps-ng") == (PACMAN, "usr/bin/ps", PS, 0o755, 0, 7)
    assert found(root, package="procps") is None


def test_only_a_file_of_the_wanted_content_is_taken_whichever_version_has_it() -> None:
    later = DEB.replace("-3_", "-4_")
    root = {DEB: deb({"./usr/bin/ps": PS}), later: deb({"./usr/bin/ps": b"another"})}
    assert found(root)[0] == DEB
    assert found(root, content=b"another")[0] == later
    assert found(root, content=b"nowhere") is None


def test_another_package_another_path_and_a_link_are_not_taken() -> None:
    root = {DEB: deb({"./usr/bin/ps": "busybox", "./opt/bin/ps": PS, "./usr/bin/psx": PS})}
    assert found(root) is None
    assert found({DEB: deb({"./usr/bin/ps": PS})}, package="proc") is None
    assert found({}) is None


def test_what_is_gone_from_an_archive_is_an_error() -> None:
    with pytest.raises(Gone):
        member_of(MemoryRoot({DEB: deb({"./bin/ps": PS})}), DEB, "./bin/top")


@pytest.mark.parametrize("damage", ["cut", "no data", "size", "bomb", "zstd"])
def test_a_damaged_archive_is_passed_over(damage: str, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = deb({"./usr/bin/ps": PS})
    bad = {
        "cut": whole[:-60],
        "no data": ar({"debian-binary": b"2.0\n"}),
        "size": whole.replace(b"4         `", b"-9        `"),
        "bomb": deb({"./a": bytes(1 << 20), "./usr/bin/ps": PS}),
        "zstd": ar({"data.tar.zst": b"\x28\xb5\x2f\xfd" + bytes(40)}),
    }[damage]
    monkeypatch.setattr(archives, "_UNPACKED_LIMIT", 1 << 19)
    good = DEB.replace("-3_", "-2_")
    assert found({DEB: bad}) is None
    assert found({DEB: bad, good: whole})[0] == good


@given(st.binary(max_size=300), st.sampled_from([b"", b"!<arch>\n", b"\x1f\x8b\x08", b"BZh9", b"\xfd7zXZ\0"]))
def test_no_bytes_are_more_than_an_error(data: bytes, head: bytes) -> None:
    root = MemoryRoot({DEB: head + data})
    assert archived(root, "procps", "/usr/bin/ps", PS.__eq__) is None
    with pytest.raises(HostError):
        member_of(root, DEB, "./usr/bin/ps")
