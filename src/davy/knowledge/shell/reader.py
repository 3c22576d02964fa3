"""How the shell reads one command line: where it ends, what it runs, and what it opens and closes.  Pure.

Source: POSIX.1-2017 XCU chapter 2 (shell command language), bash(1).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum
from typing import Final, NamedTuple

from davy.knowledge.shell.nesting import CLOSES, INSIDE, OPENS, Compound, Nesting
from davy.knowledge.shell.words import Unfinished, group_end, word_end

_TOKEN: Final = re.compile(
    r"""
      (?P<blank> (?: [ \t\r\f\v] | \\\n )+ )
    | (?P<newline> \n )
    | (?P<comment> \#[^\n]* )
    | (?P<heredoc> <<-? (?! < ) )
    | (?P<redirection> <<< | &>>? | >\| | <> | [<>]& | >> | [<>] (?! \( ) )
    | (?P<operator> ;;& | ;; | ;& | && | \|\| | \|& | [|&;()] )
    """,
    re.VERBOSE | re.ASCII,
)
_FUNCTION: Final = re.compile(r"[ \t]*\([ \t]*\)")
_ARITHMETIC: Final = re.compile(r"\(\((?:[^()\n]|\([^()\n]*\))*\)\)")
_ARITHMETIC_LOOP: Final = re.compile(rf"[ \t]*{_ARITHMETIC.pattern}")
_TEST_END: Final = re.compile(r"\s\]\](?=[\s;&|)]|\Z)")
_BLANK: Final = re.compile(r"(?:[ \t]|\\\n)*")
_ASSIGNMENT: Final = re.compile(r"[A-Za-z_]\w*(?:\[[^\]\n]*\])?\+?=")
_GOES_ON: Final = frozenset({"&&", "||", "|", "|&"})
_CASE_ENDS: Final = frozenset({";;", ";&", ";;&"})
_PREFIXES: Final = frozenset({"!", "time", "coproc"})
_BEHIND: Final = frozenset((*CLOSES, *INSIDE))
"""Reserved words that may follow the end of a compound command at once: ``if (a) then``."""
_TEST_LIMIT: Final = 1024
"""Characters of one ``[[ ... ]]``."""


class Part(NamedTuple):
    """A simple command, or the words of a compound one that may run something: those after ``for x in``, say."""

    start: int
    end: int
    instead: str
    """What may stand in its place, so that nothing runs, and no loop begins that has no end."""
    heredoc: bool
    command: bool
    """False for words that run something only by what is substituted in them."""


class CommandLine(NamedTuple):
    """One command line of a text."""

    line: int
    """1-based."""
    end_line: int
    start: int
    end: int
    """Offset of the end of its last line, here-documents included."""
    code_end: int
    """Where what the shell runs ends: before a comment and the last here-documents."""
    parts: tuple[Part, ...]
    given: tuple[tuple[int, int], ...]
    """Where each here-document begins and ends."""
    whole: bool
    """Whether it can be taken out as a whole: it closes all that it opens, and nothing else."""
    instead: str | None
    """What has to stand in its place then; None where nothing has to."""


class _Expects(Enum):
    """What comes next."""

    COMMAND = "a command"
    ARGUMENT = "a word of a simple command"
    BEHIND = "what follows a compound command: redirections"
    CASE = "the word of case, up to in"
    PATTERN = "a pattern of case"
    LOOP = "the name and the words of for"
    FUNCTION = "a function's name"


class Reader:
    """Reads one command line after the other."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._here = 0
        self._line = 1
        self._limit = len(text)
        self._nesting = Nesting()
        self._expects = _Expects.COMMAND
        self._body_awaited = False

    @property
    def at_end(self) -> bool:
        return self._here >= len(self._text)

    def next(self) -> CommandLine | None:
        """The command line that begins here; None when there is nothing in it.

        Raises `Unfinished`, and has not moved then.
        """
        return self._attempt(len(self._text))

    def next_row(self) -> CommandLine | None:
        """The same of the one line of text that begins here, whatever stands open at its end."""
        line_end = self._text.find("\n", self._here)
        limit = len(self._text) if line_end < 0 else line_end + 1
        try:
            return self._attempt(limit)
        except Unfinished:
            start, line = self._here, self._line
            end = limit - (line_end >= 0)
            self._here, self._line = limit, line + 1
            part = Part(start, end, ":", heredoc=False, command=True)
            instead = self._nesting.instead_of_line()
            return CommandLine(line, line, start, end, end, (part,), (), whole=True, instead=instead)

    def _attempt(self, limit: int) -> CommandLine | None:
        """Raises `Unfinished`, and has not moved then."""
        begin = (self._here, self._line, self._expects, self._body_awaited)
        opened, self._limit = self._nesting.opened, limit
        try:
            return self._command_line()
        except Unfinished:
            self._here, self._line, self._expects, self._body_awaited = begin
            self._nesting = Nesting(opened)
            raise

    def _command_line(self) -> CommandLine | None:
        text, limit = self._text, self._limit
        start, line, instead = self._here, self._line, self._nesting.instead_of_line()
        self._nesting.line_begins()
        self._whole = not self._body_awaited and self._expects is _Expects.COMMAND
        self._parts: list[Part] = []
        self._part: int | None = None
        self._part_end = start
        self._negated = self._has_heredoc = self._header = False
        heredocs: list[tuple[str, bool]] = []
        given: list[tuple[int, int]] = []
        code_end, last, anything = start, "", False
        while self._here < limit:
            token = _TOKEN.match(text, self._here, limit)
            kind = token.lastgroup if token else "word"
            if token and kind in ("blank", "comment"):
                self._here = token.end()
                continue
            if token and kind == "newline":
                self._here = token.end()
                self._newline()
                given += self._heredocs(heredocs)
                heredocs.clear()
                if last in _GOES_ON and self._expects is not _Expects.PATTERN:
                    continue
                break
            anything = True
            if token and kind in ("heredoc", "redirection") and self._expects is _Expects.PATTERN:
                self._here = token.end()
            elif token and kind == "heredoc":
                delimiter_start = self._begin_part(token.end())
                end = word_end(text, delimiter_start, limit)
                heredocs.append((re.sub(r"[\\'\"]", "", text[delimiter_start:end]), token[0] == "<<-"))
                self._here, self._has_heredoc = end, True
            elif token and kind == "redirection":
                target = self._begin_part(token.end())
                self._here = word_end(text, target, limit)
            elif token:
                self._operator(token[0])
            else:
                self._word()
            last = token[0] if token and kind == "operator" else ""
            if self._part is not None:
                self._part_end = self._here
            code_end = self._here
        end = self._here - (self._here > start and text[self._here - 1] == "\n")
        self._part_end, code_end = min(self._part_end, end), min(code_end, end)  # a backslash may join the text's end
        self._end_part()
        self._line += text.count("\n", start, self._here)
        if not anything:
            return None
        whole = self._whole and self._nesting.level and self._expects is _Expects.COMMAND and not self._body_awaited
        last_line = line + text.count("\n", start, end)
        return CommandLine(line, last_line, start, end, code_end, tuple(self._parts), tuple(given), whole, instead)

    def _begin_part(self, here: int) -> int:
        """A redirection begins or goes on with a part; where its word stands."""
        if self._part is None:
            self._part = self._here
        blank = _BLANK.match(self._text, here, self._limit)
        return blank.end() if blank else here

    def _end_part(self) -> None:
        if self._part is not None:
            command = not self._header and self._expects not in (_Expects.CASE, _Expects.BEHIND)
            self._parts.append(Part(self._part, self._part_end, self._instead(), self._has_heredoc, command))
        self._part, self._has_heredoc, self._header = None, False, False

    def _instead(self) -> str:
        if self._header:
            return ""
        if self._expects is _Expects.BEHIND:
            return "</dev/null"
        return self._nesting.instead_of_command(negated=self._negated)

    def _newline(self) -> None:
        self._end_part()
        self._negated = False
        if self._expects in (_Expects.ARGUMENT, _Expects.BEHIND, _Expects.LOOP):
            self._expects = _Expects.COMMAND

    def _heredocs(self, heredocs: list[tuple[str, bool]]) -> Iterator[tuple[int, int]]:
        text = self._text
        for delimiter, tabs in heredocs:
            begin = self._here
            while self._here < self._limit:
                end = text.find("\n", self._here, self._limit)
                end = self._limit if end < 0 else end
                row = text[self._here : end].removesuffix("\r")
                self._here = min(end + 1, self._limit)
                if (row.lstrip("\t") if tabs else row) == delimiter:
                    break
            yield begin, self._here

    def _operator(self, operator: str) -> None:
        if self._expects is _Expects.PATTERN:
            if operator == ")":
                self._expects = _Expects.COMMAND
            self._here += len(operator)
            self._whole = False
        elif operator == "(" and self._expects is _Expects.COMMAND and self._part is None:
            if arithmetic := _ARITHMETIC.match(self._text, self._here, self._limit):
                self._test(self._here, arithmetic.end())
                return
            self._open(Compound.BRACKET)
            self._here += 1
        elif operator == "(":
            self._here = group_end(self._text, self._here + 1, self._limit)
        else:
            self._end_part()
            self._here += len(operator)
            if operator == ")":
                self._nesting.close(operator)
                self._expects = _Expects.BEHIND
            elif operator in _CASE_ENDS and self._nesting.innermost is Compound.CASE:
                self._whole, self._expects = False, _Expects.PATTERN
            else:
                self._expects = _Expects.COMMAND
            if operator not in ("|", "|&"):
                self._negated = False

    def _word(self) -> None:
        start = self._here
        self._here = word_end(self._text, start, self._limit)
        word = self._text[start : self._here]
        if self._expects is _Expects.PATTERN:
            if word == "esac":
                self._nesting.close(word)
                self._expects = _Expects.BEHIND
            self._whole = False
        elif self._expects is _Expects.CASE:
            if word == "in":
                self._end_part()
                self._expects = _Expects.PATTERN
            elif self._part is None:
                self._part = start
        elif self._expects is _Expects.LOOP:
            if word == "do" and self._part is None:
                self._reserved(word)
            elif word == "in" and not self._header:
                self._header = True
            elif self._header and self._part is None:
                self._part = start
        elif self._expects is _Expects.FUNCTION:
            self._function(self._here)
        elif self._part is not None or not self._reserved(word):
            self._simple(start, word)

    def _simple(self, start: int, word: str) -> None:
        self._body_awaited = False
        if self._part is None and self._expects is _Expects.COMMAND:
            if function := _FUNCTION.match(self._text, self._here, self._limit):
                self._function(function.end())
                return
            if word == "[[" and (
                end := _TEST_END.search(self._text, self._here, min(self._limit, self._here + _TEST_LIMIT))
            ):
                self._test(start, end.end())
                return
        if self._part is None:
            self._part = start
        if self._expects is _Expects.COMMAND and not _ASSIGNMENT.match(word):
            self._expects = _Expects.ARGUMENT

    def _test(self, start: int, end: int) -> None:
        """``[[ ... ]]`` and ``(( ... ))``, which ``then`` may follow at once."""
        instead = self._nesting.instead_of_command(negated=self._negated)
        self._parts.append(Part(start, end, instead, heredoc=False, command=True))
        self._here, self._expects = end, _Expects.BEHIND

    def _function(self, end: int) -> None:
        if function := _FUNCTION.match(self._text, end, self._limit):
            end = function.end()
        self._here, self._expects, self._body_awaited = end, _Expects.COMMAND, True

    def _reserved(self, word: str) -> bool:
        """Whether a word where a command begins, or behind a compound one, is the shell's own."""
        if self._expects is _Expects.ARGUMENT or (self._expects is _Expects.BEHIND and word not in _BEHIND):
            return False
        if word in OPENS:
            self._compound(word)
        elif word == "function":
            self._expects = _Expects.FUNCTION
        elif word in CLOSES:
            self._nesting.close(word)
            self._expects = _Expects.BEHIND
        elif word in INSIDE and self._nesting.opened:
            self._nesting.go_on(INSIDE[word])
            self._expects = _Expects.COMMAND
        elif word in _PREFIXES:
            self._negated = self._negated != (word == "!")
        else:
            return False
        return True

    def _compound(self, word: str) -> None:
        self._open(OPENS[word])
        if word == "case":
            self._expects = _Expects.CASE
        elif word in ("for", "select"):
            self._expects = _Expects.LOOP
            if loop := _ARITHMETIC_LOOP.match(self._text, self._here, self._limit):
                self._here, self._expects = loop.end(), _Expects.BEHIND

    def _open(self, compound: Compound) -> None:
        self._nesting.open(compound)
        self._body_awaited = False
