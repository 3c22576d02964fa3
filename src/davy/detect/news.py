"""Persistence: what was not there, or was another, when Davy looked before."""

from __future__ import annotations

from collections.abc import Iterator

from davy.detect.autostarts import technique
from davy.detect.rule import Observation, detector
from davy.model.findings import Aspect
from davy.model.snapshot import Snapshot


@detector("persistence.new-autostart", aspect=Aspect.PERSISTENCE, technique="T1547")
def new_autostart(snapshot: Snapshot) -> Iterator[Observation]:
    """An autostart was not there, or was another, when Davy looked a day ago, and no installed package put it there.

    Owners add and change theirs all the time, so it weighs little; together with what else is found of an entry it
    tells the one of last night from the one of last year.  What a first scan sees is never new.
    """
    for autostart in snapshot.autostarts:
        if autostart.news is not None and not autostart.vendor:
            yield Observation(
                subject=autostart.subject,
                degree=autostart.news,
                summary=f"is {autostart.news} since Davy looked before",
                evidence=(autostart.text or autostart.command or autostart.path,),
                technique=technique(autostart),
            )
