"""Every content rule finds its samples, by either engine, and no lone word; Davy's own house meets none."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.unit.snapshots import content_hit, executable, process, snapshot

from davy.collect.content.searching import place_of
from davy.detect import detect
from davy.knowledge.matching import ContentRule, Kind, Matcher, content_rules, rule_by_id
from davy.knowledge.matching.rules import sample
from davy.model.content import Place

HERE = Path(__file__).resolve().parents[4]
SHARED = HERE.parent / "shared"
ENGINES = ("hyperscan", "re2")


@pytest.fixture(scope="module", params=ENGINES)
def matcher(request: pytest.FixtureRequest) -> Matcher:
    if "CI" not in os.environ:
        pytest.importorskip(request.param)
    return Matcher(content_rules(), wanted=request.param)


def named(rule: ContentRule) -> str:
    return rule.id


@pytest.mark.parametrize("rule", content_rules(), ids=named)
def test_a_rule_finds_its_samples_and_no_others_wherever_it_is_looked_for(rule: ContentRule, matcher: Matcher) -> None:
    for place in rule.places:
        for text in rule.must_match:
            assert rule.id in {hit.rule_id for hit in matcher.hits(sample(text), place)}, (place, text)
        for text in rule.must_not_match:
            assert rule.id not in {hit.rule_id for hit in matcher.hits(sample(text), place)}, (place, text)


@pytest.mark.parametrize("rule", content_rules(), ids=named)
def test_no_single_pattern_is_enough_for_a_rule_that_is_sure(rule: ContentRule) -> None:
    """A lone word proves nothing, unless its pattern spans several."""
    alone = {name for name in rule.patterns if rule.meaning()({name})}
    assert not alone or all(rule.compiled()[name].width >= 20 for name in alone), alone


@pytest.mark.parametrize("rule", content_rules(), ids=named)
def test_a_rule_says_why_by_whom_and_what_else_looks_like_it(rule: ContentRule) -> None:
    assert rule.reason.endswith(".")
    assert rule.falsepositives.endswith(".")
    assert rule.references
    assert rule.technique.startswith("T")
    assert rule.places
    assert rule.must_match
    assert rule.must_not_match
    assert rule.meaning()(set(rule.patterns))
    assert not rule.meaning()(set())


@pytest.mark.parametrize("rule", content_rules(), ids=named)
def test_what_a_rule_finds_has_its_weight_in_a_program_and_in_a_file(rule: ContentRule) -> None:
    program = executable("/tmp/x")
    for place in {*rule.places} - {Place.MEMORY}:
        hit = content_hit(rule.id, "/tmp/x", of=program, place=place)
        assert "content.file" in {finding.rule for finding in detect(snapshot(hit))}
        if place is not Place.FILE:
            of = process(100, "/tmp/x")
            assert "content.image" in {finding.rule for finding in detect(snapshot(of, hit))}


def test_there_are_rules_enough_and_each_once() -> None:
    assert len(content_rules()) >= 25
    assert [identity for identity, times in Counter(map(named, content_rules())).items() if times > 1] == []
    assert {rule.kind for rule in content_rules()} == {*Kind}
    assert {place for rule in content_rules() for place in rule.places} >= {*Place} - {Place.COMMAND_LINE}
    assert rule_by_id("stratum.login") is not None
    assert rule_by_id("no such rule") is None


def files(*folders: Path) -> Iterator[Path]:
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            aside = {".venv", ".git", ".mypy_cache", ".ruff_cache", ".hypothesis"} & {*path.parts}
            if path.is_file() and not path.is_symlink() and not aside:
                yield path


KNOWLEDGE = [HERE / "src", HERE / "docs", HERE / "bench", *([SHARED / "knowledge"] if SHARED.is_dir() else [])]


def test_davy_s_own_house_meets_no_rule_wherever_it_is_held(matcher: Matcher) -> None:
    """As files, and in the memory of whoever reads them."""
    found = []
    for path in files(*KNOWLEDGE):
        content = path.read_bytes()
        for place in {place_of(content[:512], str(path)), Place.MEMORY} - {None}:
            found += [(str(path), place, hit.rule_id) for hit in matcher.hits(content, place)]
    assert found == []


def test_no_file_of_a_checkout_with_its_tests_is_said_to_be_a_miner_s(matcher: Matcher) -> None:
    """Tests quote whole configurations and conversations; nobody runs them."""
    hits = []
    for path in files(HERE, *KNOWLEDGE):
        content = path.read_bytes()
        place = place_of(content[:512], str(path))
        if place is not None:
            hits += [content_hit(hit.rule_id, str(path), place=place) for hit in matcher.hits(content, place)]
    assert [(finding.subject, finding.summary) for finding in detect(snapshot(*hits)) if finding.bits > 0] == []


MENTIONS = {
    "a README of a miner": """
# XMRig
A high performance, open source, cross platform RandomX, KawPow, CryptoNight and GhostRider unified CPU/GPU miner.
## Mining backends
CPU (x86/x64/ARMv7/ARMv8), OpenCL for AMD GPUs, CUDA for NVIDIA GPUs via the external CUDA plugin.
## Usage
The preferred way to configure the miner is the JSON config file. Use --donate-level, see donate.h, default is 1%.
`"donate-level": 1,` and --rig-id, --nicehash, --coin=monero. Donations: 48edfHu7V9Z84YzzMa6fUueoELZ9ZRXq9VetWzYGzKt52X.
""",
    "a Sigma rule": """
detection:
  selection:
    CommandLine|contains:
      - ' --cpu-priority='
      - '--donate-level=0'
      - ' -o pool.'
      - ' --nicehash'
      - ' --algo=rx/0 '
      - 'stratum+tcp://'
      - 'LS1kb25hdGUtbGV2ZWw9'
      - 'c3RyYXR1bSt0Y3A6Ly'
""",
    "a YARA rule": """
rule miner { strings: $s1 = "main.backconnect" $s2 = "main.masscan" $s3 = "main.checkHealth" $s4 = "main.redisBrute"
 $s5 = "stratum+tcp" $s6 = "cryptonight" $s7 = "process_to_filter" $s8 = "hashAes1Rx4" condition: all of them }
""",
    "a shell's history": """
grep -r xmrig /etc
pkill -f kdevtmpfsi
ps aux | grep minerd
cat /etc/ld.so.preload
grep -rn stratum+tcp:// /var/log
vim families/kinsing.toml
crontab -l
chattr -i /etc/crontab
curl -O https://example.org/sample.tar.gz
""",
    "an antivirus's names": "Unix.Coinminer.XMRig-1\0Unix.Malware.Kinsing-2\0Multios.Coinminer.Miner-3\0cryptonight\0",
    "a report": """
The loader runs `pkill -f xmrig`, `chattr -ia /etc/crontab`, disables SELinux (`setenforce 0`) and fetches a script.
The miner then logs in: {"method":"login","params":{"login":"<wallet>","pass":"x","agent":"..."}}.
""",
}


@pytest.mark.parametrize("what", MENTIONS)
def test_who_writes_of_miners_is_none(what: str, matcher: Matcher) -> None:
    content = MENTIONS[what].encode()
    assert [(place, hit.rule_id) for place in Place for hit in matcher.hits(content, place)] == []
