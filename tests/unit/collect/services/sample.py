"""A made-up service, and instances of it on roots in memory."""

from __future__ import annotations

from collections.abc import Mapping

from davy.collect.services.ground import Ground
from davy.collect.services.instance import Instance
from davy.host import Denied, Entry, MemoryRoot, RecordedKernel
from davy.host.procfs import RecordedProcfs
from davy.knowledge.services import ConfigFile, ConfigFormat, KnownService, KnownSetting
from davy.model.containers import Container
from davy.model.facts import Exe, Process, Socket

KNOWN = KnownService(
    id="stored",
    name="Stored",
    ports=(7000,),
    images=("library/stored",),
    config=(
        ConfigFile(
            format=ConfigFormat.DIRECTIVES, argument=r"stored (/\S+\.conf)", environment="STORED_CONF",
            beside="stored.conf", places=("/etc/stored/stored.conf", "~/.stored.conf"),
        ),
    ),
    setting=(
        KnownSetting(name="bind", keys=("bind",), arguments=(r"--bind (\S+)",), default="*", gives="address"),
        KnownSetting(name="port", keys=("port",), arguments=(r"--port (\d+)",), default="7000", gives="port"),
        KnownSetting(
            name="mode", keys=("mode",), arguments=(r"--mode (\S+)",), environment=("STORED_MODE",), default="safe",
            default_in_image="open",
        ),
        KnownSetting(name="password", keys=("password",), environment=("STORED_PASSWORD",), gives="secret"),
        KnownSetting(name="first", keys=("answer",), repeated="first"),
        KnownSetting(name="every", keys=("answer",), repeated="all"),
        KnownSetting(name="last", keys=("answer",)),
        KnownSetting(name="pools", keys=("pool.*.listen",)),
        KnownSetting(name="part", keys=("pair",), expression=r"^\w+ (\w+)"),
        KnownSetting(name="log", keys=("log",), gives="log"),
        KnownSetting(
            name="version", program="lib/stored-*.jar", expression=r"stored-(\d[\d.]*)\.jar$", gives="version",
        ),
    ),
    basis="seen",
)  # fmt: skip


def instance(
    files: Mapping[str, bytes | str | Entry], line: str = "stored", environment: Mapping[str, str] | None = None,
    known: KnownService = KNOWN, container: Container | None = None, cwd: str = "/srv/stored",
) -> Instance:  # fmt: skip
    ground = Ground(MemoryRoot(files))
    return Instance(known, ground, (line,), environment or {}, cwd, "/srv/stored/bin/stored", container)


def process(pid: int, exe: str, *cmdline: str, ppid: int = 1, cgroup: str | None = None, cwd: str = "/") -> Process:
    return Process(
        pid=pid, start_ticks=pid * 10, start_time=1.0, name=exe.rpartition("/")[2][:15], state="S", ppid=ppid,
        pgrp=pid, session=pid, tty=0, flags=0, nice=0, threads=1, rss_bytes=4096, cpu_seconds=0.0,
        children_cpu_seconds=0.0, uid=999, user="redis", cmdline=cmdline, exe=Exe(exe), cwd=cwd, cgroup=cgroup,
    )  # fmt: skip


class _Closed(RecordedProcfs):
    """A procfs in which nobody's open files may be listed."""

    def names(self, path: str) -> list[str]:
        if path.endswith("/fd"):
            raise Denied(f"{path}: Permission denied")
        return super().names(path)


def kernel(
    holding: Mapping[int, tuple[int, ...]], environment: Mapping[int, str] | None = None, *, closed: bool = False
) -> RecordedKernel:
    """Processes that hold sockets, by their inodes, all in one network and mount namespace; ``closed`` to lookers."""
    files: dict[str, bytes | str] = {"self/ns/net": "->net:[1]", "self/ns/mnt": "->mnt:[1]"}
    for pid, inodes in holding.items():
        files |= {
            f"{pid}/ns/net": "->net:[1]",
            f"{pid}/ns/mnt": "->mnt:[1]",
            f"{pid}/root": "->/",
            f"{pid}/fd/0": "->/x",
        }
        files |= {f"{pid}/fd/{number}": f"->socket:[{inode}]" for number, inode in enumerate(inodes, 3)}
        files[f"{pid}/environ"] = (environment or {}).get(pid, "")
    return RecordedKernel(_Closed(files) if closed else RecordedProcfs(files))


def listener(inode: int, address: str, port: int, protocol: str = "tcp") -> Socket:
    return Socket(
        protocol=protocol, state="LISTEN" if protocol == "tcp" else "CLOSE", local_address=address, local_port=port,
        remote_address="0.0.0.0", remote_port=0, inode=inode, uid=0,
    )  # fmt: skip
