"""Both engines give the same answers, in one piece and in blocks; neither being there is said."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from davy.knowledge.matching import ContentRule, Kind, Matcher, NoEngineError, content_rules
from davy.knowledge.matching.engines import finder
from davy.knowledge.matching.patterns import PatternError, pattern
from davy.knowledge.matching.rules import sample
from davy.model.content import Place

if "CI" not in os.environ:
    pytest.importorskip("hyperscan")
    pytest.importorskip("re2")


def rule(identity: str, condition: str, **patterns: str) -> ContentRule:
    return ContentRule(
        id=identity, title="t", kind=Kind.MINER, reason="r.", references=("x",), technique="T1", falsepositives="f.",
        places=(Place.FILE,), confidence="high", patterns=patterns, condition=condition, must_match=(),
        must_not_match=(),
    )  # fmt: skip


RULES = (
    rule("words", "2", a="abcd", b="(?i)bcda", c=r"c[ab]{2,9}d"),
    rule("either", "a or b", a=r"a.{2,6}b", b=r"(?:ab|ba){2,3}\x00"),
    rule("nul", "any", a=r"\x00\xff[ab\n]{2}"),
)
SMALL = {name: Matcher(RULES, wanted=name) for name in ("hyperscan", "re2")}
ALL = {name: Matcher(content_rules(), wanted=name) for name in ("hyperscan", "re2")}
TEXTS = st.lists(
    st.sampled_from([b"a", b"b", b"c", b"d", b"A", b"B", b"C", b"\n", b"\0", b"\xff", b"abcd", b"bcda"]), max_size=60
).map(b"".join)


@given(TEXTS)
@settings(max_examples=400)
def test_engines_agree_on_any_content(content: bytes) -> None:
    assert SMALL["hyperscan"].hits(content, Place.FILE) == SMALL["re2"].hits(content, Place.FILE)


@given(TEXTS, st.lists(st.integers(1, 30), max_size=12))
@settings(max_examples=400)
@pytest.mark.parametrize("name", ["hyperscan", "re2"])
def test_blocks_find_what_the_whole_finds(name: str, content: bytes, sizes: list[int]) -> None:
    matcher = SMALL[name]
    with matcher.scanning(Place.FILE) as scanning:
        at = 0
        for size in [*sizes, len(content)]:
            scanning.feed(content[at : at + size], at)
            at = min(at + size, len(content))
        found = scanning.hits()
    whole = matcher.hits(content, Place.FILE)
    assert {(hit.rule_id, *sorted(hit.patterns)) for hit in found} == {
        (hit.rule_id, *sorted(hit.patterns)) for hit in whole
    }


SAMPLES = [sample(text) for each in content_rules() for text in (*each.must_match, *each.must_not_match)]


@given(st.lists(st.one_of(st.sampled_from(SAMPLES), st.binary(max_size=40)), max_size=12), st.integers(1, 700))
@settings(max_examples=100, deadline=None)
def test_engines_and_blocks_agree_on_the_real_rules(pieces: list[bytes], size: int) -> None:
    content = b"".join(pieces)
    for place in (Place.IMAGE, Place.MEMORY):
        whole = ALL["hyperscan"].hits(content, place)
        assert whole == ALL["re2"].hits(content, place)
        with ALL["hyperscan"].scanning(place) as scanning:
            for at in range(0, len(content), size):
                scanning.feed(memoryview(content)[at : at + size], at)
        assert {hit.rule_id for hit in scanning.hits()} == {hit.rule_id for hit in whole}


def test_engines_agree_on_a_real_tree() -> None:
    for path in sorted(Path(sys.prefix, "lib").rglob("*.so"))[:40] + sorted(Path("/usr/bin").glob("[a-g]*"))[:150]:
        if path.is_file():
            content = path.read_bytes()[: 4 << 20]
            for place in (Place.IMAGE, Place.MEMORY, Place.SCRIPT):
                assert ALL["hyperscan"].hits(content, place) == ALL["re2"].hits(content, place) == [], path


@pytest.mark.parametrize("name", ["hyperscan", "re2"])
def test_a_hit_says_where_and_what(name: str) -> None:
    (hit,) = SMALL[name].hits(bytearray(b"x" * 100 + b"abcd..BCDA"), Place.FILE)
    assert hit.rule_id == "words"
    assert hit.patterns == {"a": 100, "b": 106}
    assert b"abcd" in hit.excerpt
    assert len(hit.excerpt) <= 160


@pytest.mark.parametrize("name", ["hyperscan", "re2"])
def test_nothing_is_found_across_a_gap_and_elsewhere_than_asked_for(name: str) -> None:
    matcher = SMALL[name]
    assert matcher.hits(b"abcd bcda", Place.MEMORY) == []
    for offset, expected in ((2, True), (3, False)):
        with matcher.scanning(Place.FILE) as scanning:
            scanning.feed(b"ab", 0)
            scanning.feed(b"cd bcda", offset)
        assert ("words" in {hit.rule_id for hit in scanning.hits()}) is expected


@pytest.mark.parametrize("name", ["hyperscan", "re2"])
def test_threads_may_share_a_matcher(name: str) -> None:
    matcher, found = ALL[name], []
    content = SAMPLES[0] + b"." * 100_000
    expected = matcher.hits(content, Place.MEMORY)

    def work() -> None:
        found.extend(matcher.hits(content, Place.MEMORY) == expected for _ in range(20))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [True] * 80


def test_without_an_engine_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "hyperscan", None)
    assert Matcher(RULES).engine == "re2"
    monkeypatch.setitem(sys.modules, "re2", None)
    with pytest.raises(NoEngineError, match="not searched"):
        Matcher(RULES)


@pytest.mark.parametrize(
    "text",
    [r"^abcd", r"abcd$", r"\babcd", r"ab\s+cd", "abc", "abcd*(?:x{2000})", "abcd+", "(?=abcd)x", r"(abcd)\1", "ab[cd",
     "(?i)abc\\xe9d", "a(?i:bcd)", "abcdé"],
)  # fmt: skip
def test_a_pattern_that_engines_take_differently_is_refused(text: str) -> None:
    with pytest.raises(PatternError):
        pattern(text)


def test_a_pattern_knows_how_wide_it_can_be() -> None:
    assert pattern("abcd{1,9}").width == 12
    assert pattern("(?i)abc¦d").nocase


FINDERS = {name: finder([*rule.compiled().values()], "finder", wanted=name) for rule in RULES[:1] for name in SMALL}


@given(TEXTS)
@settings(max_examples=400)
def test_every_place_is_found_and_no_other_pattern(content: bytes) -> None:
    by_hyperscan, by_re2 = (set(FINDERS[name].every(content, 1000)) for name in ("hyperscan", "re2"))
    assert by_re2 <= by_hyperscan
    assert {number for _, number in by_re2} == {number for _, number in by_hyperscan}


@pytest.mark.parametrize("name", ["hyperscan", "re2"])
def test_places_are_told_in_order_and_up_to_a_limit(name: str) -> None:
    content = b"abcd bcda " * 50
    every = FINDERS[name].every(content, 1000)
    assert every == sorted(every)
    assert [end for end, number in every if number == 0] == [10 * at + 4 for at in range(50)]
    assert FINDERS[name].every(content, 7) == every[:7]
    assert FINDERS[name].every(b"", 7) == []
