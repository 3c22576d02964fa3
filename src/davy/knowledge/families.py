"""The known families of miners: by which names, paths, units and commands they are recognised.

One TOML file each in ``families/``.  Names and paths are weak evidence and drift within months: they say what to
call an incident and where to look, and confirm nothing alone.  Source: the write-ups that each file refers to.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from typing import Final, Literal, NamedTuple

from msgspec import Struct

from davy.knowledge.data import glob_expression, listed, read, wild

_COMM_LENGTH: Final = 15
"""Bytes that the kernel keeps of a process's name."""
_TEXT_LIMIT: Final = 64 << 10
_PATH_LIMIT: Final = 4096
_HOMES: Final = r"/(?:root|(?:home|var/lib|var/www|srv)/[^/]+)"
_HOST: Final = re.compile(r"[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")
_MERGED: Final = re.compile(r"/usr(?=/(?:bin|sbin|lib|lib32|lib64)/)")


class Samples(Struct, frozen=True, forbid_unknown_fields=True):
    """Values that a family's file must recognise, or must leave alone."""

    names: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    cron: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()


class Family(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is known of one family of miners.

    A path that ends in ``/`` means the folder and all below; ``~`` any user's home.  Patterns use ``*`` (within one
    folder), ``**``, ``?`` and ``[...]``.
    """

    id: str
    name: str
    aliases: tuple[str, ...] = ()
    techniques: tuple[str, ...]
    """MITRE ATT&CK ids."""
    references: tuple[str, ...]
    public: bool = False
    """Whether it is a program or a script that anybody may fetch and run: it says what burns, not who came in."""
    confidence: Literal["vendor", "victim-report", "reference-list"]
    """Who says so: a vendor's write-up, a victim's report, a list of indicators."""
    names: tuple[str, ...] = ()
    """Names of the miner's processes and files, but for the guardians'."""
    guardian_names: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    preload: tuple[str, ...] = ()
    """Libraries that it puts into ``/etc/ld.so.preload``."""
    modules: tuple[str, ...] = ()
    """Kernel modules, by the name without ``.ko``."""
    cron: tuple[str, ...] = ()
    """Regular expressions searched for in a cron line or another autostart's command."""
    keys: tuple[str, ...] = ()
    """Regular expressions searched for in a line of ``authorized_keys``."""
    hosts: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    """Addresses it was seen to talk to: history, not a blocklist."""
    wallets: tuple[str, ...] = ()
    """Addresses that it was seen to be paid at."""
    doors: tuple[str, ...] = ()
    """How it was seen to come in: ids of services, ``pip`` and ``npm`` where a package brings it."""
    decoys: tuple[str, ...] = ()
    """Paths where it leaves dummies that keep rivals away."""
    weak: tuple[str, ...] = ()
    """Values among the above that are also ordinary words, or names of honest programs."""
    from_memory: tuple[str, ...] = ()
    """Values among the above that nobody has looked up: these count less, too."""
    falsepositives: str
    notes: tuple[str, ...] = ()
    """What a person who evicts it should know."""
    must_match: Samples
    must_not_match: Samples


class NameMatch(NamedTuple):
    """A name, of a process or a unit, that a family uses."""

    family: str
    value: str
    """The family's own value: a name or a pattern."""
    guardian: bool
    """Whether it is one that starts the miner again."""
    weak: bool
    """Whether it counts less: an ordinary word, or a value nobody has looked up (``from_memory``)."""
    from_memory: bool


class PathMatch(NamedTuple):
    """A path, or a command, that a family uses."""

    family: str
    value: str
    weak: bool
    from_memory: bool


class _Index(NamedTuple):
    """Values of all families, looked up exactly first, then by folder, then by pattern."""

    exact: dict[str, tuple[Family, str]]
    folders: dict[str, tuple[Family, str]]
    patterns: re.Pattern[str]
    """One group per pattern."""
    patterned: tuple[tuple[Family, str], ...]

    def find(self, value: str) -> tuple[Family, str] | None:
        if found := self.exact.get(value):
            return found
        if self.folders:
            end = value.rfind("/")
            while end > 0:
                if found := self.folders.get(value[: end + 1]):
                    return found
                end = value.rfind("/", 0, end)
        match = self.patterns.fullmatch(value) if self.patterned else None
        return self.patterned[match.lastindex - 1] if match and match.lastindex else None


def _strength(family: Family, value: str) -> tuple[bool, bool]:
    return value in family.weak or value in family.from_memory, value in family.from_memory


def _index(values: Iterator[tuple[Family, str, str]]) -> _Index:
    """An index of (family, value, expression); an expression of "" means the value itself.

    Where families share a value, the one that is surest of it gets it, else the first by id.
    """
    exact: dict[str, tuple[Family, str]] = {}
    folders: dict[str, tuple[Family, str]] = {}
    patterned: dict[str, tuple[Family, str]] = {}
    for family, value, expression in sorted(values, key=lambda each: (_strength(each[0], each[1]), each[0].id)):
        if expression:
            patterned.setdefault(expression, (family, value))
        elif value.endswith("/"):
            folders.setdefault(_unmerged(value), (family, value))
        else:
            exact.setdefault(_unmerged(value), (family, value))
    expression = "|".join(f"({each})" for each in patterned)
    return _Index(exact, folders, re.compile(expression, re.DOTALL), tuple(patterned.values()))


