"""The databases in which Podman and containerd keep their containers, each container as it stands there.

Source: podman's ``libpod/boltdb_state_internal.go``, ``sqlite_state_internal.go``; containerd's
``core/metadata/buckets.go``; protobuf.dev (encoding).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from davy.collect.autostarts.reading import File, Files
from davy.host import Refused
from davy.host.bolt import TOTAL_LIMIT, Bucket, bolt
from davy.host.root import Root
from davy.host.sqlite_pages import Limits, columns, sqlite_pages
from davy.model.facts import Gap

PODMAN_FOLDER: Final = "/var/lib/containers/storage"
PODMAN_OWN: Final = ".local/share/containers/storage"
_PODMAN_STORES: Final = ("db.sql", "libpod/bolt_state.db")
_METADATA: Final = "io.containerd.metadata.v1.bolt/meta.db"
_CONTAINERD: Final = (
    f"/var/lib/containerd/{_METADATA}", f"/var/lib/rancher/k3s/agent/containerd/{_METADATA}",
    f"/var/lib/rancher/rke2/agent/containerd/{_METADATA}", f"/var/lib/docker/containerd/daemon/{_METADATA}",
    f"/var/snap/microk8s/common/var/lib/containerd/{_METADATA}",
)  # fmt: skip
_CONTAINERD_OWN: Final = f".local/share/containerd/{_METADATA}"
_CONFIGS, _STATES = "ContainerConfig", "ContainerState"
_COLUMNS: Final = 4
"""Of their rows: ID, name, pod, JSON; ID, state, exit code, JSON."""
_LIMITS: Final = Limits(rows=2_000, row_bytes=1 << 20, total_bytes=16 << 20)
_OWN_LIMITS: Final = Limits(rows=500, row_bytes=1 << 20, total_bytes=4 << 20)
"""Of a database in a home."""
_OWN_BYTES: Final = 8 << 20
_VALUE_OF_ANY: Final = 2
_BYTES: Final = 2
"""The wire type of what has a length."""


class Kept(NamedTuple):
    """A container of Podman's."""

    id: str
    name: str
    """Empty where it stands in the description only."""
    config: bytes
    state: bytes = b""


class KeptByContainerd(NamedTuple):
    """A container of containerd's, its values as they are kept."""

    namespace: str
    id: str
    values: dict[bytes, bytes]
    labels: dict[bytes, bytes]


def podman_databases(files: Files, folders: Sequence[str] = ()) -> Iterator[File | Gap]:
    """Those of the system and of every user, also below further ``folders``."""
    places = [f"{folder}/{store}" for folder in (PODMAN_FOLDER, *folders) for store in _PODMAN_STORES]
    yield from _databases(files, places, [f"{PODMAN_OWN}/{store}" for store in _PODMAN_STORES])


def containerd_databases(files: Files, folders: Sequence[str] = ()) -> Iterator[File | Gap]:
    """Those of the system, of k3s and Docker and of every user, also below further ``folders``."""
    yield from _databases(files, [*_CONTAINERD, *(f"{folder}/{_METADATA}" for folder in folders)], [_CONTAINERD_OWN])


def _databases(files: Files, places: Sequence[str], own: Sequence[str]) -> Iterator[File | Gap]:
    for file in files.found(*places, own=own):
        why = None if isinstance(file, Gap) else files.enough(file.home_path)
        yield files.gap(file.path, why) if why and isinstance(file, File) else file


def kept_by_podman(root: Root, file: File, *, states: bool = False) -> Iterator[Kept]:
    """The containers in one of its databases, with their ``states`` if these are asked for.  Raises `HostError`."""
    limits = _OWN_LIMITS if file.home else _LIMITS
    yield from (_in_sqlite if file.name.endswith(".sql") else _in_bolt)(root, file.path, limits, states)


def _in_sqlite(root: Root, path: str, limits: Limits, states: bool) -> Iterator[Kept]:
    with sqlite_pages(root, path, limits) as pages:
        told: dict[bytes, bytes] = {}
        for place in pages.cells(pages.table(_STATES)) if states else ():
            row = list(columns(pages.payload(place)))
            if len(row) >= _COLUMNS:
                told[row[0]] = row[3]
        for place in pages.cells(pages.table(_CONFIGS)):
            row = list(columns(pages.payload(place)))
            if len(row) >= _COLUMNS:
                texts = [column.decode(errors="replace") for column in row[:2]]
                yield Kept(texts[0], texts[1], row[3], told.get(row[0], b""))


def _in_bolt(root: Root, path: str, limits: Limits, states: bool) -> Iterator[Kept]:
    with bolt(root, path, limits.total_bytes) as database:
        every = database.bucket(b"ctr")
        for identity, container in database.items(every) if every else ():
            if isinstance(container, Bucket):
                config = database.value(container, b"config")
                state = database.value(container, b"state") if states else None
                if isinstance(config, bytes):
                    if len(config) > limits.row_bytes:
                        raise Refused(f"{path}: a container of more than {limits.row_bytes >> 20} MiB")
                    told = state if isinstance(state, bytes) else b""
                    yield Kept(identity.decode(errors="replace"), "", config, told)


def kept_by_containerd(root: Root, file: File) -> Iterator[KeptByContainerd]:
    """The containers in its database.  Raises `HostError`."""
    with bolt(root, file.path, _OWN_BYTES if file.home else TOTAL_LIMIT) as database:
        version = database.bucket(b"v1")
        for namespace, objects in database.items(version) if version else ():
            every = database.value(objects, b"containers") if isinstance(objects, Bucket) else None
            for identity, container in database.items(every) if isinstance(every, Bucket) else ():
                if isinstance(container, Bucket):
                    kept = dict(database.items(container))
                    labels = kept.get(b"labels")
                    told = database.items(labels) if isinstance(labels, Bucket) else ()
                    yield KeptByContainerd(
                        namespace.decode(errors="replace"), identity.decode(errors="replace"),
                        {key: value for key, value in kept.items() if isinstance(value, bytes)},
                        {key: value for key, value in told if isinstance(value, bytes)},
                    )  # fmt: skip


def value_of_any(data: bytes) -> bytes:
    """What a protobuf message ``Any`` wraps; empty where it is none.  Both of its fields have a length."""
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        size, at = _varint(data, at)
        if tag & 7 != _BYTES:
            return b""
        if tag >> 3 == _VALUE_OF_ANY:
            return data[at : at + size]
        at += size
    return b""


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """A number of at most ten bytes, least first, and where it ends."""
    value = 0
    for count, byte in enumerate(data[at : at + 10]):
        value |= (byte & 0x7F) << 7 * count
        if byte < 0x80:
            return value, at + count + 1
    return value, len(data)
