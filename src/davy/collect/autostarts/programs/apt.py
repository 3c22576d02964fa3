"""What apt and dpkg run around their work.

A block of ``/etc/apt/apt.conf.d/x``: ``DPkg::Post-Invoke { "/usr/bin/x || true"; };``, or in one line
``APT::Update::Pre-Invoke:: "/usr/bin/x";``.  A line of ``/etc/dpkg/dpkg.cfg.d/x``: ``post-invoke=/usr/bin/x``.
Source: apt.conf(5), dpkg(1) (``--pre-invoke``, ``--status-logger``), dpkg.cfg(5).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from davy.collect.autostarts.reading import Span

_DEPTH_LIMIT: Final = 64
_TOKEN: Final = re.compile(
    r"""
      (?P<nothing> \s+ | //[^\n]* | (?m:^)[ \t]*\#[^\n]* | /\*.*?(?:\*/|\Z) )
    | "(?P<quoted> (?:[^"\\]|\\.)* )"?
    | (?P<mark> [{};] )
    | (?P<word> (?: [^\s{};"/] | /(?![/*]) )+ )
    | (?P<stray> . )
    """,
    re.VERBOSE | re.DOTALL,
)
_RUNNING: Final = re.compile(
    r"""
      (?: dpkg | apt(?:::\w+)? ) :: (?:pre|post)-invoke (?:-success|-stats)?
    | dpkg::pre-install-pkgs
    | aptcli::hooks::\w+
    | acquire::(?:[^:]+::)*proxy-?auto-?detect
    | dir::bin::\S+
    | apt::compressor::[^:]+::binary
    """,
    re.VERBOSE | re.IGNORECASE,
)
"""Options whose values are commands, or programs that apt calls."""
_DPKG_LINE: Final = re.compile(
    r"^[ \t]*(?:--)?(?P<option>pre-invoke|post-invoke|status-logger)(?:[ \t]*=[ \t]*|[ \t]+)(?P<command>\S[^\n]*)",
    re.MULTILINE,
)


class _Token(NamedTuple):
    kind: str
    value: str
    start: int
    end: int


def _tokens(text: str) -> Iterator[_Token]:
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup or ""
        if kind == "quoted":
            yield _Token(kind, re.sub(r'\\(["\\])', r"\1", match["quoted"]), match.start(), match.end())
        elif kind in ("mark", "word"):
            yield _Token(kind, match[0], match.start(), match.end())


def apt_entries(text: str) -> Iterator[Span]:
    """The commands of an apt.conf(5), each a value of one of the options that run something.

    A block that another file clears (``#clear``) is read all the same.
    """
    around: list[str] = []
    statement: list[_Token] = []
    for token in _tokens(text):
        if token.kind != "mark":
            statement.append(token)
            continue
        if token.value == "{":
            if len(around) < _DEPTH_LIMIT:
                around.append(statement[-1].value if statement else "")
        else:
            end = token.end if token.value == ";" else statement[-1].end if statement else token.end
            yield from _of_statement(around, statement, end)
            if token.value == "}" and around:
                around.pop()
        statement = []
    if statement:
        yield from _of_statement(around, statement, statement[-1].end)


def _of_statement(around: list[str], statement: list[_Token], end: int) -> Iterator[Span]:
    """The entry that ``Name "value";`` makes, or a value alone in the block of its list."""
    if not statement:
        return
    name = [] if len(statement) == 1 else [statement[0].value]
    option = "::".join(part.strip(":") for part in [*around, *name] if part.strip(":"))
    command = statement[-1].value.strip()
    if command and _RUNNING.fullmatch(option):
        yield Span(command, statement[0].start, end, schedule=f"apt: {option}")


def dpkg_entries(text: str) -> Iterator[Span]:
    """The commands of a dpkg.cfg(5)."""
    for match in _DPKG_LINE.finditer(text):
        command = match["command"].rstrip()
        if len(command) > 1 and command[0] in "\"'" and command[-1] == command[0]:
            command = command[1:-1]
        yield Span(command, match.start(), match.end(), schedule=f"dpkg: {match['option']}")
