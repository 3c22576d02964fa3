"""The files that a reader looks into: found by patterns, and those that these include."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Final

from davy.collect.autostarts.commands import programs_of
from davy.collect.autostarts.links import Links
from davy.collect.autostarts.patterns import Patterns
from davy.collect.autostarts.spans import CHARACTERS_LIMIT, Span, entries
from davy.collect.autostarts.texts import ENTRIES_LIMIT, FILE_BYTES, Text, Texts
from davy.host import Host, HostError
from davy.model.autostarts import Autostart, AutostartKind
from davy.model.facts import Gap

FILES_LIMIT: Final = 4_000
"""Files that one reader opens."""
INCLUDES_DEPTH: Final = 4
"""Files that include files that include files."""
_INCLUDES_LIMIT: Final = 100
_CHARACTERS_IN_ALL: Final = 4 * CHARACTERS_LIMIT
"""What has to remain of the lines of one reader's entries."""
_MASK: Final = "/dev/null"
"""Where the name of a file leads that somebody has put out of use."""
_KERNELS: Final = ("/proc/", "/sys/")
"""Where no file of settings lies, whatever includes it: reading there may do something."""

Includes = Callable[[Text], Iterable[str]]
"""The patterns of the files that a file includes, as absolute paths."""


class Files:
    """The files of one reader: each once whatever leads to it, within bounds; what cannot be read is a gap."""

    def __init__(self, host: Host, collector: str) -> None:
        self._patterns, self._texts = Patterns(host, collector), Texts(host, collector)
        self._left = FILES_LIMIT
        self._characters = _CHARACTERS_IN_ALL
        self.links = Links(host.root)

    def paths(self, *patterns: str, below: str = "") -> Iterator[str | Gap]:
        """What patterns match, see `Patterns.paths`."""
        return self._patterns.paths(*patterns, below=below)

    def texts(
        self, *patterns: str, below: str = "", size: int = FILE_BYTES, includes: Includes | None = None
    ) -> Iterator[Text | Gap]:
        """The files that match, and those that they include, if ``includes`` tells the patterns of these."""
        for _ in range(INCLUDES_DEPTH):
            included: dict[str, None] = {}
            for path in self.paths(*patterns, below=below):
                for file in (path,) if isinstance(path, Gap) else self.read(path, size):
                    yield file
                    if includes and isinstance(file, Text):
                        included |= dict.fromkeys(islice(includes(file), _INCLUDES_LIMIT))
            if not included:
                return
            patterns, below = tuple(included), ""

    def read(self, path: str, size: int = FILE_BYTES) -> Iterator[Text | Gap]:
        """One file; nothing where there is none, or it was read before."""
        try:
            real = self.links.resolve(path)
            if self._left < 0 or real == _MASK or real.startswith(_KERNELS):
                return
        except HostError as error:
            yield self._texts.gap(path, error)
            return
        for file in self._texts.read(path, size):
            self._left -= 1
            if self._left < 0:
                yield self._texts.gap("the rest of the files", f"more than {FILES_LIMIT}")
                return
            yield file

    def link(self, path: str) -> str | None:
        """The last part of a path as a symbolic link, in its folder's own path; None where it is none.

        Raises `HostError`.
        """
        folder, name = posixpath.split(path)
        place = posixpath.join(self.links.resolve(folder), name)
        return place if self.links.target(place) is not None else None

    def autostarts(
        self, kind: AutostartKind, patterns: Iterable[str], parse: Callable[[str], Iterable[Span]], *, below: str = "",
        user: str | None = None, size: int = FILE_BYTES, includes: Includes | None = None,
    ) -> Iterator[Autostart | Gap]:  # fmt: skip
        """The autostarts in the files that match, as ``parse`` finds them in a text."""
        for file in self.texts(*patterns, below=below, size=size, includes=includes):
            if isinstance(file, Gap):
                yield file
            else:
                yield from self.entries_of(file, kind, parse(file.content), user=user)

    def entries_of(
        self, file: Text, kind: AutostartKind, spans: Iterable[Span], *, user: str | None = None,
        home: str | None = None,
    ) -> Iterator[Autostart | Gap]:  # fmt: skip
        """One autostart for each span of a file; ``user`` and ``home`` are of those that name nobody."""
        found = list(islice(spans, ENTRIES_LIMIT + 1))
        read = list(entries(file.content, found, home=home, characters=min(CHARACTERS_LIMIT, self._characters)))
        self._characters -= sum(len(entry.remains or "") for entry in read)
        yield from self._texts.entries(file, kind, read, user=user)
        if len(read) < len(found):
            yield self._texts.gap(f"the rest of {file.path}", "too many entries in one line")


def whole(
    kind: AutostartKind, file: Text, command: str, *, schedule: str, user: str | None = None,
    programs: tuple[str, ...] | None = None, links: tuple[str, ...] = (), image: str | None = None,
) -> Autostart:  # fmt: skip
    """The autostart that a whole file is; ``links`` enable it."""
    return Autostart(
        kind=kind, path=file.path, command=command, schedule=schedule, user=user, links=links,
        programs=programs_of(command) if programs is None else programs, image=image,
        mtime=file.stat.mtime, ctime=file.stat.ctime, birth=file.stat.birth,
    )  # fmt: skip
