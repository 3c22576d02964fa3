r"""Programs that udev runs, and units that it has systemd start, as devices come and go.

A rule: ``ACTION=="add", SUBSYSTEM=="net", RUN+="/usr/lib/udev/net-helper %k"``; a backslash at the end goes on.  What
runs for long is a unit: ``TAG+="systemd", ENV{SYSTEMD_WANTS}+="backup.service"``.
Source: udev(7), systemd.device(5), udev-rules.c of systemd (how values are quoted, and that a NUL ends a line).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from davy.collect.autostarts.reading import Entry, Files, Row, rows
from davy.collect.commands import programs_of
from davy.host import Host
from davy.model.autostarts import Autostart, AutostartKind
from davy.model.facts import Gap

_RULES: Final = tuple(
    f"{folder}/udev/rules.d/*.rules" for folder in ("/etc", "/run", "/usr/local/lib", "/usr/lib", "/lib")
)
_HELPERS: Final = "/usr/lib/udev"
"""Where a program without a path is looked for."""

_TOKEN: Final = re.compile(
    r"""(?P<key>[A-Z_]+) (?: \{ (?P<attribute>[^}"]*) \} )? [ \t]* (?P<operator>==|!=|[+:-]?=) [ \t]*
    (?: (?:ie?)?"(?P<value>(?:\\"|[^"])*)" | e i?"(?P<escaped>(?:\\.|[^"\\])*)" ) [ \t]*,?[ \t]*""",
    re.VERBOSE | re.DOTALL,
)
_RUNNING: Final = re.compile(r"RUN|PROGRAM|IMPORT\{program\}|SYSTEMD_(?:USER_)?WANTS")
_WANTS: Final = frozenset({"SYSTEMD_WANTS", "SYSTEMD_USER_WANTS"})
_ASSIGNMENTS: Final = frozenset({"=", "+=", ":=", "-="})


def _runs(token: re.Match[str]) -> bool:
    """Whether a token of a rule runs a program, or has one run: udev's own builtins do not."""
    key, attribute = token["key"], token["attribute"]
    if key == "ENV":
        return _wants(token)
    return key == "PROGRAM" or (key == "RUN" and attribute != "builtin") or (key == "IMPORT" and attribute == "program")


def _wants(token: re.Match[str]) -> bool:
    """Whether it has systemd start units."""
    return token["attribute"] in _WANTS and token["operator"] in _ASSIGNMENTS


def _value(token: re.Match[str]) -> str:
    if token["escaped"] is not None:
        return token["escaped"].encode("ascii", "backslashreplace").decode("unicode_escape", "replace")
    return (token["value"] or "").replace('\\"', '"')


def udev_entries(content: str) -> Iterator[Entry]:
    """The rules that run a program or start a unit, one entry for each; ``remains`` is what else a rule does or is."""
    if not _RUNNING.search(content):
        return
    for row in rows(content, continued=True, comments="#"):
        rules = [part for part in row.whole.split("\0") if not part.lstrip().startswith("#")]
        tokens = [token for rule in rules for token in _TOKEN.finditer(rule)]
        if running := [token for token in tokens if _runs(token)]:
            yield _rule(row, tokens, running)


def _rule(row: Row, tokens: list[re.Match[str]], running: list[re.Match[str]]) -> Entry:
    valued = [(token, value) for token in running if (value := _value(token).strip())]
    programs = (program for token, command in valued if not _wants(token) for program in _programs(command))
    units = [unit for token, value in valued if _wants(token) for unit in value.split()]
    return row.entry(
        "; ".join(value for _, value in valued), _schedule(tokens, running), programs=tuple(dict.fromkeys(programs)),
        activates=units[0] if units else None,
        remains=None if "\0" in row.whole else _remains(tokens, running),
    )  # fmt: skip


def _schedule(tokens: list[re.Match[str]], running: list[re.Match[str]]) -> str:
    keys = "/".join(dict.fromkeys("unit" if _wants(token) else token["key"] for token in running))
    actions = [
        ("!" if token["operator"] == "!=" else "") + _value(token) for token in tokens if token["key"] == "ACTION"
    ]
    return f"{keys} on {' and '.join(actions) or 'every event'}"


def _programs(command: str) -> tuple[str, ...]:
    """What a command runs; udev, and no shell, cuts it into words, and knows programs of its own."""
    first = command.split(maxsplit=1)[0]
    return programs_of(command if "/" in first else f"{_HELPERS}/{command}")


def _remains(tokens: list[re.Match[str]], running: list[re.Match[str]]) -> str | None:
    """The rule without what it runs, where it sets something else; its label, which others may jump to.

    A rule that asks a program whether it applies (``PROGRAM``, ``IMPORT{program}``) has no meaning without.
    """
    others = [token for token in tokens if token not in running]
    asks = any(token["key"] not in ("RUN", "ENV") for token in running)
    kept = [token for token in others if token["key"] == "LABEL" or (not asks and token["operator"] in _ASSIGNMENTS)]
    if not kept:
        return None
    if all(token["key"] == "LABEL" for token in kept):
        others = kept
    return ", ".join(token[0].rstrip(", \t") for token in others)


def udev_rules(host: Host) -> Iterator[Autostart | Gap]:
    """Rules with ``RUN``, ``PROGRAM``, ``IMPORT{program}`` or ``ENV{SYSTEMD_WANTS}``; ``activates`` is the first unit.

    Every file is read, also one that another of the same name overrides.
    """
    files = Files(host, "udev", AutostartKind.UDEV)
    yield from files.autostarts(udev_entries, *_RULES, user="root")