def _unmerged(path: str) -> str:
    """``/usr/bin/x`` and ``/bin/x`` are one file on today's systems."""
    return _MERGED.sub("", path, count=1) if path.startswith("/usr/") else path


@functools.cache
def families() -> tuple[Family, ...]:
    """All families, by the order of their files' names."""
    return tuple(read(name, Family) for name in listed("families"))


@functools.cache
def _names() -> _Index:
    def values() -> Iterator[tuple[Family, str, str]]:
        for family in families():
            for name in (*family.names, *family.guardian_names):
                yield family, name, glob_expression(name) if wild(name) else ""

    index = _index(values())
    for name, found in tuple(index.exact.items()):
        index.exact.setdefault(name[:_COMM_LENGTH], found)
    return index


@functools.cache
def _paths() -> _Index:
    def values() -> Iterator[tuple[Family, str, str]]:
        for family in families():
            for path in (*family.paths, *family.preload):
                if path.startswith("~/"):
                    yield family, path, _HOMES + glob_expression(path[1:]) + (".*" if path.endswith("/") else "")
                elif path.startswith("/"):
                    yield family, path, glob_expression(_unmerged(path)) if wild(path) else ""

    return _index(values())


@functools.cache
def _units() -> _Index:
    return _index((family, unit, "") for family in families() for unit in family.units)


@functools.cache
def _commands() -> _Index:
    values = ((family, text, rf"[\s\S]*?(?:{text})[\s\S]*") for family in families() for text in family.cron)
    return _index(values)


@functools.cache
def _servers() -> dict[str, tuple[Family, str]]:
    """Hosts and addresses that a family's own people ran."""
    return {each: (family, each) for family in families() if not family.public for each in family.hosts} | {
        each: (family, each) for family in families() for each in family.addresses
    }


def _server_in(text: str) -> tuple[Family, str] | None:
    names = (match[0].lower() for match in _HOST.finditer(text))
    return next((found for name in names if (found := _servers().get(name))), None)


def _named(found: tuple[Family, str] | None) -> NameMatch | None:
    if found is None:
        return None
    family, value = found
    return NameMatch(family.id, value, value in family.guardian_names, *_strength(family, value))


def _placed(found: tuple[Family, str] | None) -> PathMatch | None:
    if found is None:
        return None
    family, value = found
    return PathMatch(family.id, value, *_strength(family, value))


@functools.lru_cache(1024)
def family_by_name(name: str) -> NameMatch | None:
    """The family that calls a process or a file so; a name of 15 bytes may be a longer one's beginning (comm)."""
    return _named(_names().find(name))


def guardian_name(name: str) -> bool:
    """Whether some family's guardian is called so."""
    match = family_by_name(name)
    return match is not None and match.guardian


def family_by_path(path: str) -> PathMatch | None:
    """The family that uses this path (a program, a library, a unit's file, a folder above it)."""
    return _placed(_paths().find(_unmerged(path))) if len(path) <= _PATH_LIMIT else None


def family_by_unit(unit: str) -> NameMatch | None:
    """The family that installs a unit of this name."""
    return _named(_units().find(unit))


def family_by_command(command: str) -> PathMatch | None:
    """The family whose cron lines look like this line or command, or whose host or address it names."""
    text = command[:_TEXT_LIMIT]
    return _placed(_commands().find(text) or _server_in(text))


@functools.cache
def _keys() -> tuple[tuple[re.Pattern[str], str], ...]:
    return tuple((re.compile(expression), family.id) for family in families() for expression in family.keys)


def family_by_key(line: str) -> str | None:
    """The family that leaves the key of this line of ``authorized_keys``."""
    return next((family for expression, family in _keys() if expression.search(line[:_TEXT_LIMIT])), None)


def family_by_address(address: str) -> PathMatch | None:
    """The family that was seen to talk to this address; addresses change hands."""
    return _placed(_servers().get(address.removeprefix("::ffff:")))


@functools.cache
def public_families() -> frozenset[str]:
    """Ids of those that any intruder, and any owner, may have fetched: they name an incident if no other does."""
    return frozenset(family.id for family in families() if family.public)


@functools.lru_cache(1024)
def planted(path: str) -> str | None:
    """The family that leaves a dummy at this path to keep rivals out."""
    return next((family.id for family in families() if path in family.decoys), None)


@functools.cache
def _wallets() -> dict[str, str]:
    return {wallet: family.id for family in families() for wallet in family.wallets}


def family_by_wallet(address: str) -> str | None:
    """The family that was seen to be paid at this address."""
    return _wallets().get(address)


@functools.cache
def known_paths() -> tuple[tuple[str, str], ...]:
    """Literal absolute paths with the id of the family that uses them, to be looked up on a disk.

    Weak ones are among them: `family_by_path` says which.  A path that families share is there once.
    """
    paths = {path for family in families() for path in (*family.paths, *family.preload, *family.decoys)}
    literal = sorted(path for path in paths if path.startswith("/") and not path.endswith("/") and not wild(path))
    return tuple((path, match.family) for path in literal if (match := family_by_path(path)))
