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
from davy.collect.autostarts.reading import Entry, Files
from davy.collect.containers.databases import kept_by_podman, podman_databases
from davy.host import Host, HostError
from davy.model.autostarts import Autostart
from davy.model.facts import Gap

_POLICIES: Final = frozenset({"always", "unless-stopped", "on-failure"})


def podman_containers(host: Host, files: Files) -> Iterator[Autostart | Gap]:
    """Those that Podman starts again, the system's and every user's."""
    for file in podman_databases(files):
        if isinstance(file, Gap):
            yield file
            continue
        entries: list[Entry] = []
        seen: Counter[str] = Counter()
        try:
            for kept in kept_by_podman(host.root, file):
                config = described(kept.config)
                if text_in(config, "restart_policy") in _POLICIES:
                    entries.append(podman_entry(config, name_of(seen, kept.name, text_in(config, "name"), kept.id)))
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
