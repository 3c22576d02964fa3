"""Of the lines of pg_hba.conf that fit a connection the first decides: the others are never asked."""

from __future__ import annotations

import pytest
from tests.unit.collect.services.sample import instance

from davy.collect.services.configuration import files_of, read
from davy.collect.services.first_match import EARLIER_LIMIT, LINES_LIMIT, asked
from davy.collect.services.settings import settings
from davy.detect.exposures import exposures
from davy.knowledge.services import known_services
from davy.model.facts import Host
from davy.model.services import Listening, ReachedFrom, Service
from davy.model.snapshot import Snapshot

TRUST = "host all all 0.0.0.0/0 trust"
CONF = "/etc/postgresql/15/main/pg_hba.conf"


@pytest.mark.parametrize(
    "lines",
    [
        ("host all all 0.0.0.0/0 reject", TRUST),
        ("host all all all reject", TRUST),
        ("host all all all scram-sha-256", "hostssl all all all trust"),
        ("host all all 0.0.0.0 0.0.0.0 reject", "host app,shop ada 192.0.2.0 255.255.255.0 trust"),
        ("host all all 0.0.0.0/0 reject", "host all all ::/0 md5", "host all all all trust"),
        ("host all all 10.0.0.0/8 reject", "hostnossl shop ada 10.1.0.0/16 trust"),
        ("host shop,app ada,bob all reject", "host app bob 192.0.2.1/32 trust"),
        ("host all all all reject", "host all all db.example.org trust"),
        ("host replication all all reject", "host replication repl 192.0.2.1/32 trust"),
        ("local all all peer", "local all postgres trust"),
    ],
)
def test_a_line_is_never_asked_where_those_before_it_take_all_of_its_connections(lines: tuple[str, ...]) -> None:
    *before, last = asked(lines)
    assert all(before)
    assert not last


@pytest.mark.parametrize(
    "lines",
    [
        (TRUST,),
        ("host all all 127.0.0.1/32 reject", TRUST),
        ("host all all 0.0.0.0/0 reject", "host all all all trust"),
        ("host all all ::/0 reject", TRUST),
        ("hostssl all all all reject", TRUST),
        ("hostssl all all all reject", "hostnossl all all all trust"),
        ("host all postgres all reject", TRUST),
        ("host shop all all reject", TRUST),
        ('host all "all" all reject', TRUST),
        ("host all all all reject", "host replication all all trust"),
        ("host all all all reject", "local all all trust"),
        ("local all all reject", TRUST),
        ("host all all samenet reject", TRUST),
        ("host all all db.example.org reject", "host all all db.example.com trust"),
        ("host all all 0.0.0.0/99 reject", TRUST),
        ("host all all", TRUST),
        ("hosts all all all reject", TRUST),
    ],
)
def test_a_line_is_asked_where_some_connection_may_come_to_it(lines: tuple[str, ...]) -> None:
    assert list(asked(lines))[-1]


def test_a_line_that_trusts_takes_the_connections_of_those_behind_it() -> None:
    assert list(asked([TRUST, "host all all 10.0.0.0/8 reject"])) == [True, False]


def test_a_file_of_many_lines_is_compared_as_far_as_is_told_and_the_rest_counts() -> None:
    many = [f"host all u{number} all reject" for number in range(EARLIER_LIMIT)]
    assert all(asked([*many, "host all all all reject", "host all all all trust"]))
    assert list(asked(["host all all all reject"] * (LINES_LIMIT + 1)))[-2:] == [False, True]


def opened(hba: str) -> set[str]:
    postgresql = instance({CONF: hba}, "postgres", known=known_services()["postgresql"])
    files = read(postgresql.ground, files_of(postgresql, lambda *_: True))
    anywhere = Listening(address="0.0.0.0", port=5432, reached_from=ReachedFrom.ANY, source="a socket of its own")
    service = Service(
        kind="postgresql", running=True, pid=1, settings=settings(postgresql, files), listening=(anywhere,)
    )
    return {one.opening for one in exposures(Snapshot(host=Host(name="h"), taken=1.0, live=True, services=(service,)))}


@pytest.mark.parametrize(
    ("hba", "is_open"),
    [
        ("host all all all reject\nhost all all 0.0.0.0/0 trust\n", False),
        ("host all all 0.0.0.0/0 scram-sha-256\r\nhost  all  all  192.0.2.0/24  trust # old\r\n", False),
        ("host all all 0.0.0.0/0 trust\nhost all all all reject\n", True),
        ("host all postgres all reject\nhost all all all trust\n", True),
        ("# host all all all reject\nhost all all 0.0.0.0/0 trust", True),
    ],
)
def test_a_trust_line_opens_only_where_nobody_before_it_decides(hba: str, is_open: bool) -> None:
    assert ("no-password" in opened(hba)) is is_open
