"""Which services' logs are worth reading whole: of those that may have been the door, and no line shows it yet."""

from __future__ import annotations

from davy.correlate.log_lines import worth
from davy.model.incidents import Judgement
from davy.model.logs import Shows
from davy.model.services import Service
from davy.model.snapshot import Snapshot


def unseen(snapshot: Snapshot, judgement: Judgement) -> tuple[Service, ...]:
    """The services that stand open, or that something ties to an incident, where no log line shows its door.

    What does not run any more stood open once, as far as anybody knows, if only its logs are left.  None where every
    incident's door is shown by a line.
    """
    shown = {hit.kind for hit in snapshot.log_hits if hit.shows is Shows.SUCCESS and worth(hit) > 0.0}
    dark = [one for one in judgement.incidents if one.door is None or one.door.kind not in shown]
    if not dark:
        return ()
    tied = {door.subject for one in dark for door in (one.door, *one.other_doors) if door is not None}
    tied |= {exposure.subject for exposure in judgement.exposures}
    return tuple(
        service for service in snapshot.services if service.logs and (service.subject in tied or _gone(service))
    )  # fmt: skip


def _gone(service: Service) -> bool:
    return not service.running and not service.settings
