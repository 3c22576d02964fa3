"""What is asked of a package database, and what it answers."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence, Set
from typing import Final, NamedTuple, Protocol

from msgspec import Struct

from davy.host.digests import Digest, SumKind

_HEXADECIMAL: Final = re.compile(r"[0-9a-f]+")
_SIZES: Final = {kind: hashlib.new(kind, usedforsecurity=False).digest_size for kind in SumKind}


class Sum(Struct, frozen=True):
    """A hash as a database keeps it."""

    kind: SumKind
    hexadecimal: str

    @classmethod
    def listed(cls, kind: SumKind, digits: bytes) -> Sum | None:
        """Of the digits in a list; None for what is no such sum."""
        told = digits.decode("ascii", "replace").lower()
        return cls(kind, told) if _HEXADECIMAL.fullmatch(told) and len(told) == 2 * _SIZES[kind] else None

    def agrees(self, digest: Digest) -> bool | None:
        """Whether it is that of the file with this ``digest``; None where the digest has no sum of this kind."""
        told = digest.of(self.kind)
        return told == self.hexadecimal if told else None


class Expected(Struct, frozen=True, kw_only=True):
    """What a package installed at a path, as far as its database says."""

    package: str
    sum: Sum | None = None
    """Of the content; None for folders and links, and where the database keeps none."""
    mode: int | None = None
    """Permission bits."""
    configuration: bool = False
    """Whether its administrator is meant to change it."""
    target: str | None = None
    """Where a symbolic link points, as it was written."""
    target_sum: Sum | None = None
    """Of where it points, if it is a link: apk keeps no more of links, and tells them from no file of mode 0777."""
    optional: bool = False
    """Whether nothing is amiss when it is not there."""


class Provenance(Struct, frozen=True):
    """Whose a file is.  What is a vendor's is owned, and ``unmodified`` is not False."""

    owner: str | None = None
    unmodified: bool | None = None
    """Whether it is as its package installed it; None where nobody says, or it could not be read."""


class PackageDatabase(Protocol):
    """The installed packages of one root.  Paths are absolute within it.

    Methods raise `HostError`, unless it is a forgiving one.
    """

    @property
    def kinds(self) -> frozenset[SumKind]:
        """The kinds of sums that it keeps: a `Digest` without any of them cannot be compared."""

    @property
    def unread(self) -> Sequence[str]:
        """What a forgiving one could not read so far, and why: it answers as if it were not there."""

    def owners(self, paths: Iterable[str]) -> dict[str, str]:
        """The package that put each path there; paths that none did are left out.

        The lists are read once per call, whatever the number of paths, and answers are remembered: ask for all
        paths together first, and for single ones afterwards.
        """

    def unmodified(self, path: str, package: str, digest: Digest) -> bool | None:
        """Whether a file with this ``digest`` is the one that its owner installed at ``path``.

        False of a configuration file that its administrator changed, too.  None when the database does not say: it
        keeps no sums of links.
        """

    def provenance(self, paths: Iterable[str]) -> dict[str, Provenance]:
        """For each path its owner, and whether what is there now is what its owner installed.

        Only files that have an owner are read.  A link is unmodified if it points where its package has it point, as
        far as the database says, and what it leads to is a package's own, unmodified.
        """

    def expected(self, path: str) -> Expected | None:
        """What the owner of ``path`` installed there; None for what nobody owns."""

    def listed(self, package: str) -> Iterator[str]:
        """The paths where the package put something: files, links, and folders as far as its database lists them."""

    def missing(self, paths: Iterable[str]) -> dict[str, str]:
        """Those of the paths that are not there although a package put something there, with the package.

        What may well be absent does not count: configuration that its administrator removed, and what the package
        itself says is optional.
        """

    def twin(self, digest: Digest) -> str | None:
        """The path of a packaged file that has the same content, if any.  An empty file is nobody's twin."""


class Diversion(NamedTuple):
    """Files of other packages that would come to ``original`` are installed as ``target``."""

    original: str
    target: str
    package: str
    """Whose own files still come to ``original``; ``:`` for the administrator, who has none."""


class Catalogue(Protocol):
    """One package database as its format has it: paths are absolute, and as the packages list them."""

    kinds: frozenset[SumKind]

    def diversions(self) -> Sequence[Diversion]:
        """Where packages' files are not where they are listed."""

    def holders(self, wanted: Set[bytes]) -> Iterator[tuple[bytes, str]]:
        """Each of the ``wanted`` paths with each package that lists it."""

    def entry(self, package: str, path: bytes) -> Expected | None:
        """What is kept of the path, which the package lists; None if nothing is."""

    def listed(self, package: str) -> Iterator[bytes]:
        """Every path that a package lists."""

    def twin(self, digest: Digest) -> tuple[str, bytes] | None:
        """A package, and the path that it lists with this content."""


class NoPackages:
    """The database of a root whose packages Davy cannot read: nothing has an owner."""

    kinds: frozenset[SumKind] = frozenset()
    unread: Sequence[str] = ()

    def owners(self, paths: Iterable[str]) -> dict[str, str]:  # noqa: ARG002
        return {}

    def unmodified(self, path: str, package: str, digest: Digest) -> bool | None:  # noqa: ARG002
        return None

    def provenance(self, paths: Iterable[str]) -> dict[str, Provenance]:
        return dict.fromkeys(paths, Provenance())

    def expected(self, path: str) -> Expected | None:  # noqa: ARG002
        return None

    def listed(self, package: str) -> Iterator[str]:  # noqa: ARG002
        return iter(())

    def missing(self, paths: Iterable[str]) -> dict[str, str]:  # noqa: ARG002
        return {}

    def twin(self, digest: Digest) -> str | None:  # noqa: ARG002
        return None
