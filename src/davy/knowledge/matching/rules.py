"""The rules: which patterns, standing in one content, say what.  Data in ``knowledge/content/*.toml``."""

from __future__ import annotations

import functools
from enum import StrEnum
from typing import Literal

from msgspec import Struct

from davy.knowledge.data import listed, read
from davy.knowledge.matching.condition import Condition, condition
from davy.knowledge.matching.patterns import NOTHING, Pattern, pattern
from davy.model.content import Place


class Kind(StrEnum):
    """What a content that meets a rule is."""

    MINER = "miner"
    ALGORITHM = "algorithm"
    """The function that is mined, or checked.  A node of the coin has it, too."""
    CONVERSATION = "conversation"
    """What a miner and its pool say to each other."""
    CONFIGURATION = "configuration"
    GUARDIAN = "guardian"
    DROPPER = "dropper"
    HIDER = "hider"
    PACKED = "packed"
    """Nothing can be read in it: an executable packer's stub."""


class ContentRule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One rule.  What is marked \u00a6 there stands for nothing: see `davy.knowledge.matching.patterns`."""

    id: str
    """Never changes."""
    title: str
    kind: Kind
    reason: str
    references: tuple[str, ...]
    technique: str
    """MITRE ATT&CK id."""
    falsepositives: str
    places: tuple[Place, ...]
    """Where it is looked for."""
    confidence: Literal["high", "medium", "low"]
    patterns: dict[str, str]
    condition: str
    must_match: tuple[str, ...]
    must_not_match: tuple[str, ...]
    family: str | None = None

    def compiled(self) -> dict[str, Pattern]:
        """The patterns by name.  Raises `PatternError`."""
        return {name: pattern(text) for name, text in self.patterns.items()}

    def meaning(self) -> Condition:
        """Raises `ConditionError`."""
        return condition(self.condition, tuple(self.patterns))


class ContentRules(Struct, frozen=True, forbid_unknown_fields=True):
    rule: tuple[ContentRule, ...]


@functools.cache
def content_rules() -> tuple[ContentRule, ...]:
    """All rules, by the order of their files' names."""
    return tuple(rule for name in listed("content") for rule in read(name, ContentRules).rule)


@functools.cache
def _by_id() -> dict[str, ContentRule]:
    return {rule.id: rule for rule in content_rules()}


def rule_by_id(identity: str) -> ContentRule | None:
    return _by_id().get(identity)


def sample(text: str) -> bytes:
    """The bytes of a sample: ``hex:`` in front says that they are written so."""
    if text.startswith("hex:"):
        return bytes.fromhex(text.removeprefix("hex:"))
    return text.replace(NOTHING, "").encode()
