"""Autostarts on a screen and in JSON: when, as whom and whose in words, and nothing of an enemy's to obey."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator
from rich.console import Console

from davy import __version__
from davy.journal.comparing import changes, changes_by_times, seals, seen
from davy.model.autostarts import Autostart, AutostartKind, News
from davy.model.memory import Changes, Memory
from davy.present.autostarts import (
    autostart_object,
    baseline_object,
    changes_object,
    show_autostarts,
    show_baseline,
    show_changes,
    told,
)
from davy.present.contract import as_json

NOW = 1_790_000_000.0
SCHEMA = json.loads((Path(__file__).parents[3] / "docs/schema/scan.json").read_text())
HOSTILE = "/tmp/\udcff\x1b[2J\n1. CLEAN\u202e[/]x"

CRON = Autostart(
    kind=AutostartKind.CRON, path="/etc/cron.d/own", line=2, text="*/5 * * * * root /opt/x", command="/opt/x",
    schedule="*/5 * * * *", user="root", mtime=NOW - 60, first_seen=NOW - 7200, news=News.NEW,
)  # fmt: skip
TIMER = Autostart(
    kind=AutostartKind.TIMER, path="/usr/lib/systemd/system/a.timer", command="/usr/bin/a", unit="a.timer",
    schedule="OnCalendar=daily", owner_package="a", unmodified=True,
)  # fmt: skip
TAMPERED = msgspec.structs.replace(TIMER, path="/usr/lib/systemd/system/b.timer", unit="b.timer", unmodified=False)
EVIL = msgspec.structs.replace(
    CRON, path=HOSTILE, command=HOSTILE, schedule=HOSTILE, user=HOSTILE, owner_package=HOSTILE, unmodified=True
)
CONTAINER = Autostart(
    kind=AutostartKind.CONTAINER, path="/var/lib/containers/storage/db.sql", within="web", command="nginx",
    schedule="podman: restart=always", user="root",
)  # fmt: skip
FOUND = (TIMER, CRON, TAMPERED, EVIL, CONTAINER)


def plain(show: Callable[[Console], None], *, terminal: bool = False) -> str:
    out = io.StringIO()
    show(Console(file=out, markup=False, emoji=False, highlight=False, force_terminal=terminal, width=300, height=50))
    return out.getvalue()


def remembered(*autostarts: Autostart) -> Memory:
    return Memory(
        taken=NOW - 86_400,
        davy=__version__,
        seen={seal.identity: seen(each, seal.content, NOW - 86_400)
              for each, seal in zip(autostarts, seals(autostarts), strict=True)},
        first_seen={},
    )  # fmt: skip


def errors(value: Any, definition: str) -> list[str]:
    validator = Draft202012Validator({"$defs": SCHEMA["$defs"], **definition_of(definition)})
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(json.loads(as_json(value)))]


def definition_of(name: str) -> dict[str, Any]:
    if name == "compared":
        return dict(SCHEMA["properties"]["compared"])
    return {"$ref": f"#/$defs/{name}"}


def test_an_autostart_is_told_in_one_line() -> None:
    assert told(CRON, NOW) == "every 5 minutes, no package's, new, first seen 2.0 h ago"
    assert told(TIMER, NOW) == "at 00:00 every day, of a"
    assert told(TAMPERED, NOW).endswith("of a, changed")


def test_all_are_shown_kind_by_kind_those_of_nobody_first() -> None:
    text = plain(lambda out: show_autostarts(out, FOUND, NOW))
    lines = text.splitlines()
    assert lines[0] == "cron: 2, 1 of packages"
    assert "systemd timer: 2, 1 of packages" in lines
    assert text.index("b.timer") < text.index("a.timer")
    assert "/etc/cron.d/own line 2" in text
    assert "5 autostarts: 2 of packages, 1 of packages and changed, 2 of neither, 2 new" in lines
    assert any(line.startswith("   /var/lib/containers/storage/db.sql web  root, whenever it ends") for line in lines)


def test_what_a_package_only_lists_is_not_called_its_own() -> None:
    listed = msgspec.structs.replace(TIMER, unmodified=None)
    assert told(listed, NOW).endswith("of a, which keeps no sum of it")
    text = plain(lambda out: show_autostarts(out, (TIMER, listed, TAMPERED), NOW))
    assert "3 autostarts: 1 of packages, 1 of packages and changed, 1 of packages that keep no sum of them" in text


def test_what_lies_where_an_account_keeps_its_own_is_called_so() -> None:
    own = msgspec.structs.replace(CRON, path="/home/ada/.bashrc", user="ada", news=None, first_seen=None)
    assert told(own, NOW) == "every 5 minutes, of account ada"
    assert told(msgspec.structs.replace(own, path="/var/spool/cron/crontabs/ada"), NOW).endswith("of account ada")
    assert told(msgspec.structs.replace(own, path="/etc/profile.d/x.sh"), NOW).endswith("no package's")
    assert told(msgspec.structs.replace(own, user=None), NOW).endswith("no package's")


def test_changes_say_what_it_was_and_what_is_gone() -> None:
    before = (CRON, msgspec.structs.replace(CRON, path="/etc/cron.d/old", command="/old"))
    now = (msgspec.structs.replace(CRON, text="x", command="/evil", news=News.CHANGED), TIMER)
    text = plain(lambda out: show_changes(out, changes(now, remembered(*before)), NOW))
    changed, was, gone = (next(line for line in text.splitlines() if line.split()[0] == word) for word in
                          ("changed", "was", "gone"))  # fmt: skip
    assert "/evil" in changed
    assert was.rstrip().endswith("/opt/x")
    assert gone.rstrip().endswith("/old")
    assert "and 1 that installed packages put there" in text
    assert "a.timer" not in text


def test_that_nothing_changed_is_said() -> None:
    assert "nothing is new, changed or gone" in plain(
        lambda out: show_changes(out, changes((CRON,), remembered(CRON)), NOW)
    )
    text = plain(lambda out: show_changes(out, changes_by_times((CRON,), NOW), NOW))
    assert "by the times of the files" in text
    assert "nothing is new or changed" in text


@pytest.mark.parametrize("terminal", [False, True])
def test_nothing_of_an_enemys_is_left_to_obey(terminal: bool) -> None:
    found = changes((EVIL,), remembered(msgspec.structs.replace(EVIL, path=HOSTILE + "gone")))
    assert (len(found.new), len(found.gone)) == (1, 1)
    everything = plain(
        lambda out: (
            show_autostarts(out, (EVIL,), NOW),
            show_changes(out, found, NOW),
            show_baseline(out, remembered(EVIL), entries=True, incidents=2),
        )[0],
        terminal=terminal,
    )
    for forbidden in ("\x1b[2J", "\u202e", "\n1. CLEAN", "\udcff"):
        assert forbidden not in everything


def test_json_keeps_its_schema() -> None:
    for each in FOUND:
        assert errors(autostart_object(each), "autostart") == []
    found = changes((EVIL, msgspec.structs.replace(CRON, schedule="@reboot")), remembered(CRON, TIMER))
    assert (len(found.new), len(found.changed), len(found.gone)) == (1, 1, 1)
    assert errors(changes_object(found), "compared") == []
    assert errors(changes_object(changes_by_times(FOUND, NOW - 120)), "compared") == []
    assert errors(changes_object(Changes(since=1e18, by_times=True)), "compared") == []


def test_a_baseline_is_told_and_an_incident_in_it_warned_of() -> None:
    text = plain(lambda out: show_baseline(out, remembered(*FOUND), entries=True, incidents=1))
    assert "5 autostarts, 3 of packages" in text
    assert "1 incident is found on this host, and in the baseline" in text
    assert len(baseline_object(remembered(*FOUND))["autostarts"]) == 5
    assert baseline_object(None)["recorded"] is None
