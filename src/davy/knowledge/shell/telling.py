"""The lines of a script by which it fetches, decodes, hides or mines: those worth keeping of a long text.  Pure."""

from __future__ import annotations

import re
from typing import Final

from davy.knowledge.shell.spelling import spelled_out, values_put_in

_TELLING: Final = re.compile(
    r"""
      \b(?:curl|wget|lynx|aria2c|get|lwp-\w+)\b[^\n]*(?:\||/tmp|/dev/shm|chmod|\d\.\d{1,3}\.\d|\$\(|`)
    | \b(?:tnt(?:curl|wget)|[cw]d[1t]|[cw]dt1|cur|url|2?curl_|2?wget_|2curl|2wget)\b
    | \bcp\b[^\n]*\brm\b
    | \bbase(?:64|32)\b | \bxxd\b | b64decode | base64_decode | decode_base64 | \\x[0-9a-fA-F]{2}\\x
    | \b(?:exec|eval|source)\b[^\n]*(?:\$\(|`|<\(|\() | (?:<\(|\$\(|`)[ \t]*(?:curl|wget)
    | /dev/(?:tcp|udp)/ | \.onion\b | pastebin | \bnc(?:at)?\b[^\n]*-\w*[ec]
    | /(?:tmp|var/tmp|dev/shm|dev/mqueue|run/user/\d+)/ | ld\.so\.preload | LD_PRELOAD | authorized_keys
    | \bchattr\b | \b(?:pgrep|pidof)\b | stratum | --donate-level | --coin\b | --algo\b
    | \|[ \t]*(?:\S*/)?(?:ba|da|z|k)?sh\b | \b(?:socat|telnet|s_client|gs-netcat)\b | /inet/(?:tcp|udp)/
    | \b(?:socket\.socket|create_connection|fsockopen|TCPSocket|sockaddr_in|IO::Socket|socket\.tcp)\b
    | \bexec[ \t]+(?:-[cl][ \t]+){0,2}-a\b
    | \b(?:docker|podman|nerdctl)\b[^\n]*\brun\b | \b(?:tftp|ftpget|urlretrieve|getstore)\b
    | \b(?:rev|decode_base64|file_get_contents)\b | https?://[^\n]*\b(?:chmod|sh)\b
    | /\[[^\]\s]{2,60}\] | proc(?:ess)?[_-]?hider | \bREDIS00 | \bredis-(?:ver|bits)\b
    | (?:^|[\s"'=(;&|])(?:~|\$HOME|\$\{HOME\}|/[\w./-]*)?/\.[\w-]
    """,
    re.VERBOSE,
)
_CONTINUED: Final = re.compile(r"\\\n[ \t]*")
_LINE_LIMIT: Final = 2048
LINES_LIMIT: Final = 64
"""Lines that are kept of one script."""


def telling_lines(text: str, limit: int) -> str:
    """Those lines of a script, joined where they are continued, with the values that it sets itself, without comments.

    At most ``limit`` characters in `LINES_LIMIT` lines.
    """
    found: list[str] = []
    left = limit
    for line in values_put_in(_CONTINUED.sub("", text)).split("\n"):
        stripped = line.strip()[:_LINE_LIMIT]
        if stripped and stripped[0] != "#" and (_TELLING.search(stripped) or _TELLING.search(spelled_out(stripped))):
            left -= len(stripped) + 1
            if left < 0 or len(found) == LINES_LIMIT:
                break
            found.append(stripped)
    return "\n".join(found)
