"""How often each weight stood on mining and on honest subjects, written into the knowledge by the line."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from bench.accuracy.measure import Outcome
from davy.knowledge.weights import weights

_FOLDER: Final = Path(__file__).parents[2] / "src" / "davy" / "knowledge" / "weights"
_BLOCK: Final = re.compile(r"^(?=\[\[weight\]\])", re.MULTILINE)
_COUNT: Final = re.compile(r"^(?:mining|honest) = \d+\n", re.MULTILINE)

Counts = dict[tuple[str, str], tuple[int, int]]


def counted(outcomes: Sequence[Outcome]) -> Counts:
    """Of each weight: in how many cases it stood against one of the gang, and of how many honest subjects."""
    counts: Counts = {}
    for key in weights():
        stood = [(one, {subject for *what, subject in one.stood if tuple(what) == key}) for one in outcomes]
        counts[key] = (
            sum(one.kind == "mining" and bool(subjects & one.accused) for one, subjects in stood),
            sum(len(subjects) for one, subjects in stood if one.kind == "honest"),
        )
    return counts


def differing(counts: Counts) -> list[tuple[str, str]]:
    """Weights whose written counts are not these."""
    return [key for key, weight in weights().items() if (weight.mining, weight.honest) != counts[key]]


def write(counts: Counts) -> None:
    """Write the counts into the weights' files; nothing else in them changes."""
    for file in sorted(_FOLDER.glob("*.toml")):
        before, *blocks = _BLOCK.split(file.read_text())
        file.write_text(before + "".join(_with_counts(block, counts) for block in blocks))


def _with_counts(block: str, counts: Counts) -> str:
    (weight,) = msgspec.toml.decode(block)["weight"]
    mining, honest = counts[weight["rule"], weight.get("degree", "")]
    body, blank = re.fullmatch(r"([\s\S]*?\n)((?:\n|#[^\n]*\n)*)", _COUNT.sub("", block)).groups()  # type: ignore[union-attr]
    lines = "".join(f"{name} = {count}\n" for name, count in (("mining", mining), ("honest", honest)) if count)
    return body + lines + blank
