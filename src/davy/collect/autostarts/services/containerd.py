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
from davy.collect.containers.databases import containerd_databases, kept_by_containerd, value_of_any
from davy.host import Host, HostError
from davy.host.root import Root
from davy.model.autostarts import Autostart
from davy.model.facts import Gap

_STATUS, _POLICY = b"containerd.io/restart.status", b"containerd.io/restart.policy"
_STOPPED: Final = b"containerd.io/restart.explicitly-stopped"
_NAME: Final = b"nerdctl/name"
_SPEC_BYTES: Final = 1 << 20


def containerd_containers(host: Host, files: Files) -> Iterator[Autostart | Gap]:
    """Those that containerd starts again, the system's, those of k3s and Docker, and every user's."""
    for file in containerd_databases(files):
        if isinstance(file, Gap):
            yield file
            continue
        entries: list[Entry] = []
        try:
            for entry in _entries(host.root, file):
                entries.append(entry)
                if len(entries) > ENTRIES_LIMIT:
                    break
        except HostError as error:
            yield files.gap(f"the rest of {file.path}" if entries else file.path, error)
        yield from files.entries(file, entries, user="root")


def _entries(root: Root, file: File) -> Iterator[Entry]:
    seen: Counter[str] = Counter()
    for kept in kept_by_containerd(root, file):
        if policy := restart_policy(kept.labels):
            before = f"{name_of(Counter(), kept.namespace)}/"
            name = name_of(seen, kept.labels.get(_NAME, b"").decode(errors="replace"), kept.id, before=before)
            yield containerd_entry(kept.values.get(b"image"), kept.values.get(b"spec"), name, policy)


def restart_policy(labels: Mapping[bytes, bytes]) -> str:
    """By which policy a container is started again; empty: it is not."""
    policy = labels.get(_POLICY, b"") or b"always"
    if labels.get(_STATUS) != b"running":
        return ""
    if policy == b"unless-stopped" and labels.get(_STOPPED) == b"true":
        return ""
    known = policy in (b"always", b"unless-stopped") or policy.partition(b":")[0] == b"on-failure"
    return policy.decode(errors="replace") if known else ""


def containerd_entry(image: bytes | None, spec: bytes | None, name: str, policy: str) -> Entry:
    """A container by its image's name and its spec, wrapped as containerd keeps it."""
    whole = spec is not None and len(spec) <= _SPEC_BYTES
    command, programs = inside(described(value_of_any(spec)) if spec and whole else None)
    called = image.decode(errors="replace") if image else ""
    return Entry(
        command or called or "container", f"containerd: restart={policy}", programs=programs, image=called or None,
        within=name,
    )  # fmt: skip
