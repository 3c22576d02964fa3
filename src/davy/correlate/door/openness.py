"""How far a door stands open: its exposures, the ports that lead to it, and the family's own habits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from davy.correlate.door.story import Candidate, Ground, Speaks, Story, Way
from davy.knowledge.families import families
from davy.model.exposures import Severity

_BITS: Final = {Severity.LOW: 0.5, Severity.MEDIUM: 1.0, Severity.HIGH: 2.0, Severity.CRITICAL: 3.0}
"""A severity is what it comes to, from wherever it is reached."""
_PUBLISHED: Final = 2.0
_HABIT: Final = 1.0
_ONLY_WAY: Final = 4.0
_LOOPBACK: Final = ("127.", "::1", "localhost")


def openness(_story: Story, candidate: Candidate) -> Iterator[Speaks]:
    """What makes it open."""
    for one in candidate.exposures:
        yield Speaks(Ground.OPENNESS, _BITS[one.severity], one.summary)
    box = candidate.container
    for port in box.published if box else ():
        if not port.address.startswith(_LOOPBACK):
            what = (
                f"port {port.port} of the host leads into its container, to port {port.container_port}: what Docker "
                "publishes passes by ufw and firewalld"
            )
            yield Speaks(Ground.OPENNESS, _PUBLISHED, what)
            break
    if box is not None and box.host_network:
        yield Speaks(
            Ground.OPENNESS, _PUBLISHED / 2, "its container is in the host's own network: no port has to be published"
        )


def habits(story: Story, candidate: Candidate) -> Iterator[Speaks]:
    """That the family is known to come in there."""
    family = next((one for one in families() if one.id == story.family), None)
    if family is None or candidate.kind not in family.doors:
        return
    if candidate.way is Way.PACKAGE:
        yield Speaks(Ground.FAMILY, _ONLY_WAY, f"{family.name} is known to come with one")
    else:
        yield Speaks(Ground.FAMILY, _HABIT, f"{family.name} is known to come in there")
