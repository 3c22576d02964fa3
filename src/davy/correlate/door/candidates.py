"""The doors that come into question: services, logins, containers, and packages that brought it along."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import msgspec

from davy.correlate.door.sessions import account, logged_in
from davy.correlate.door.story import Candidate, Story, Way
from davy.correlate.log_lines import SSH, distinct, only_overheard, service_name, tells_only, worth
from davy.knowledge.families import families
from davy.model.containers import Container
from davy.model.exposures import Exposure
from davy.model.facts import Process
from davy.model.logs import LogHit, Shows
from davy.model.lookup import lookup
from davy.model.services import Service

_LOGINS: Final = 100
"""So many accounts are weighed, those first of which lines say most: who forges a log can name any number."""
_SHARING: Final = 20
"""Of one address so many accounts are told together: behind a company's there may be hundreds."""
PACKAGES: Final = {"pip": "a Python package", "npm": "an npm package"}
"""Ways of a family that are no service: its programs come with a package."""


def candidates(story: Story, exposures: Iterable[Exposure]) -> list[Candidate]:
    """Every door that comes into question.

    A service whose own process is an actor is none: what mines and calls itself a server is no door.
    """
    snapshot = story.snapshot
    ways = lookup(snapshot)
    acting = {process.pid for process in story.cast.processes}
    by_subject: dict[str, list[Exposure]] = defaultdict(list)
    for one in exposures:
        by_subject[one.subject].append(one)
    told_once = distinct(snapshot.log_hits)
    here = {service.kind for service in snapshot.services if not only_overheard(service)}
    services = [one for one in snapshot.services if one.kind not in here or not only_overheard(one)]
    hits = _by_service(services, told_once)
    found: list[Candidate] = []
    for service in services:
        pids = service.pids or ((service.pid,) if service.pid is not None else ())
        if acting.isdisjoint(pids) and not tells_only(service.kind):
            processes = tuple(ways.by_pid[pid] for pid in pids if pid in ways.by_pid)
            own = tuple(hits.get(service.subject, ()))
            found += _of_service(story, service, processes, own, tuple(by_subject[service.subject]))
    told = {service.kind for service in snapshot.services}
    for kind, lines in _by_kind(hit for hit in told_once if hit.kind not in told and not tells_only(hit.kind)).items():
        if kind == SSH:
            found += _logins(story, lines, service=None)
        else:
            found.append(Candidate(Way.SERVICE, service_name(kind), f"service:{kind}:", kind, hits=tuple(lines)))
    found += _containers(story, found)
    found += _packages(story)
    return found


def _by_kind(hits: Iterable[LogHit]) -> dict[str, list[LogHit]]:
    found: dict[str, list[LogHit]] = defaultdict(list)
    for hit in hits:
        found[hit.kind].append(hit)
    return found


def _by_service(services: Sequence[Service], hits: Iterable[LogHit]) -> dict[str, list[LogHit]]:
    """The log lines of each service by its subject; of several of one kind each has those of its own logs."""
    kinds: dict[str, list[Service]] = defaultdict(list)
    for service in services:
        kinds[service.kind].append(service)
    found: dict[str, list[LogHit]] = defaultdict(list)
    for hit in hits:
        alike = kinds.get(hit.kind, [])
        owners = [service for service in alike if hit.path in service.logs] or alike
        for service in owners:
            found[service.subject].append(hit)
    return found


def _of_service(
    story: Story,
    service: Service,
    processes: tuple[Process, ...],
    hits: tuple[LogHit, ...],
    exposures: tuple[Exposure, ...],
) -> Iterator[Candidate]:
    if service.kind == SSH:
        yield from _logins(story, hits, service, processes, exposures)
        return
    ways = lookup(story.snapshot)
    around = (ways.container(process) for process in processes)
    container = ways.container_by_id.get(service.container or "") or next(filter(None, around), None)
    yield Candidate(
        Way.SERVICE, service_name(service.kind), service.subject, service.kind, service, processes, container,
        service.user, exposures, hits,
    )  # fmt: skip


