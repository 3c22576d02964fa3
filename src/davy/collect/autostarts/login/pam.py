"""What PAM loads and runs when somebody logs in, becomes another user or changes a password.

A line of ``/etc/pam.d/sshd``: ``session optional pam_exec.so seteuid /usr/local/bin/notify``.  In ``/etc/pam.conf`` the
service's name stands before it.

Source: pam.conf(5), pam_exec(8).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from davy.collect.autostarts.reading import Entry, Files, Row, rows
from davy.host import Host
from davy.model.autostarts import Autostart, AutostartKind
from davy.model.facts import Gap

_FILES: Final = (
    "/etc/pam.conf", "/etc/pam.d/*", "/usr/lib/pam.d/*", "/usr/share/pam.d/*", "/usr/etc/pam.d/*",
    "/usr/local/etc/pam.d/*",
)  # fmt: skip
_LINE: Final = re.compile(
    r"""
    [ \t]* (?P<service> \S+ [ \t]+ )??
    (?P<type> -? (?:auth|account|password|session) ) [ \t]+
    (?P<control> \[ [^\]]* \] | [A-Za-z]\w* ) [ \t]+
    (?P<module> \S+ ) [ \t]* (?P<arguments> [^\#]* )
    """,
    re.VERBOSE | re.DOTALL | re.IGNORECASE,
)
_NOTHING: Final = ("[default=ignore]", "pam_permit.so")
"""Control and module of a line that does nothing, whatever stands around it."""
_INCLUDES: Final = frozenset({"include", "substack"})
_JUMP: Final = re.compile(r"=[ \t]*(\d{1,3})\b")
_WORD: Final = re.compile(r"\[(?:[^\]\\]|\\.)*\]|\S+")
_EXEC_OPTION: Final = re.compile(
    r"debug|expose_authtok|stdout|log=.*|type=.*|quiet|quiet_log|seteuid|use_first_pass|try_first_pass"
)


class _Module(NamedTuple):
    """One line, or several that a backslash joins, that has a module loaded."""

    row: Row
    type: str
    control: str
    module: str
    arguments: tuple[str, ...]


def pam_entries(content: str) -> Iterator[Entry]:
    """The modules of a file.

    ``command`` is the module with its arguments, or what pam_exec runs.  Where a line before counts lines to jump
    over, what remains is one that does nothing, so that the jump ends where it did.
    """
    modules = list(_modules(content))
    jumped = _jumped_over(modules)
    for each in modules:
        programs: tuple[str, ...] = (each.module,) if each.module.startswith("/") else ()
        command = " ".join((each.module, *each.arguments))
        if each.module.rpartition("/")[2] == "pam_exec.so":
            words = list(each.arguments)
            while words and _EXEC_OPTION.fullmatch(words[0]):
                del words[0]
            if words:
                command = " ".join(words)
                programs += (words[0],) if words[0].startswith("/") else ()
        if (each.control, command) == _NOTHING:
            continue
        remains = "\t".join((each.type, *_NOTHING)) if each.row.line in jumped else None
        yield each.row.entry(command, each.type.lstrip("-"), remains=remains, programs=programs)


def _modules(content: str) -> Iterator[_Module]:
    for row in rows(content, continued=True, joint=" "):
        whole = row.whole.partition("\0")[0]
        if whole.lstrip()[:1] in ("#", "@", ""):
            continue
        found = _LINE.match(whole)
        if found and found["control"].lower() not in _INCLUDES:
            arguments = tuple(word.strip("[]") for word in _WORD.findall(found["arguments"]))
            yield _Module(row, found["type"], found["control"], found["module"], arguments)


def _jumped_over(modules: list[_Module]) -> set[int]:
    """The lines that a line of the same type before them may jump over."""
    found: set[int] = set()
    for place, each in enumerate(modules):
        furthest = max((int(jump) for jump in _JUMP.findall(each.control)), default=0)
        if furthest:
            same = [other.row.line for other in modules[place + 1 :] if other.type.lstrip("-") == each.type.lstrip("-")]
            found.update(same[:furthest])
    return found


def pam_lines(host: Host) -> Iterator[Autostart | Gap]:
    """Every module of every service, which runs as the program that asks PAM does: mostly root."""
    files = Files(host, "PAM", AutostartKind.PAM)
    yield from files.autostarts(pam_entries, *_FILES, user="root")
