"""`davy.host.packages` reads what rpm, Berkeley DB and pacman themselves wrote, and says what they say of it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.live.host.packages.tools import Tools, tools

from davy.host import DirectoryRoot
from davy.host.packages import PackageDatabase, packages
from davy.host.packages.rpm.sqlite import SqliteStore

pytestmark = pytest.mark.live

FILES = {
    "usr/bin/tool": "tool",
    "usr/bin/changed": "changed",
    "usr/bin/gone": "gone",
    "usr/share/odd name é#=": "odd",
    "etc/one.conf": "conf",
}
LINK = "usr/bin/alias"
SPEC = """
Name: one
Version: 1
Release: 1
Summary: x
License: x
BuildArch: noarch
%description
x
%install
cp -a {tree}/. %{{buildroot}}
%files
%attr(4755,root,root) /usr/bin/tool
/usr/bin/changed
/usr/bin/gone
/usr/bin/alias
"/usr/share/odd name é#="
/usr/share/many
%config(noreplace) /etc/one.conf
%ghost /var/log/one.log
"""
PKGINFO = """pkgname = one
pkgver = 1:2.0-3
pkgdesc = x
url = x
builddate = 1700000000
packager = x
size = 100
arch = any
license = x
backup = etc/one.conf
"""
PACMAN = "[options]\nArchitecture = auto\nLocalFileSigLevel = Never\n"
WITHOUT = "!all,use-set,type,uid,gid,mode,time,size,md5,sha256,link"
BUILD = ("--define=__os_install_post %{nil}", "--define=_build_name_fmt %%{NAME}.rpm")


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Tools:
    return tools(tmp_path_factory.mktemp("tools"))


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """What the package installs: more files than a page of any database holds."""
    folder = tmp_path / "tree"
    many = {f"usr/share/many/{number}": str(number) for number in range(500)}
    for path, content in (FILES | many).items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    (folder / LINK).symlink_to("tool")
    return folder


def _tampered(root: Path) -> PackageDatabase:
    (root / "usr/bin/changed").write_text("other")
    (root / "etc/one.conf").write_text("other")
    (root / "usr/bin/gone").unlink()
    return packages(DirectoryRoot(str(root)))


def _agree(ours: PackageDatabase) -> None:
    paths = list(ours.listed("one"))
    assert {f"/{path}" for path in (*FILES, LINK, "usr/share/many/499")} <= set(paths)
    found = ours.provenance(paths)
    assert {one.owner for one in found.values()} == {"one"}
    assert {path for path, one in found.items() if one.unmodified is False} == {"/usr/bin/changed", "/etc/one.conf"}
    assert ours.missing(paths) == {"/usr/bin/gone": "one"}
    for path in ("/usr/bin/tool", "/usr/bin/alias", "/usr/share/odd name é#=", "/usr/share/many/499"):
        assert found[path].unmodified is True
    tool, conf = ours.expected("/usr/bin/tool"), ours.expected("/etc/one.conf")
    assert tool is not None
    assert conf is not None
    assert (tool.mode, tool.configuration, conf.configuration) == (0o4755, False, True)


def _installed_by_rpm(theirs: Tools, tree: Path, tmp_path: Path) -> Path:
    (tmp_path / "one.spec").write_text(SPEC.format(tree=tree))
    theirs.run("rpmbuild", "--quiet", f"--define=_topdir {tmp_path}/top", f"--define=_rpmdir {tmp_path}", *BUILD,
               "-bb", "one.spec", cwd=tmp_path)  # fmt: skip
    root = tmp_path / "root"
    root.mkdir()
    theirs.run("rpm", "--root", root, "--dbpath", "/usr/lib/sysimage/rpm", "--install", "--nodeps", "--nosignature",
               "one.rpm", cwd=tmp_path)  # fmt: skip
    return root


def test_rpm_verifies_the_same_files(theirs: Tools, tree: Path, tmp_path: Path) -> None:
    root = _installed_by_rpm(theirs, tree, tmp_path)
    ours = _tampered(root)
    _agree(ours)
    told = theirs.run("rpm", "--root", root, "--dbpath", "/usr/lib/sysimage/rpm", "-ql", "one", cwd=tmp_path)
    assert sorted(told.split("\n")[:-1]) == sorted(ours.listed("one"))


def test_a_berkeley_hash_that_berkeley_db_made_is_read(theirs: Tools, tree: Path, tmp_path: Path) -> None:
    root = _installed_by_rpm(theirs, tree, tmp_path)
    folder = root / "usr/lib/sysimage/rpm"
    blobs = [blob for _, blob in SqliteStore(DirectoryRoot(str(folder)), "/rpmdb.sqlite").headers()]
    for file in folder.iterdir():
        file.unlink()
    pairs = [(number.to_bytes(4, "little"), blob) for number, blob in enumerate([b"\5\0\0\0", *blobs])]
    lines = ["VERSION=3", "format=bytevalue", "type=hash", "db_pagesize=4096", "HEADER=END"]
    lines += [f" {value.hex()}" for pair in pairs for value in pair]
    theirs.run("db5.3_load", folder / "Packages", cwd=tmp_path, given="\n".join([*lines, "DATA=END", ""]).encode())
    _agree(_tampered(root))


def test_pacman_lists_the_same_files(theirs: Tools, tree: Path, tmp_path: Path) -> None:
    (tree / "usr/bin/tool").chmod(0o4755)
    (tree / ".PKGINFO").write_text(PKGINFO)
    (tmp_path / "pacman.conf").write_text(PACMAN)
    names = [".PKGINFO", *sorted(set(os.listdir(tree)) - {".PKGINFO"})]
    theirs.run("bsdtar", "-czf", ".MTREE", "--format=mtree", f"--options={WITHOUT}", *names, cwd=tree)
    theirs.run("bsdtar", "-czf", tmp_path / "one.pkg.tar.gz", ".MTREE", *names, cwd=tree)
    root = tmp_path / "root"
    (root / "var/lib/pacman").mkdir(parents=True)
    places = ("--config", "pacman.conf", "--root", root, "--dbpath", root / "var/lib/pacman", "--logfile", root / "log")
    others = ("--cachedir", root / "cache", "--hookdir", root / "hooks", "--gpgdir", root / "gnupg")
    theirs.run("pacman", *places, *others, "--noscriptlet", "--noconfirm", "-U", "one.pkg.tar.gz", cwd=tmp_path)
    ours = _tampered(root)
    _agree(ours)
    told = theirs.run("pacman", *places, "-Qlq", "one", cwd=tmp_path)
    listed = [path.removeprefix(str(root)).rstrip("/") for path in told.split("\n")[:-1]]
    assert sorted(listed) == sorted(ours.listed("one"))
