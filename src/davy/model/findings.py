"""Findings: one observation that counts for or against a subject, worth so many bits."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from msgspec import Struct

HOST: Final = "host"
"""The subject of what is true of the whole host and of nothing that could be named in it."""


class Aspect(StrEnum):
    """The independent kinds of evidence.  Bits of different aspects add up; within one the strongest leads."""

    IDENTITY = "identity"
    ORIGIN = "origin"
    BEHAVIOUR = "behaviour"
    CONTENT = "content"
    NETWORK = "network"
    PERSISTENCE = "persistence"
    CONCEALMENT = "concealment"
    TRUST = "trust"


class Finding(Struct, frozen=True, kw_only=True):
    """One observation about one subject.

    ``bits`` is log2 of how much likelier it is on a mining host than on a clean one; negative bits speak
    against.  ``subject`` is a fact's ``subject`` (``process:PID:TICKS``, ``file:PATH``, ``autostart:PATH:LINE``).
    """

    rule: str
    aspect: Aspect
    bits: float
    subject: str
    summary: str
    evidence: tuple[str, ...] = ()
    technique: str | None = None
    """MITRE ATT&CK id."""
    family: str | None = None
    """The family's id in `davy.knowledge`, when the observation names one."""
    related: tuple[str, ...] = ()
    """Other subjects the observation ties this one to: the autostart that runs it, the miner it restarts."""
    conclusive: bool = False
    """Whether it proves by itself, beside CPU load, that its subject mines: see `davy.knowledge.weights`."""
