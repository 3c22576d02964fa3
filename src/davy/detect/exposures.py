"""Which of the services that were seen stand open, by their settings and by where they are reached from."""

from __future__ import annotations

import functools
import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from shlex import quote
from typing import Final

from davy.knowledge.services import APPENDED, Condition, ConfigFile, KnownService, Opening, known_services, version_of
from davy.model.containers import Container
from davy.model.exposures import Exposure, LineChange, Severity
from davy.model.facts import Process
from davy.model.logs import LogHit, Shows
from davy.model.services import Listening, ReachedFrom, Service, Setting, SettingSource
from davy.model.snapshot import Snapshot

_DEGREES: Final = tuple(Severity)
_compiled = functools.lru_cache(maxsize=2048)(re.compile)

_EVERYBODY: Final = {
    ReachedFrom.ANY: "anybody",
    ReachedFrom.PRIVATE: "anybody in its private network",
    ReachedFrom.LOOPBACK: "anybody on this host",
}
_PLACEHOLDER: Final = re.compile(r"\{(file|user|unit|port|address|version|container)\}")
_KEY: Final = re.compile(r"\s*([^\s=:]+)")

Values = Mapping[str, Sequence[str]]
"""The values of each setting, by its name."""


def holds(condition: Condition, values: Values) -> bool:
    """Whether a condition is met by the settings in force."""
    found = [value.strip() for value in values.get(condition.setting, ())]
    if condition.absent is not None and any(found) is condition.absent:
        return False
    if condition.any_of is not None and not {value.casefold() for value in found} & set(_folded(condition.any_of)):
        return False
    if condition.none_of is not None and not {value.casefold() for value in found} - set(_folded(condition.none_of)):
        return False
    if condition.matches is not None and not any(_compiled(condition.matches).search(value) for value in found):
        return False
    return condition.below is None or any(older(value, condition.below, condition.from_) for value in found)


