"""What is searched and what is not: hot folders of any root, bounded, whatever an enemy puts there."""

from __future__ import annotations

import functools
import importlib
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from davy.collect.accounts import accounts
from davy.collect.content.hot_files import hot_files
from davy.collect.content.searching import Search, Target, place_of
from davy.host import DirectoryRoot, Host, MemoryRoot
from davy.host.holes import data
from davy.host.walking import Walk
from davy.knowledge.hot_folders import hot_folders
from davy.knowledge.matching import content_rules, matcher, rule_by_id
from davy.knowledge.matching.rules import sample
from davy.model.content import ContentHit, Place
from davy.model.facts import Account, Gap
from davy.model.reach import USUAL, Reach

HOT_FILES = importlib.import_module("davy.collect.content.hot_files")


def sample_of(identity: str) -> bytes:
    rule = rule_by_id(identity)
    assert rule is not None
    return sample(rule.must_match[0])


CONFIGURATION = sample_of("configuration.xmrig")
PROGRAM = b"\x7fELF\x02\x01\x01" + bytes(57) + sample_of("miner.xmrig")


def searched(root: Path | MemoryRoot, reach: Reach = USUAL) -> tuple[list[ContentHit], list[Gap]]:
    host = Host(root if isinstance(root, MemoryRoot) else DirectoryRoot(str(root)))
    known = [each for each in accounts(host) if isinstance(each, Account)]
    found = list(hot_files(host, known, reach))
    return [each for each in found if isinstance(each, ContentHit)], [each for each in found if isinstance(each, Gap)]


def made(root: Path, path: str, content: bytes, mode: int = 0o644) -> Path:
    file = root / path.lstrip("/")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    file.chmod(mode)
    return file


def test_programs_scripts_and_configurations_are_found_where_they_lie(tmp_path: Path) -> None:
    made(tmp_path, "/tmp/.x/config.json", CONFIGURATION)
    made(tmp_path, "/dev/shm/a", PROGRAM)
    made(tmp_path, "/var/tmp/k.sh", sample_of("guardian.loop"))
    made(tmp_path, "/root/.configrc5/a/kswapd0", PROGRAM + b"2")
    made(tmp_path, "/etc/kinsing", PROGRAM + b"3")
    made(tmp_path, "/opt/app/config.json", CONFIGURATION + b" ")
    made(tmp_path, "/root/notes/config.json", CONFIGURATION + b"  ")
    made(tmp_path, "/tmp/picture.png", b"\x89PNG\0\0" + CONFIGURATION)
    hits, gaps = searched(tmp_path)
    assert {(hit.path, hit.rule, hit.place) for hit in hits} == {
        ("/tmp/.x/config.json", "configuration.xmrig", Place.FILE),
        ("/dev/shm/a", "miner.xmrig", Place.IMAGE),
        ("/var/tmp/k.sh", "guardian.loop", Place.SCRIPT),
        ("/root/.configrc5/a/kswapd0", "miner.xmrig", Place.IMAGE),
        ("/etc/kinsing", "miner.xmrig", Place.IMAGE),
    }
    assert gaps == []
    (program,) = [hit for hit in hits if hit.path == "/dev/shm/a"]
    assert program.family == "xmrig"
    assert program.offset > 64
    assert program.subject == "file:/dev/shm/a"
    assert program.file == (os.stat(tmp_path / "dev/shm/a").st_dev, os.stat(tmp_path / "dev/shm/a").st_ino)
    assert len(program.text) <= 160
    assert len(program.patterns) >= 4


def test_a_tree_in_memory_is_searched_as_well() -> None:
    hits, gaps = searched(MemoryRoot({"/tmp/config.json": CONFIGURATION, "/tmp/x": b"nothing"}))
    assert [hit.path for hit in hits] == ["/tmp/config.json"]
    assert gaps == []


def test_the_house_of_davy_and_its_state_are_passed_by(tmp_path: Path) -> None:
    state = made(tmp_path, "/tmp/state/scan", CONFIGURATION).parent
    assert searched(tmp_path)[0]
    hits, _ = searched(tmp_path, Reach(state=str(state)))
    assert hits == []


