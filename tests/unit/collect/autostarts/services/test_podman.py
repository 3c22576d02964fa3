"""Podman's containers that are started again, out of both kinds of its database."""

from __future__ import annotations

import json
import sqlite3
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.collect.autostarts.taking_out import facts, found
from tests.unit.host.bolt_file import bolt_file
from tests.unit.snapshots import incident_of, snapshot

from davy.collect.autostarts.services.containers import containers
from davy.detect.autostart_files import miners_image
from davy.host import Entry
from davy.model.autostarts import AutostartKind
from davy.model.facts import Gap
from davy.model.incidents import Verdict

STORE = "/var/lib/containers/storage/db.sql"
BOLT = "/var/lib/containers/storage/libpod/bolt_state.db"
OWN = "/home/ada/.local/share/containers/storage/db.sql"
_SCHEMA = """CREATE TABLE ContainerConfig(ID TEXT PRIMARY KEY NOT NULL, Name TEXT UNIQUE NOT NULL, PodID TEXT,
JSON TEXT NOT NULL, FOREIGN KEY (ID) REFERENCES IDNamespace(ID) DEFERRABLE INITIALLY DEFERRED)"""
MINER = {
    "rootfsImageName": "docker.io/someone/xmrig:latest", "restart_policy": "always",
    "spec": {"process": {"args": ["xmrig", "-o", "pool:3333"]}},
}  # fmt: skip
WEB = {
    "rootfsImageName": "docker.io/library/nginx:1", "restart_policy": "unless-stopped",
    "spec": {"process": {"args": ["nginx", "-g", "daemon off;"]}},
}  # fmt: skip


