"""Shell text cut into its command lines, with what holds them together.  Pure; never raises.

A command line is what the shell reads before it runs anything: one line of the text, or several where a quote, a
substitution, an operator or a here-document goes on.  Each is told with the simple commands in it, so that it can be
taken out, or its commands be replaced, and the rest stays a text that the shell reads as before.

Source: POSIX.1-2017 XCU chapter 2 (shell command language), bash(1).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from davy.knowledge.shell_words import Unfinished, group_end, word_end

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
_OPENS: Final = {"if": "if?", "while": "while?", "until": "until?", "{": "{"}
_CLOSES: Final = {"fi": ("if", "if?"), "done": ("loop", "while?", "until?"), "esac": ("case",), "}": ("{",)}
_GOES_ON_INSIDE: Final = {"then": "if", "else": "if", "elif": "if?", "do": "loop"}
_PREFIXES: Final = frozenset({"!", "time", "coproc"})
_BEHIND: Final = frozenset((*_CLOSES, *_GOES_ON_INSIDE))
"""Reserved words that may follow the end of a compound command at once: ``if (a) then``."""
_DEPTH_LIMIT: Final = 200
_TEST_LIMIT: Final = 4096
"""Characters of one ``[[ ... ]]``."""
_RESTARTS: Final = 8
"""So often a line that never ends is taken for a line of its own; after that every line is."""


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


def command_lines(text: str) -> Iterator[CommandLine]:
    """The command lines of a text, those that are blank or a comment left out.

    A line whose quotes or brackets never end, where no shell would go on, is taken for itself, and so is what follows.
    """
    reader = _Reader(text)
    while reader.here < len(text):
        if found := reader.next():
            yield found


class _Reader:
    """Reads one command line after the other."""

    def __init__(self, text: str) -> None:
        self._text = text
        self.here, self._line = 0, 1
        self._limit = len(text)
        self._stack: list[str] = []
        self._expects = "command"
        self._body_awaited = False
        self._restarts = 0

    def next(self) -> CommandLine | None:
        """The command line that begins here; None when there is nothing in it."""
        begin = (self.here, self._line, list(self._stack), self._expects, self._body_awaited)
        self._limit = len(self._text)
        if self._restarts < _RESTARTS:
            try:
                return self._command_line()
            except Unfinished:
                self._restarts += 1
                self.here, self._line, self._stack, self._expects, self._body_awaited = begin
        line_end = self._text.find("\n", self.here)
        self._limit = len(self._text) if line_end < 0 else line_end + 1
        try:
            return self._command_line()
        except Unfinished:
            start, line = begin[0], begin[1]
            self.here, self._line = self._limit, line + 1
            end = self._limit - (line_end >= 0)
            part = Part(start, end, ":", heredoc=False, command=True)
            return CommandLine(line, line, start, end, end, (part,), (), whole=True, instead=self._in_its_place())

    def _command_line(self) -> CommandLine | None:
        text, limit = self._text, self._limit
        start, line, depth, instead = self.here, self._line, len(self._stack), self._in_its_place()
        self._whole = not self._body_awaited and self._expects == "command"
        self._depth = depth
        self._parts: list[Part] = []
        self._part: int | None = None
        self._part_end = start
        self._negated = self._has_heredoc = self._header = False
        heredocs: list[tuple[str, bool]] = []
        given: list[tuple[int, int]] = []
        code_end, last, anything = start, "", False
        while self.here < limit:
            token = _TOKEN.match(text, self.here, limit)
            kind = token.lastgroup if token else "word"
            if token and kind in ("blank", "comment"):
                self.here = token.end()
                continue
            if token and kind == "newline":
                self.here = token.end()
                self._newline()
                given += self._heredocs(heredocs)
                heredocs.clear()
                if last in _GOES_ON and self._expects != "pattern":
                    continue
                break
            anything = True
            if token and kind == "heredoc":
                delimiter_start = self._begin_part(token.end())
                end = word_end(text, delimiter_start, limit)
                heredocs.append((re.sub(r"[\\'\"]", "", text[delimiter_start:end]), token[0] == "<<-"))
                self.here, self._has_heredoc = end, True
            elif token and kind == "redirection":
                target = self._begin_part(token.end())
                self.here = word_end(text, target, limit)
            elif token:
                self._operator(token[0])
            else:
                self._word()
            last = token[0] if token and kind == "operator" else ""
            if self._part is not None:
                self._part_end = self.here
            code_end = self.here
        self._end_part()
        end = self.here - (self.here > start and text[self.here - 1] == "\n")
        self._line += text.count("\n", start, self.here)
        if not anything:
            return None
        whole = self._whole and len(self._stack) == depth and self._expects == "command" and not self._body_awaited
        last_line = line + text.count("\n", start, end)
        return CommandLine(line, last_line, start, end, code_end, tuple(self._parts), tuple(given), whole, instead)

    def _in_its_place(self) -> str | None:
        """What has to stand for a whole line: a body may not be empty, and what ``while`` asks has to fail."""
        if not self._stack:
            return None
        return "false" if self._stack[-1] in ("if?", "while?") else ":"

    def _begin_part(self, here: int) -> int:
        """A redirection begins or goes on with a part; where its word stands."""
        if self._part is None:
            self._part = self.here
        blank = _BLANK.match(self._text, here, self._limit)
        return blank.end() if blank else here

    def _end_part(self) -> None:
        if self._part is not None:
            command = not self._header and self._expects not in ("case", "after")
            self._parts.append(Part(self._part, self._part_end, self._instead(), self._has_heredoc, command))
        self._part, self._has_heredoc, self._header = None, False, False

    def _instead(self) -> str:
        if self._header:
            return ""
        if self._expects == "after":
            return "</dev/null"
        where = self._stack[-1] if self._stack else ""
        fails = where in ("if?", "while?")
        if where in ("if?", "while?", "until?") and self._negated:
            fails = not fails
        return "false" if fails else ":"

    def _newline(self) -> None:
        self._end_part()
        self._negated = False
        if self._expects in ("argument", "after", "header"):
            self._expects = "command"

    def _heredocs(self, heredocs: list[tuple[str, bool]]) -> Iterator[tuple[int, int]]:
        text = self._text
        for delimiter, tabs in heredocs:
            begin = self.here
            while self.here < self._limit:
                end = text.find("\n", self.here, self._limit)
                end = self._limit if end < 0 else end
                row = text[self.here : end].removesuffix("\r")
                self.here = min(end + 1, self._limit)
                if (row.lstrip("\t") if tabs else row) == delimiter:
                    break
            yield begin, self.here

    def _operator(self, operator: str) -> None:
        if self._expects == "pattern":
            if operator == ")":
                self._expects = "command"
            self.here += len(operator)
            self._whole = False
        elif operator == "(" and self._expects == "command" and self._part is None:
            if arithmetic := _ARITHMETIC.match(self._text, self.here, self._limit):
                self._part, self.here, self._expects = self.here, arithmetic.end(), "argument"
                return
            self._open("(")
            self.here += 1
        elif operator == "(":
            self.here = group_end(self._text, self.here + 1, self._limit)
        else:
            self._end_part()
            self.here += len(operator)
            if operator == ")":
                self._close(("(",))
                self._expects = "after"
            elif operator in _CASE_ENDS and self._stack[-1:] == ["case"]:
                self._whole, self._expects = False, "pattern"
            else:
                self._expects = "command"
            if operator not in ("|", "|&"):
                self._negated = False

    def _word(self) -> None:
        start = self.here
        self.here = word_end(self._text, start, self._limit)
        word = self._text[start : self.here]
        if self._expects == "pattern":
            if word == "esac":
                self._close(("case",))
                self._expects = "after"
            self._whole = False
        elif self._expects == "case":
            if word == "in":
                self._end_part()
                self._expects = "pattern"
            elif self._part is None:
                self._part = start
        elif self._expects == "header":
            if word == "do" and self._part is None:
                self._reserved(word)
            elif word == "in" and not self._header:
                self._header = True
            elif self._header and self._part is None:
                self._part = start
        elif self._expects == "function":
            self._function(self.here)
        elif self._part is not None or not self._reserved(word):
            self._simple(start, word)

    def _simple(self, start: int, word: str) -> None:
        self._body_awaited = False
        if self._part is None and self._expects == "command":
            if function := _FUNCTION.match(self._text, self.here, self._limit):
                self._function(function.end())
                return
            if word == "[[" and (
                end := _TEST_END.search(self._text, self.here, min(self._limit, self.here + _TEST_LIMIT))
            ):
                self._part, self.here, self._expects = start, end.end(), "argument"
                return
        if self._part is None:
            self._part = start
        if self._expects == "command" and not _ASSIGNMENT.match(word):
            self._expects = "argument"

    def _function(self, end: int) -> None:
        if function := _FUNCTION.match(self._text, end, self._limit):
            end = function.end()
        self.here, self._expects, self._body_awaited = end, "command", True

    def _reserved(self, word: str) -> bool:
        """Whether a word where a command begins, or behind a compound one, is the shell's own."""
        if self._expects == "argument" or (self._expects == "after" and word not in _BEHIND):
            return False
        if word in _OPENS:
            self._open(_OPENS[word])
        elif word in ("for", "select"):
            self._open("loop")
            self._expects = "header"
            if loop := _ARITHMETIC_LOOP.match(self._text, self.here, self._limit):
                self.here, self._expects = loop.end(), "after"
        elif word == "case":
            self._open("case")
            self._expects = "case"
        elif word == "function":
            self._expects = "function"
        elif word in _CLOSES:
            self._close(_CLOSES[word])
            self._expects = "after"
        elif word in _GOES_ON_INSIDE and self._stack:
            self._whole = self._whole and len(self._stack) > self._depth
            self._stack[-1], self._expects = _GOES_ON_INSIDE[word], "command"
        elif word in _PREFIXES:
            self._negated = self._negated != (word == "!")
        else:
            return False
        return True

    def _open(self, compound: str) -> None:
        if len(self._stack) < _DEPTH_LIMIT:
            self._stack.append(compound)
        self._body_awaited = False

    def _close(self, opened: tuple[str, ...]) -> None:
        if self._stack and self._stack[-1] in opened:
            self._whole = self._whole and len(self._stack) > self._depth
            self._stack.pop()
        else:
            self._whole = False
