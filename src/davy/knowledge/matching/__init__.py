"""Matching of contents: rules over patterns, all compiled into one database, and the engines that run it.

In goes a buffer, or the blocks of a file or of memory; out come the rules whose condition it meets.  The rules are
data: ``knowledge/content/*.toml``.  Hyperscan runs them where it is installed, RE2 where only that is, with the same
answers.  Pure: nothing here reads the host.
"""

from davy.knowledge.matching.engines import NoEngineError
from davy.knowledge.matching.matcher import Matcher, RuleHit, Scanning, matcher
from davy.knowledge.matching.rules import ContentRule, Kind, content_rules, rule_by_id

__all__ = [
    "ContentRule", "Kind", "Matcher", "NoEngineError", "RuleHit", "Scanning", "content_rules", "matcher", "rule_by_id",
]  # fmt: skip
