"""Containers that are started again: by the restart policies of Docker, Podman and containerd, by quadlets, by LXC.

Of ``/var/lib/docker/containers/ID/hostconfig.json``: ``"RestartPolicy":{"Name":"always","MaximumRetryCount":0}``.
Podman (`podman`) and containerd (`containerd`) keep theirs in databases, which only they can change.

Source: docs.docker.com (restart policies), podman-systemd.unit(5), lxc.container.conf(5).
"""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Iterator
from typing import Any, Final

from davy.collect.autostarts.formats.container_specs import in_bound_folders, text_in, words_in
from davy.collect.autostarts.formats.json_spans import Value, members
from davy.collect.autostarts.formats.unit_files import unit_settings
from davy.collect.autostarts.reading import File, Files, Span
from davy.collect.autostarts.services.containerd import containerd_containers
from davy.collect.autostarts.services.podman import podman_containers
from davy.collect.containers.docker import DOCKER_OWN, docker_folders
from davy.host import Host
from davy.model.autostarts import Autostart, AutostartKind
from davy.model.facts import Gap

_DOCKER: Final = "containers/*/hostconfig.json"
_NO_POLICY: Final = '{"Name":"no","MaximumRetryCount":0}'
_QUADLETS: Final = (
    "/etc/containers/systemd/*.container", "/etc/containers/systemd/*/*.container",
    "/etc/containers/systemd/*/*/*.container", "/usr/share/containers/systemd/*.container",
)  # fmt: skip
_OWN_QUADLETS: Final = (".config/containers/systemd/*.container", ".config/containers/systemd/*/*.container")
_QUADLET_KEYS: Final = frozenset({"Image", "Exec", "Entrypoint", "WantedBy", "RequiredBy", "Restart", "User"})
_LXC: Final = ("/var/lib/lxc/*/config", "/etc/lxc/default.conf", "/usr/share/lxc/config/common.conf.d/*.conf")
_LXC_START: Final = re.compile(r"^[ \t]*lxc\.start\.auto[ \t]*=[ \t]*1\b[^\n]*", re.MULTILINE)
_LXC_HOOK: Final = re.compile(
    r"^[ \t]*lxc\.hook\.(?P<when>[a-z-]+)[ \t]*=[ \t]*(?P<command>/[^\n]*)|"
    r"^[ \t]*lxc\.network\.script\.(?P<script>up|down)[ \t]*=[ \t]*(?P<run>/[^\n]*)",
    re.MULTILINE,
)
_LXC_INIT: Final = re.compile(r"^[ \t]*lxc\.(?:init\.cmd|execute\.cmd)[ \t]*=[ \t]*(\S[^\n]*)", re.MULTILINE)


def containers(host: Host) -> Iterator[Autostart | Gap]:
    """Containers that start with the machine, or again when they have ended; what is theirs runs as root.

    ``command`` is what runs inside, or the image where that alone says it; ``programs`` are files of the host's only.
    """
    files = Files(host, "containers", AutostartKind.CONTAINER)
    folders: list[str] = []
    for folder in docker_folders(files):
        if isinstance(folder, Gap):
            yield folder
        else:
            folders.append(f"{folder}/{_DOCKER}")
    for file in files.texts(*folders, own=(f"{DOCKER_OWN}/{_DOCKER}",)):
        yield from (file,) if isinstance(file, Gap) else _docker(files, file)
    for file in files.texts(*_QUADLETS, own=_OWN_QUADLETS):
        yield file if isinstance(file, Gap) else _quadlet(files, file)
    for file in files.texts(*_LXC):
        if isinstance(file, Gap):
            yield file
        else:
            yield from files.entries(file, lxc_entries(file.content, posixpath.basename(file.folder)), user="root")
    yield from containerd_containers(host, files)
    yield from podman_containers(host, files)


def _docker(files: Files, file: File) -> Iterator[Autostart | Gap]:
    hostconfig = {each.key: each for each in members(file.content)}
    policy = hostconfig.get("RestartPolicy")
    if policy is None or _named(policy.value) in ("", "no"):
        return
    config: dict[str, Any] = {}
    for other in files.texts("config.v2.json", below=file.folder, home=file.home):
        if isinstance(other, Gap):
            yield other
        else:
            config = {each.key: each.value for each in members(other.content)}
    entry = docker_entry(policy, config, {key: each.value for key, each in hostconfig.items()})
    yield from files.entries(file, (entry,), user="root")


def _named(policy: Any) -> str:
    name = policy.get("Name") if isinstance(policy, dict) else None
    return name if isinstance(name, str) else ""


def docker_entry(policy: Value, config: dict[str, Any], hostconfig: dict[str, Any]) -> Span:
    """A container by its restart policy, its ``config.v2.json`` and its ``hostconfig.json``."""
    image = text_in(config, "Config", "Image") or text_in(config, "Image")
    words = [word for word in (text_in(config, "Path"), *words_in(config, "Args")) if word]
    return Span(
        shlex.join(words) or image or "container", policy.start, policy.end,
        schedule=f"docker: restart={_named(policy.value)}", programs=in_bound_folders(words, _binds(hostconfig)),
        image=image or None, instead=_NO_POLICY,
    )  # fmt: skip


def _binds(hostconfig: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Of ``"Binds":["/srv/data:/data:rw"]`` each: outside, inside."""
    for bind in words_in(hostconfig, "Binds"):
        outside, _, rest = bind.partition(":")
        yield outside, rest.partition(":")[0]


def _quadlet(files: Files, file: File) -> Autostart:
    """A quadlet is taken out as a file, as a unit is: systemd makes a service of it when it reads its units."""
    settings = {setting.key: setting.value for setting in unit_settings(file.content, _QUADLET_KEYS)}
    image = settings.get("Image", "")
    command = " ".join(filter(None, (settings.get("Entrypoint"), settings.get("Exec"))))
    wanted = "boot" if settings.get("WantedBy") or settings.get("RequiredBy") else ""
    restart = f"restart={settings['Restart']}" if settings.get("Restart", "no") != "no" else ""
    schedule = "; ".join(filter(None, (wanted, restart)))
    command = command or image or file.path
    return files.whole(file, command, schedule=schedule, user="root", programs=(), image=image)


def lxc_entries(text: str, name: str) -> Iterator[Span]:
    """That a container starts with the machine, and the commands of its hooks, which the host runs."""
    if started := _LXC_START.search(text):
        init = _LXC_INIT.search(text)
        command = init[1].rstrip() if init else f"lxc-start -n {shlex.quote(name)}"
        yield Span(command, started.start(), started.end(), schedule="boot", programs=())
    for hook in _LXC_HOOK.finditer(text):
        command, when = hook["command"] or hook["run"], hook["when"] or hook["script"]
        yield Span(command.rstrip(), hook.start(), hook.end(), schedule=f"lxc: {when}")
