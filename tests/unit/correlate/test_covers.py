"""A cover belongs to the gang whose miner it hides; one that deceives alone is a suspect; honest ones are nobody's."""

from __future__ import annotations

from tests.unit.snapshots import cover, incident_of, judged, process, snapshot

from davy.model.concealment import CoverKind
from davy.model.incidents import Kind, Role, Verdict

MINER = process(100, "/tmp/kdevtmpfsi", cores=1.0)


def test_a_cover_is_the_hider_of_the_miner_it_hides() -> None:
    found = incident_of(snapshot(MINER, cover("/proc/100", hides=MINER)))
    assert [(actor.role, actor.path) for actor in found.actors] == [
        (Role.MINER, "/tmp/kdevtmpfsi"),
        (Role.HIDER, "/proc/100"),
    ]


def test_a_cover_over_a_process_that_nobody_suspects_is_a_suspect_itself() -> None:
    quiet = process(100, "/usr/bin/sleep", "9")
    found = incident_of(snapshot(quiet, cover("/proc/100", hides=quiet)))
    assert (found.verdict, [actor.role for actor in found.actors]) == (Verdict.SUSPECT, [Role.HIDER])


def test_forged_figures_are_a_suspect_and_the_file_behind_them_is_named() -> None:
    forged = cover("/proc/stat", forged="claims 0.0 busy cores while the kernel counts 1.9", origin="/opt/x/stat")
    found = incident_of(snapshot(forged))
    (actor,) = found.actors
    assert (found.verdict, actor.kind, actor.path, actor.files) == (
        Verdict.SUSPECT, Kind.FILE, "/proc/stat", ("/opt/x/stat",),
    )  # fmt: skip


def test_what_was_not_seen_to_deceive_makes_no_incident() -> None:
    honest = (
        cover("/proc/stat", filesystem="fuse.lxcfs"),
        cover("/proc/meminfo"),
        cover("/usr/lib/x86_64-linux-gnu/libcuda.so.1", kind=CoverKind.PROGRAM, forged="is another file"),
        cover("/usr/bin/docker", kind=CoverKind.PROGRAM),
    )
    assert judged(snapshot(*honest)).verdict is Verdict.CLEAN