def _logins(
    story: Story,
    hits: Sequence[LogHit],
    service: Service | None,
    processes: tuple[Process, ...] = (),
    exposures: tuple[Exposure, ...] = (),
) -> Iterator[Candidate]:
    """A candidate for every user who logged in or whose session an actor is in; the service itself where there is
    none, or where somebody came in of whom no line says as whom.
    """
    hits = [_by_name(story, hit) for hit in hits]
    telling = sorted((hit for hit in hits if hit.user and hit.shows is Shows.SUCCESS), key=worth, reverse=True)
    came = list(dict.fromkeys(hit.user for hit in telling if hit.user))[:_LOGINS]
    came += [user for user in _over_ssh(story, processes) if user not in came]
    name = service_name(SSH)
    own_hits = _by_user(hits)
    for user in came:
        own = tuple(own_hits.get(user, ()))
        yield Candidate(
            Way.LOGIN, f"{name}, as {user}", f"account:{user}", SSH, service, processes, None, user, exposures, own
        )
    for user in sorted(_in_sessions(story) - set(came)):
        yield Candidate(Way.LOGIN, f"a login session of {user}", f"account:{user}", user=user)
    nameless = tuple(hit for hit in hits if not (hit.user and hit.shows is Shows.SUCCESS))
    if not came or any(hit.shows is Shows.SUCCESS for hit in nameless):
        subject = service.subject if service else f"service:{SSH}:"
        yield Candidate(Way.SERVICE, name, subject, SSH, service, processes, None, None, exposures, nameless)


def _by_user(hits: Sequence[LogHit]) -> dict[str, list[LogHit]]:
    """The lines about each user, and those about all that was tried from where he logged in; of those not logged in
    none.
    """
    found: dict[str, list[LogHit]] = defaultdict(list)
    came: dict[str, list[str]] = defaultdict(list)
    for hit in hits:
        if hit.shows is Shows.SUCCESS and hit.user and hit.address and hit.user not in came[hit.address]:
            came[hit.address].append(hit.user)
    for hit in hits:
        users = [*([hit.user] if hit.user else ()), *came.get(hit.address or "", ())[:_SHARING]]
        for user in dict.fromkeys(users):
            found[user].append(hit)
    return found


def _by_name(story: Story, hit: LogHit) -> LogHit:
    """A login as its account's: the kernel's audit and lastlog tell of it by its number."""
    known = hit.shows is Shows.SUCCESS and hit.user and hit.user.isdecimal()
    return msgspec.structs.replace(hit, user=account(story.snapshot, hit.user)) if known and hit.user else hit


def _in_sessions(story: Story) -> set[str]:
    """The users whose login sessions actors are in."""
    users = (logged_in(story.snapshot, process) for process in story.cast.processes)
    return {user for user in users if user}


def _over_ssh(story: Story, servers: Sequence[Process]) -> list[str]:
    """The users in whose logins actors are that the server itself is the ancestor of."""
    own = {process.pid for process in servers}
    ways = lookup(story.snapshot)
    found = (
        logged_in(story.snapshot, process) or process.user
        for process in story.cast.processes
        if any(above.pid in own for above in ways.ancestors(process))
    )
    return sorted({user for user in found if user})


def _containers(story: Story, others: Iterable[Candidate]) -> Iterator[Candidate]:
    """Containers of the incident in which no known service runs: what is published there may be the way."""
    known = {one.container.id for one in others if one.container is not None}
    for one in story.cast.containers:
        if one.id not in known:
            yield Candidate(Way.CONTAINER, f"the container {named(one)}", one.subject, container=one)


def named(container: Container) -> str:
    """A container as people tell it from others."""
    return f"{container.name} (image {container.image})" if container.image else container.name


def _packages(story: Story) -> Iterator[Candidate]:
    family = next((one for one in families() if one.id == story.family), None)
    for way in family.doors if family else ():
        if way in PACKAGES:
            yield Candidate(Way.PACKAGE, PACKAGES[way], f"package:{way}", way)
