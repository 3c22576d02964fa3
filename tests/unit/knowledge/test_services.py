"""Every known service keeps to its samples: its processes, what opens it, what its logs and its answers say."""

from __future__ import annotations

import re

import pytest

from davy.detect.exposures import is_open, older
from davy.knowledge.matching.patterns import pattern
from davy.knowledge.services import KnownService, Opening, Probe, Sign, known_services, version_of
from davy.model.logs import Shows
from davy.model.services import ReachedFrom

SERVICES = tuple(known_services().values())
OPENINGS = [(service, opening) for service in SERVICES for opening in service.opening]
SIGNS = [(service, sign) for service in SERVICES for sign in service.sign]
PROBES = [(service, probe) for service in SERVICES for probe in service.probe]


def named(pairs: list[tuple[KnownService, Opening]] | list[tuple[KnownService, Sign]]) -> list[str]:
    return [f"{service.id}:{one.id}" for service, one in pairs]


def opened(opening: Opening, sample: dict[str, str]) -> bool:
    reached_from = ReachedFrom(sample.get("reached_from", "any"))
    values = {name: text.split("\n") for name, text in sample.items() if name != "reached_from"}
    return is_open(opening, values, reached_from)


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.id)
def test_a_service_is_known_by_its_processes_and_no_others(service: KnownService) -> None:
    assert service.process or service.images or any(one.places for one in (*service.config, *service.log))
    for one in service.process:
        assert one.programs or one.arguments
        assert one.must_match
        assert one.must_not_match
        for sample in one.must_match:
            assert one.meets(sample[0], sample[1:]), sample
        for sample in one.must_not_match:
            assert not one.meets(sample[0], sample[1:]), sample


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.id)
def test_nobody_elses_process_is_taken_for_it(service: KnownService) -> None:
    for other in SERVICES:
        for one in other.process:
            for sample in one.must_match:
                taken = any(mine.meets(sample[0], sample[1:]) for mine in service.process)
                assert taken is (other is service), (other.id, sample)


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.id)
def test_a_service_has_names_that_refer(service: KnownService) -> None:
    settings = {setting.name for setting in service.setting} | {probe.setting for probe in service.probe}
    logs = {log.id for log in service.log}
    signs = {sign.id for sign in service.sign}
    for opening in service.opening:
        asked = {one.setting for one in (*opening.when, *opening.unless)}
        assert asked <= settings, asked - settings
        assert opening.when or opening.from_ is not ReachedFrom.LOOPBACK
        assert opening.fix
        assert opening.must_match
        assert opening.must_not_match
        assert opening.line_setting is None or opening.line_setting in settings
        assert (opening.line is None) == (opening.restart is None) == (opening.line_setting is None)
        assert set(re.findall(r"\{(\w+)\}", " ".join((opening.who, *opening.fix)))) <= {
            "file", "user", "unit", "port", "address", "version", "container",
        }  # fmt: skip
    for log in service.log:
        assert log.setting is None or log.setting in settings
        assert log.places or log.setting or log.journal
    for sign in service.sign:
        assert set(sign.logs) <= logs
        assert sign.after is None or sign.after in signs
        assert sign.unless is None or (sign.unless in signs and sign.within_seconds is not None)
        assert (sign.bits == 0.0) == (sign.shows in (Shows.NOISE, Shows.STATE))
    assert service.basis in ("sourced", "partly-memory", "seen")
    assert service.references
    assert len({one.id for one in service.opening}) == len(service.opening)
    assert len(signs) == len(service.sign)
    for setting in service.setting:
        assert setting.gives in ("value", "address", "port", "secret", "log", "version")
        told = (setting.keys, setting.arguments, setting.environment, setting.program, setting.expression)
        assert any(told) or setting.default is not None
        for expression in (*setting.arguments, *filter(None, (setting.expression,))):
            assert re.compile(expression).groups == 1, expression


@pytest.mark.parametrize(("service", "opening"), OPENINGS, ids=named(OPENINGS))
def test_what_opens_it_keeps_to_its_samples(service: KnownService, opening: Opening) -> None:
    for sample in opening.must_match:
        assert opened(opening, sample), (service.id, sample)
    for sample in opening.must_not_match:
        assert not opened(opening, sample), (service.id, sample)


@pytest.mark.parametrize(("service", "sign"), SIGNS, ids=named(SIGNS))
def test_a_sign_keeps_to_its_samples(service: KnownService, sign: Sign) -> None:
    pattern(sign.pattern)
    assert sign.must_match
    assert sign.must_not_match
    for sample in sign.must_match:
        said = sign.said(sample)
        assert said is not None, (service.id, sample)
        assert set(re.findall(r"\{(\w+)\}", sign.meaning)) <= said.keys() <= {"address", "user", "detail"}
    for sample in sign.must_not_match:
        assert sign.said(sample) is None, (service.id, sample)


@pytest.mark.parametrize(("service", "probe"), PROBES, ids=[f"{one.id}:{probe.question}" for one, probe in PROBES])
def test_a_probe_keeps_to_its_samples(service: KnownService, probe: Probe) -> None:
    assert all(probe.told(answer) == "open" for answer in probe.must_match), service.id
    assert all(probe.told(answer) == "closed" for answer in probe.must_not_match), service.id
    assert probe.must_match
    assert probe.must_not_match


@pytest.mark.parametrize(
    ("version", "mended", "since", "expected"),
    [
        ("5.15.3", ("5.15.16", "5.16.7"), None, True),
        ("5.16.6", ("5.15.16", "5.16.7"), None, True),
        ("5.16.7", ("5.15.16", "5.16.7"), None, False),
        ("5.17.0", ("5.15.16", "5.16.7"), None, False),
        ("4.2", ("5.15.16",), None, True),
        ("2.14.1", ("2.3.1", "2.12.2", "2.15.0"), None, True),
        ("2.16.0", ("2.3.1", "2.12.2", "2.15.0"), None, False),
        ("4.2", ("5.15.16",), "5.0", False),
        ("v2.4.49", ("2.4.51",), "2.4.49", True),
        ("2.4.48", ("2.4.51",), "2.4.49", False),
        ("no version", ("1.0",), None, False),
        ("", ("1.0",), None, False),
    ],
)
def test_older_is_told_by_the_branch(version: str, mended: tuple[str, ...], since: str | None, expected: bool) -> None:
    assert older(version, mended, since) is expected


def test_a_version_is_its_numbers() -> None:
    assert version_of("5.15.16-SNAPSHOT") == (5, 15, 16)
    assert version_of("unknown") is None