@functools.cache
def _folded(words: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(word.casefold() for word in words)


def older(version: str, mended: Sequence[str], since: str | None = None) -> bool:
    """Whether a version is older than what mended its branch, and not older than ``since``, which brought the hole.

    Of mended versions 5.15.16 and 5.17.7 a branch is all but the last number: 5.15.3 and 5.17.6 are older; so are 4.2
    and 5.16.9, whose branches nobody mended; 5.18.0 is not.
    """
    own = version_of(version)
    fixes = sorted(fix for fix in map(version_of, mended) if fix is not None)
    first = version_of(since) if since else None
    if own is None or not fixes or (first is not None and own < first):
        return False
    for fix in fixes:
        if own[: len(fix) - 1] == fix[:-1]:
            return own < fix
    return own < fixes[-1]


def is_open(opening: Opening, values: Values, reached_from: ReachedFrom | None) -> bool:
    """Whether an opening stands open for a service with these settings; None: where from is not known."""
    if reached_from is None or reached_from.rank < opening.from_.rank:
        return False
    return all(holds(one, values) for one in opening.when) and not any(holds(one, values) for one in opening.unless)


def severity_of(opening: Opening, reached_from: ReachedFrom) -> Severity:
    """How bad it is: one degree less where only private networks reach it, low where only this host does."""
    if reached_from is ReachedFrom.LOOPBACK:
        return Severity.LOW
    lesser = 1 if reached_from is ReachedFrom.PRIVATE and opening.from_ is not ReachedFrom.LOOPBACK else 0
    return _DEGREES[max(0, opening.severity.rank - lesser)]


def exposures(snapshot: Snapshot) -> tuple[Exposure, ...]:
    """Every opening of every service that stands open, the worst first.  Pure."""
    containers = {one.id: one for one in snapshot.containers}
    processes = {process.pid: process for process in snapshot.processes}
    found: dict[str, tuple[int, Exposure]] = {}
    for service in snapshot.services:
        known = known_services().get(service.kind)
        if known is None:
            continue
        container = containers.get(service.container or "")
        process = processes.get(service.pid) if service.pid is not None else None
        for exposure in _of_service(known, service, container, process, snapshot.log_hits):
            found.setdefault(exposure.id, (not service.running, exposure))
    worst = sorted(found.values(), key=lambda one: (-one[1].severity.rank, -one[1].reached_from.rank, one[0]))
    return tuple(exposure for _, exposure in worst)


def anybody_here(service: Service) -> str | None:
    """What anybody on this host may do who speaks to a service that only this host reaches, by its worst opening.

    Openings that stand open from anywhere else alone are asked as though it were reached so; those of low severity say
    nothing of who is here already.
    """
    known = known_services().get(service.kind)
    if known is None or service.reached_from is not ReachedFrom.LOOPBACK:
        return None
    values = values_of(service)
    found = [
        opening
        for opening in known.opening
        if opening.severity.rank >= Severity.MEDIUM.rank
        and (service.running or not opening.running_only)
        and is_open(opening, values, ReachedFrom.ANY)
    ]
    if not found:
        return None
    worst = max(found, key=lambda opening: opening.severity.rank)
    return _filled(worst.who, _words(known, worst, service, service.listening[0], None, None))


def values_of(service: Service) -> Values:
    """The values of each setting of a service, by its name."""
    found: dict[str, list[str]] = {}
    for setting in service.settings:
        found.setdefault(setting.name, []).append(setting.value)
    return found


def _of_service(
    known: KnownService, service: Service, container: Container | None, process: Process | None, hits: Sequence[LogHit]
) -> Iterator[Exposure]:
    values = values_of(service)
    widest = max(service.listening, key=lambda one: one.reached_from.rank, default=None)
    if widest is None:
        return
    for opening in known.opening:
        if opening.this_host or (opening.running_only and not service.running):
            continue
        if is_open(opening, values, widest.reached_from):
            yield _exposure(known, opening, service, widest, container, process, hits)


def _exposure(
    known: KnownService, opening: Opening, service: Service, widest: Listening, container: Container | None,
    process: Process | None, hits: Sequence[LogHit],
) -> Exposure:  # fmt: skip
    words = _words(known, opening, service, widest, container, process)
    name = known.name if service.running else f"{known.name}, which does not run now,"
    name = f"{known.name}, which is to run by {service.composed}," if service.composed else name
    where = f" in the container {container.name}" if container else ""
    return Exposure(
        id=_id(service, opening, widest, container),
        kind=service.kind,
        opening=opening.id,
        subject=service.subject,
        service=known.name,
        address=widest.spoken,
        reached_from=widest.reached_from,
        severity=severity_of(opening, widest.reached_from),
        summary=f"{name}{where} on {widest.spoken}: {_EVERYBODY[widest.reached_from]} {_filled(opening.who, words)}",
        evidence=tuple(_evidence(opening, service, widest)),
        fix=(*_republished(service, widest), *(_filled(line, words) for line in opening.fix)),
        change=_change(known, opening, service, container, words),
        references=opening.references or known.references,
        cves=opening.cves,
        container=_in_words(container) if container else None,
        used=tuple(_used(service, hits)),
    )


def _id(service: Service, opening: Opening, widest: Listening, container: Container | None) -> str:
    """The same as long as the service is where it is: neither pids nor times are in it."""
    place = (
        service.composed
        or (container.name if container else service.unit)
        or (service.files or (service.program or "",))[0]
    )
    parts = (service.kind, opening.id, place, str(widest.port))
    return sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()[:8]


def _words(
    known: KnownService, opening: Opening, service: Service, widest: Listening, container: Container | None,
    process: Process | None,
) -> Mapping[str, str]:  # fmt: skip
    """What the placeholders of an opening stand for on this host, as a shell takes it: people paste commands."""
    of_line = [one for one in service.settings if one.name == opening.line_setting and one.path]
    elsewhere = service.composed or container
    places = () if elsewhere else (place for config in known.config for place in config.places)
    usual = [place for place in places if "*" not in place and "~" not in place]
    file = next((one.path for one in of_line if one.path), None) or next(iter((*service.files, *usual)), None)
    user = service.user or (process.user if process else None)
    return {
        "file": quote(file) if file else f"the configuration of {known.name}",
        "user": quote(user) if user else f"the user of {known.name}",
        "unit": quote(service.unit or known.id),
        "port": str(widest.port if widest.port is not None else next(iter(known.ports), "")),
        "address": widest.address,
        "version": service.version or "this version",
        "container": quote(container.name) if container else "the container",
    }


def _filled(text: str, words: Mapping[str, str]) -> str:
    return _PLACEHOLDER.sub(lambda found: words[found[1]], text)


def _republished(service: Service, widest: Listening) -> Iterator[str]:
    """What closes it before anything is started."""
    if service.composed and widest.reached_from is not ReachedFrom.LOOPBACK:
        port = widest.port if widest.port is not None else "PORT"
        yield f"{service.composed}: publish 127.0.0.1:{port} in place of {widest.spoken}, or nothing at all"


def _evidence(opening: Opening, service: Service, widest: Listening) -> Iterator[str]:
    """What says so, each with its place."""
    verb = "listens on" if service.running else "is to listen on"
    yield f"{verb} {widest.spoken}, reached from {_reach(widest.reached_from)}: {widest.source}"
    for condition in opening.when:
        told = [one for one in service.settings if one.name == condition.setting]
        for one in told:
            yield f"{one.name} {one.value or '(empty)'}: {one.place}"
        if not told:
            yield f"{condition.setting}: nowhere set"


def _reach(reached_from: ReachedFrom) -> str:
    return {ReachedFrom.ANY: "anywhere", ReachedFrom.PRIVATE: "private networks", ReachedFrom.LOOPBACK: "this host"}[
        reached_from
    ]


def _in_words(container: Container) -> str:
    image = f" of the image {container.image}" if container.image else ""
    return f"{container.name}{image}, run by {container.runtime}"


def _used(service: Service, hits: Sequence[LogHit]) -> Iterator[LogHit]:
    """The log lines of this service that show that somebody came in, or tried."""
    for hit in hits:
        if hit.kind == service.kind and hit.path in service.logs and hit.shows in (Shows.SUCCESS, Shows.ATTEMPT):
            yield hit


def _change(
    known: KnownService, opening: Opening, service: Service, container: Container | None, words: Mapping[str, str]
) -> LineChange | None:
    """The one line that closes it, where a file that Davy understands has it or may have it.

    None where what is in force comes from the command line or the environment, which outrank the file, and where the
    file lies in a container, whose next start may begin with another.
    """
    if opening.line is None or not service.files:
        return None
    told = [one for one in service.settings if one.name == opening.line_setting]
    if any(one.source in (SettingSource.ARGUMENT, SettingSource.ENVIRONMENT) for one in told):
        return None
    standing = [one for one in told if one.source is SettingSource.FILE]
    line, restart = _filled(opening.line, words), _restart(opening, service, container, words)
    if len(standing) > 1 or any(_in_container(one.path, container) for one in standing):
        return None
    if standing:
        return _replaced(standing[0], line, restart)
    path = _appended(known, service.files)
    if path is None or _in_container(path, container):
        return None
    return LineChange(path=path, line=None, before=None, after=line, restart=restart)


def _restart(opening: Opening, service: Service, container: Container | None, words: Mapping[str, str]) -> str:
    """What makes a changed line count: of a container its own start, for no unit of the host is it."""
    if service.composed:
        file, _, name = service.composed.rpartition(":")
        return f"docker compose -f {quote(file)} up -d {quote(name)}"
    if container is not None:
        return f"{container.runtime} restart {quote(container.name)}"
    return _filled(opening.restart or "", words)


def _appended(known: KnownService, files: Sequence[str]) -> str | None:
    """The first file to which a line of the service's main configuration may be added; none of another language.

    A file that bears the name of another of its files (redis has its users in one of their own) is none.
    """
    first = known.config[0] if known.config else None
    if first is None or first.format not in APPENDED:
        return None
    for file in files:
        name = posixpath.basename(file)
        bearing = next((one for one in known.config if name in _names(one)), None)
        if bearing is None:
            fits = all(one.format is first.format for one in known.config)
        else:
            fits = (bearing.format, bearing.argument) == (first.format, first.argument)
        if fits:
            return file
    return None


def _names(config: ConfigFile) -> frozenset[str]:
    """The names that a configuration file goes by."""
    return frozenset(posixpath.basename(one) for one in (*config.places, config.name or "", config.beside or ""))


def _replaced(standing: Setting, line: str, restart: str) -> LineChange | None:
    """A line in the place of another with the same key, as far in as that is.

    Where the other has its key below others (``bind-address`` below ``rest:``) the new one has, too.
    """
    key, own = _KEY.match(line), _KEY.match(standing.text or "")
    if standing.path is None or standing.text is None or not key or not own:
        return None
    if key[1].casefold().endswith(f".{own[1]}".casefold()):
        line = own[1] + line[key.end() :]
    elif key[1].casefold() != own[1].casefold():
        return None
    indent = standing.text[: len(standing.text) - len(standing.text.lstrip())]
    return LineChange(
        path=standing.path, line=standing.line, before=standing.text, after=indent + line, restart=restart
    )


def _in_container(path: str | None, container: Container | None) -> bool:
    """Whether a file lies in a container's own files, not in what of the host is bound into it."""
    if path is None or path.startswith("/proc/"):
        return True
    return container is not None and container.root is not None and path.startswith(container.root.rstrip("/") + "/")
