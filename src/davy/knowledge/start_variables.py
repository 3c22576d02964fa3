"""Variables by which programs load, or run, what nobody asked them to.  Pure.

Source: ld.so(8), bash(1), dash(1), zshparam(1), python(1), perlrun(1), ruby(1), node(1), java(1), git(1), less(1).
"""

from __future__ import annotations

import re
from typing import Final

LOADING: Final = (
    "LD_PRELOAD", "LD_AUDIT", "LD_LIBRARY_PATH", "BASH_ENV", "ENV", "PROMPT_COMMAND", "PYTHONSTARTUP", "PYTHONPATH",
    "PERL5OPT", "PERL5LIB", "PERL5DB", "RUBYOPT", "RUBYLIB", "NODE_OPTIONS", "JAVA_TOOL_OPTIONS", "_JAVA_OPTIONS",
    "JDK_JAVA_OPTIONS", "GIT_SSH_COMMAND", "GIT_EXTERNAL_DIFF", "GCONV_PATH", "ZDOTDIR", "LESSOPEN", "LESSCLOSE",
)  # fmt: skip
"""A library, a script, or a command to be run."""
COMMANDS: Final = frozenset({"PROMPT_COMMAND", "GIT_SSH_COMMAND", "GIT_EXTERNAL_DIFF", "LESSOPEN", "LESSCLOSE"})
"""Those whose value is a command."""
_NAMES: Final = "|".join(sorted(LOADING, key=len, reverse=True))
_LOADS: Final = re.compile(rf"(?:\A|[\s;])(?:{_NAMES})\+?=(?![\"']{{2}}|[\s;]|\Z)")
_CSH: Final = re.compile(rf"\bsetenv[ \t]+(?:{_NAMES})[ \t]+\S")
_FISH: Final = re.compile(rf"\bset[ \t]+(?:-\w+[ \t]+)+(?:{_NAMES})[ \t]+\S")
_SEARCHES: Final = re.compile(r"(?:\A|[\s;])PATH=[\"']?(?:[^\s;]*:)?/(?:tmp|var/tmp|dev/shm|run/shm)(?:[/:]|\b)")


def loading(name: str) -> bool:
    """Whether a variable of this name has some program load or run its value."""
    return name in LOADING


def loads_something(text: str) -> bool:
    """Whether a text for the shell gives such a variable a value, or looks for programs where anybody may write."""
    return any(pattern.search(text) for pattern in (_LOADS, _SEARCHES, _CSH, _FISH))
