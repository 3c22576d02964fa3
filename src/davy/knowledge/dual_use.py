"""What owners and intruders both run, and what computes for science: data in ``dual_use.toml``, with its samples."""

from __future__ import annotations

import fnmatch
import functools
import posixpath

from msgspec import Struct

from davy.knowledge.data import read


class DualUse(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One kind of program; the fields are explained in ``dual_use.toml``."""

    id: str
    name: str
    packages: tuple[str, ...]
    programs: tuple[str, ...]
    units: tuple[str, ...]
    users: tuple[str, ...]
    folders: tuple[str, ...] = ()
    reason: str
    references: tuple[str, ...]
    must_match: tuple[str, ...]
    must_not_match: tuple[str, ...]

    def runs(self, path: str) -> bool:
        """Whether a program at ``path`` bears its name.  Anyone can give a file a name."""
        return posixpath.basename(path) in self.programs

    def of_package(self, package: str | None) -> bool:
        return package is not None and package.partition(":")[0] in self.packages

    def of_unit(self, unit: str | None) -> bool:
        return unit is not None and any(fnmatch.fnmatchcase(unit, pattern) for pattern in self.units)


class Uses(Struct, frozen=True, forbid_unknown_fields=True):
    miner: tuple[DualUse, ...]
    volunteer: tuple[DualUse, ...]


@functools.cache
def dual_use() -> Uses:
    return read("dual_use.toml", Uses)


def miner_at(path: str) -> DualUse | None:
    """The public miner that a program at ``path`` says it is."""
    return next((use for use in dual_use().miner if use.runs(path)), None)


def volunteer_client(path: str, package: str | None) -> DualUse | None:
    """The volunteer client at ``path``, if the package that owns it is its own."""
    return next((use for use in dual_use().volunteer if use.runs(path) and use.of_package(package)), None)
