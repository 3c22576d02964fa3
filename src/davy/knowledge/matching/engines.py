"""The engines: many patterns looked for at once, by Hyperscan or by RE2, with the same answers.

Hyperscan reads about a gigabyte a second, releases the GIL, and takes 0.1 s to compile, so its database is cached.
RE2 compiles in milliseconds and reads half as fast.  Both are imported only where used.
"""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Sequence
from contextlib import suppress
from itertools import islice
from typing import Any, Final, Protocol

from davy.knowledge.matching.cache import load, store
from davy.knowledge.matching.patterns import Pattern

_RE2_MEMORY: Final = 256 << 20
_FORMAT: Final = "1"
"""Changes when what is cached changes its shape."""

Buffer = bytes | bytearray | memoryview


class NoEngineError(Exception):
    """Neither Hyperscan nor RE2 is installed, so no content can be searched."""


class Engine(Protocol):
    """Patterns, by their number, looked for in one block."""

    name: str

    def first(self, data: Buffer) -> dict[int, int]:
        """Where each pattern that stands in ``data`` starts for the first time.  May be called by several threads."""


class Finder(Protocol):
    """Patterns, by their number, every place of which is looked for in one block."""

    name: str

    def every(self, data: Buffer, limit: int) -> list[tuple[int, int]]:
        """The ends and numbers of what is found, in order, at most ``limit``; one occurrence may have several ends,
        and all but the last of them are not always told.  May be called by several threads.
        """


def engine(patterns: Sequence[Pattern], purpose: str, cache: str | None = None, wanted: str | None = None) -> Engine:
    """The best engine there is, or the ``wanted`` one (hyperscan, re2).

    ``cache`` is a folder of ours, in which one database is kept for each ``purpose``.

    Raises `NoEngineError`.
    """
    return _best(patterns, purpose, cache, wanted, all_places=False)


def finder(patterns: Sequence[Pattern], purpose: str, cache: str | None = None, wanted: str | None = None) -> Finder:
    """The same for every place of each pattern, and not its first alone.  Raises `NoEngineError`."""
    return _best(patterns, purpose, cache, wanted, all_places=True)


def _best(
    patterns: Sequence[Pattern], purpose: str, cache: str | None, wanted: str | None, *, all_places: bool
) -> HyperscanEngine | Re2Engine:
    if wanted in (None, "hyperscan"):
        try:
            return HyperscanEngine(patterns, purpose, cache, all_places=all_places)
        except ImportError:
            pass
    if wanted in (None, "re2"):
        try:
            return Re2Engine(patterns)
        except ImportError:
            pass
    raise NoEngineError("neither hyperscan nor google-re2 is installed: contents are not searched")


class HyperscanEngine:
    name = "hyperscan"

    def __init__(
        self, patterns: Sequence[Pattern], purpose: str, cache: str | None = None, *, all_places: bool = False
    ) -> None:
        """Raises `ImportError` where it is not installed or does not run on this processor."""
        self._patterns = patterns
        self._verifiers: dict[int, re.Pattern[bytes]] = {}
        self._database = _database(patterns, purpose, cache, all_places)
        self._thread = threading.local()

    def first(self, data: Buffer) -> dict[int, int]:
        if not len(data):
            return {}
        ends: dict[int, int] = {}

        def met(number: int, _start: int, end: int, _flags: int, _context: object) -> None:
            ends.setdefault(number, end)

        self._database.scan(data, match_event_handler=met, scratch=self._scratch())
        return {number: self._start(data, number, end) for number, end in ends.items()}

    def every(self, data: Buffer, limit: int) -> list[tuple[int, int]]:
        """Needs to be made with ``all_places``."""
        import hyperscan

        found: list[tuple[int, int]] = []
        add = found.append

        def met(number: int, _start: int, end: int, _flags: int, _context: object) -> bool:
            add((end, number))
            return len(found) >= limit

        if len(data):
            with suppress(hyperscan.ScanTerminated):
                self._database.scan(data, match_event_handler=met, scratch=self._scratch())
        return found

    def _scratch(self) -> Any:
        """One per thread, made on its first block."""
        scratch = getattr(self._thread, "scratch", None)
        if scratch is None:
            import hyperscan

            scratch = self._thread.scratch = hyperscan.Scratch(self._database)
        return scratch

    def _start(self, data: Buffer, number: int, end: int) -> int:
        """Hyperscan says where a match ends.  The leftmost one starts no more than its width before the end that comes
        first, and ends no more than its width behind it.
        """
        width = self._patterns[number].width
        verifier = self._verifiers.get(number)
        if verifier is None:
            verifier = self._verifiers[number] = self._patterns[number].python()
        least = max(end - width, 0)
        found = verifier.search(data, least, min(end + width, len(data)))
        return found.start() if found else least


def _database(patterns: Sequence[Pattern], purpose: str, cache: str | None, all_places: bool) -> Any:
    import hyperscan

    texts = [(each.expression, each.nocase) for each in patterns]
    made_of = (_FORMAT, hyperscan.__version__, all_places, texts)  # type: ignore[attr-defined]
    name = hashlib.sha256(repr(made_of).encode()).hexdigest()[:32]
    kept = load(cache, purpose, name) if cache else None
    if kept is not None:
        try:
            return hyperscan.loadb(kept, hyperscan.HS_MODE_BLOCK)
        except hyperscan.error:
            pass
    always = hyperscan.HS_FLAG_DOTALL | (0 if all_places else hyperscan.HS_FLAG_SINGLEMATCH)
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    try:
        database.compile(
            expressions=[each.expression.encode() for each in patterns],
            ids=list(range(len(patterns))),
            elements=len(patterns),
            flags=[always | (hyperscan.HS_FLAG_CASELESS if each.nocase else 0) for each in patterns],
        )
    except hyperscan.ArchitectureError as error:
        raise ImportError(str(error)) from None
    if cache:
        store(cache, purpose, name, hyperscan.dumpb(database))
    return database


class Re2Engine:
    name = "re2"

    def __init__(self, patterns: Sequence[Pattern]) -> None:
        """Raises `ImportError` where it is not installed."""
        import re2

        self._options = re2.Options()
        self._options.encoding = re2.Options.Encoding.LATIN1
        self._options.dot_nl = True
        self._options.max_mem = _RE2_MEMORY
        self._options.log_errors = False
        self._expressions = [("(?i)" if each.nocase else "") + each.expression for each in patterns]
        self._alone: dict[int, Any] = {}
        self._set = re2.Set.SearchSet(self._options)
        for expression in self._expressions:
            self._set.Add(expression.encode())
        self._set.Compile()

    def first(self, data: Buffer) -> dict[int, int]:
        if not len(data):
            return {}
        found = self._set.Match(data)
        return {number: self._start(data, number) for number in found or ()}

    def every(self, data: Buffer, limit: int) -> list[tuple[int, int]]:
        if not len(data):
            return []
        found: list[tuple[int, int]] = []
        for number in self._set.Match(data) or ():
            places = self._compiled(number).finditer(bytes(data))
            found += [(match.end(), number) for match in islice(places, limit)]
        return sorted(found)[:limit]

    def _start(self, data: Buffer, number: int) -> int:
        match = self._compiled(number).search(bytes(data))
        return int(match.start()) if match else 0

    def _compiled(self, number: int) -> Any:
        import re2

        alone = self._alone.get(number)
        if alone is None:
            alone = self._alone[number] = re2.compile(self._expressions[number].encode(), self._options)
        return alone
