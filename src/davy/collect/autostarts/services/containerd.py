"""containerd's containers that are started again, by its own database.

What nerdctl's ``--restart`` asks for are labels, which containerd's monitor goes by.  In the bbolt file they stand at
``v1/NAMESPACE/containers/ID/labels``: ``containerd.io/restart.status`` is ``running``, ``containerd.io/restart.policy``
is ``always`` or missing, ``nerdctl/name`` is the name; beside them ``image``, and in ``spec`` what runs.

Source: containerd's ``core/metadata/buckets.go``, ``core/runtime/restart/restart.go``; nerdctl's ``pkg/labels``;
protobuf.dev (encoding).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final

from davy.collect.autostarts.formats.container_specs import described, inside, name_of
from davy.collect.autostarts.reading import ENTRIES_LIMIT, Entry, File, Files
from davy.host import Host, HostError
from davy.host.bolt import TOTAL_LIMIT, Bolt, Bucket, bolt
from davy.host.root import Root
from davy.model.autostarts import Autostart
from davy.model.facts import Gap

_METADATA: Final = "io.containerd.metadata.v1.bolt/meta.db"
_DATABASES: Final = (
    f"/var/lib/containerd/{_METADATA}", f"/var/lib/rancher/k3s/agent/containerd/{_METADATA}",
    f"/var/lib/rancher/rke2/agent/containerd/{_METADATA}", f"/var/lib/docker/containerd/daemon/{_METADATA}",
)  # fmt: skip
_OWN: Final = (f".local/share/containerd/{_METADATA}",)
_STATUS, _POLICY = b"containerd.io/restart.status", b"containerd.io/restart.policy"
_STOPPED: Final = b"containerd.io/restart.explicitly-stopped"
_NAME: Final = b"nerdctl/name"
_OWN_BYTES: Final = 8 << 20
"""Of a database in a home that are read."""
_SPEC_BYTES: Final = 1 << 20
_VALUE_OF_ANY: Final = 2
_BYTES: Final = 2
"""The wire type of what has a length."""


def containerd_containers(host: Host, files: Files) -> Iterator[Autostart | Gap]:
    """Those that containerd starts again, the system's, those of k3s and Docker, and every user's."""
    for file in files.found(*_DATABASES, own=_OWN):
        if isinstance(file, Gap):
            yield file
        elif why := files.enough(file.home_path):
            yield files.gap(file.path, why)
        else:
            yield from _of_database(host.root, files, file)


def _of_database(root: Root, files: Files, file: File) -> Iterator[Autostart | Gap]:
    entries: list[Entry] = []
    try:
        with bolt(root, file.path, _OWN_BYTES if file.home else TOTAL_LIMIT) as database:
            for entry in _entries(database):
                entries.append(entry)
                if len(entries) > ENTRIES_LIMIT:
                    break
    except HostError as error:
        yield files.gap(f"the rest of {file.path}" if entries else file.path, error)
    yield from files.entries(file, entries, user="root")


def _entries(database: Bolt) -> Iterator[Entry]:
    seen: Counter[str] = Counter()
    for namespace, identity, container in _containers(database):
        kept = dict(database.items(container))
        labels = kept.get(b"labels")
        told = dict(database.items(labels)) if isinstance(labels, Bucket) else {}
        texts = {key: value for key, value in told.items() if isinstance(value, bytes)}
        if policy := restart_policy(texts):
            before = f"{name_of(Counter(), namespace)}/"
            name = name_of(seen, texts.get(_NAME, b"").decode(errors="replace"), identity, before=before)
            yield containerd_entry(kept.get(b"image"), kept.get(b"spec"), name, policy)


def _containers(database: Bolt) -> Iterator[tuple[str, str, Bucket]]:
    """Every container with its namespace and its id."""
    version = database.bucket(b"v1")
    for namespace, objects in database.items(version) if version else ():
        every = database.value(objects, b"containers") if isinstance(objects, Bucket) else None
        for identity, container in database.items(every) if isinstance(every, Bucket) else ():
            if isinstance(container, Bucket):
                yield namespace.decode(errors="replace"), identity.decode(errors="replace"), container


def restart_policy(labels: Mapping[bytes, bytes]) -> str:
    """By which policy a container is started again; empty: it is not."""
    policy = labels.get(_POLICY, b"") or b"always"
    if labels.get(_STATUS) != b"running":
        return ""
    if policy == b"unless-stopped" and labels.get(_STOPPED) == b"true":
        return ""
    known = policy in (b"always", b"unless-stopped") or policy.partition(b":")[0] == b"on-failure"
    return policy.decode(errors="replace") if known else ""


def containerd_entry(image: bytes | Bucket | None, spec: bytes | Bucket | None, name: str, policy: str) -> Entry:
    """A container by its image's name and its spec, wrapped as containerd keeps it."""
    whole = isinstance(spec, bytes) and len(spec) <= _SPEC_BYTES
    command, programs = inside(described(value_of_any(spec)) if isinstance(spec, bytes) and whole else None)
    called = image.decode(errors="replace") if isinstance(image, bytes) else ""
    return Entry(
        command or called or "container", f"containerd: restart={policy}", programs=programs, image=called or None,
        within=name,
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
