"""Podman's containers that are started again, by its own databases.

A container is a JSON text, in the table ``ContainerConfig`` of ``db.sql`` or, before Podman 4.8, of a bbolt file under
``ctr/ID/config``: ``{"id":"0123...","name":"web","rootfsImageName":"docker.io/library/nginx:1",
"restart_policy":"always","spec":{"process":{"args":["nginx"]}}}``.  What ends is started again; at boot
``podman-restart.service`` starts what always runs.

Source: podman-run(1) (``--restart``), podman's ``libpod/container_config.go``, ``sqlite_state_internal.go``,
``boltdb_state_internal.go``.
"""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterator
from typing import Final

from davy.collect.autostarts.formats.container_specs import described, inside, name_of, text_in, words_in
from davy.collect.autostarts.reading import Entry, File, Files
from davy.host import Host, HostError, Refused
from davy.host.bolt import Bucket, bolt
from davy.host.root import Root
from davy.host.sqlite_pages import Limits, columns, sqlite_pages
from davy.model.autostarts import Autostart
from davy.model.facts import Gap

_STORES: Final = ("db.sql", "libpod/bolt_state.db")
_FOLDER, _OWN_FOLDER = "/var/lib/containers/storage/", ".local/share/containers/storage/"
_TABLE: Final = "ContainerConfig"
_COLUMNS: Final = 4
"""Of its rows: ID, name, pod, JSON."""
_LIMITS: Final = Limits(rows=2_000, row_bytes=1 << 20, total_bytes=16 << 20)
_OWN_LIMITS: Final = Limits(rows=500, row_bytes=1 << 20, total_bytes=4 << 20)
"""Of a database in a home."""
_POLICIES: Final = frozenset({"always", "unless-stopped", "on-failure"})

_Kept = tuple[str, str, bytes]
"""Of a container: its id, its name if that stands beside it, and its description."""


def podman_containers(host: Host, files: Files) -> Iterator[Autostart | Gap]:
    """Those that Podman starts again, the system's and every user's."""
    places = [f"{_FOLDER}{store}" for store in _STORES]
    for file in files.found(*places, own=[f"{_OWN_FOLDER}{store}" for store in _STORES]):
        if isinstance(file, Gap):
            yield file
        elif why := files.enough(file.home_path):
            yield files.gap(file.path, why)
        else:
            yield from _of_database(host.root, files, file)


def _of_database(root: Root, files: Files, file: File) -> Iterator[Autostart | Gap]:
    read = _in_sqlite if file.name.endswith(".sql") else _in_bolt
    kept = read(root, file.path, _OWN_LIMITS if file.home else _LIMITS)
    entries: list[Entry] = []
    seen: Counter[str] = Counter()
    try:
        for identity, name, description in kept:
            config = described(description)
            if text_in(config, "restart_policy") in _POLICIES:
                entries.append(podman_entry(config, name_of(seen, name, text_in(config, "name"), identity)))
    except HostError as error:
        yield files.gap(f"the rest of {file.path}" if entries else file.path, error)
    yield from files.entries(file, entries, user="root")


def podman_entry(config: object, name: str) -> Entry:
    """A container by its description."""
    image = text_in(config, "rootfsImageName") or text_in(config, "RawImageName")
    spec = config.get("spec") if isinstance(config, dict) else None
    command, programs = inside(spec)
    command = command or shlex.join((*words_in(config, "entrypoint"), *words_in(config, "command")))
    return Entry(
        command or image or "container", f"podman: restart={text_in(config, 'restart_policy')}", programs=programs,
        image=image or None, within=name,
    )  # fmt: skip


def _in_sqlite(root: Root, path: str, limits: Limits) -> Iterator[_Kept]:
    with sqlite_pages(root, path, limits) as pages:
        for place in pages.cells(pages.table(_TABLE)):
            row = list(columns(pages.payload(place)))
            if len(row) >= _COLUMNS:
                yield row[0].decode(errors="replace"), row[1].decode(errors="replace"), row[3]


def _in_bolt(root: Root, path: str, limits: Limits) -> Iterator[_Kept]:
    with bolt(root, path, limits.total_bytes) as database:
        every = database.bucket(b"ctr")
        for identity, container in database.items(every) if every else ():
            if isinstance(container, Bucket):
                config = database.value(container, b"config")
                if isinstance(config, bytes):
                    if len(config) > limits.row_bytes:
                        raise Refused(f"{path}: a container of more than {limits.row_bytes >> 20} MiB")
                    yield identity.decode(errors="replace"), "", config
