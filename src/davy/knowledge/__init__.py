"""What is known of miners, as data: families, words, shapes of commands, pools, and what is honest.

In goes what was read off a host (a name, a path, a command line, an endpoint); out comes what is known of it.  Each
entry lives in a TOML file with samples that it must and must not match, which the tests hold it to.  Nothing here
touches the host, and no indicator is ever resolved, contacted or run.
"""

from __future__ import annotations

from davy.knowledge.families import (
    Family,
    NameMatch,
    PathMatch,
    families,
    family_by_address,
    family_by_command,
    family_by_key,
    family_by_name,
    family_by_path,
    family_by_unit,
    family_by_wallet,
    guardian_name,
    known_paths,
    planted,
    public_families,
)

__all__ = [
    "Family", "NameMatch", "PathMatch", "families", "family_by_address", "family_by_command", "family_by_key",
    "family_by_name", "family_by_path", "family_by_unit", "family_by_wallet", "guardian_name", "known_paths", "planted",
    "public_families",
]  # fmt: skip