@pytest.mark.parametrize("what", ["fifo", "socket", "device", "links", "unreadable", "empty"])
def test_nothing_odd_is_opened_and_nothing_hangs(tmp_path: Path, what: str) -> None:
    hot = made(tmp_path, "/tmp/config.json", CONFIGURATION).parent
    kept = []
    if what == "fifo":
        os.mkfifo(hot / "odd")
    elif what == "socket":
        kept.append(socket.socket(socket.AF_UNIX))
        kept[0].bind(str(hot / "odd"))
    elif what == "device":
        if os.geteuid():
            pytest.skip("only root makes devices")
        os.mknod(hot / "odd", 0o020666, os.makedev(5, 0))
    elif what == "links":
        (hot / "loop").symlink_to(hot)
        (hot / "odd").symlink_to("/dev/zero")
        (hot / "self").symlink_to("self")
    elif what == "unreadable":
        made(tmp_path, "/tmp/odd", CONFIGURATION + b"x").chmod(0)
    else:
        made(tmp_path, "/tmp/odd", b"")
    began = time.monotonic()
    hits, gaps = searched(tmp_path)
    assert time.monotonic() - began < 5.0
    assert "/tmp/config.json" in {hit.path for hit in hits}
    if what != "unreadable":
        assert gaps == []
    for each in kept:
        each.close()


def test_a_sparse_file_of_100_gigabytes_costs_what_is_in_it(tmp_path: Path) -> None:
    file = made(tmp_path, "/tmp/big", CONFIGURATION)
    os.truncate(file, 100 << 30)
    began = time.monotonic()
    hits, gaps = searched(tmp_path)
    assert time.monotonic() - began < 5.0
    assert [hit.path for hit in hits] == ["/tmp/big"]
    assert ["/tmp/big" in gap.why and "only their beginning" in gap.why for gap in gaps] == [True]


def test_holes_are_passed_over(tmp_path: Path) -> None:
    file = tmp_path / "sparse"
    with file.open("wb") as out:
        out.seek(64 << 20)
        out.write(b"x" * 4096)
    descriptor = os.open(file, os.O_RDONLY)
    try:
        parts = list(data(descriptor, 0, os.fstat(descriptor).st_size))
    finally:
        os.close(descriptor)
    assert sum(end - start for start, end in parts) < 1 << 20
    assert parts[-1][1] == (64 << 20) + 4096


def test_more_names_than_are_looked_at_are_a_gap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(50):
        made(tmp_path, f"/tmp/{number}", b"x")
    made(tmp_path, "/var/tmp/config.json", CONFIGURATION)
    monkeypatch.setattr(HOT_FILES, "Walk", functools.partial(Walk, names_limit=20))
    hits, gaps = searched(tmp_path)
    assert [hit.path for hit in hits] == ["/var/tmp/config.json"], "one full folder starves no other"
    assert any(gap.what == "/tmp" for gap in gaps)


