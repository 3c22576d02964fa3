"""The files that autostarts come to: whose they are, where they lie, what stands in them.

An entry that a package put there as it is is not asked, nor is a file that a package owns: many honest entries run
them.  See `davy.collect.following` for how a command is followed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Final, NamedTuple

from davy.detect.autostarts import followed_by_autostart, foreign, technique
from davy.detect.containers import image_family
from davy.detect.places import base, hidden_folder, in_a_home, installed_place, temporary_folder
from davy.detect.rule import Observation, detector
from davy.knowledge import family_by_name, family_by_path
from davy.knowledge.matching import Kind, rule_by_id
from davy.knowledge.programs import kernel_thread_like, near_miss, system_daemon
from davy.model.autostarts import Autostart, Step
from davy.model.content import ContentHit, Place
from davy.model.facts import Executable
from davy.model.findings import Aspect
from davy.model.snapshot import Snapshot

_ANYONE: Final = 0o002
_PROGRAMS: Final = (Place.IMAGE, Place.SCRIPT)
_NEW_SECONDS: Final = 3 * 86_400.0
_TELLING: Final = frozenset({Kind.MINER, Kind.CONVERSATION, Kind.CONFIGURATION, Kind.DROPPER})
"""What an honest program that starts by itself hardly ever contains."""


class Reached(NamedTuple):
    """A file that an autostart comes to, and how."""

    autostart: Autostart
    step: Step
    path: str
    file: Executable | None
    folder_mode: int | None

    @property
    def evidence(self) -> tuple[str, ...]:
        leads = f" ({self.file.path})" if self.file and self.file.path != self.path else ""
        return (self.autostart.text or self.autostart.command, f"{self.path}{leads}")


def _reached(snapshot: Snapshot) -> Iterator[Reached]:
    """The files of nobody's package that foreign autostarts come to, and those that are not there."""
    followed = followed_by_autostart(snapshot)
    for autostart in foreign(snapshot):
        for one in followed.get(autostart.subject, ()):
            owned = one.executable is not None and (
                one.executable.owner_package is not None and one.executable.unmodified is not False
            )
            if one.path is not None and not owned:
                yield Reached(autostart, one.step, one.path, one.executable, one.folder_mode)


@detector("identity.autostart", aspect=Aspect.IDENTITY, technique="T1053.003")
def family_autostart(snapshot: Snapshot) -> Iterator[Observation]:
    """An autostart runs a file at a path that a known family uses, by its words or by a script or text that it runs."""
    followed = followed_by_autostart(snapshot)
    for autostart in foreign(snapshot):
        further = (one.path for one in followed.get(autostart.subject, ()) if one.path is not None)
        for path in dict.fromkeys((*autostart.programs, *further)):
            for degree, family in _of_family(path):
                yield Observation(
                    subject=autostart.subject,
                    degree=degree,
                    summary=f"starts {path}, which {family} uses"
                    if degree != "name"
                    else f"starts {path}, which is called as a program of {family}",
                    evidence=(autostart.text or autostart.command,),
                    family=family,
                    technique=technique(autostart),
                )


@detector("identity.image", aspect=Aspect.IDENTITY, technique="T1610")
def miners_image(snapshot: Snapshot) -> Iterator[Observation]:
    """A container that starts by itself is made of an image that is called as a miner.

    Owners who mine on purpose run such images, too.
    """
    for autostart in foreign(snapshot):
        family = image_family(autostart.image)
        if family is not None:
            yield Observation(
                subject=autostart.subject,
                summary=f"is made of the image {autostart.image}, which is called as a program of {family}",
                evidence=(autostart.image or "",),
                family=family,
            )


def _of_family(path: str) -> Iterator[tuple[str, str]]:
    """The degree and the family of a path, or else of a program's name, that a family uses and nobody else does."""
    if match := family_by_path(path):
        yield "shared" if match.weak else "own", match.family
    elif (name := family_by_name(base(path))) and not name.weak:
        yield "name", name.family


def _guise(path: str) -> tuple[str, str] | None:
    """As what a program of nobody's is called, and the degree."""
    name = base(path)
    if kernel_thread_like(name):
        return "kernel thread", f"{path} is called as a kernel thread"
    if target := near_miss(name):
        return "near", f"{path} imitates the name of {target}"
    if system_daemon(name) and not installed_place(path) and not path.startswith(("/opt/", "/usr/local/", "/snap/")):
        return "elsewhere", f"{path} is called as a system's daemon, and lies where none is installed"
    return None


@detector("identity.imitating-autostart", aspect=Aspect.IDENTITY, technique="T1036.005")
def imitating_autostart(snapshot: Snapshot) -> Iterator[Observation]:
    """An autostart runs a program of nobody's package that is called nearly or wholly as a part of the system.

    Daemons that their owners built themselves have the right name in the wrong place.
    """
    for one in _reached(snapshot):
        guise = _guise(one.path) if one.file is not None else None
        if guise:
            degree, summary = guise
            yield Observation(
                subject=one.autostart.subject, degree=degree, summary=f"starts what hides among the system's programs: "
                f"{summary}", evidence=one.evidence,
            )  # fmt: skip


@detector("persistence.missing-program", aspect=Aspect.PERSISTENCE, technique="T1053.003")
def missing_program(snapshot: Snapshot) -> Iterator[Observation]:
    """An autostart runs a file that is not there.

    Miners are deleted while their entries stay, and programs are uninstalled: it says next to nothing by itself.
    """
    for one in _reached(snapshot):
        if one.file is None and one.step is Step.COMMAND:
            yield Observation(
                subject=one.autostart.subject, summary=f"runs {one.path}, which is not there", evidence=one.evidence,
                technique=technique(one.autostart),
            )  # fmt: skip


