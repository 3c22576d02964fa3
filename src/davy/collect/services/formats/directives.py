"""``key value`` by the line: redis.conf, mosquitto.conf, sshd_config.

Of ``bind 127.0.0.1 -::1`` the key is ``bind``.  What stands below sshd's ``Match`` holds for some connections only:
below ``Match User git`` the key of ``PasswordAuthentication yes`` is ``Match.PasswordAuthentication``.

Source: redis.io (redis.conf), mosquitto.conf(5), sshd_config(5).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from davy.collect.services.formats.pairs import Pair, bare, numbered

_DIRECTIVE: Final = re.compile(r"\s*([A-Za-z_][\w.-]*)(?:\s*=\s*|\s+|$)(.*)")


def directives(text: str) -> Iterator[Pair]:
    """The directives in their order; lines of another shape are passed over."""
    within = ""
    for number, line in numbered(text, "#"):
        found = _DIRECTIVE.match(line)
        if found is None:
            continue
        key, value = found[1], bare(found[2])
        if key.casefold() == "match":
            within = "" if value.casefold() == "all" else "Match."
        else:
            yield Pair(within + key, value, number)
