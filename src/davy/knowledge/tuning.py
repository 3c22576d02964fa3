"""Registers of the processor that RandomX gains by, and the honest tools that write them.  Data in ``tuning.toml``."""

from __future__ import annotations

import functools

from msgspec import Struct

from davy.knowledge.data import read

_COMM_LENGTH = 15


class Msr(Struct, frozen=True, forbid_unknown_fields=True):
    """Model-specific registers, and who writes them."""

    reason: str
    falsepositives: str
    registers: tuple[int, ...]
    tools: tuple[str, ...]
    must_match: tuple[str, ...]
    """A name and a register each."""
    must_not_match: tuple[str, ...]


class TuningRules(Struct, frozen=True, forbid_unknown_fields=True):
    msr: Msr


@functools.cache
def tuning_rules() -> TuningRules:
    return read("tuning.toml", TuningRules)


@functools.cache
def _tools() -> frozenset[str]:
    return frozenset(name[:_COMM_LENGTH] for name in tuning_rules().msr.tools)


def miners_register(name: str, register: int) -> bool:
    """Whether a write to this register by a process of this comm is what RandomX miners do, and no known tool."""
    return register in tuning_rules().msr.registers and name not in _tools()
