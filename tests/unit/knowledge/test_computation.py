"""Runtimes, services and registers: every list keeps to its samples."""

from __future__ import annotations

import pytest

from davy.knowledge.honest_ports import PortsOf, honest_ports, service_port, service_program, web_port
from davy.knowledge.runtimes import runtime_of, runtimes
from davy.knowledge.tuning import miners_register, tuning_rules


@pytest.mark.parametrize("path", runtimes().must_match)
def test_what_a_runtime_maps(path: str) -> None:
    assert runtime_of(["/usr/lib/x86_64-linux-gnu/libc.so.6", path]) == path


@pytest.mark.parametrize("path", runtimes().must_not_match)
def test_what_any_program_maps(path: str) -> None:
    assert runtime_of([path]) is None


@pytest.mark.parametrize("service", [*honest_ports().service, *honest_ports().web], ids=lambda service: service.id)
def test_ports_keep_to_their_samples(service: PortsOf) -> None:
    asked = web_port if service in honest_ports().web else service_port
    assert all(map(asked, service.must_match))
    assert not any(map(asked, service.must_not_match))
    assert not any(service_port(port) and web_port(port) for port in service.ports)
    assert service.reason
    assert service.falsepositives


def test_programs_of_services_keep_to_their_samples() -> None:
    assert all(map(service_program, honest_ports().programs.must_match))
    assert not any(map(service_program, honest_ports().programs.must_not_match))


@pytest.mark.parametrize("sample", tuning_rules().msr.must_match)
def test_what_miners_write(sample: str) -> None:
    name, register = sample.split()
    assert miners_register(name, int(register, 16))


@pytest.mark.parametrize("sample", tuning_rules().msr.must_not_match)
def test_what_others_write(sample: str) -> None:
    name, register = sample.split()
    assert not miners_register(name, int(register, 16))
