"""What keeps an autostart from starting anything again, by its kind: lines, files, links, units, kernel values."""

from __future__ import annotations

import os
import shlex
from typing import Final

from davy.detect.autostarts import followed_by_autostart
from davy.detect.places import odd_place, temporary_folder
from davy.hands.kernel_values import usual
from davy.host import HostError
from davy.knowledge import family_by_path
from davy.knowledge.autostart_kinds import Removal, autostart_kinds
from davy.knowledge.programs import interpreter
from davy.model.autostarts import Autostart, AutostartKind, Step
from davy.model.facts import Executable
from davy.model.plan import SetKernelValue, Unregister
from davy.respond import packaged, units
from davy.respond.containers import container_of, restarted
from davy.respond.draft import ALLOWED, Draft
from davy.respond.keys import naming
from davy.respond.lines import taken_of

_KERNEL: Final = ("/proc/", "/sys/")
"""Where the kernel shows what it has: no file to move, and no line to take out."""
_FORCED: Final = frozenset({AutostartKind.LOADER, AutostartKind.ENVIRONMENT})
"""What has a library loaded into programs that did not ask for it."""
_DOCKERS: Final = "/hostconfig.json"
"""Where Docker keeps a container's settings."""
_TOLD_OTHERWISE: Final = "docker update --restart=no {name}; docker stop {name}"
_PODMAN: Final = "/containers/storage/"
"""In whose folder, the system's or a user's, Podman keeps its database."""
_SOCKETS: Final = (
    ("/var/lib/rancher/", "/run/k3s/containerd/containerd.sock"),
    ("/var/lib/docker/", "/run/docker/containerd/containerd.sock"),
)
"""How a containerd is reached that is another's, by the folder that it keeps its database in."""


def disable(draft: Draft, autostart: Autostart | None) -> None:
    """Have an autostart taken out in its kind's way, with what it starts, or left with the reason."""
    if autostart is None:
        return
    if autostart.subject in draft.allowed_autostarts:
        draft.leave(autostart.path, ALLOWED)
        return
    removal = _removal_of(autostart)
    if removal is Removal.VALUE:
        _value(draft, autostart)
    elif removal is Removal.NAMED and autostart.subject not in draft.named:
        draft.leave(_place(autostart), f"only taken out by name: {naming(autostart)}")
    elif removal is Removal.TOLD:
        draft.leave(_place(autostart), f"only its engine can change its database: {_telling(autostart)}")
        _started(draft, autostart)
    elif not _vendors(draft, autostart):
        _take_out(draft, autostart, removal)
        _started(draft, autostart)


def _removal_of(autostart: Autostart) -> Removal:
    """How this entry goes, of the ways that its kind knows."""
    known = autostart_kinds().get(autostart.kind)
    ways = known.removal if known else ()
    if autostart.within is not None:
        return Removal.TOLD
    if autostart.path.startswith(_KERNEL):
        return Removal.VALUE
    if Removal.NAMED in ways:
        return Removal.NAMED
    if autostart.line is not None:
        return Removal.LINE
    return Removal.UNIT if Removal.UNIT in ways else Removal.FILE


def _place(autostart: Autostart) -> str:
    if autostart.within is not None:
        return f"{autostart.kind} {autostart.within} of {autostart.path}"
    return f"line {autostart.line} of {autostart.path}" if autostart.line is not None else autostart.path


def _telling(autostart: Autostart) -> str:
    """What a person says to the engine of a container, as whom, so that it does not start it again."""
    user = "" if autostart.user in (None, "root") else f"as {autostart.user}: "
    name = autostart.within or ""
    if _PODMAN in autostart.path:
        name = shlex.quote(name)
        return f"{user}podman update --restart=no {name}; podman stop {name}; or podman rm -f {name}"
    namespace, _, name = name.partition("/")
    socket = next((socket for folder, socket in _SOCKETS if autostart.path.startswith(folder)), None)
    address = f" --address {socket}" if socket else ""
    nerdctl, name = f"nerdctl{address} --namespace {shlex.quote(namespace)}", shlex.quote(name)
    return f"{user}{nerdctl} update --restart=no {name}; {nerdctl} stop {name}; or {nerdctl} rm -f {name}"


def _vendors(draft: Draft, autostart: Autostart) -> bool:
    """Whether the file is a package's own, as it was installed: then it is left."""
    owner = draft.database.owners([autostart.path]).get(autostart.path)
    if owner is None:
        return False
    if units.is_unit(autostart):
        draft.vendor_units.append(autostart.unit or "")
    if draft.database.provenance([autostart.path])[autostart.path].unmodified is False:
        return False
    draft.leave(autostart.path, f"belongs to the installed package {owner}")
    return True


