"""What is done now, on a terminal; nothing otherwise."""

from __future__ import annotations

import sys
from typing import Any


def progress(quiet: bool) -> Any:
    """A status line on a terminal; nothing otherwise."""
    if quiet or not sys.stderr.isatty():
        return _Silent()
    return _Status()


class _Silent:
    def __enter__(self) -> _Silent:
        return self

    def __exit__(self, *_: object) -> None: ...

    def update(self, words: str) -> None: ...


class _Status:
    """A line that says what is done now.  The words may hold an enemy's file names: no markup, no escapes."""

    def __init__(self) -> None:
        from rich.console import Console

        self._line = Console(stderr=True).status("")

    def __enter__(self) -> _Status:
        self._line.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._line.stop()

    def update(self, words: str) -> None:
        from rich.text import Text

        from davy.model.text import printable

        self._line.update(Text(printable(words, 200)))
