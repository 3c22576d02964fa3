"""The doors that it was not, with the reason, and what to keep where it is not known which it was."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from davy.correlate.door.candidates import PACKAGES
from davy.correlate.door.story import Candidate, Story, Way
from davy.correlate.log_lines import SSH, only_overheard, service_name
from davy.correlate.timeline import in_words
from davy.correlate.uncovered import covered, reads_by_service, uncovered
from davy.knowledge.families import families
from davy.knowledge.services import known_services
from davy.model.incidents import RuledOut
from davy.model.logs import Shows
from davy.model.services import ReachedFrom

_SUSPECTED: Final = (SSH,)
"""Doors that people ask about first, whatever is found."""
_TOLD: Final = 40
_PATHS: Final = 3


def ruled_out(story: Story, unlikely: Iterable[Candidate], possible: Iterable[Candidate] = ()) -> tuple[RuledOut, ...]:
    """Candidates for which nothing speaks, and doors that one would think of and that are not there at all."""
    told = {candidate.name for candidate in possible}
    found = {
        candidate.name: RuledOut(candidate.name, _why(story, candidate))
        for candidate in unlikely
        if candidate.name not in told
        and (candidate.hits or candidate.service is None or not only_overheard(candidate.service))
    }
    here = {service.kind for service in story.snapshot.services}
    if here:  # where no service was looked for, none is known to be absent
        family = next((one for one in families() if one.id == story.family), None)
        for kind in dict.fromkeys((*_SUSPECTED, *(family.doors if family else ()))):
            if kind not in here and kind in known_services() and kind not in PACKAGES:
                absent = "not running, and nothing of it is configured"
                found.setdefault(service_name(kind), RuledOut(service_name(kind), absent))
    return tuple(found.values())[:_TOLD]


def _why(story: Story, candidate: Candidate) -> str:
    """Why a door comes into no question, in a line."""
    reasons = []
    service = candidate.service
    if service is not None and not service.running:
        reasons.append("not running")
    elif service is not None and service.reached_from is ReachedFrom.LOOPBACK:
        reasons.append("it listens to this host only")
    if service is not None and service.running and not candidate.exposures:
        reasons.append("nothing in its settings opens it to strangers")
    reasons += _silent(story, candidate)
    return "; ".join(reasons) or "nothing speaks for it"


def _silent(story: Story, candidate: Candidate) -> Iterator[str]:
    """That its logs were read and tell of no entry, from when to when."""
    reads = [read for read in reads_by_service(story.snapshot).get(candidate.kind or "", ()) if read.whole]
    told = covered(reads)
    if not told or any(hit.shows is Shows.SUCCESS for hit in candidate.hits):
        return
    paths = ", ".join(list(dict.fromkeys(read.path for read in reads))[:_PATHS])
    what = "no accepted login" if candidate.kind == SSH else "no entry"
    tried = " (attempts only)" if any(hit.shows is Shows.ATTEMPT for hit in candidate.hits) else ""
    yield f"{what} in {paths} from {moment(told[0].begin)} to {moment(told[-1].end)}{tried}"


def moment(seconds: float) -> str:
    """A time in UTC, to the second."""
    try:
        return time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime(seconds))
    except (OverflowError, ValueError, OSError):
        return f"{seconds:+.0f} s"


def keep(story: Story, doors: Sequence[Candidate]) -> tuple[str, ...]:
    """What to keep while the door is not known, so that it can still be found; and what already is not there."""
    found = []
    logs = dict.fromkeys(read.path for read in story.snapshot.logs_read)
    where = f", {', '.join(list(logs)[:_PATHS])} among them" if logs else ""
    found.append(f"a copy of /var/log and of the journal (/var/log/journal) before they are rotated away{where}")
    boxes = story.cast.containers
    if boxes:
        names = ", ".join(box.name for box in boxes[:_PATHS])
        found.append(
            f"the containers as they are ({names}): their logs and layers go with them when they are removed; "
            "commit or export them first"
        )
        images = ", ".join(dict.fromkeys(box.image for box in boxes if box.image))
        if images:
            found.append(f"the images by their digests, to see whether it came with one: {images}")
    if story.cast.processes and story.snapshot.live:
        found.append("the processes' memory and open files before they end: an eviction keeps copies of both")
    found.append("an image of the disk, or a snapshot at the provider's, before the host is cleaned")
    found += _missing(story, doors)
    return tuple(found)


def _missing(story: Story, doors: Sequence[Candidate]) -> Iterator[str]:
    """Which logs would have told and are not there."""
    snapshot = story.snapshot
    read = reads_by_service(snapshot)
    for candidate in doors:
        known = known_services().get(candidate.kind or "")
        if known is not None and known.log and candidate.kind not in read and candidate.way is not Way.CONTAINER:
            yield f"missing: no log of {known.name} was found; its host, its proxy or its firewall may have one"
    kinds = {candidate.kind for candidate in doors} | set(_SUSPECTED)
    for gap in uncovered(snapshot, story.spans):
        if gap.kind in kinds:
            length = in_words(gap.span.end - gap.span.begin)
            yield f"missing: no log of {service_name(gap.kind)} covers {length} from {moment(gap.span.begin)}"
