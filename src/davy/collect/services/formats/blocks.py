"""Blocks in braces: nginx.conf (``http { server { listen 80; } }``), nats-server.conf (``authorization { token: x }``).

Of the first the key is ``http.server.listen`` and what a block is called besides (``location /``) is left out; of the
second it is ``authorization.token``.

Source: nginx.org/en/docs/beginners_guide, docs.nats.io (configuration).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from davy.collect.services.formats.pairs import DEPTH_LIMIT, LINE_CHARACTERS, Pair, bare

_NGINX: Final = re.compile(
    r"""(?P<space>\s+|\#[^\n]*)|(?P<word>"(?:[^"\\]|\\.)*+"?|'(?:[^'\\]|\\.)*+'?|[{};]|(?:\$\{|[^\s{};\\]|\\.)+|.)""",
    re.DOTALL,
)
_NATS: Final = re.compile(
    r"""(?P<space>[ \t\r\f\0]+|\#[^\n]*|//[^\n]*)
    |(?P<word>"(?:[^"\\]|\\.)*+"?|'[^']*+'?|\n|[{}\[\],;]|[:=](?=[\s\["'{]|$)
    |(?:[^\s{}\[\],;:=\#"']|[:=](?![\s\["'{])|\#)+|.)""",
    re.DOTALL | re.VERBOSE,
)


def nginx(text: str) -> Iterator[Pair]:
    """The directives in their order; their words with one blank between."""
    path: list[str] = []
    words: list[str] = []
    line = first = 1
    for token in _NGINX.finditer(text.replace("\0", " ")):
        start, line = line, line + token[0].count("\n")
        word = token["word"]
        if word is None:
            continue
        if word == "{":
            if len(path) >= DEPTH_LIMIT:
                return
            path.append(words[0] if words else "")
            words = []
        elif word == "}":
            words = []
            if path:
                path.pop()
        elif word == ";":
            if words:
                yield Pair(".".join([*path, words[0]]), " ".join(words[1:])[:LINE_CHARACTERS], first)
            words = []
        else:
            if not words:
                first = start
            words.append(bare(word) if word[0] in "\"'" else word)


def nats(text: str) -> Iterator[Pair]:
    """The values in their order; ``key.0``, ``key.1`` of a list."""
    path: list[str] = []
    counts: list[int | None] = [None]
    words: list[tuple[str, int]] = []
    line = 1

    def said() -> Iterator[Pair]:
        count = counts[-1]
        if count is not None and words:
            counts[-1] = count + 1
            yield Pair(".".join([*path, str(count)]), " ".join(word for word, _ in words), words[0][1])
        elif words:
            value = " ".join(word for word, _ in words[1:])
            yield Pair(".".join([*path, words[0][0]]), value[:LINE_CHARACTERS], words[0][1])
        words.clear()

    for token in _NATS.finditer(text):
        start, line = line, line + token[0].count("\n")
        word = token["word"]
        if word is None or word in (":", "="):
            continue
        if word in ("{", "["):
            if len(path) >= DEPTH_LIMIT:
                return
            count = counts[-1]
            if count is not None:
                counts[-1] = count + 1
            path.append(str(count) if count is not None else words[0][0] if words else "")
            counts.append(None if word == "{" else 0)
            words.clear()
        elif word in ("}", "]"):
            yield from said()
            if path:
                path.pop()
                counts.pop()
        elif word in ("\n", ",", ";"):
            yield from said()
        else:
            words.append((bare(word) if word[0] in "\"'" else word, start))
    yield from said()
