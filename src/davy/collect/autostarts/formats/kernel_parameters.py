"""Programs that a kernel's command line starts: ``init=/usr/bin/x``, ``systemd.run="/usr/bin/x --y"``.

Source: the kernel's admin-guide/kernel-parameters, systemd-run-generator(8).
"""

from __future__ import annotations

import re
from typing import Final

_STARTING: Final = re.compile(
    r"""(?<![^\s"'=]) (?: (?:rd)?init=([^\s"']+) | systemd\.run=(?:"([^"\n]*)"|([^\s"']+)) ) [ \t]*""", re.VERBOSE
)


def started_by(text: str) -> str:
    """What a command line starts beside what it usually would; nothing where it names no program."""
    found = (next(filter(None, match.groups()), "") for match in _STARTING.finditer(text))
    return "; ".join(filter(None, found))


def without_started(text: str) -> str:
    """The command line without them."""
    return _STARTING.sub("", text)
