"""Why a hand did not move."""

from __future__ import annotations


class Untouched(Exception):
    """A step was refused before it changed anything: the thing is not what the plan saw, or must not be touched."""
