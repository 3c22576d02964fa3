"""Shell text cut into its command lines, with what holds them together.  Pure; never raises.

A command line is what the shell reads before it runs anything: one line of the text, or several where a quote, a
substitution, an operator or a here-document goes on.  Each is told with the simple commands in it, so that it can be
taken out, or its commands be replaced, and the rest stays a text that the shell reads as before.

Source: POSIX.1-2017 XCU chapter 2 (shell command language), bash(1).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from davy.knowledge.shell.reader import CommandLine, Part, Reader
from davy.knowledge.shell.words import Unfinished

__all__ = ["CommandLine", "Part", "command_lines"]

_RESTARTS: Final = 8
"""So often a line that never ends is taken for a line of its own; after that every line is."""


def command_lines(text: str) -> Iterator[CommandLine]:
    """The command lines of a text, those that are blank or a comment left out.

    A line whose quotes or brackets never end, where no shell would go on, is taken for itself, and so is what follows.
    """
    reader, restarts = Reader(text), 0
    while not reader.at_end:
        try:
            found = reader.next() if restarts < _RESTARTS else reader.next_row()
        except Unfinished:
            restarts += 1
            found = reader.next_row()
        if found:
            yield found
