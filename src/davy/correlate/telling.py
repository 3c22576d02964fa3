"""An incident's story: how it came in, what happened when, and what keeps it from happening again."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from davy.correlate.advice import advice
from davy.correlate.cast import cast_of
from davy.correlate.door import doors
from davy.correlate.timeline import timeline
from davy.model.exposures import Exposure
from davy.model.incidents import Incident
from davy.model.snapshot import Snapshot


def told(snapshot: Snapshot, incident: Incident, exposures: Sequence[Exposure]) -> Incident:
    """The incident with its door, which becomes its last actor, its timeline and its advice."""
    cast = cast_of(snapshot, incident)
    found = doors(snapshot, cast, incident.family, exposures, owners=incident.owners is not None)
    return msgspec.structs.replace(
        incident,
        actors=incident.actors + ((found.actor,) if found.actor is not None else ()),
        door=found.door,
        other_doors=found.others,
        ruled_out=found.ruled_out,
        keep=found.keep,
        timeline=timeline(snapshot, cast, found.processes, found.kinds),
        advice=advice(snapshot, incident, cast, found, exposures) if incident.owners is None else (),
    )
