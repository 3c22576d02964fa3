"""The languages of configuration files: a text comes in, its settings go out, each with its key, value and line.

A reader is pure, never raises, and looks at no more than so many characters of a line and so many settings of a file.
What a file includes is a setting like any other here; `davy.collect.services.configuration` follows it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Final

from davy.collect.services.formats.apache import apache
from davy.collect.services.formats.blocks import nats, nginx
from davy.collect.services.formats.directives import directives
from davy.collect.services.formats.erlang import erlang
from davy.collect.services.formats.ini import ini
from davy.collect.services.formats.json_text import json_pairs
from davy.collect.services.formats.pairs import PAIRS_LIMIT, Pair
from davy.collect.services.formats.postgresql import hba, postgresql
from davy.collect.services.formats.properties import properties
from davy.collect.services.formats.python_text import python
from davy.collect.services.formats.toml import toml
from davy.collect.services.formats.unit import unit
from davy.collect.services.formats.xml import hadoop, xml
from davy.collect.services.formats.yaml import yaml
from davy.knowledge.services import ConfigFormat

__all__ = ["CASELESS", "INCLUDES", "READERS", "Pair", "pairs"]


def text_whole(text: str) -> Iterator[Pair]:
    """The whole text as one value without a key, for expressions to search."""
    yield Pair("", text, 1)


READERS: Final[Mapping[ConfigFormat, Callable[[str], Iterator[Pair]]]] = {
    ConfigFormat.DIRECTIVES: directives,
    ConfigFormat.PROPERTIES: properties,
    ConfigFormat.INI: ini,
    ConfigFormat.POSTGRESQL: postgresql,
    ConfigFormat.HBA: hba,
    ConfigFormat.YAML: yaml,
    ConfigFormat.JSON: json_pairs,
    ConfigFormat.TOML: toml,
    ConfigFormat.HADOOP: hadoop,
    ConfigFormat.XML: xml,
    ConfigFormat.NGINX: nginx,
    ConfigFormat.APACHE: apache,
    ConfigFormat.PYTHON: python,
    ConfigFormat.ERLANG: erlang,
    ConfigFormat.NATS: nats,
    ConfigFormat.UNIT: unit,
    ConfigFormat.COMPOSE: yaml,
    ConfigFormat.TEXT: text_whole,
}
CASELESS: Final = frozenset({
    ConfigFormat.DIRECTIVES, ConfigFormat.POSTGRESQL, ConfigFormat.APACHE, ConfigFormat.NATS, ConfigFormat.INI,
})  # fmt: skip
"""In which the case of a key does not count."""
INCLUDES: Final[Mapping[ConfigFormat, Mapping[str, str]]] = {
    ConfigFormat.DIRECTIVES: {"include": "", "include_dir": "*.conf"},
    ConfigFormat.INI: {"include": "", "!include": "", "!includedir": "*.cnf"},
    ConfigFormat.POSTGRESQL: {"include": "", "include_if_exists": "", "include_dir": "*.conf"},
    ConfigFormat.HBA: {"include": "", "include_if_exists": "", "include_dir": "*.conf"},
    ConfigFormat.NGINX: {"include": ""},
    ConfigFormat.APACHE: {"include": "", "includeoptional": ""},
    ConfigFormat.NATS: {"include": ""},
}
"""The last words of keys that include other files; of those that name a folder, which files of it."""


def pairs(format_: ConfigFormat, text: str) -> Iterator[Pair]:
    """The settings of a text, in their order."""
    return islice(READERS[format_](text), PAIRS_LIMIT)