def _take_out(draft: Draft, autostart: Autostart, removal: Removal) -> None:
    if autostart.line is not None:
        if why := _written_back(draft, autostart):
            container = container_of(draft, autostart.path)
            if container is None:
                draft.leave(autostart.path, why)
            else:
                restarted(draft, container)
        elif (taken := taken_of(autostart)) is None:
            draft.leave(_place(autostart), "its lines are not those that were read")
        else:
            draft.lines.setdefault(os.path.realpath(autostart.path), []).extend(taken)
    elif draft.database.owners([autostart.path]).get(autostart.path):
        packaged.whole_file(draft, autostart.path, f"a {autostart.kind} entry that was changed")
        units.reread(draft, autostart)
    elif removal is Removal.UNIT and units.is_unit(autostart):
        units.unit(draft, autostart)
    elif autostart.kind is AutostartKind.LINGER and (other := units.other_of_user(draft, autostart)):
        draft.leave(autostart.path, f"{other}, which is not in the plan, starts with the machine by it, too")
    else:
        draft.enabling_links(autostart.links)
        draft.entry(autostart.path, f"a {autostart.kind} entry of its own")
        units.reread(draft, autostart)


def _started(draft: Draft, autostart: Autostart) -> None:
    """The files it comes to go, too, if they lie where nobody installs a program.

    Beside one where anybody may write, or that is a family's, one that is only hidden may be its owner's.
    """
    followed = followed_by_autostart(draft.snapshot).get(autostart.subject, ())
    programs = [one.executable.path for one in followed if one.executable and one.executable.owner_package is None]
    plain = [path for path in programs if temporary_folder(path) or family_by_path(path)]
    named = any(temporary_folder(path) or family_by_path(path) for path in autostart.programs)
    forced = autostart.kind in _FORCED
    for path in programs:
        if path in plain or (odd_place(path) and not named):
            draft.file(path, "an autostart comes to it", loaded_by_others=forced)
        elif odd_place(path):
            draft.leave(path, f"{_place(autostart)} names it, and nothing else is found against it")
    if not named and any(one.step is Step.SCRIPT for one in followed):
        for one in followed:
            if one.step is Step.COMMAND and one.executable and _stays(draft, autostart, one.executable):
                why = f"{_place(autostart)} runs it, and what it runs was found guilty: take that out of it by hand"
                draft.leave(one.executable.path, why)


def _stays(draft: Draft, autostart: Autostart, program: Executable) -> bool:
    """Whether a program of nobody's package stays, which other work may need: no interpreter, and no entry itself."""
    path = program.path
    return (
        program.owner_package is None
        and program.twin is None
        and not interpreter(os.path.basename(path))
        and path != os.path.realpath(autostart.path)
        and os.fsencode(path) not in draft.files
    )


def _written_back(draft: Draft, autostart: Autostart) -> str | None:
    """Why an edit would be in vain: a container runtime that runs writes its settings from memory."""
    runs = any(process.name == "dockerd" for process in draft.snapshot.processes)
    if autostart.kind is not AutostartKind.CONTAINER or not autostart.path.endswith(_DOCKERS) or not runs:
        return None
    return f"dockerd runs and would write it again: {_TOLD_OTHERWISE.format(name=_container(autostart))}"


def _container(autostart: Autostart) -> str:
    return autostart.unit or os.path.basename(os.path.dirname(autostart.path))[:12]


def _value(draft: Draft, autostart: Autostart) -> None:
    """What the kernel has now; whatever set it is an entry of its own."""
    path = os.fsencode(autostart.path)
    if draft.host.kernel is None or os.geteuid() != 0:
        draft.leave(autostart.path, "run as root to set it")
        return
    try:
        seen = draft.host.root.read(autostart.path, 4096).removesuffix(b"\n")
    except HostError as error:
        draft.leave(autostart.path, str(error))
        return
    wanted = usual(path)
    if autostart.kind is AutostartKind.BINFMT and b"\ninterpreter %s\n" % os.fsencode(autostart.command) in seen:
        draft.entries.append(Unregister(path=path, seen=seen))
    elif autostart.kind is not AutostartKind.BINFMT and wanted is None:
        draft.leave(
            autostart.path, "no value that Davy sets: see what the boot loader, or whoever set it, gives the kernel"
        )
    elif wanted is None or os.fsencode(autostart.text) != seen:
        draft.leave(autostart.path, "another value by now than the one that was read")
    else:
        draft.entries.append(SetKernelValue(path=path, seen=seen, usual=wanted))
