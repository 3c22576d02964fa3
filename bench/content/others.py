"""The same patterns as ripgrep and YARA read them."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Final

from davy.knowledge.matching import ContentRule, content_rules

_WORD: Final = re.compile(r"[a-z][a-z0-9-]*\*?|\d+|[(),]")
_KEPT: Final = frozenset({"and", "or", "of", "all", "any", "(", ")", ","})


def ripgrep_patterns(folder: Path) -> Path:
    """A file of all patterns, one a line.  ripgrep goes by lines, so a line's end is left out of them."""
    file = folder / "patterns.txt"
    lines = []
    for rule in content_rules():
        for each in rule.compiled().values():
            flags = "is" if each.nocase else "s"
            expression = f"(?{flags}:{each.expression})"
            if not _accepted(expression):
                expression = expression.replace(r"[ ]?\n", "[ ]").replace(r"\n", "").replace(r"\x0a", ".")
            if not _accepted(expression):
                raise SystemExit(f"bench.content: ripgrep refuses {expression}")
            lines.append(expression)
    file.write_text("\n".join(dict.fromkeys(lines)) + "\n")
    return file


def _accepted(expression: str) -> bool:
    command = ["rg", "--no-config", "--no-unicode", "-a", "-e", expression, "/dev/null"]
    return subprocess.run(command, capture_output=True, check=False).returncode < 2


def yara_rules(folder: Path) -> Path:
    """A file of all rules with their conditions."""
    file = folder / "rules.yar"
    file.write_text("\n".join(map(_yara, content_rules())))
    return file


def _yara(rule: ContentRule) -> str:
    strings = []
    for name, each in rule.compiled().items():
        expression = re.sub(r"(?<!\\)/", r"\/", each.expression.replace("(?:", "("))
        strings.append(f"    ${name.replace('-', '_')} = /{expression}/{'is' if each.nocase else 's'}")
    body = "\n".join(strings)
    name, wanted = re.sub("[^a-z0-9]", "_", rule.id), _condition(rule.condition)
    return f"rule {name} {{\n  strings:\n{body}\n  condition: {wanted}\n}}"


def _condition(text: str) -> str:
    """A condition of ours in YARA's words: names with a dollar, and ``of them`` where ours leaves it out."""
    words = _WORD.findall(text)
    out = []
    for place, word in enumerate(words):
        counts = word in ("all", "any") or word.isdigit()
        out.append(word if word in _KEPT or counts else f"${word.replace('-', '_')}")
        if counts and (place + 1 == len(words) or words[place + 1] != "of"):
            out += ["of", "them"]
    return " ".join(out)