def _place(snapshot: Snapshot, one: Reached, file: Executable, *, packaged: bool) -> Iterator[tuple[str, str]]:
    """What is odd about where a file lies: the degree and the words."""
    if file.path != one.path:
        if (folder := temporary_folder(file.path)) and temporary_folder(one.path) is None:
            yield "leads where anyone may write", f"{one.path} leads into {folder}, where anyone may write"
        elif (hidden := hidden_folder(file.path)) and hidden_folder(one.path) is None and not in_a_home(file.path):
            yield "leads to a hidden place", f"{one.path} leads to a hidden place: {hidden}"
    if one.folder_mode is not None and one.folder_mode & _ANYONE and temporary_folder(file.path) is None:
        yield "folder open to all", f"{one.path} lies in a folder where anyone may write"
    if one.step is not Step.COMMAND and (hidden := hidden_folder(one.path)) and not in_a_home(one.path):
        yield "hidden", f"what it runs lies in a hidden place: {hidden}"
    if file.mode & _ANYONE and one.autostart.user == "root" and temporary_folder(file.path) is None:
        yield "open to all", f"anyone may write to {one.path}, which root runs"
    if packaged and file.elf and installed_place(file.path) and file.twin is None:
        yield "among a distribution's", f"{one.path} lies among the distribution's programs, and is no package's"
    if file.elf and file.birth is not None and 0 <= snapshot.taken - file.birth < _NEW_SECONDS:
        yield "new", f"{one.path} has been there for less than three days"


@detector("origin.autostart-file", aspect=Aspect.ORIGIN, technique="T1036.005")
def odd_file(snapshot: Snapshot) -> Iterator[Observation]:
    """What an autostart runs lies in an odd place: where anyone may write, hidden, among packages' programs.

    People copy programs of their own to /usr/bin, too, and are careless with modes.
    """
    packaged = any(autostart.owner_package for autostart in snapshot.autostarts)
    for one in _reached(snapshot):
        if one.step is Step.COMMAND and one.autostart.user == "root" and temporary_folder(one.path):
            yield Observation(
                subject=one.autostart.subject, degree="root's, where anyone may write",
                summary=f"has root run {one.path}, where anyone may write", evidence=one.evidence,
            )  # fmt: skip
        if one.file is None:
            continue
        for degree, words in _place(snapshot, one, one.file, packaged=packaged):
            yield Observation(subject=one.autostart.subject, degree=degree, summary=words, evidence=one.evidence)


class _Contained(NamedTuple):
    """What the rules found in a file that an autostart comes to."""

    reached: Reached
    hit: ContentHit
    kind: Kind
    title: str
    sure: bool


def _contained(snapshot: Snapshot) -> Iterator[_Contained]:
    if not snapshot.content_hits:
        return
    hits: dict[object, list[ContentHit]] = defaultdict(list)
    for hit in snapshot.content_hits:
        if hit.path is not None:
            hits[hit.file or hit.path].append(hit)
    seen = set()
    for one in _reached(snapshot):
        if one.file is None:
            continue
        for hit in (*hits.get(one.file.key, ()), *hits.get(one.file.path, ())):
            rule = rule_by_id(hit.rule)
            key = (one.autostart.subject, hit.rule, hit.path)
            if rule is None or hit.place not in _PROGRAMS or hit.place not in rule.places or key in seen:
                continue
            seen.add(key)
            yield _Contained(one, hit, rule.kind, rule.title, rule.confidence == "high")


@detector("content.autostart-file", aspect=Aspect.CONTENT, technique="T1496.001")
def contains(snapshot: Snapshot) -> Iterator[Observation]:
    """What an autostart runs contains what only miners, their pools' talk or their droppers have.

    It need not run now.  An owner's own miner looks the same.
    """
    for each in _contained(snapshot):
        yield Observation(
            subject=each.reached.autostart.subject,
            degree=each.kind.value if each.sure else f"{each.kind.value}, unsure",
            summary=f"{base(each.reached.path)}, which it starts, contains this: {each.title}",
            evidence=(*each.reached.evidence, f"rule {each.hit.rule}: {', '.join(each.hit.patterns[:8])}"),
            family=each.hit.family,
        )


@detector("persistence.starts-a-miner", aspect=Aspect.PERSISTENCE, technique="T1496.001")
def starts_a_miner(snapshot: Snapshot) -> Iterator[Observation]:
    """A miner, or what fetches one, is started without a person.

    What was found in the file, or that it is called so, counts elsewhere; this, that it is meant to come back.
    """
    for autostart in foreign(snapshot):
        if (match := image_family(autostart.image)) is not None:
            yield Observation(
                subject=autostart.subject, degree="by its image", summary=f"has a container of {match} started without "
                "a person", evidence=(autostart.image or "",), technique=technique(autostart),
            )  # fmt: skip
        for path in autostart.programs:
            of_path, of_name = family_by_path(path), family_by_name(base(path))
            own = of_path is not None and not of_path.weak
            if own or (of_name is not None and not of_name.weak):
                yield Observation(
                    subject=autostart.subject,
                    degree="by its path" if own else "by its name",
                    summary=f"has {path} started without a person",
                    evidence=(autostart.text or autostart.command,),
                    technique=technique(autostart),
                )
    for each in _contained(snapshot):
        if each.sure and each.kind in _TELLING:
            yield Observation(
                subject=each.reached.autostart.subject,
                degree="by what is in it",
                summary=f"starts {each.reached.path}, in which a miner or its dropper is recognised",
                evidence=each.reached.evidence,
                technique=technique(each.reached.autostart),
            )
