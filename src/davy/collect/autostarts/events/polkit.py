r"""Rules by which polkit lets somebody do what only root may, and programs that it runs to decide.

Of ``/etc/polkit-1/rules.d/x.rules``: ``polkit.addRule(function(action, subject) { return polkit.Result.YES; });``, with
``polkit.spawn(["/usr/bin/x", subject.user])`` in it or beside it.  Of a ``.pkla`` file, which older ones read:
``[All] Identity=unix-user:*``, ``Action=*``, ``ResultAny=yes``.
Source: polkit(8), pklocalauthority(8).
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Final, NamedTuple

from davy.collect.autostarts.formats.desktop_files import Group, groups
from davy.collect.autostarts.reading import Entry, Files
from davy.collect.commands import programs_of_words
from davy.host import Host
from davy.knowledge.javascript import Call, calls, string_value, tokens
from davy.model.autostarts import Autostart, AutostartKind
from davy.model.facts import Gap

ASKED: Final = "authorization asked"
YES_TO_EVERYBODY: Final = "authorization asked: YES to everybody"
"""The schedule of a rule that answers so whoever asks, and whatever for."""
STARTS: Final = "polkit starts"
_SCHEDULES: Final = (ASKED, STARTS, YES_TO_EVERYBODY)
"""The least telling first."""

_RULES_FILES: Final = tuple(
    f"{folder}/polkit-1/rules.d/*.rules" for folder in ("/etc", "/run", "/usr/local/share", "/usr/share")
)
_LOCAL_AUTHORITY: Final = tuple(f"{folder}/polkit-1/localauthority/*.d/*.pkla" for folder in ("/etc", "/var/lib"))
_RULES: Final = frozenset({"polkit.addRule", "polkit.addAdminRule"})
_SPAWN: Final = frozenset({"polkit.spawn"})
_USER: Final = "polkitd"
"""As whom polkit evaluates rules and runs programs."""
_RESULTS: Final = ("ResultAny", "ResultInactive", "ResultActive")


class _Piece(NamedTuple):
    """A rule, or a program that is run beside the rules."""

    start: int
    end: int
    instead: str
    """What has to stay in its place where other things stand on its lines."""
    command: str
    schedule: str
    programs: tuple[str, ...]


def rules_entries(content: str) -> Iterator[Entry]:
    """The rules of a file, and the programs that it runs beside them: one entry for each, or for those on one line."""
    together: list[_Piece] = []
    for piece in _pieces(content):
        if together and content.find("\n", together[-1].end, piece.start) >= 0:
            yield _entry(content, together)
            together = []
        together.append(piece)
    if together:
        yield _entry(content, together)


def _pieces(content: str) -> Iterator[_Piece]:
    for call in calls(tuple(tokens(content)), _RULES | _SPAWN):
        if call.name in _RULES:
            yield _rule(content, call)
        else:
            end = call.end - (content[call.end - 1 : call.end] == ";")
            words = _words(call)
            yield _Piece(call.start, end, '""', shlex.join(words), STARTS, programs_of_words(words))


def _rule(content: str, call: Call) -> _Piece:
    spawned = [_words(spawn) for spawn in calls(call.arguments, _SPAWN)]
    text = content[call.start : call.end]
    return _Piece(
        start=call.start,
        end=call.end,
        instead="" if call.depth == 0 else "null;",
        command="; ".join(map(shlex.join, spawned)) if spawned else " ".join(text.split()),
        schedule=YES_TO_EVERYBODY if _yes_to_everybody(call) else ASKED,
        programs=tuple(dict.fromkeys(path for words in spawned for path in programs_of_words(words))),
    )


def _words(spawn: Call) -> list[str]:
    """The words of a program's command line, as far as they are written."""
    return [string_value(token) for token in spawn.arguments if token.kind == "string"]


def _yes_to_everybody(call: Call) -> bool:
    """Whether a rule says yes, and never looks at who asks or what for."""
    signs = [token.text for token in call.arguments]
    if "{" not in signs:
        return False
    body = signs.index("{")
    parameters = {token.text for token in call.arguments[:body] if token.kind == "name"} - {"function"}
    rest = call.arguments[body:]
    used = {token.text.partition(".")[0] for token in rest if token.kind == "name"}
    says_yes = any(
        token.text == "polkit.Result.YES" or (token.kind == "string" and string_value(token) == "yes") for token in rest
    )
    return says_yes and not used & parameters


def _entry(content: str, pieces: list[_Piece]) -> Entry:
    """The entry that pieces with no end of a line between them are."""
    first = content.rfind("\n", 0, pieces[0].start) + 1
    last = content.find("\n", pieces[-1].end)
    last = len(content) if last < 0 else last
    kept, here = [], first
    for piece in pieces:
        kept += [content[here : piece.start], piece.instead]
        here = piece.end
    remains = "".join([*kept, content[here:last].removesuffix("\r")])
    line = content.count("\n", 0, first) + 1
    end_line = line + content.count("\n", first, last)
    return Entry(
        command="; ".join(piece.command for piece in pieces),
        schedule=max((piece.schedule for piece in pieces), key=_SCHEDULES.index),
        line=line,
        end_line=end_line if end_line > line else None,
        text=content[first:last].replace("\r\n", "\n").removesuffix("\r"),
        remains=remains if remains.strip() else None,
        user=_USER,
        programs=tuple(dict.fromkeys(program for piece in pieces for program in piece.programs)),
    )


def authority_entries(content: str) -> Iterator[Entry]:
    """The groups of a ``.pkla`` file that say yes."""
    for group in groups(content):
        if any(group.keys.get(result, "").strip() == "yes" for result in _RESULTS):
            yield _granted(group)


def _granted(group: Group) -> Entry:
    identities = {identity.strip() for identity in group.keys.get("Identity", "").split(";")}
    everybody = bool({"unix-user:*", "unix-group:*", "*"} & identities) and group.keys.get("Action", "").strip() == "*"
    return Entry(
        command="; ".join(f"{key}={value}" for key, value in group.keys.items()),
        schedule=YES_TO_EVERYBODY if everybody else ASKED, line=group.line,
        end_line=group.end_line if group.end_line > group.line else None, text=group.text, user=None, programs=(),
    )  # fmt: skip


def polkit_rules(host: Host) -> Iterator[Autostart | Gap]:
    """Rules that say who may do what only root may; ``command`` is what they run, or else their text."""
    files = Files(host, "polkit", AutostartKind.POLKIT)
    yield from files.autostarts(rules_entries, *_RULES_FILES, user=_USER)
    yield from files.autostarts(authority_entries, *_LOCAL_AUTHORITY)
