"""The page of autostarts says of every kind what is known of it."""

from __future__ import annotations

from bench.autostarts.kinds import SECTION, page
from bench.autostarts.page import written

from davy.knowledge.autostart_kinds import autostart_kinds


def test_the_table_of_kinds_is_up_to_date() -> None:
    assert written(SECTION) == page(), "run: python -m bench.autostarts kinds --write"


def test_the_table_has_every_kind_with_its_technique_in_a_row_of_five_cells() -> None:
    rows = page().splitlines()[2:]
    assert [row.split(" | ")[0].removeprefix("| ") for row in rows] == [kind.value for kind in autostart_kinds()]
    for row, known in zip(rows, autostart_kinds().values(), strict=True):
        assert row.replace("\\|", "").count("|") == 6
        assert f"[{known.technique}]" in row
