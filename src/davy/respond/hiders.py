"""What takes a hider off: a mount, a kernel module, a preloaded library."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from typing import Final

from davy.collect.concealment.module_files import files_of_modules
from davy.detect.places import temporary_folder
from davy.hands.errors import Untouched
from davy.hands.modules import loaded
from davy.host.modules import LoadedModule
from davy.knowledge.honest_mounts import emulator
from davy.model.autostarts import AutostartKind
from davy.model.concealment import Cover, PreloadKind
from davy.model.findings import HOST
from davy.model.incidents import Actor
from davy.model.plan import Quarantine, UnloadModule, Unmount
from davy.model.text import printable
from davy.respond.draft import REBUILD, Draft, Taken

_PRELOAD_GAPS: Final = b" \t:"
_PRELOAD_WORD: Final = re.compile(rb"[ \t:]*([^ \t:#]+)")


def uncover(draft: Draft, actor: Actor) -> None:
    """All that is mounted at one point goes, and the file that was mounted there, where it has a name."""
    for cover in draft.snapshot.covers:
        if cover.subject != actor.subject:
            continue
        what = f"the mount over {cover.point}"
        if cover.elsewhere:
            draft.leave(what, "in the mount namespace of process 1, and Davy runs in another: run it there")
        elif emulator(cover.filesystem, cover.source):
            draft.leave(what, f"claims to be {cover.source}, which answers for the kernel in containers")
        elif os.geteuid() != 0:
            draft.leave(what, "run as root to unmount it")
        else:
            draft.covers.append(cover)
            if cover.origin is not None:
                _mounted_file(draft, cover.origin, cover.point)


def _mounted_file(draft: Draft, path: str, point: str) -> None:
    """The file behind a cover goes where nobody keeps anything; elsewhere it may be an honest one, put there to go."""
    if temporary_folder(path):
        draft.file(path, f"it was mounted over {point}")
    else:
        draft.leave(path, f"it was mounted over {point}; whose it is, Davy cannot tell")


def unmounts(covers: Sequence[Cover]) -> list[Unmount]:
    """What stands on another mount comes off first."""
    parents = {cover.mount_id: cover.parent_id for cover in covers}

    def depth(cover: Cover) -> int:
        here, steps = cover.parent_id, 0
        while here in parents and steps <= len(parents):
            here, steps = parents[here], steps + 1
        return steps

    return [
        Unmount(
            point=os.fsencode(cover.point),
            mount_id=cover.mount_id,
            filesystem=printable(cover.filesystem),
            source=os.fsencode(cover.source),
            root=os.fsencode(cover.root),
            device=cover.device,
        )
        for cover in sorted(covers, key=depth, reverse=True)
    ]


def unload(draft: Draft, actor: Actor) -> None:
    """A kernel module goes with its file, as far as the kernel lets it."""
    if actor.subject == HOST:
        draft.leave(actor.name, f"no view shows what it is: {REBUILD}")
        return
    for path in actor.files:
        draft.file(path, f"the kernel module {actor.name}")
    table, kernel = draft.snapshot.module_table, draft.host.kernel
    if table is None or kernel is None or actor.name not in {row.name for row in table.loaded}:
        return
    shown = f"the kernel module {actor.name}"
    try:
        found = loaded(kernel.procfs, actor.name)
    except Untouched as error:
        draft.leave(shown, str(error))
        return
    if found is None:
        draft.leave(shown, f"it is not in the kernel's own list, so it cannot be unloaded: {REBUILD}")
    elif owner := _package_of(draft, actor, found, kernel.release):
        draft.leave(shown, f"belongs to the installed package {owner}")
    elif os.geteuid() != 0:
        draft.leave(shown, "run as root to unload it")
    elif found.users:
        draft.leave(shown, f"{', '.join(found.users[:4])} depend on it, so it cannot be unloaded: {REBUILD}")
    elif found.references != 0:
        draft.leave(shown, f"something uses it, so it cannot be unloaded: {REBUILD}")
    else:
        draft.unloads[actor.name] = UnloadModule(name=actor.name, size=found.size, references=0, taint=found.taint)


def _package_of(draft: Draft, actor: Actor, found: LoadedModule, release: str) -> str | None:
    """The package a loaded module came with: by the actor's file, or by its name if the kernel calls it its own."""
    paths = [actor.path] if actor.path else []
    if not found.foreign:
        paths += files_of_modules(draft.host, release, [actor.name]).values()
    return next(iter(draft.database.owners(paths).values()), None)


def unpreload(draft: Draft, actor: Actor) -> None:
    """A preloaded library goes after every line that names it.

    Whoever has it loaded is whom it was forced on: unlike a shared program's, its file does not stay for their sake.
    One that only a process's own environment names was forced on nobody else.
    """
    found = [preload for preload in draft.snapshot.preloads if preload.subject == actor.subject]
    if any(preload.kind is PreloadKind.LOADER for preload in found):
        draft.leave(actor.path or actor.name, "every program's loader: have the C library's package installed again")
        return
    for preload in found:
        if preload.kind is PreloadKind.FILE:
            draft.preloads.setdefault(preload.source, []).append(preload)
    library = next((preload.library for preload in found if preload.library), None)
    if library is None:
        return
    owner = library.owner_package or draft.database.owners([library.path]).get(library.path)
    if owner:
        draft.leave(library.path, f"belongs to the installed package {owner}")
        return
    identity = draft.identity(library.path, library.sha256)
    if identity is not None and draft.mine(library.path):
        why = "it is loaded into programs that did not ask for it"
        forced = any(preload.hides or preload.kind is not PreloadKind.ENVIRONMENT for preload in found)
        draft.files[identity.path] = Quarantine(file=identity, why=why, loaded_by_others=forced)


def preload_lines(draft: Draft) -> None:
    """Of a line with honest entries, too, only the guilty ones go, whether as preloads or as what starts a library."""
    for path, preloads in draft.preloads.items():
        taken = draft.lines.setdefault(os.path.realpath(path), [])
        entries: dict[int, tuple[bytes, set[bytes]]] = {}
        for preload in preloads:
            known = entries.setdefault(preload.line or 0, (os.fsencode(preload.text), set()))
            known[1].add(os.fsencode(preload.entry))
        for autostart in draft.actor_autostarts:
            if autostart.kind is AutostartKind.LOADER and autostart.path == path and autostart.line in entries:
                entries[autostart.line][1].add(os.fsencode(autostart.command))
        taken[:] = [each for each in taken if each.number not in entries]
        taken += [Taken(number, text, without_entries(text, guilty)) for number, (text, guilty) in entries.items()]


def without_entries(line: bytes, entries: set[bytes]) -> bytes:
    """What stays of a line of a preload file without these entries; nothing when no other library is named in it.

    An entry may stand in what looks like a comment: see `davy.host.clean_start.without_comments`.
    """
    kept = _PRELOAD_WORD.sub(lambda found: b"" if found[1] in entries else found[0], line)
    kept = kept.rstrip(b"\r")
    if not kept.partition(b"#")[0].strip(_PRELOAD_GAPS):
        return b""
    return kept if line[:1] in _PRELOAD_GAPS else kept.lstrip(_PRELOAD_GAPS)
