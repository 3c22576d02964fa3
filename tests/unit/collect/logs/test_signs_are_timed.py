"""What a sign of a service means is found by its time: the format of its log has to know its records."""

from __future__ import annotations

import os
from datetime import UTC

import pytest

from davy.collect.logs.formats import BINARY, TEXT
from davy.collect.logs.record import Clock
from davy.knowledge.services import KnownService, LogFormat, known_services

CLOCK = Clock(UTC, 1_900_000_000.0)


@pytest.mark.parametrize("service", known_services().values(), ids=lambda service: service.id)
def test_the_records_of_every_sign_have_a_time_in_a_format_of_their_logs(service: KnownService) -> None:
    formats = {log.id: log.format for log in service.log}
    for sign in service.sign:
        mine = {formats[log] for log in sign.logs}
        if mine & {*BINARY, LogFormat.JSON}:
            continue  # what a journal or a container's output carries has its time outside of the text
        for record in sign.must_match:
            assert any(TEXT[form](os.fsencode(record), CLOCK) is not None for form in mine), (sign.id, record)
