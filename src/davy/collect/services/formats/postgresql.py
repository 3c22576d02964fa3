"""PostgreSQL's own two: ``listen_addresses = '*'`` of postgresql.conf, and the lines of pg_hba.conf.

A line ``host  all  all  0.0.0.0/0  trust`` of pg_hba.conf is a value of the key ``hba``, with one blank between its
words and without its comment.

Source: postgresql.org/docs (config-setting, auth-pg-hba-conf).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from davy.collect.autostarts.formats.server_settings import unquoted
from davy.collect.services.formats.pairs import LINE_CHARACTERS, Pair, numbered

_SETTING: Final = re.compile(r"\s*([A-Za-z_][\w.$]*)(?:\s*=\s*|\s+)(.+)")
_WORD: Final = re.compile(r'"[^"]*"|[^\s#",]+|,|#')
_INCLUDE: Final = re.compile(r"include(?:_if_exists|_dir)?")


def postgresql(text: str) -> Iterator[Pair]:
    """The settings in their order, without quotes."""
    for number, line in numbered(text, "#"):
        if found := _SETTING.match(line):
            yield Pair(found[1], unquoted(found[2]), number)


def hba(text: str) -> Iterator[Pair]:
    """The lines in their order, of which the first that fits a connection decides."""
    begun, first = "", 0
    for number, line in numbered(text):
        begun, first = (f"{begun} {line}", first) if begun else (line, number)
        if begun.endswith("\\") and len(begun) < LINE_CHARACTERS:
            begun = begun[:-1]
            continue
        words: list[str] = []
        for word in _WORD.findall(begun):
            if word == "#":
                break
            if words and (word == "," or words[-1].endswith(",")):
                words[-1] += word
            else:
                words.append(word)
        begun = ""
        if len(words) == 2 and _INCLUDE.fullmatch(words[0]):
            yield Pair(words[0], words[1].strip('"'), first)
        elif words:
            yield Pair("hba", " ".join(words), first)
