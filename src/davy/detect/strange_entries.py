"""Entries that are odd for what they are, whatever they run: rights that nobody needs, places where nothing belongs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from davy.detect.autostarts import followed_by_autostart, foreign, technique, told_by_autostart
from davy.detect.rule import Observation, detector
from davy.model.autostarts import Autostart, AutostartKind, Followed, Step
from davy.model.findings import Aspect
from davy.model.snapshot import Snapshot

_SERVICES: Final = (
    "apache|backup|bin|daemon|games|git|http|httpd|irc|jenkins|lp|mail|mongodb|mysql|news|nginx|nobody|ntp|postgres"
    r"|proxy|rabbitmq|redis|sshd|sync|sys|systemd-[\w-]+|tomcat\d*|uucp|www|www-data"
)
_TAGS: Final = r"(?:[A-Z]+:[ \t]*){0,8}"
_EVERYTHING: Final = re.compile(
    rf"(?:{_SERVICES})[ \t]+ALL[ \t]*=[ \t]*(?:\([^)]*\)[ \t]*)?{_TAGS}NOPASSWD:[ \t]*{_TAGS}ALL[ \t]*"
)
_DECODES: Final = frozenset({"encoded program text", "decoded into a shell"})
_CONDITION: Final = re.compile(r"\bif\b|\bsubject\s*[.\[]|\baction\s*[.\[]|\?|&&")
_MODULE_FOLDERS: Final = re.compile(
    r"/(?:usr/)?(?:local/)?lib(?:32|64|x32)?/(?:[\w-]+/)?(?:security|pam_[\w-]+)/|/opt/|/nix/store/"
)


def _sudo(autostart: Autostart) -> bool:
    return _EVERYTHING.fullmatch(autostart.command) is not None


def _everybody(autostart: Autostart) -> bool:
    """Whether a rule of polkit says yes, and asks nothing."""
    text = autostart.text or autostart.command
    return "polkit.Result.YES" in text and not _CONDITION.search(text)


def _module(autostart: Autostart) -> bool:
    word = autostart.command.partition(" ")[0]
    return word.startswith("/") and word.endswith(".so") and not _MODULE_FOLDERS.match(word)


_KINDS: Final[dict[AutostartKind, tuple[str, str, Callable[[Autostart], bool]]]] = {
    AutostartKind.SUDOERS: (
        "sudo for a service", "lets a service's account do everything without a password", _sudo,
    ),
    AutostartKind.POLKIT: ("everybody may", "lets everybody do what it is asked", _everybody),
    AutostartKind.PAM: ("PAM module elsewhere", "loads a module at every login from where none belongs", _module),
}  # fmt: skip


def _nobodys(autostart: Autostart, followed: Iterable[Followed]) -> bool:
    """Whether the kernel itself runs a program that no package owns."""
    return autostart.kind is AutostartKind.KERNEL_HELPER and any(
        one.executable is not None and one.executable.owner_package is None and one.executable.twin is None
        for one in followed
        if one.step is Step.COMMAND
    )


@detector("persistence.strange-entry", aspect=Aspect.PERSISTENCE, technique="T1548.003")
def strange_entry(snapshot: Snapshot) -> Iterator[Observation]:
    """An entry gives rights that nobody needs, loads a module from where none belongs, or runs what none else does.

    Careless owners do some of it: look at who wrote it, and when.
    """
    told, followed = told_by_autostart(snapshot), followed_by_autostart(snapshot)
    for autostart in foreign(snapshot):
        odd = None
        if autostart.kind in _KINDS:
            degree, words, asks = _KINDS[autostart.kind]
            odd = (degree, words) if asks(autostart) else None
        elif autostart.kind is AutostartKind.PYTHON and any(
            each.match.id in _DECODES for each in told.get(autostart.subject, ())
        ):
            odd = ("decodes in every Python", "has every Python that starts decode a text and run it")
        elif _nobodys(autostart, followed.get(autostart.subject, ())):
            odd = ("kernel runs nobody's", "has the kernel itself run a program of nobody's package")
        if odd is not None:
            yield Observation(
                subject=autostart.subject, degree=odd[0], summary=odd[1],
                evidence=(autostart.text or autostart.command,), technique=technique(autostart),
            )  # fmt: skip