def db_sql(configs: dict[str, object], *, late: dict[str, object] | None = None) -> dict[str, bytes | str | Entry]:
    """Podman's database and its log, in which are those that came late."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "db.sql")
        database = sqlite3.connect(path)
        try:
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("CREATE TABLE IDNamespace(ID TEXT PRIMARY KEY NOT NULL)")
            database.execute(_SCHEMA)
            for number, part in enumerate((configs, late or {})):
                rows = [
                    (f"{number}{count:063x}", name, None, config if isinstance(config, bytes) else json.dumps(config))
                    for count, (name, config) in enumerate(part.items())
                ]
                database.executemany("INSERT INTO ContainerConfig VALUES (?, ?, ?, ?)", rows)
                database.commit()
                if not number:
                    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            return {STORE: path.read_bytes(), f"{STORE}-wal": Path(f"{path}-wal").read_bytes()}
        finally:
            database.close()


def test_containers_that_podman_starts_again_are_entries_of_their_own() -> None:
    miner, web = found(containers, db_sql({"m": MINER, "web": WEB, "once": WEB | {"restart_policy": "no"}}))
    assert (miner.kind, miner.path, miner.line, miner.within) == (AutostartKind.CONTAINER, STORE, None, "m")
    assert (miner.command, miner.image, miner.user, miner.programs) == (
        "xmrig -o pool:3333", "docker.io/someone/xmrig:latest", "root", (),
    )  # fmt: skip
    assert (miner.schedule, web.schedule) == ("podman: restart=always", "podman: restart=unless-stopped")
    assert (web.within, web.command) == ("web", "nginx -g 'daemon off;'")
    assert miner.subject != web.subject


def test_the_miner_s_image_is_accused_and_the_web_server_beside_it_is_not() -> None:
    entries = found(containers, db_sql({"m": MINER, "web": WEB}))
    assert [each.subject for each in miners_image(snapshot(*entries))] == [f"autostart:{STORE}:m"]


def test_a_database_with_a_miner_is_an_incident_of_that_container_alone() -> None:
    incident = incident_of(snapshot(*found(containers, db_sql({"m": MINER, "web": WEB}))))
    assert incident.verdict is Verdict.SUSPECT
    assert [actor.name for actor in incident.actors] == ["container m"]


def test_the_times_of_a_database_are_none_of_its_containers() -> None:
    files = db_sql({"m": MINER})
    content = files[STORE]
    assert isinstance(content, bytes)
    (entry,) = found(containers, files | {STORE: Entry(content, mtime=7.0)})
    assert (entry.mtime, entry.ctime, entry.birth) == (None, None, None)


def test_a_container_that_only_the_log_knows_yet_is_found() -> None:
    assert [entry.within for entry in found(containers, db_sql({"a": WEB}, late={"b": MINER}))] == ["a", "b"]


def test_a_user_s_containers_are_the_user_s() -> None:
    files = db_sql({"m": MINER})
    (entry,) = found(containers, {OWN: files[STORE]})
    assert (entry.path, entry.user) == (OWN, "ada")


def test_an_older_podman_s_containers_are_found() -> None:
    tree = {b"all-ctrs": {b"01": b"m"}, b"ctr": {
        b"01": {b"config": json.dumps(MINER | {"name": "m"}).encode(), b"state": b"{}", b"dependencies": {}},
        b"02": {b"config": json.dumps(WEB | {"name": "web", "restart_policy": ""}).encode()},
        b"03": {b"state": b"{}"}, b"04": b"no container",
    }}  # fmt: skip
    (entry,) = found(containers, {BOLT: bolt_file(tree)})
    assert (entry.path, entry.within, entry.command) == (BOLT, "m", "xmrig -o pool:3333")
    assert found(containers, {BOLT: bolt_file({b"pod": {}})}) == []


def test_programs_are_files_of_the_host_that_are_bound() -> None:
    mounts = [
        {"type": "bind", "source": "/srv/data", "destination": "/data"}, {"type": "tmpfs", "destination": "/run"}, 7,
    ]  # fmt: skip
    config = WEB | {"spec": {"process": {"args": ["/data/../x", "/data/run", "/run/y"]}, "mounts": mounts}}
    (entry,) = found(containers, db_sql({"a": config}))
    assert entry.programs == ("/srv/x", "/srv/data/run")


def test_without_a_spec_the_command_is_the_image_s_or_the_image() -> None:
    plain = {"restart_policy": "on-failure"}
    first, second, third = found(
        containers,
        db_sql({"a": plain | {"entrypoint": ["sh", "-c"], "command": ["a b"]}, "b": plain | {"RawImageName": "x/y"},
                "c": plain}),
    )  # fmt: skip
    assert (first.command, second.command, second.image, third.command) == ("sh -c 'a b'", "x/y", "x/y", "container")


def test_names_that_are_none_or_alike_are_told_apart() -> None:
    tree = {b"ctr": {
        b"01": {b"config": json.dumps(MINER | {"name": "m"}).encode()},
        b"02": {b"config": json.dumps(MINER | {"name": "m"}).encode()},
        b"03": {b"config": json.dumps(MINER | {"name": "-f; rm -rf /"}).encode()},
        b"\xff ": {b"config": json.dumps(MINER).encode()},
    }}  # fmt: skip
    entries = found(containers, {BOLT: bolt_file(tree)})
    assert [entry.within for entry in entries] == ["m", "m (2)", "03", "unnamed"]


def test_a_description_that_is_none_hides_no_other() -> None:
    deep = b"[" * 100_000
    entries = found(containers, db_sql({"a": b"{", "b": deep, "c": b"\xff", "d": b"[1]", "m": MINER}))
    assert [entry.within for entry in entries] == ["m"]


@pytest.mark.parametrize("content", [b"", b"no database", b"SQLite format 3\0" + b"\0" * 200])
def test_what_is_no_database_is_a_gap(content: bytes) -> None:
    (gap,) = facts(containers, {STORE: content})
    assert isinstance(gap, Gap)
    assert gap.what == STORE


def test_a_database_that_is_cut_off_is_a_gap_and_what_was_read_stays() -> None:
    content = db_sql({f"c{number:03}": MINER for number in range(400)})[STORE]
    assert isinstance(content, bytes)
    read = facts(containers, {STORE: content[: len(content) * 2 // 3]})
    assert [fact.what for fact in read if isinstance(fact, Gap)] == [f"the rest of {STORE}"]
    assert len(read) > 10


def test_a_container_that_is_larger_than_davy_reads_is_a_gap_in_both_databases() -> None:
    large = MINER | {"name": "large", "labels": {"x": "y" * (1 << 20)}}
    (entry, gap) = sorted(
        facts(containers, db_sql({"a": MINER, "large": large})), key=lambda fact: isinstance(fact, Gap)
    )
    assert not isinstance(entry, Gap)
    assert isinstance(gap, Gap)
    assert (entry.within, gap.what) == ("a", f"the rest of {STORE}")
    (gap,) = facts(containers, {BOLT: bolt_file({b"ctr": {b"01": {b"config": json.dumps(large).encode()}}})})
    assert isinstance(gap, Gap)
    assert gap.what == BOLT


CONTENT = db_sql({"m": MINER, "web": WEB})[STORE]


@given(st.data())
def test_whatever_is_written_over_a_database_nothing_is_raised(data: st.DataObject) -> None:
    assert isinstance(CONTENT, bytes)
    content = bytearray(CONTENT)
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    for entry in found(containers, {STORE: bytes(content)}):
        assert entry.within
        assert entry.command
