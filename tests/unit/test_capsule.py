"""A capsule gives back what was put in, byte for byte, stays readable, and answers an enemy's with one clear error."""

from __future__ import annotations

import lzma
import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.correlate.test_any_snapshot import SNAPSHOTS
from tests.unit.snapshots import TAKEN

from davy.capsule import CapsuleError, packed, read, unpacked, write
from davy.cli import verbs
from davy.correlate import correlate
from davy.detect import detect
from davy.model.facts import Gap, Host
from davy.model.snapshot import Snapshot

HEAD = b"davy capsule 1\n"
ODD_TEXT = st.text(st.sampled_from('a\ud800\udbff\udc80\udcff\U0010ffff\U00100000\U001007ff\x00\n"\\'), max_size=8)


def of(gap: str = "") -> Snapshot:
    return Snapshot(host=Host(name="lab"), taken=TAKEN, live=True, gaps=(Gap("x", gap, ""),))


def capsule(text: bytes) -> bytes:
    return HEAD + lzma.compress(text, preset=0)


def content(**changes: Any) -> bytes:
    return msgspec.json.encode({"davy": "0", "snapshot": msgspec.to_builtins(of()) | changes})


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(SNAPSHOTS)
def test_any_snapshot_comes_back_as_it_was_and_is_judged_the_same(snapshot: Snapshot) -> None:
    again = unpacked(packed(snapshot))
    assert msgspec.to_builtins(again) == msgspec.to_builtins(snapshot)
    assert correlate(again, detect(again)) == correlate(snapshot, detect(snapshot))


@settings(deadline=None)
@given(ODD_TEXT | st.text(st.characters(exclude_categories=()), max_size=8))
def test_text_that_is_no_utf_8_comes_back_byte_for_byte(text: str) -> None:
    assert unpacked(packed(of(text))).gaps[0].what == text


@settings(deadline=None)
@given(st.binary(max_size=64))
def test_bytes_of_a_name_come_back(name: bytes) -> None:
    assert os.fsencode(unpacked(packed(of(os.fsdecode(name)))).gaps[0].what) == name


def test_fields_of_a_newer_davy_are_passed_over_and_those_an_older_one_did_not_know_have_their_defaults() -> None:
    text = content(weather={"sunny": [1, 2]})
    fields = msgspec.json.decode(text)
    for name in Snapshot.__struct_fields__:
        if name not in ("host", "taken", "live"):
            del fields["snapshot"][name]
    assert unpacked(capsule(text)).gaps == of().gaps
    old = unpacked(capsule(msgspec.json.encode(fields)))
    assert (old.host.name, old.processes, old.gaps) == ("lab", (), ())


@pytest.mark.parametrize(
    "hostile",
    [
        b"",
        b"\n",
        b"davy capsule 2\n",
        b"davy capsule x\n",
        b"davy capsule 1",
        HEAD,
        HEAD + b"no xz",
        HEAD + lzma.compress(b"{}")[:-4],
        HEAD + lzma.compress(b"{}") + b"more",
        capsule(b"{}"),
        capsule(b"[" * 100_000),
        capsule(b'{"davy":"0","snapshot":' + b'{"a":' * 100_000),
        capsule(content(processes=3)),
        capsule(content(processes=[{"pid": "1"}])),
        capsule(content(taken="now")),
        capsule(b'{"davy":"0","snapshot":{"\xff":1}}'),
    ],
    ids=lambda hostile: repr(hostile[:24]),
)
def test_what_is_no_capsule_is_one_clear_error(hostile: bytes) -> None:
    with pytest.raises(CapsuleError) as met:
        unpacked(hostile)
    assert "\n" not in str(met.value)
    assert len(str(met.value)) < 300


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_damaged_capsule_is_an_error_or_a_snapshot(data: st.DataObject) -> None:
    whole = bytearray(packed(of("x")))
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    with suppress(CapsuleError):
        unpacked(bytes(whole))


def test_a_bomb_is_not_unpacked() -> None:
    packer = lzma.LZMACompressor(preset=0)
    bomb = b"".join(packer.compress(bytes(1 << 20)) for _ in range(200)) + packer.flush()
    assert len(bomb) < 1 << 17
    with pytest.raises(CapsuleError, match="more than a snapshot can be"):
        unpacked(HEAD + bomb)


def test_a_capsule_is_its_owner_s_only_and_overwrites_nothing(tmp_path: Path) -> None:
    file = tmp_path / "x.davy"
    write(of(), str(file))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    before = file.read_bytes()
    with pytest.raises(CapsuleError, match="not overwritten"):
        write(of("other"), str(file))
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(CapsuleError):
        write(of(), str(tmp_path / "link"))
    assert file.read_bytes() == before
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("kind", ["none", "folder", "fifo", "device"])
def test_what_is_no_file_is_not_waited_for(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "x.davy"
    if kind == "folder":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    with pytest.raises(CapsuleError):
        read("/dev/zero" if kind == "device" else str(path))


def test_scan_replays_a_capsule_by_its_name_and_as_a_root(tmp_path: Path) -> None:
    file = str(tmp_path / "x.davy")
    write(of(), file)
    for words in (["scan", file], ["scan", "--root", file]):
        ran = CliRunner().invoke(verbs, [*words, "--json"], standalone_mode=False)
        assert ran.return_value == 0
        found = msgspec.json.decode(ran.stdout)
        assert (found["verdict"], found["host"]["name"]) == ("clean", "lab")


def test_a_capsule_that_cannot_be_read_is_the_verb_s_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "x.davy").write_bytes(b"nothing")
    ran = CliRunner().invoke(verbs, ["scan", str(tmp_path / "x.davy")], standalone_mode=False)
    assert isinstance(ran.exception, CapsuleError)
    assert "not a capsule" in str(ran.exception)
