"""Preloads: libraries in programs that never asked for them, and the names that they or others keep out of listings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from davy.detect.behaviour import BURNING_CORES, wanted_cores
from davy.detect.places import in_a_home, installed_place, odd_place
from davy.detect.programs import lies_at
from davy.detect.rule import Observation, detector
from davy.knowledge import family_by_path
from davy.knowledge.preloads import honest_preload
from davy.model.concealment import Preload, PreloadKind
from davy.model.facts import Process
from davy.model.findings import Aspect
from davy.model.lookup import lookup
from davy.model.snapshot import Snapshot

_SHOWN: Final = 4


def _trusted(preload: Preload) -> bool:
    """Whether an installed package vouches for the library: this path, and this content."""
    library = preload.library
    return library is not None and library.owner_package is not None and library.unmodified is not False


def _of_kind(snapshot: Snapshot, *kinds: PreloadKind) -> Iterator[Preload]:
    """The preloads of these kinds whose library nobody vouches for, each library once."""
    seen = set()
    for preload in snapshot.preloads:
        if preload.kind in kinds and preload.path not in seen and not _trusted(preload):
            seen.add(preload.path)
            yield preload


def _where(preload: Preload) -> str:
    line = f" line {preload.line}" if preload.line is not None else ""
    return f"{preload.source}{line}" + (f": {preload.text}" if preload.text else "")


def _said_of(preload: Preload) -> str:
    """What the package database says of a library that it does not vouch for."""
    owner = preload.library.owner_package if preload.library else None
    return f"which differs from the one that the package {owner} installed" if owner else "which no package owns"


@detector("concealment.preload-file", aspect=Aspect.CONCEALMENT, technique="T1574.006")
def preload_file(snapshot: Snapshot) -> Iterator[Observation]:
    """The loader's preload file names a library that no package owns: it is loaded into every program.

    That is how user-space rootkits hide a miner from ps and top.  Monitoring agents (Dynatrace, Datadog, snoopy) and
    people's own allocators do the same, from places that are known or their own.
    """
    for preload in _of_kind(snapshot, PreloadKind.FILE):
        path = preload.path
        if preload.library is None:
            degree, words = "missing", f"{preload.source} names {path}, which is not there"
        elif odd_place(path) or path.startswith("/etc/"):
            degree = "odd place"
            words = f"every program loads {path}, {_said_of(preload)}, from a place where no library belongs"
        elif honest_preload(path):
            degree, words = "known product", f"every program loads {path}, as a known product does"
        else:
            degree = "installed place" if installed_place(path) else "elsewhere"
            words = f"every program loads {path}, {_said_of(preload)}"
        yield Observation(subject=preload.subject, degree=degree, summary=words, evidence=(_where(preload),))


@detector("identity.preload", aspect=Aspect.IDENTITY, technique="T1574.006")
def family_preload(snapshot: Snapshot) -> Iterator[Observation]:
    """A library that is preloaded lies at a path that a known family uses."""
    for preload in _of_kind(snapshot, *PreloadKind):
        if match := family_by_path(preload.path):
            yield Observation(
                subject=preload.subject,
                degree="shared" if match.weak else "own",
                summary=f"the preloaded {preload.path} is one that {match.family} uses",
                evidence=(_where(preload),),
                family=match.family,
            )


@detector("concealment.preload-hides", aspect=Aspect.CONCEALMENT, technique="T1014")
def hides(snapshot: Snapshot) -> Iterator[Observation]:
    """A program with this library loaded does not see a living process that the kernel lists.

    Davy had it loaded itself, listed the processes both ways in one moment, and started again without it.  Nothing
    honest leaves processes out of a listing; but of several libraries that could have done it, some may be honest.
    """
    ways, seen = lookup(snapshot), set()
    among = len({preload.path for preload in snapshot.preloads if preload.hides})
    for preload in snapshot.preloads:
        if not preload.hides or preload.path in seen:
            continue
        seen.add(preload.path)
        hidden = [f"{process.name} ({process.pid})" for each in preload.hides if (process := ways.by_subject.get(each))]
        shown = ", ".join(hidden[:_SHOWN]) or f"{len(preload.hides)} processes"
        yield Observation(
            subject=preload.subject,
            degree="alone" if among == 1 else "among others",
            summary=f"programs that have {preload.path} loaded do not see {shown}"
            + (f", or it is another of {among} libraries" if among > 1 else ""),
            evidence=(_where(preload), *preload.hides[:_SHOWN]),
            related=preload.hides,
        )


@detector("concealment.preload-forges", aspect=Aspect.CONCEALMENT, technique="T1565.001")
def forges(snapshot: Snapshot) -> Iterator[Observation]:
    """A program with this library loaded reads other numbers of the kernel's than the kernel writes.

    Davy had it loaded itself, read ``/proc/stat`` and ``/proc/modules`` both ways in one moment, and started again
    without it.  So top shows an idle machine, or lsmod a module too few.  Nothing honest does so outside of containers.
    """
    seen = set()
    among = len({preload.path for preload in snapshot.preloads if preload.forges})
    for preload in snapshot.preloads:
        if preload.forges and preload.path not in seen:
            seen.add(preload.path)
            yield Observation(
                subject=preload.subject,
                degree="alone" if among == 1 else "among others",
                summary=f"programs that have {preload.path} loaded read a forged {' and '.join(preload.forges)}",
                evidence=(_where(preload), *preload.forges),
            )


@detector("concealment.hidden-by-library", aspect=Aspect.CONCEALMENT, technique="T1014")
def hidden_by_library(snapshot: Snapshot) -> Iterator[Observation]:
    """A process that programs do not see which have a preloaded library loaded, ps and top among them.

    The kernel lists it all the while.  Whoever preloads such a library has this process to hide.
    """
    ways, seen = lookup(snapshot), set()
    for preload in snapshot.preloads:
        for subject in preload.hides:
            process = ways.by_subject.get(subject)
            if process is not None and subject not in seen:
                seen.add(subject)
                yield Observation(
                    subject=subject,
                    summary=f"programs that have {preload.path} loaded do not see it",
                    evidence=(_where(preload),),
                    related=(preload.subject,),
                )


def _suspicious(snapshot: Snapshot, process: Process) -> bool:
    if process.kernel_thread or process.pid in snapshot.own_pids:
        return False
    place = lies_at(snapshot, process)
    return wanted_cores(snapshot, process) >= BURNING_CORES or (place is not None and odd_place(place))


@detector("concealment.preload-names", aspect=Aspect.CONCEALMENT, technique="T1014")
def names(snapshot: Snapshot) -> Iterator[Observation]:
    """A preloaded library holds the name of a process that burns, or that runs from an odd place.

    A library that hides has to know whom.  Short and common names stand in honest libraries, too, and whoever starts a
    process names it: those of packages are not meant, and those of known products count for little.
    """
    ways = lookup(snapshot)
    for preload in _of_kind(snapshot, PreloadKind.FILE, PreloadKind.ENVIRONMENT, PreloadKind.MAPPED):
        named = [process for subject in preload.names if (process := ways.by_subject.get(subject))]
        guilty = [process for process in named if _suspicious(snapshot, process)]
        if guilty:
            shown = tuple(f"{process.name} ({process.pid})" for process in guilty[:_SHOWN])
            yield Observation(
                subject=preload.subject,
                degree="known product" if honest_preload(preload.path) else "other",
                summary=f"{preload.path} is preloaded, and names {', '.join(shown)}",
                evidence=shown,
                related=tuple(process.subject for process in guilty),
            )


@detector("concealment.preload-environment", aspect=Aspect.CONCEALMENT, technique="T1574.006")
def preload_environment(snapshot: Snapshot) -> Iterator[Observation]:
    """The environment of a process has it load a library that no package owns.

    Debuggers, sanitizers, allocators, games and sandboxes do so all day, mostly from a home or a build folder; only
    from where anyone may write is it worth more than a word.
    """
    for preload in _of_kind(snapshot, PreloadKind.ENVIRONMENT):
        if preload.library is None or honest_preload(preload.path):
            continue
        odd = odd_place(preload.path) and not in_a_home(preload.path)
        pids = ", ".join(map(str, preload.pids[:_SHOWN]))
        yield Observation(
            subject=preload.subject,
            degree="odd place" if odd else "other",
            summary=f"{preload.source} of {pids or 'Davy itself'} names {preload.path}, {_said_of(preload)}",
            evidence=(f"{preload.source}={preload.path}",),
        )


@detector("concealment.loader", aspect=Aspect.CONCEALMENT, technique="T1574.006")
def changed_loader(snapshot: Snapshot) -> Iterator[Observation]:
    """The dynamic loader is not the one that its package installed, or reads another preload file than it should.

    A rootkit that patches the loader needs no file that anyone looks into.  A C library that was built or installed by
    hand differs, too, but reads ``/etc/ld.so.preload``.
    """
    for preload in snapshot.preloads:
        if preload.kind is PreloadKind.LOADER:
            yield Observation(
                subject=preload.subject,
                degree="reads another file" if preload.text else "changed",
                summary=f"the loader {preload.path} was changed" + (f"; {preload.text}" if preload.text else ""),
                evidence=(f"{preload.path}: {preload.text or 'another content than its package installed'}",),
            )


@detector("concealment.mapped-everywhere", aspect=Aspect.CONCEALMENT, technique="T1574.006")
def mapped_everywhere(snapshot: Snapshot) -> Iterator[Observation]:
    """Programs that have nothing else in common, packaged ones among them, have a library loaded that no package owns.

    Something makes every program load it.  Where the preload file names it, that counts by itself.
    """
    for preload in _of_kind(snapshot, PreloadKind.MAPPED):
        if not honest_preload(preload.path):
            yield Observation(
                subject=preload.subject,
                summary=f"all of {preload.source} looked at have {preload.path} loaded, {_said_of(preload)}",
                evidence=tuple(f"process {pid}" for pid in preload.pids[:_SHOWN]) or (preload.path,),
            )


@detector("concealment.hidden-name", aspect=Aspect.CONCEALMENT, technique="T1564.001")
def hidden_name(snapshot: Snapshot) -> Iterator[Observation]:
    """A file answers when it is asked for by name, and no listing of its folder shows it.

    Looked up and listed twice.  What leaves names out of listings is a rootkit: of the kernel's, or one that is
    preloaded, by which listing it is.
    """
    for found in snapshot.hidden_names:
        yield Observation(
            subject=found.subject,
            summary=f"{found.path} is there, and {found.listed_by} listing of its folder leaves it out",
            evidence=(f"{found.path}: named by {found.named_by}",),
        )
