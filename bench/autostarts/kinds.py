"""The table of kinds in ``docs/autostarts.md``: ``python -m bench.autostarts.kinds --write`` brings it up to date."""

from __future__ import annotations

import argparse
from typing import Final

from bench.autostarts.page import table, write
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


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.autostarts.kinds", description=__doc__)
    parser.add_argument("--write", action="store_true", help="write it into the page")
    text = page()
    if parser.parse_args().write:
        write(SECTION, text)
    else:
        print(text, end="")


if __name__ == "__main__":
    main()
