"""Erlang's terms, as far as plain values go: rabbitmq.config.

Of ``[{rabbit, [{tcp_listeners, [{"127.0.0.1", 5672}]}, {loopback_users, []}]}].`` the keys are
``rabbit.tcp_listeners.0`` with the value ``127.0.0.1:5672`` and ``rabbit.loopback_users`` with an empty one.

Source: rabbitmq.com/docs/configure (the classic format), erlang.org (terms).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from davy.collect.services.formats.pairs import DEPTH_LIMIT, LINE_CHARACTERS, Pair

_TOKEN: Final = re.compile(
    r"""(?P<space>[\s\0]+|%[^\n]*)|(?P<text>(?:<<)?"(?:[^"\\]|\\.)*+(?:"(?:>>)?)?|'(?:[^'\\]|\\.)*+'?)
    |[\[\]{},]|(?P<word>[^\s\[\]{},"'%]+)|.""",
    re.DOTALL | re.VERBOSE,
)


class _Open(NamedTuple):
    """A list or a tuple that is not closed yet."""

    mark: str
    key: str
    words: list[str]
    line: int


def erlang(text: str) -> Iterator[Pair]:
    """The plain values in their order."""
    opened: list[_Open] = []
    line = 1
    for token in _TOKEN.finditer(text):
        start, word = line, token[0]
        line += word.count("\n")
        if token["space"]:
            continue
        if word in ("[", "{"):
            if len(opened) >= DEPTH_LIMIT:
                return
            opened.append(_Open(word, _key(opened), [], start))
        elif word in ("]", "}"):
            if opened:
                yield from _closed(opened)
        elif (token["text"] or token["word"]) and opened:
            opened[-1].words.append(_plain(word))


def _key(opened: list[_Open]) -> str:
    """The key of what opens now: by the atom that its tuple begins with."""
    if not opened:
        return ""
    last = opened[-1]
    if last.mark == "{" and last.words:
        return f"{last.key}.{last.words[0]}" if last.key else last.words[0]
    return last.key


def _closed(opened: list[_Open]) -> Iterator[Pair]:
    mark, key, words, line = opened.pop()
    outer = opened[-1] if opened else None
    if mark == "[":
        if outer is not None and outer.mark == "{" and not words and "\0" not in outer.words:
            yield Pair(key, "", line)
        yield from (Pair(f"{key}.{index}", word, line) for index, word in enumerate(words) if word != "\0")
    elif len(words) == 2 and "\0" not in words:
        if outer is not None and _address(words):
            outer.words.append(":".join(words))
            return
        yield Pair(f"{key}.{words[0]}" if key else words[0], words[1][:LINE_CHARACTERS], line)
    if outer is not None and mark == "{":
        outer.words.append("\0")


def _address(words: list[str]) -> bool:
    return words[1].isdigit() and not re.fullmatch(r"[a-z]\w*", words[0])


def _plain(word: str) -> str:
    word = word.removeprefix("<<").removesuffix(">>")
    return word[1:].removesuffix(word[0]) if word[:1] in ("'", '"') else word