@contextmanager
def opened(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def search_of(paths: list[Path], **options: object) -> tuple[Search, list[str]]:
    wanted = {"deadline": time.monotonic() + 5, "bytes_limit": 1 << 30, "file_limit": 1 << 20} | options
    search = Search(matcher(), **wanted)  # type: ignore[arg-type]
    targets = [Target(str(path), lambda path=path: opened(path)) for path in paths]  # type: ignore[misc]
    return search, [found.target.path for found in search.run(targets)]


def test_a_pattern_across_the_border_of_two_blocks_is_found(tmp_path: Path) -> None:
    for before in (0, (1 << 20) - 40, (1 << 20) - 5, 3 << 20):
        file = made(tmp_path, f"{before}", b" " * before + CONFIGURATION + b" " * 100)
        _, found = search_of([file], file_limit=8 << 20)
        assert found == [str(file)], before


def test_a_file_is_searched_once_whatever_its_names(tmp_path: Path) -> None:
    file = made(tmp_path, "a", CONFIGURATION)
    os.link(file, tmp_path / "b")
    search, found = search_of([file, tmp_path / "b"])
    assert len(found) == 1
    assert search.files == 1


def test_when_its_time_or_bytes_are_over_a_search_says_what_is_left(tmp_path: Path) -> None:
    files = [made(tmp_path, f"{number}", CONFIGURATION + str(number).encode()) for number in range(20)]
    search, found = search_of(files, bytes_limit=1)
    assert 1 <= len(found) <= 2
    assert search.left_out == 20 - len(found)
    search, found = search_of(files, deadline=time.monotonic() - 1)
    assert found == []
    assert search.left_out == 20


def test_what_does_not_answer_is_left_and_named(tmp_path: Path) -> None:
    file, released = made(tmp_path, "a", CONFIGURATION), threading.Event()

    @contextmanager
    def stuck() -> Iterator[int]:
        released.wait(20)
        with opened(file) as descriptor:
            yield descriptor

    search = Search(matcher(), deadline=time.monotonic() + 0.2, bytes_limit=1 << 20, file_limit=1 << 20)
    began = time.monotonic()
    found = list(search.run([Target("/stuck", stuck), Target(str(file), lambda: opened(file))]))
    assert time.monotonic() - began < 5.0
    released.set()
    assert [each.target.path for each in found] == [str(file)]
    assert search.stuck == ["/stuck"]


def test_a_file_that_shrinks_while_it_is_read_is_no_crash(tmp_path: Path) -> None:
    file = made(tmp_path, "a", b"x" * (2 << 20))

    @contextmanager
    def shrinking() -> Iterator[int]:
        with opened(file) as descriptor:
            os.truncate(file, 0)
            yield descriptor

    search = Search(matcher(), deadline=time.monotonic() + 5, bytes_limit=1 << 30, file_limit=1 << 30)
    assert list(search.run([Target("a", shrinking)])) == []
    assert search.unread == []


@pytest.mark.parametrize(
    ("head", "name", "place"),
    [(b"\x7fELF\x02", "a", Place.IMAGE), (b"#!/bin/sh\n", "a", Place.SCRIPT), (b"x=1\n", "a.sh", Place.SCRIPT),
     (b"{}", "config.json", Place.FILE), (b"\x1f\x8b\0\0", "a.gz", None), (b"", "empty", Place.FILE)],
)  # fmt: skip
def test_a_file_is_what_its_first_bytes_say(head: bytes, name: str, place: Place | None) -> None:
    assert place_of(head, name) is place


def test_hot_folders_are_written_as_they_are_meant() -> None:
    folders = hot_folders()
    assert {folder.path for folder in folders} >= {"/tmp", "/var/tmp", "/dev/shm", "/usr/local/bin", "/opt", "/etc"}
    assert len({folder.path for folder in folders}) == len(folders)
    assert all(folder.reason.endswith(".") and folder.depth <= 5 for folder in folders)
    assert all(folder.path == "~" or folder.path.startswith("/") for folder in folders)


def test_without_an_engine_that_is_a_gap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from davy.knowledge.matching import NoEngineError

    def none(_: str | None) -> None:
        raise NoEngineError("neither hyperscan nor google-re2 is installed: contents are not searched")

    monkeypatch.setattr(HOT_FILES, "matcher", none)
    hits, gaps = searched(tmp_path)
    assert hits == []
    assert [gap.what for gap in gaps] == ["hot folders"]


def test_hits_survive_a_capsule() -> None:
    hits, _ = searched(MemoryRoot({"/tmp/config.json": CONFIGURATION}))
    assert msgspec.json.decode(msgspec.json.encode(hits), type=list[ContentHit]) == hits


def test_every_rule_that_is_looked_for_in_files_is_found_in_one(tmp_path: Path) -> None:
    wanted = {}
    for rule in content_rules():
        place = next((place for place in rule.places if place in (Place.FILE, Place.IMAGE, Place.SCRIPT)), None)
        if place is not None:
            head = {Place.IMAGE: b"\x7fELF\x02\x01\x01\0", Place.SCRIPT: b"#!/bin/sh\n", Place.FILE: b""}[place]
            wanted[rule.id] = made(tmp_path, f"/tmp/{rule.id}", head + sample(rule.must_match[0]))
    hits, _ = searched(tmp_path)
    assert {(hit.rule, hit.path) for hit in hits} >= {(rule, f"/tmp/{path.name}") for rule, path in wanted.items()}
