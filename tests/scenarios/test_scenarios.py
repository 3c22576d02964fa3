"""Real incidents are judged as they were told: who mines, by which door, and what stands open; others stay clean."""

from __future__ import annotations

import pytest
from bench.scenarios.page import PAGE, page
from tests.scenarios.rebuilding import entries, judged
from tests.scenarios.stories import Story, door_kind, stories

from davy.model.exposures import Exposure
from davy.model.incidents import Door, Judgement
from davy.model.logs import Shows


def told(door: Door) -> str:
    """All that is said of a door."""
    return "\n".join((
        door.service, door.address or "", *door.evidence, *(reason.what for reason in door.reasons), *door.fix,
    ))  # fmt: skip


def shown(exposure: Exposure) -> str:
    """All that is said of what stands open."""
    return "\n".join((exposure.summary, exposure.address, *exposure.evidence, *exposure.fix))


@pytest.fixture(params=stories(), ids=lambda story: story.id, scope="module")
def story(request: pytest.FixtureRequest) -> Story:
    found: Story = request.param
    return found


@pytest.fixture(scope="module")
def judgement(story: Story) -> Judgement:
    return judged(story)


def test_the_verdict_is_the_storys(story: Story, judgement: Judgement) -> None:
    assert judgement.verdict is story.verdict


def test_what_stands_open_is_named(story: Story, judgement: Judgement) -> None:
    assert set(story.exposed) <= {exposure.kind for exposure in judgement.exposures}


def test_the_door_is_named_as_the_story_tells_it(story: Story, judgement: Judgement) -> None:
    doors = [incident.door for incident in judgement.incidents if incident.door]
    assert {door_kind(door) for door in doors} == ({story.door} - {None})
    said = "\n".join((*map(told, doors), *map(shown, judgement.exposures)))
    assert [words for words in story.said if words not in said] == []


def test_what_comes_into_question_is_said(story: Story, judgement: Judgement) -> None:
    others = {door.kind for incident in judgement.incidents for door in incident.other_doors}
    assert story.possible is None or story.possible in others
    assert story.possible is None or all(incident.keep for incident in judgement.incidents)


def test_who_only_tried_did_not_come_in(story: Story) -> None:
    if story.tried is not None:
        shown = {hit.shows for hit in entries(story) if hit.kind == story.tried}
        assert Shows.ATTEMPT in shown
        assert Shows.SUCCESS not in shown


def test_thirty_stories_or_more_are_rebuilt() -> None:
    assert sum(story.door is not None for story in stories()) >= 30
    assert sum(story.door is None for story in stories()) >= 4


def test_the_page_of_scenarios_is_up_to_date() -> None:
    told = [(story, judged(story)) for story in stories()]
    assert PAGE.read_text() == page(told), "run: python -m bench.scenarios --write"
