"""A root with more than one package database: Debian with ``rpm`` installed, a container image with a tool's own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from davy.host.digests import Digest, SumKind
from davy.host.errors import HostError
from davy.host.packages.protocol import Expected, PackageDatabase, Provenance

_T = TypeVar("_T")


class SeveralDatabases:
    """Asks each.  Where two own a path, the first is believed.

    A ``forgiving`` one raises nothing: what cannot be read answers nothing any more, and is named in ``unread``.
    """

    def __init__(self, databases: Iterable[PackageDatabase], unread: Iterable[str] = (), *, forgiving: bool) -> None:
        self._databases, self._unread = list(databases), list(unread)
        self._forgiving = forgiving

    @property
    def kinds(self) -> frozenset[SumKind]:
        return frozenset().union(*(database.kinds for database in self._databases))

    @property
    def unread(self) -> Sequence[str]:
        return self._unread

    def _answers(self, ask: Callable[[PackageDatabase], _T]) -> Iterator[_T]:
        for database in list(self._databases):
            try:
                answer = ask(database)
            except HostError as error:
                if not self._forgiving:
                    raise
                self._databases.remove(database)
                self._unread.append(str(error))
            else:
                yield answer

    def _first(self, ask: Callable[[PackageDatabase], _T | None]) -> _T | None:
        return next((answer for answer in self._answers(ask) if answer is not None), None)

    def owners(self, paths: Iterable[str]) -> dict[str, str]:
        asked = set(paths)
        found: dict[str, str] = {}
        for owners in self._answers(lambda database: database.owners(asked)):
            found = owners | found
        return found

    def unmodified(self, path: str, package: str, digest: Digest) -> bool | None:
        return self._first(lambda database: database.unmodified(path, package, digest))

    def provenance(self, paths: Iterable[str]) -> dict[str, Provenance]:
        asked = set(paths)
        found = dict.fromkeys(asked, Provenance())
        for answers in self._answers(lambda database: database.provenance(asked)):
            found |= {path: answer for path, answer in answers.items() if answer.owner and not found[path].owner}
        return found

    def expected(self, path: str) -> Expected | None:
        return self._first(lambda database: database.expected(path))

    def listed(self, package: str) -> Iterator[str]:
        for paths in self._answers(lambda database: tuple(database.listed(package))):
            yield from paths

    def missing(self, paths: Iterable[str]) -> dict[str, str]:
        asked = set(paths)
        found: dict[str, str] = {}
        for missing in self._answers(lambda database: database.missing(asked)):
            found = missing | found
        return found

    def twin(self, digest: Digest) -> str | None:
        return self._first(lambda database: database.twin(digest))
