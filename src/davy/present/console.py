"""Where everything is printed."""

from __future__ import annotations

import os
from typing import Literal

from rich.console import Console


def console() -> Console:
    """Standard output: colours on a terminal unless ``NO_COLOR`` is set, plain lines of any length when piped."""
    colours: Literal["auto"] | None = None if os.environ.get("NO_COLOR") else "auto"
    found = Console(highlight=False, markup=False, emoji=False, color_system=colours)
    return (
        found if found.is_terminal else Console(highlight=False, markup=False, emoji=False, width=200, soft_wrap=True)
    )
