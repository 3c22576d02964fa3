"""Shell text spelled so that nobody finds what it says, spelled out.  Pure; never raises.

Source: bash(1), QUOTING, brace and parameter expansion; the obfuscated one-liners of droppers.
"""

from __future__ import annotations

import re
from typing import Final

_VALUES_LIMIT: Final = 32
"""Variables whose values are put in, of one text."""
_VALUE_LIMIT: Final = 1024
_TEXT_LIMIT: Final = 64 << 10

_ANSI: Final = re.compile(r"\$'((?:\\x[0-9a-fA-F]{2}|\\[0-3][0-7]{2}|[\w./:-]){2,256})'")
_ESCAPE: Final = re.compile(r"\\(?:x([0-9a-fA-F]{2})|([0-3][0-7]{2}))")
_EMPTY: Final = re.compile(r"(?<=[\w/.])(?:''|\"\")(?=[\w/.])")
_SLASHED: Final = re.compile(r"(?<=[a-z])\\(?=[a-z])|(?<![\w\\\"'])\\(?=(?:curl|wget|ba|sh)\b)")
_BLANK: Final = re.compile(r"\$\{IFS(?:%\?\?)?\}|\$IFS(?:\$9)?(?!\w)")
_BRACES: Final = re.compile(r"(^|[;|&(\n\"']|\bsudo)([ \t]*)\{([\w./-]{2,40}(?:,[^\s{},]{1,512}){1,16})\}")
_PATTERN: Final = re.compile(r"/[?*a-z]{1,4}r?/[?*a-z]{2,4}/(?=[a-z?*]{2,8}\b)[a-z]?[?*a-z]{1,7}")
_TOOLS: Final = ("/usr/bin/curl", "/usr/bin/wget", "/usr/bin/bash", "/usr/bin/base64")
_QUOTED: Final = re.compile(r"(?<![^\s;|&(])([\"'])([^\s\"';|&<>()$`]{1,512})\1(?=[\s;|&)]|$)")
_ASSIGNED: Final = re.compile(
    r"(?:^|[;&|\n]|\b(?:export|readonly|local|declare))[ \t]*([A-Za-z_]\w{0,31})="
    r"(?:\"([^\"$`\n]{1,1024})\"|'([^'\n]{1,1024})'|([^\s\"'$`;&|()<>]{1,1024}))(?=[;&|\s]|$)"
)
_NAMED: Final = re.compile(r"\$(?:\{([A-Za-z_]\w{0,31})\}|([A-Za-z_]\w{0,31}))")


def spelled_out(text: str) -> str:
    """A command without what only hides its words: empty quotes, escaped letters, ``$IFS``, braces, patterns."""
    text = _ANSI.sub(lambda quoted: _ESCAPE.sub(_character, quoted[1]), text[:_TEXT_LIMIT])
    text = _SLASHED.sub("", _EMPTY.sub("", text))
    text = _BRACES.sub(lambda braces: f"{braces[1]}{braces[2]}{braces[3].replace(',', ' ')}", _BLANK.sub(" ", text))
    return _PATTERN.sub(_tool, text)


def unquoted(text: str) -> str:
    """A command without the quotes around words that need none."""
    return _QUOTED.sub(lambda quoted: quoted[2], text[:_TEXT_LIMIT])


def values_put_in(text: str) -> str:
    """A text with the values of those variables that it sets itself to a plain text."""
    values: dict[str, str] = {}
    for assigned in _ASSIGNED.finditer(text, 0, _TEXT_LIMIT):
        if len(values) == _VALUES_LIMIT:
            break
        value = next(each for each in assigned.groups()[1:] if each is not None)
        values[assigned[1]] = value[:_VALUE_LIMIT]
    return _put_in(text, values) if values else text


def _put_in(text: str, values: dict[str, str]) -> str:
    found: list[str] = []
    length = end = 0
    for named in _NAMED.finditer(text):
        value = values.get(named[1] or named[2], named[0])
        found += (text[end : named.start()], value)
        length += named.start() - end + len(value)
        end = named.end()
        if length > _TEXT_LIMIT:
            return "".join(found)
    return "".join((*found, text[end:]))


def _character(escape: re.Match[str]) -> str:
    return chr(int(escape[1], 16) if escape[1] else int(escape[2], 8))


def _tool(pattern: re.Match[str]) -> str:
    """The tool that a pattern of a path is to find; the pattern itself where it is none's."""
    if not re.search(r"[?*]", pattern[0]):
        return pattern[0]
    expression = re.compile(re.escape(pattern[0]).replace(r"\?", "[a-z]").replace(r"\*", "[a-z0-9]*"))
    return next((tool for tool in _TOOLS if expression.fullmatch(tool)), pattern[0])
