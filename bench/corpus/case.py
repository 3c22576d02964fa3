"""A case: what is put into the Debian, what is started there, and what is true of it.  See tests/corpus/README.md."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final, Literal

import msgspec
from msgspec import Struct

from davy.model.incidents import Actor, Verdict

CORPUS: Final = Path(__file__).parents[2] / "tests" / "corpus"
KINDS: Final = ("mining", "honest")
_MARK: Final = "¦"
"""Stands for nothing: it keeps a case's text from meeting the content rules that its capsule is to meet."""


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a stand-in for a miner does."""

    threads: int = 1
    pinned: bool = False
    rounding: Literal["all", "up-down", "none"] = "all"
    dataset: bool = False
    cache: bool = False
    rewrites: bool = False
    pool: str | None = None
    protocol: Literal["xmr", "stratum"] = "xmr"
    wallet: str = "46EXLzWZNjWFU2kUjXDXzBK78Yd7N192CMuWf5KxisiQFj9GQ4KsKCrcBDyLfZPnard18VWBKt57yWEDFLqd6kWZ3PPPuAV"
    """Valid by its checksum, and nobody's: made from the hash of a sentence."""
    worker: str = "x"
    strings: tuple[str, ...] = ()
    static: bool = False
    symbols: bool = False
    shares: float = 1.0


class File(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    path: str
    program: Literal["randomx_like", "sha256d_like", "server", "idle"] | None = None
    options: Options = Options()
    text: str | None = None
    copy: str | None = None
    link: str | None = None
    folder: bool = False
    mode: str | None = None
    owner: str = "root"
    attributes: str = ""


class Unit(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: str
    text: str
    folder: str = "/etc/systemd/system"
    enable: bool = False
    start: bool = False


class Account(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: str
    home: str | None = None


class Start(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    command: tuple[str, ...] = ()
    shell: str | None = None
    how: Literal["daemon", "cron", "tmux", "person"] = "daemon"
    user: str = "root"
    group: str | None = None
    parent: tuple[str, ...] = ()
    name: str | None = None
    folder: str = "/"
    environment: dict[str, str] = {}
    memory_only: bool = False
    nice: int = 0

    @property
    def words(self) -> tuple[str, ...]:
        return ("/bin/sh", "-c", self.shell) if self.shell is not None else self.command


class KernelThread(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A kernel thread, which a container has none of: it is written into the facts that were taken."""

    name: str
    cores: float = 0.0
    """CPU that it takes, all its life."""


class Truth(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    verdict: Verdict
    gang: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    innocent: tuple[str, ...] = ()


class Case(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    summary: str
    truth: Truth
    family: str | None = None
    scenarios: tuple[str, ...] = ()
    account: tuple[Account, ...] = ()
    file: tuple[File, ...] = ()
    unit: tuple[Unit, ...] = ()
    kernel_thread: tuple[KernelThread, ...] = ()
    prepare: str = ""
    start: tuple[Start, ...] = ()
    remove: tuple[str, ...] = ()
    after: str = ""
    burns: float = 0.8
    settle: float = 1.5
    patience: float = 60.0


def cases(names: Iterable[str] = ()) -> Iterator[tuple[Path, Case]]:
    """The cases and where each is written, all or those named.  Raises `LookupError` for a name that is not there."""
    wanted = set(names)
    found = {path.stem: path for kind in KINDS for path in sorted((CORPUS / kind).glob("*.toml"))}
    if missing := wanted - found.keys():
        raise LookupError(f"no such case: {', '.join(sorted(missing))}")
    for name, path in found.items():
        if not wanted or name in wanted:
            try:
                yield path, msgspec.toml.decode(path.read_text().replace(_MARK, ""), type=Case)
            except msgspec.DecodeError as error:
                raise LookupError(f"{path.name}: {error}") from None


def capsule_of(path: Path) -> Path:
    """Where a case's capsule lies."""
    return path.with_suffix(".davy")


def names_actor(pattern: str, actor: Actor) -> bool:
    """Whether a pattern of the truth names an actor: by command line, path, one of its files, or name."""
    values = (actor.cmdline, actor.path, actor.name, *actor.files)
    return any(value is not None and fnmatchcase(value, pattern) for value in values)
