"""System tools that were tampered with: who looks at the host by them is shown what an intruder wants."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from davy.detect.places import base
from davy.detect.rule import Observation, detector
from davy.knowledge.observers import observer
from davy.knowledge.system_tools import filters, fix
from davy.model.findings import Aspect
from davy.model.snapshot import Snapshot
from davy.model.tools import SystemTool, Tampering

_SHOWN: Final = 300
_NAME_LEAST: Final = 4
_WORDS: Final = {
    Tampering.REPLACED: "is not the one that its package installed",
    Tampering.WRAPPED: "is a script in the place of the program that its package installed",
    Tampering.MISSING: "was installed by its package, and is not there",
    Tampering.RENAMED: "was given another name",
    Tampering.LOCKED: "was made not executable",
    Tampering.SHADOWED: "stands before the program of that name that a package installed",
}


def _degree(tool: SystemTool) -> str:
    if tool.tampering in (Tampering.WRAPPED, Tampering.SHADOWED):
        hides = tool.text is not None and filters(tool.text) and observer(base(tool.path))
        return f"{tool.tampering.value}, filters" if hides else tool.tampering.value
    if tool.tampering is Tampering.REPLACED:
        return "replaced, observer" if observer(base(tool.path)) else "replaced"
    return tool.tampering.value


@detector("concealment.system-tool", aspect=Aspect.CONCEALMENT, technique="T1554")
def system_tool(snapshot: Snapshot) -> Iterator[Observation]:
    """A program by which people look at a host, or clean it, is not as its package installed it.

    Intruders replace ps and top, or wrap them in a script that leaves their processes out, rename curl, wget and
    chattr so that rivals do not find them, and lock what would end them.  Owners divert and wrap programs, too, and
    slim images of what nobody calls: one that is only missing says nothing.  Reinstall its package.
    """
    for tool in snapshot.tools:
        summary = f"{tool.path} {_WORDS[tool.tampering]}"
        if tool.renamed_to:
            summary += f": the program lies at {tool.renamed_to}"
        if tool.tampering not in (Tampering.SHADOWED, Tampering.MISSING):
            summary += f"; {fix(tool.package, tool.database)}"
        yield Observation(
            subject=tool.subject,
            degree=_degree(tool),
            summary=summary,
            evidence=(tool.path, *((tool.text[:_SHOWN],) if tool.text else ())),
            related=tuple(_named(snapshot, tool)),
            technique="T1036.003" if tool.tampering is Tampering.RENAMED else None,
        )


def _named(snapshot: Snapshot, tool: SystemTool) -> Iterator[str]:
    """The processes that a wrapper leaves out, by their names."""
    if tool.text is None or not filters(tool.text):
        return
    words = set(re.findall(r"[\w.-]+", tool.text))
    for process in snapshot.processes:
        if len(process.name) >= _NAME_LEAST and process.name in words and process.name != base(tool.path):
            yield process.subject
