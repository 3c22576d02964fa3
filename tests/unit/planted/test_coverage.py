"""Ways that others know of coming back: each is found as the page of autostarts says, or the page says why not."""

from __future__ import annotations

import pytest
from bench.autostarts.coverage import SECTION, Way, coverage, outcome, page
from bench.autostarts.page import written

WAYS = coverage().way


@pytest.mark.parametrize("way", [pytest.param(way, id=way.name.replace(" ", "-")) for way in WAYS])
def test_a_way_is_found_as_it_is_said(way: Way) -> None:
    found = outcome(way)
    assert set(found.accused) == set(way.accused)
    assert set(way.listed) <= set(found.listed)
    assert (way.tool in found.tools) == (way.tool is not None)
    if first := (way.accused or way.listed)[:1]:
        assert (found.accused | found.listed)[first[0]] == way.kind


@pytest.mark.parametrize("way", [pytest.param(way, id=way.name.replace(" ", "-")) for way in WAYS])
def test_a_way_is_found_or_it_is_said_why_not(way: Way) -> None:
    assert bool(way.why_not) != bool(way.accused or way.listed or way.tool)
    assert bool(way.kind) == bool(way.accused or way.listed)
    if way.why_not:
        found = outcome(way)
        assert (found.accused, found.listed) == ({}, {})


def test_every_way_of_theirs_is_in_the_table() -> None:
    assert {test for way in WAYS for test in way.atomic} == set(coverage().atomic)
    assert {module for way in WAYS for module in way.panix} == set(coverage().panix)


def test_the_page_says_what_was_tried() -> None:
    assert written(SECTION) == page()
