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
_COMMENT: Final = re.compile(r"[ \t];")


def ini(text: str) -> Iterator[Pair]:
    """The options in their order."""
    section = ""
    for number, line in numbered(text, "#;"):
        if found := _SECTION.match(line):
            section = f"{found[1]}." if found[1] else ""
        elif found := _INCLUDE.match(line):
            yield Pair(found[1], bare(found[2]), number)
        elif line.lstrip()[:1] not in ("#", ";", "=", "[", "!", ""):
            key, equals, value = (part.strip() for part in line.partition("="))
            if not equals:
                key, value = _COMMENT.split(key, maxsplit=1)[0], "1"
            elif value[:1] not in ("'", '"'):
                value = _COMMENT.split(value, maxsplit=1)[0]
            yield Pair(section + key, bare(value), number)
