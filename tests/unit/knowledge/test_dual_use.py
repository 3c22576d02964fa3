"""What owners and intruders both run: each entry matches what it is there for."""

from __future__ import annotations

import pytest

from davy.knowledge.dual_use import DualUse, dual_use, miner_at, volunteer_client

USES = (*dual_use().miner, *dual_use().volunteer)


@pytest.mark.parametrize("use", USES, ids=lambda use: use.id)
def test_an_entry_matches_its_samples_and_no_others(use: DualUse) -> None:
    assert use.must_match
    assert use.must_not_match
    assert all(use.runs(path) for path in use.must_match)
    assert not any(use.runs(path) for path in use.must_not_match)
    assert use.references
    assert use.reason


def test_a_volunteer_is_told_by_its_own_package() -> None:
    assert volunteer_client("/usr/bin/boinc", "boinc-client:amd64")
    assert volunteer_client("/usr/bin/boinc", "coreutils") is None
    assert volunteer_client("/usr/bin/boinc", None) is None
    assert all(use.folders for use in dual_use().volunteer)


def test_a_templated_unit_is_one_of_the_programs_units() -> None:
    use = miner_at("/usr/bin/xmrig")
    assert use is not None
    assert use.of_unit("xmrig@1.service")
    assert not use.of_unit("c3pool_miner.service")
    assert not use.of_unit(None)
