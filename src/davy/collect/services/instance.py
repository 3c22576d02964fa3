"""One service in its surroundings: what a reader of its settings has to know of it."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import NamedTuple

from davy.collect.services.ground import Ground
from davy.knowledge.services import KnownService
from davy.model.containers import Container


class Instance(NamedTuple):
    """A service that runs, or would."""

    known: KnownService
    ground: Ground
    lines: tuple[str, ...] = ()
    """Its command lines, each with one blank between words: its own, then those that its container or unit begins it
    with, where it has written over its own."""
    environment: Mapping[str, str] = {}
    cwd: str | None = None
    exe: str | None = None
    container: Container | None = None

    def absolute(self, path: str, folder: str | None = None) -> str | None:
        """A path as the service means it; None where it is relative and to what is not known."""
        path = path.strip("'\"")
        if path.startswith("/"):
            return posixpath.normpath(path)
        base = folder or self.cwd
        return posixpath.normpath(posixpath.join(base, path)) if base and path else None

    @property
    def of_its_image(self) -> bool:
        """Whether it is in a container of one of the images that are the service's own."""
        return self.container is not None and is_image_of(self.known, self.container.image)


def image_name(image: str) -> str:
    """An image's name without registry, tag and digest: of ``docker.io/library/redis:7`` it is ``library/redis``."""
    name = image.partition("@")[0]
    head, slash, rest = name.partition("/")
    if slash and ("." in head or ":" in head or head == "localhost"):
        name = rest
    folder, slash, last = name.rpartition("/")
    return folder + slash + last.partition(":")[0]


def is_image_of(known: KnownService, image: str | None) -> bool:
    """Whether a container of this image runs the service."""
    if not image:
        return False
    name = image_name(image)
    return any(fnmatchcase(name, one) or fnmatchcase(name, one.removeprefix("library/")) for one in known.images)
