"""The page of autostarts, whose sections are written each by what knows them, between markers of its name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

PAGE: Final = Path(__file__).parents[2] / "docs" / "autostarts.md"


def _section(name: str) -> re.Pattern[str]:
    return re.compile(rf"(?<=<!-- {name} -->\n).*?(?=<!-- end of {name} -->)", re.DOTALL)


def written(name: str) -> str:
    """What the page says in a section.  Raises `LookupError` when it has none of this name."""
    found = _section(name).search(PAGE.read_text())
    if found is None:
        raise LookupError(f"{PAGE.name}: no section {name!r}")
    return found[0]


def write(name: str, text: str) -> None:
    """Have the page say this in a section.  Raises `LookupError` when it has none of this name."""
    written(name)
    PAGE.write_text(_section(name).sub(lambda _: text, PAGE.read_text()))


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of Markdown's."""
    lines = [heads, ("---",) * len(heads), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)
