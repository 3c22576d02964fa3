"""A small machine with Debian's own cloud kernel: made of packages, booted by qemu without any help of the hardware.

Its initial file system holds this Python, this project, kmod and a shell; what it does is in ``guest.py``.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parents[2]
TOOLS = ("qemu-system-x86_64", "apt-get", "apt-cache", "dpkg-deb", "gcc", "make")
MEMORY = "1024"
LEFT_OUT = {"test", "tests", "idlelib", "tkinter", "turtledemo", "lib2to3", "ensurepip", "site-packages", "pydoc_data"}
DISTRIBUTIONS = ("click", "msgspec", "rich")


def missing_tools() -> list[str]:
    return [tool for tool in TOOLS if shutil.which(tool) is None]


def _run(*command: str, cwd: Path | None = None, timeout: float = 240, **environment: str) -> str:
    done = subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, timeout=timeout, check=False,
        env={**os.environ, "LC_ALL": "C.UTF-8", **environment},
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    return done.stdout


def _depends(package: str) -> list[str]:
    return re.findall(r"^  (?:Pre)?Depends: (\S+)$", _run("apt-cache", "depends", package), re.MULTILINE)


def _release() -> str:
    """The newest cloud kernel that the package lists name, ``6.1.0-56-cloud-amd64``."""
    images = [name for name in _depends("linux-image-cloud-amd64") if name.startswith("linux-image-")]
    if not images:
        raise RuntimeError("apt knows no linux-image-cloud-amd64")
    return images[0].removeprefix("linux-image-")


def _download(folder: Path) -> str:
    """Fetch the packages; the kernel's release."""
    release = _release()
    headers = f"linux-headers-{release}"
    parts = [name for name in _depends(headers) if name.startswith(("linux-headers-", "linux-kbuild-"))]
    packages = [f"linux-image-{release}", headers, *parts, "kmod", "libkmod2"]
    _run("apt-get", "download", "-qq", "-o", "APT::Sandbox::User=root", *packages, cwd=folder)
    return release


