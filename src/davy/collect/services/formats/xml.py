"""XML without a parser that expands entities: elements as ``a.b.c``, their attributes as ``a.b.c@name``.

Of ``<Connector port="8080"/>`` below ``<Server><Service>`` the key is ``Server.Service.Connector@port``.  Hadoop's
files are told by their properties: ``<property><name>key</name><value>value</value></property>``.

Source: w3.org/TR/xml; hadoop.apache.org (Configuration).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from davy.collect.services.formats.pairs import DEPTH_LIMIT, LINE_CHARACTERS, Pair

_MARKUP: Final = re.compile(
    r"""<!--.*?(?:-->|\Z)|<!\[CDATA\[(?P<data>.*?)(?:\]\]>|\Z)|<[?!][^>]{0,4096}>?
    |<(?P<end>/?)(?P<name>[^\s<>/!?]{1,200}+)(?P<rest>[^<>]{0,8192}+)>""",
    re.DOTALL | re.VERBOSE,
)
_ATTRIBUTE: Final = re.compile(r"""(?<![^\s/"'])([^\s=/"'<>]{1,200}+)\s*+=\s*+(?:"([^"]*+)"|'([^']*+)')""")
_ENTITY: Final = re.compile(r"&(amp|lt|gt|quot|apos);")
_MEANING: Final = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}


def xml(text: str) -> Iterator[Pair]:
    """The attributes and texts in their order; an element with neither text nor children has an empty value."""
    path: list[str] = []
    content, line, last, empty = "", 1, 0, False
    for markup in _MARKUP.finditer(text):
        content += text[last : markup.start()] if len(content) < LINE_CHARACTERS else ""
        line += text.count("\n", last, markup.start())
        here, last = line, markup.end()
        line += markup[0].count("\n")
        if markup["data"] is not None:
            content += markup["data"]
        elif markup["end"]:
            if markup["name"] in path[-1:]:
                if content.strip() or empty:
                    yield Pair(".".join(path), _plain(content), here)
                path.pop()
            content, empty = "", False
        elif markup["name"]:
            if len(path) >= DEPTH_LIMIT:
                return
            path.append(markup["name"])
            key = ".".join(path)
            for name, double, single in _ATTRIBUTE.findall(markup["rest"]):
                yield Pair(f"{key}@{name}", _plain(double or single), here)
            content, empty = "", True
            if markup["rest"].endswith("/"):
                path.pop()
                empty = False


def hadoop(text: str) -> Iterator[Pair]:
    """The properties in their order, by their names."""
    name: str | None = None
    for pair in xml(text):
        if pair.key.endswith("property.name"):
            name = pair.value
        elif pair.key.endswith("property.value") and name is not None:
            yield Pair(name, pair.value, pair.line)
            name = None


def _plain(text: str) -> str:
    return _ENTITY.sub(lambda found: _MEANING[found[1]], text.strip()[:LINE_CHARACTERS])
