"""Pods that a kubelet starts by itself, and the manifests that k3s and RKE2 apply by themselves.

A line of ``/etc/kubernetes/manifests/web.yaml``: ``command: ["sh", "-c", "exec /web"]``.  Only the lines that name an
image, a command and its arguments are read, and no YAML is understood beyond them: a manifest is taken out as a file.
Source: kubernetes.io (static pods), docs.k3s.io (auto-deploying manifests), yaml.org/spec/1.2.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any, Final, NamedTuple

from davy.collect.autostarts.reading import File, Files
from davy.host import Host
from davy.model.autostarts import Autostart, AutostartKind
from davy.model.facts import Gap

_FOLDERS: Final = (
    "/etc/kubernetes/manifests",
    "/etc/kubelet.d",
    "/etc/kubernetes/manifest",
    "/var/lib/rancher/k3s/server/manifests",
    "/var/lib/rancher/k3s/agent/pod-manifests",
    "/var/lib/rancher/rke2/server/manifests",
    "/var/lib/rancher/rke2/agent/pod-manifests",
)
_SETTINGS: Final = ("/var/lib/kubelet/config.yaml", "/etc/kubernetes/kubelet-config.yaml")
_POD_PATH: Final = re.compile(r"^[ \t]*staticPodPath:[ \t]*[\"']?(/[^\s\"'#]+)", re.MULTILINE)
_KEY: Final = re.compile(r"""(?P<indent>[ \t]*(?:-[ \t]+)*)["']?(?P<key>image|command|args)["']?[ \t]*:(?P<value>.*)""")
_ITEM: Final = re.compile(r"(?P<indent>[ \t]*)-(?:[ \t]+(?P<value>.*))?")
_BLOCK: Final = re.compile(r"[|>][+\d-]{0,2}(?:[ \t]+#.*)?")
_FLOW: Final = re.compile(r"""[\s,]+|"((?:[^"\\]|\\.)*)"|'((?:[^']|'')*)'|([^\s,\]"'][^,\]\n]*)|(.)""", re.DOTALL)
_COMMENT: Final = re.compile(r"[ \t]#.*")
_ROWS_LIMIT: Final = 200
"""Lines that one command or its arguments may take."""
_DEPTH_LIMIT: Final = 40


class Container(NamedTuple):
    """What a manifest says of one container."""

    image: str
    words: tuple[str, ...]
    """Of command and arguments."""


def pod_containers(text: str) -> Iterator[Container]:
    """The containers of a manifest in YAML or JSON, as far as their images, commands and arguments can be read."""
    if text.lstrip()[:1] == "{":
        with suppress(ValueError, RecursionError):
            yield from _of_tree(json.loads(text))
        return
    rows = text.replace("\r\n", "\n").split("\n")
    keys = [(number, match) for number, row in enumerate(rows) if (match := _KEY.match(row))]
    ends = [*(number for number, _ in keys[1:]), len(rows)]
    image: str | None = None
    words: dict[str, Sequence[str]] = {}
    for (number, found), end in zip(keys, ends, strict=False):
        key, value = found["key"], found["value"].strip()
        below = rows[number + 1 : min(end, number + _ROWS_LIMIT)]
        if "-" in found["indent"] or key in words or (key == "image" and image is not None):
            yield from _container(image, words)
            image, words = None, {}
        if key == "image":
            image = _scalar(value)
        else:
            words[key] = _flow([value[1:], *below]) if value[:1] == "[" else _items(below, len(found["indent"]))
    yield from _container(image, words)


def _container(image: str | None, words: dict[str, Sequence[str]]) -> Iterator[Container]:
    if image or words:
        yield Container(image or "", (*words.get("command", ()), *words.get("args", ())))


def _of_tree(tree: Any, depth: int = 0) -> Iterator[Container]:
    if depth > _DEPTH_LIMIT:
        return
    if isinstance(tree, dict):
        image = tree.get("image")
        if isinstance(image, str):
            lists = (tree.get(key) for key in ("command", "args"))
            words = (word for each in lists if isinstance(each, list) for word in each if isinstance(word, str))
            yield Container(image, tuple(words))
    for inside in tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ():
        yield from _of_tree(inside, depth + 1)


def _flow(rows: Sequence[str]) -> Sequence[str]:
    """The words of ``"a", 'b', c]``, up to the bracket."""
    found: list[str] = []
    for match in _FLOW.finditer("\n".join(rows)):
        double, single, plain, other = match.groups()
        if other is not None:
            break
        if match.lastindex:
            written = (single or "").replace("''", "'") or (plain or "").strip()
            found.append(_unescaped(double) if double is not None else written)
    return found


def _items(rows: Sequence[str], indent: int) -> Sequence[str]:
    """The words of a list whose items have a line of their own, or a block of lines (``- |``)."""
    found: list[str] = []
    block: list[str] | None = None
    depth = 0
    for row in rows:
        here = len(row) - len(row.lstrip())
        item = _ITEM.fullmatch(row)
        if block is not None and (not row.strip() or here > depth):
            block.append(row.strip())
        elif item and here >= indent and (not found or here == depth):
            if block is not None:
                found.append("\n".join(block))
            value = (item["value"] or "").strip()
            block, depth = ([], here) if _BLOCK.fullmatch(value) else (None, here)
            if block is None:
                found.append(_scalar(value))
        elif row.strip() and not row.lstrip().startswith("#"):
            break
    return found if block is None else [*found, "\n".join(block)]


def _scalar(value: str) -> str:
    value = value.strip()
    if value[:1] == '"' and (end := value.rfind('"')) > 0:
        return _unescaped(value[1:end])
    if value[:1] == "'" and (end := value.rfind("'")) > 0:
        return value[1:end].replace("''", "'")
    return _COMMENT.sub("", value)


def _unescaped(text: str) -> str:
    try:
        found = json.loads(f'"{text}"')
    except ValueError:
        return text
    return found if isinstance(found, str) else text


def static_pods(host: Host) -> Iterator[Autostart | Gap]:
    """One autostart for each manifest with containers; ``command`` is what they run, or their images.

    ``programs`` is empty: what runs lies in the image.
    """
    files = Files(host, "static pods", AutostartKind.STATIC_POD)
    folders = dict.fromkeys(_FOLDERS)
    for file in files.texts(*_SETTINGS):
        if isinstance(file, Gap):
            yield file
        elif named := _POD_PATH.search(file.content):
            folders[named[1].rstrip("/")] = None
    for folder in folders:
        for file in files.texts("*", below=folder):
            yield from (file,) if isinstance(file, Gap) else _manifest(files, file)


def _manifest(files: Files, file: File) -> Iterator[Autostart]:
    found = list(pod_containers(file.content))
    images = ", ".join(dict.fromkeys(each.image for each in found if each.image))
    command = "; ".join(shlex.join(each.words) for each in found if each.words) or images
    if command:
        yield files.whole(file, command, schedule="kubelet: always", user="root", programs=(), image=images or None)
