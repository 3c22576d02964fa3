"""Rebuilds every scenario and says what Davy says of it; fails where that is not as it was told."""

from __future__ import annotations

import argparse

from tests.scenarios.rebuilding import judged
from tests.scenarios.stories import Story, door_kind, stories

from bench.scenarios.page import PAGE, page
from davy.model.incidents import Judgement


def as_told(story: Story, judgement: Judgement) -> bool:
    """Whether verdict, door and exposures are the story's."""
    doors = {door_kind(incident.door) for incident in judgement.incidents if incident.door}
    exposed = {exposure.kind for exposure in judgement.exposures}
    return (
        judgement.verdict is story.verdict
        and doors == ({story.door} if story.door else set())
        and exposed.issuperset(story.exposed)
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.scenarios", description=__doc__)
    parser.add_argument("--write", action="store_true", help="write docs/scenarios.md")
    options = parser.parse_args()
    told = [(story, judged(story)) for story in stories()]
    for story, judgement in told:
        doors = ", ".join(f"{door_kind(one.door)} {one.door.confidence:.2f}" for one in judgement.incidents if one.door)
        mark = "  " if as_told(story, judgement) else "! "
        print(f"{mark}{story.id:5} {judgement.verdict:10} {doors or 'no door':24} {story.title}")
    if options.write:
        PAGE.write_text(page(told))
    return 0 if all(as_told(story, judgement) for story, judgement in told) else 1


if __name__ == "__main__":
    raise SystemExit(main())
