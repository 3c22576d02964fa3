"""Whose an autostart is: the package that put it there, and whether it is as that package installed it."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from davy.collect.system_tools import tool_paths
from davy.host.packages import PackageDatabase
from davy.model.autostarts import Autostart


def whose(autostarts: Sequence[Autostart], database: PackageDatabase) -> tuple[Autostart, ...]:
    """The autostarts with `Autostart.owner_package` and `Autostart.unmodified`, as the database and the files say.

    The database is asked in one go for what they start and for the system's tools, too: it remembers its answers.
    """
    entries = {autostart.path for autostart in autostarts}
    started = {path for autostart in autostarts for path in autostart.programs}
    database.owners(entries | started | set(tool_paths()))
    provenance = database.provenance(entries)
    return tuple(
        msgspec.structs.replace(autostart, owner_package=its.owner, unmodified=its.unmodified)
        if (its := provenance[autostart.path]).owner is not None
        else autostart
        for autostart in autostarts
    )