class Sources:
    """The kernel, what modules are built with, and kmod: fetched as packages and unpacked, not installed."""

    def __init__(self, folder: Path) -> None:
        """``folder`` may be one that was filled before."""
        self.tree = folder / "tree"
        ready = folder / "release"
        if not ready.is_file():
            folder.mkdir(parents=True, exist_ok=True)
            try:
                release = _download(folder)
            except RuntimeError:  # the lists are old, or there are none
                _run("apt-get", "update", "-qq")
                release = _download(folder)
            for package in folder.glob("*.deb"):
                _run("dpkg-deb", "-x", str(package), str(self.tree))
                package.unlink()
            ready.write_text(release)
        self.release = ready.read_text()
        self.kernel = self.tree / "boot" / f"vmlinuz-{self.release}"
        self.modules = self.tree / "lib" / "modules" / self.release
        self.kmod = next(path for path in (self.tree / "bin/kmod", self.tree / "usr/bin/kmod") if path.is_file())

    @property
    def libraries(self) -> str:
        return ":".join(str(path) for path in sorted(self.tree.glob("**/x86_64-linux-gnu")) if path.is_dir())

    def build(self, source: Path, folder: Path) -> Path:
        """A module out of one C file."""
        headers = self.tree / "usr/src" / f"linux-headers-{self.release}"
        (common,) = (self.tree / "usr/src").glob("linux-headers-*-common")
        (headers / "Makefile").write_text(f"include {common}/Makefile\n")
        folder.mkdir()
        shutil.copy(source, folder)
        (folder / "Makefile").write_text(f"obj-m := {source.stem}.o\n")
        _run("make", "-C", str(headers), f"M={folder}", "modules", "CC=gcc")
        return folder / f"{source.stem}.ko"

    def installed(self, names: Sequence[str], folder: Path) -> Path:
        """A folder with these modules of the kernel's own, and the index that modprobe reads."""
        place = folder / "lib/modules" / self.release
        for name in names:
            (place / "kernel" / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(self.modules / "kernel" / name, place / "kernel" / name)
        for name in ("modules.builtin", "modules.builtin.modinfo", "modules.order"):
            shutil.copy(self.modules / name, place)
        depmod = folder / "depmod"
        depmod.symlink_to(self.kmod)
        _run(str(depmod), "-b", str(folder), self.release, LD_LIBRARY_PATH=self.libraries)
        return place


class Image:
    """What an initial file system is made of: paths in it, and where on this machine they come from."""

    def __init__(self) -> None:
        self._files: dict[str, Path | bytes] = {}
        self._links: dict[str, str] = {}

    def add(self, path: str, content: Path | bytes) -> None:
        self._files[path] = content

    def link(self, path: str, target: str) -> None:
        self._links[path] = target

    def add_tree(self, path: str, folder: Path) -> None:
        for base, folders, names in os.walk(folder):
            folders[:] = [name for name in folders if name not in LEFT_OUT and not name.startswith("config-")]
            for name in names:
                add = self.add_program if name.endswith(".so") else self.add
                add(os.path.join(path, os.path.relpath(base, folder), name), Path(base, name))

    def add_program(self, path: str, program: Path, libraries: str = "") -> None:
        """A program or a library with the libraries that the loader finds for it here."""
        self.add(path, program)
        listing = subprocess.run(
            ["ldd", str(program)], capture_output=True, text=True, env={**os.environ, "LD_LIBRARY_PATH": libraries}
        ).stdout
        for name, found in re.findall(r"^\s*(?:(\S+) => )?(/\S+) \(0x", listing, re.MULTILINE):
            place = f"/lib/{name}" if name and found.startswith(tuple(filter(None, libraries.split(":")))) else found
            self.add(place, Path(os.path.realpath(found)))

    def write(self, target: Path) -> None:
        """An archive as the kernel unpacks it.  Source: Documentation/driver-api/early-userspace/buffer-format.rst."""
        with target.open("wb") as archive:
            for number, (path, mode, mtime, data) in enumerate(self._entries(), 1):
                name = path.lstrip("/").encode() + b"\0"
                fields = (number, mode, 0, 0, 1, mtime, len(data), 0, 0, 0, 0, len(name), 0)
                archive.write(b"070701" + b"".join(b"%08x" % field for field in fields))
                archive.write(name + b"\0" * (-(110 + len(name)) % 4))
                archive.write(data + b"\0" * (-len(data) % 4))

    def _entries(self) -> Iterator[tuple[str, int, int, bytes]]:
        made = {""}
        files = {os.path.normpath(path): content for path, content in self._files.items()}
        for path in sorted({*files, *self._links}):
            for folder in [*Path(path).parents][::-1]:
                if (shown := str(folder).rstrip("/")) not in made:
                    made.add(shown)
                    yield shown, stat.S_IFDIR | 0o755, 0, b""
            if path in self._links:
                yield path, stat.S_IFLNK | 0o777, 0, self._links[path].encode()
                continue
            content = files[path]
            if isinstance(content, bytes):
                yield path, stat.S_IFREG | 0o644, 0, content
            else:
                found = content.stat()
                mode = 0o755 if found.st_mode & 0o111 else 0o644
                yield path, stat.S_IFREG | mode, int(found.st_mtime), content.read_bytes()
        yield "TRAILER!!!", 0, 0, b""


def image(sources: Sources, modules: Path, files: Mapping[str, Path | bytes], stages: Sequence[Any]) -> Image:
    """This Python, this project, kmod, a shell, the kernel's own ``modules``, and the ``files`` of the test."""
    made = Image()
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    python = Path(sys.base_prefix, "bin", version)
    library = Path(sysconfig.get_path("stdlib", vars={"installed_base": sys.base_prefix, "base": sys.base_prefix}))
    made.add_program(str(python), Path(os.path.realpath(python)))
    made.add_tree(str(library), library)
    for name in DISTRIBUTIONS:
        made.add_tree(f"/davy/{name}", Path(sysconfig.get_path("platlib"), name))
    made.add_tree("/davy/davy", PROJECT / "src/davy")
    made.add_tree(f"/lib/modules/{sources.release}", modules)
    made.add_program("/bin/sh", Path(os.path.realpath("/bin/sh")))
    made.add_program("/bin/kmod", sources.kmod, sources.libraries)
    for name in ("modprobe", "insmod", "lsmod", "rmmod"):
        made.link(f"/sbin/{name}", "/bin/kmod")
    made.add("/etc/passwd", b"root:x:0:0:root:/root:/bin/sh\n")
    made.add("/root/.keep", b"")
    made.add("/stages.json", json.dumps(stages).encode())
    made.add("/init.py", HERE / "guest.py")
    for path, content in files.items():
        made.add(path, content)
    return made


def boot(sources: Sources, initial: Path, folder: Path, seconds: float) -> dict[str, Any]:
    """Boot, wait until it has done its stages and ends, and give what it wrote.  Raises RuntimeError."""
    results, console = folder / "results", folder / "console"
    program = f"{sys.base_prefix}/bin/python{sys.version_info.major}.{sys.version_info.minor}"
    command = [
        "qemu-system-x86_64", "-accel", "tcg", "-cpu", "max", "-smp", "2", "-m", MEMORY, "-nodefaults",
        "-display", "none", "-monitor", "none", "-no-reboot", "-kernel", str(sources.kernel), "-initrd", str(initial),
        "-serial", f"file:{console}", "-serial", f"file:{results}",
        "-append", f"console=ttyS0 quiet panic=-1 mitigations=off rdinit={program} -- -u /init.py",
    ]  # fmt: skip
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, stdin=subprocess.DEVNULL)
        said = done.stderr
    except subprocess.TimeoutExpired:
        said = f"not done within {seconds:g} s"
    try:
        found: dict[str, Any] = json.loads(results.read_text())
    except (OSError, ValueError):
        tail = console.read_text(errors="replace")[-3000:] if console.exists() else ""
        raise RuntimeError(f"the machine gave no results: {said}\n{tail}") from None
    if "failure" in found:
        raise RuntimeError(f"the machine failed: {found['failure']}")
    return found
