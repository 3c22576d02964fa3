"""The compiled rules are kept for the next scan, and nothing that could have been tampered with is believed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from davy.knowledge.matching import Matcher, content_rules
from davy.knowledge.matching.cache import load, store
from davy.knowledge.matching.rules import sample
from davy.model.content import Place


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "state"
    found.mkdir(0o700)
    return found


def kept(folder: Path) -> Path:
    (found,) = folder.glob("rules-*")
    return found


def test_what_is_stored_is_loaded_and_readable_by_us_alone(folder: Path) -> None:
    store(str(folder), "rules", "name", b"database")
    assert load(str(folder), "rules", "name") == b"database"
    assert kept(folder).stat().st_mode & 0o777 == 0o600
    store(str(folder), "rules", "newer", b"other")
    assert kept(folder).name == "rules-newer", "the older one is gone"
    assert [path.name for path in folder.iterdir()] == ["rules-newer"]
    store(str(folder), "marks", "newest", b"another")
    assert load(str(folder), "rules", "newer") == b"other", "what is for another purpose stays"


@pytest.mark.parametrize("damage", ["cut", "changed", "emptied", "mode", "link", "owner"])
def test_a_damaged_or_foreign_file_is_passed_over(folder: Path, damage: str) -> None:
    store(str(folder), "rules", "name", b"database" * 100)
    file = kept(folder)
    content = file.read_bytes()
    if damage == "cut":
        file.write_bytes(content[:-1])
    elif damage == "changed":
        file.write_bytes(content[:40] + b"X" + content[41:])
    elif damage == "emptied":
        file.write_bytes(b"")
    elif damage == "mode":
        file.chmod(0o666)
    elif damage == "link":
        file.rename(folder / "elsewhere")
        file.symlink_to(folder / "elsewhere")
    elif os.geteuid() == 0:
        os.chown(file, 65534, 65534)
    else:
        pytest.skip("only root can give files away")
    assert load(str(folder), "rules", "name") is None


def test_a_folder_that_others_may_write_keeps_nothing(folder: Path) -> None:
    folder.chmod(0o777)
    store(str(folder), "rules", "name", b"database")
    assert list(folder.iterdir()) == []


def test_a_folder_that_is_not_there_keeps_nothing(tmp_path: Path) -> None:
    store(str(tmp_path / "none"), "rules", "name", b"database")
    assert load(str(tmp_path / "none"), "rules", "name") is None


def test_a_matcher_of_kept_rules_finds_the_same(folder: Path) -> None:
    first = Matcher(content_rules(), str(folder))
    written = kept(folder).stat()
    again = Matcher(content_rules(), str(folder))
    assert kept(folder).stat().st_mtime_ns == written.st_mtime_ns, "it was not compiled anew"
    for rule in content_rules():
        content = sample(rule.must_match[0])
        assert first.hits(content, Place.MEMORY) == again.hits(content, Place.MEMORY)


def test_a_kept_database_of_another_engine_is_compiled_anew(folder: Path) -> None:
    Matcher(content_rules(), str(folder))
    name = kept(folder).name.removeprefix("rules-")
    store(str(folder), "rules", name, b"no database at all")
    assert Matcher(content_rules(), str(folder)).hits(sample(content_rules()[0].must_match[0]), Place.MEMORY)
    assert len(load(str(folder), "rules", name) or b"") > 1000
