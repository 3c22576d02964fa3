"""Hands on kernel modules: out of the kernel, never into it.  Source: delete_module(2), proc_modules(5)."""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Callable
from functools import cache
from typing import Final

from davy.hands.errors import Untouched
from davy.host import HostError
from davy.host.modules import LoadedModule, parse_modules
from davy.host.procfs import Procfs
from davy.model.plan import UnloadModule
from davy.model.undo import Undo, UnloadedModule

_LISTING_LIMIT: Final = 1 << 20
_IN_USE: Final = frozenset({errno.EWOULDBLOCK, errno.EBUSY})

Note = Callable[[Undo], None]


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def delete_module(name: bytes) -> None:
    """Have the kernel unload a module that nobody uses, without waiting and without force.  Raises OSError."""
    if _libc().delete_module(ctypes.c_char_p(name), ctypes.c_uint(os.O_NONBLOCK)):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def loaded(procfs: Procfs, name: str) -> LoadedModule | None:
    """The module of this name in the kernel's own list; None when there is none.  Raises `Untouched`."""
    try:
        listing = parse_modules(procfs.read("modules", _LISTING_LIMIT))
    except HostError as error:
        raise Untouched(str(error)) from None
    return next((module for module in listing if module.name == name), None)


def unload(procfs: Procfs, step: UnloadModule, note: Note, delete: Callable[[bytes], None] = delete_module) -> str:
    """Unload a module that is what the plan saw; one that is gone needs nothing.  Says what was found, if anything.

    Raises `Untouched` when it is another by now, when something uses it, or when the kernel refuses.
    """
    found = loaded(procfs, step.name)
    if found is None:
        return "was gone already"
    seen = (found.size, found.taint, found.references, found.users)
    if seen != (step.size, step.taint, step.references, ()):
        raise Untouched(f"{step.name}: not as the plan saw it: {found.size} bytes, {found.references} references")
    note(UnloadedModule(name=step.name))
    try:
        delete(os.fsencode(step.name))
    except OSError as error:
        if error.errno == errno.ENOENT:
            return "was gone already"
        if error.errno in _IN_USE:
            raise Untouched(f"{step.name}: in use") from None
        raise Untouched(f"{step.name}: {error.strerror}") from None
    return ""
