"""The table of the kinds of autostarts, from what is known of them."""

from __future__ import annotations

from typing import Final

from bench.autostarts.page import table
from davy.knowledge.autostart_kinds import KindOfAutostart, autostart_kinds

SECTION: Final = "kinds"
_TECHNIQUES: Final = "https://attack.mitre.org/techniques/"


def page() -> str:
    """What the page says of every kind that is known, in their order."""
    heads = ("kind", "ATT&CK", "where", "what is run", "how it is taken out")
    return table(heads, (_row(each) for each in autostart_kinds().values()))


def _row(each: KindOfAutostart) -> tuple[str, ...]:
    technique = f"[{each.technique}]({_TECHNIQUES}{each.technique.replace('.', '/')}/)"
    places = ", ".join(f"`{place}`" for place in each.places)
    return each.kind, technique, places, each.runs, "; or ".join(each.removal)
