"""What hides joins whom it hides; what hides nobody who was seen stands alone."""

from __future__ import annotations

import msgspec
from tests.unit.snapshots import (
    accounting,
    cover,
    hidden,
    incident_of,
    judged,
    module_file,
    module_row,
    module_table,
    modules_load,
    preload,
    process,
    process_row,
    process_table,
    snapshot,
)

from davy.model.concealment import ModuleView, ProcessTable, View
from davy.model.incidents import Kind, Role, Verdict

LISTINGS = (View.LISTING, View.GETDENTS, View.OWN_LISTING)
BURNER = process(100, "/opt/app/worker", cores=1.0)
IDLE = process(101, "/opt/app/other")
MODULE = module_row(
    "iptable_mac", missing=(ModuleView.LISTING,), taint="OE", file="/lib/udev/usb_control/iptable_mac.ko"
)


def test_hiding_alone_makes_a_suspect() -> None:
    incident = incident_of(snapshot(IDLE, hidden(IDLE, *LISTINGS)))
    assert incident.verdict is Verdict.SUSPECT
    assert [(actor.role, actor.pid) for actor in incident.actors] == [(Role.MINER, IDLE.pid)]


def test_one_that_hides_and_burns_is_confirmed() -> None:
    assert incident_of(snapshot(BURNER, hidden(BURNER, *LISTINGS))).verdict is Verdict.CONFIRMED


def test_time_that_nobody_owns_is_the_hidden_burner_s() -> None:
    facts = (hidden(BURNER, *LISTINGS), accounting((1.1, 0.1, 0.0), (1.1, 0.1, 0.0)))
    incident = incident_of(snapshot(BURNER, *facts))
    assert [actor.kind for actor in incident.actors] == [Kind.PROCESS]
    assert "concealment.unowned-cpu" in {finding.rule for finding in incident.findings}


def test_time_that_nobody_owns_and_nobody_who_hides_is_an_incident_of_its_own() -> None:
    incident = incident_of(snapshot(accounting((1.9, 0.9, 0.0), (1.9, 0.9, 0.0))))
    assert incident.verdict is Verdict.SUSPECT
    (actor,) = incident.actors
    assert (actor.role, actor.kind, actor.pid) == (Role.HIDER, Kind.MODULE, None)
    assert incident.summary == ("Perhaps something hides: 1.9 of 2 cores busy, 1.0 of them owned by no visible process")


def test_time_that_nobody_owns_joins_a_hidden_module() -> None:
    incident = incident_of(snapshot(module_table("loop", MODULE), accounting((1.9, 0.9, 0.0), (1.9, 0.9, 0.0))))
    assert {actor.name for actor in incident.actors} == {"iptable_mac", "something unseen"}


def test_a_process_of_which_nothing_can_be_read_is_named_by_its_pid() -> None:
    row = process_row(4321, missing=(*LISTINGS, View.LOOK_UP, View.OWN_LOOK_UP), start_ticks=0)
    incident = incident_of(snapshot(ProcessTable(columns=row_columns(), rows=(row, process_row(1)))))
    (actor,) = incident.actors
    assert (actor.kind, actor.pid, actor.start_ticks) == (Kind.PROCESS, 4321, None)
    assert incident.verdict is Verdict.SUSPECT


def row_columns() -> tuple[View, ...]:
    return process_table(1).columns


def test_a_preload_belongs_to_the_gang_that_it_hides() -> None:
    library = preload("/opt/x/libhide.so", hides=[BURNER])
    incident = incident_of(snapshot(BURNER, hidden(BURNER, View.LISTING), library))
    assert [(actor.role, actor.kind) for actor in incident.actors] == [
        (Role.MINER, Kind.PROCESS), (Role.HIDER, Kind.LIBRARY),
    ]  # fmt: skip
    assert "hidden by libhide.so" in incident.summary


def test_a_forged_list_of_modules_belongs_to_the_module_that_it_leaves_out() -> None:
    forged = cover("/proc/modules", forged="leaves out iptable_mac")
    incident = incident_of(snapshot(module_table("loop", MODULE), forged))
    assert {actor.name for actor in incident.actors} == {"iptable_mac", "mount over /proc/modules"}


def test_a_forged_load_belongs_to_the_gang_that_hides() -> None:
    forged = cover("/proc/stat", forged="claims 0.0 busy cores while the kernel counts 1.0")
    incident = incident_of(snapshot(BURNER, hidden(BURNER, View.LOOK_UP, covered=True), forged))
    assert {actor.role for actor in incident.actors} == {Role.MINER, Role.HIDER}


def test_an_honest_host_has_none() -> None:
    facts = (BURNER, process_table(90), module_table("loop"), accounting((1.0, 1.0, 0.0), (1.0, 1.0, 0.0), claimed=1.0))
    assert judged(snapshot(*facts)).incidents == ()


def test_a_file_that_anybody_wrote_does_not_drag_another_s_autostart_along() -> None:
    line = modules_load("usb_pcs")
    own = module_file("/tmp/usb_pcs.ko", listed=False)
    anybodys = msgspec.structs.replace(own, executable=msgspec.structs.replace(own.executable, uid=1000))
    assert Kind.AUTOSTART in {actor.kind for actor in incident_of(snapshot(own, line)).actors}
    assert Kind.AUTOSTART not in {actor.kind for actor in incident_of(snapshot(anybodys, line)).actors}
