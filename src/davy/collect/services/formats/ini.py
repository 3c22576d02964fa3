"""``[section]`` and ``key = value``: php-fpm's pools, my.cnf, qBittorrent.conf.

Below ``[mysqld]`` the key of ``bind-address = 127.0.0.1`` is ``mysqld.bind-address``; a key that stands alone
(``skip-networking``) has the value ``1``.  ``!includedir`` is a key without a section.

Source: php.net (install.fpm.configuration), dev.mysql.com (option files).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from davy.collect.services.formats.pairs import Pair, bare, numbered

_SECTION: Final = re.compile(r"\s*\[\s*([^\]]*?)\s*\]")
_INCLUDE: Final = re.compile(r"\s*(!include(?:dir)?)\s+(\S.*)")
_OPTION: Final = re.compile(r"\s*([^\s#;=\[!][^=]{0,200}?)\s*(?:=\s*(.*))?$")
_COMMENT: Final = re.compile(r"[ \t];")


def ini(text: str) -> Iterator[Pair]:
    """The options in their order."""
    section = ""
    for number, line in numbered(text, "#;"):
        if found := _SECTION.match(line):
            section = f"{found[1]}." if found[1] else ""
        elif found := _INCLUDE.match(line):
            yield Pair(found[1], bare(found[2]), number)
        elif found := _OPTION.match(line):
            value = found[2]
            if value is None:
                yield Pair(section + found[1], "1", number)
            else:
                quoted = value[:1] in ("'", '"')
                yield Pair(section + found[1], bare(value if quoted else _COMMENT.split(value, 1)[0]), number)
