"""The owner's own YARA rules: a folder that only root may write, compiled once.

YARA's own implementation (yara-python) is used, because rules that people have were written for it.
"""

from __future__ import annotations

import functools
import os
import stat
from typing import Final

_SUFFIXES: Final = (".yar", ".yara")
_FILES_LIMIT: Final = 2_000
_SIZE_LIMIT: Final = 16 << 20
_BYTES_LIMIT: Final = 64 << 20
"""Of a larger file YARA sees the beginning."""
_SECONDS: Final = 2
_NAMES_LIMIT: Final = 16


class OwnRulesError(Exception):
    """The owner's rules cannot be used; the message says why in one line."""


class YaraRules:
    """Compiled rules."""

    def __init__(self, sources: dict[str, str]) -> None:
        """``sources``: name of a file to its text.  Raises `OwnRulesError`."""
        try:
            import yara
        except ImportError:
            raise OwnRulesError("rules of your own need YARA: pip install 'davy[yara]'") from None
        self._yara = yara
        for name, text in sources.items():
            try:
                yara.compile(source=text, includes=False)
            except yara.Error as error:
                raise OwnRulesError(f"rules {name}: {' '.join(str(error).split())}") from None
        self._rules = yara.compile(sources=sources, includes=False) if sources else None

    def names(self, descriptor: int, size: int) -> tuple[str, ...]:
        """The rules that an open file meets; none where YARA takes too long over it."""
        if not size or self._rules is None:
            return ()
        return self.of_data(os.pread(descriptor, min(size, _BYTES_LIMIT), 0))

    def of_data(self, data: bytes) -> tuple[str, ...]:
        """The rules that a content meets, in memory or anywhere."""
        if self._rules is None:
            return ()
        try:
            matches = self._rules.match(data=data, timeout=_SECONDS)
        except self._yara.Error:
            return ()
        return tuple(str(match.rule) for match in matches[:_NAMES_LIMIT])


@functools.cache
def own_rules(folder: str) -> YaraRules:
    """The rules in ``*.yar`` and ``*.yara`` of a folder, compiled once.  Raises `OwnRulesError`."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise OwnRulesError(f"rules {folder}: {error.strerror}") from None
    try:
        _trusted(os.fstat(descriptor), folder)
        names = sorted(name for name in os.listdir(descriptor) if name.endswith(_SUFFIXES))
        if not names:
            raise OwnRulesError(f"rules {folder}: no *.yar or *.yara in it")
        if len(names) > _FILES_LIMIT:
            raise OwnRulesError(f"rules {folder}: more than {_FILES_LIMIT} files")
        return YaraRules({name: _text(descriptor, folder, name) for name in names})
    finally:
        os.close(descriptor)


def _trusted(found: os.stat_result, path: str) -> None:
    """Rules count only when root owns them (or whoever runs Davy) and nobody else may write them."""
    if found.st_uid not in (0, os.geteuid()):
        raise OwnRulesError(f"rules {path}: belongs to another user")
    if stat.S_IMODE(found.st_mode) & 0o022:
        raise OwnRulesError(f"rules {path}: others may write to it")


def _text(folder_fd: int, folder: str, name: str) -> str:
    path = os.path.join(folder, name)
    try:
        descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder_fd)
    except OSError as error:
        raise OwnRulesError(f"rules {path}: {error.strerror}") from None
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise OwnRulesError(f"rules {path}: not a regular file")
        _trusted(found, path)
        if found.st_size > _SIZE_LIMIT:
            raise OwnRulesError(f"rules {path}: larger than {_SIZE_LIMIT >> 20} MB")
        try:
            return file.read(_SIZE_LIMIT).decode()
        except UnicodeDecodeError:
            raise OwnRulesError(f"rules {path}: not UTF-8") from None
