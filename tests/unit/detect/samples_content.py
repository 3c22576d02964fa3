"""Samples of contents: programs, scripts and files that are a miner's, and those that only speak of one."""

from __future__ import annotations

from typing import Any, Final

from tests.unit.detect.sample import Sample
from tests.unit.snapshots import Fact, content_hit, detail, executable, process, snapshot

from davy.model.content import Place
from davy.model.facts import Process

_MINER: Final = executable("/opt/x/server")
_RUNS: Final = process(700, "/opt/x/server", cores=1.0)
_DELETED: Final = process(701, "/opt/x/server", deleted=True, cores=1.0)
_SCRIPT: Final = process(702, "bash", "/srv/keep.sh", exe="/usr/bin/bash")
_GIVEN: Final = process(703, "/opt/y/z", "-c", "k.conf", cwd="/opt/etc", cores=1.0)
_GIVEN_LONG: Final = process(704, "/opt/y/z", "--config=/opt/etc/k.conf", cores=1.0)
_EDITOR: Final = process(705, "vim", "/opt/etc/k.conf", exe="/usr/bin/vim.basic")
_SEARCH: Final = process(706, "grep", "x", "/opt/etc/k.conf", exe="/usr/bin/grep")
_IN_TMP: Final = process(707, "/tmp/job", cores=1.0)
_PYTHON: Final = process(708, "python3", "/opt/x/train.py", exe="/usr/bin/python3.11", cores=1.0)
_CONFIG: Final = "configuration.xmrig"


def _of(who: Process, rule: str, what: str, *facts: Fact, **options: Any) -> Sample:
    return Sample(rule, what, snapshot(who, *facts, **options), who.subject)


def _file(rule: str, what: str, path: str, *facts: Fact) -> Sample:
    return Sample(rule, what, snapshot(*facts), f"file:{path}")


def _none(rule: str, what: str, *facts: Fact, **options: Any) -> Sample:
    return Sample(rule, what, snapshot(*facts, **options))


MATCHING: Final = (
    _of(
        _RUNS,
        "content.image",
        "a program with a miner's usage text",
        content_hit("miner.xmrig", "/opt/x/server", of=_MINER),
    ),
    _of(
        _DELETED,
        "content.image",
        "the same, whose file is gone",
        content_hit("algorithm.randomx", "/opt/x/server", of=_MINER),
    ),
    _of(
        _SCRIPT,
        "content.image",
        "a script that keeps a miner running",
        detail(_SCRIPT),
        content_hit("guardian.loop", "/srv/keep.sh", of=executable("/srv/keep.sh"), place=Place.SCRIPT),
    ),
    _of(
        _GIVEN,
        "content.configuration",
        "a file named from where the process is",
        content_hit(_CONFIG, "/opt/etc/k.conf", place=Place.FILE),
    ),
    _of(
        _GIVEN_LONG,
        "content.configuration",
        "a file named behind an equals sign",
        content_hit(_CONFIG, "/opt/etc/k.conf", place=Place.FILE),
    ),
    _of(
        _RUNS,
        "content.configuration",
        "a file beside the program",
        content_hit(_CONFIG, "/opt/x/config.json", place=Place.FILE),
    ),
    _file(
        "content.file",
        "a miner that nobody runs",
        "/var/tmp/.x",
        content_hit("miner.xmrig", "/var/tmp/.x"),
        _PYTHON,
    ),
    _file(
        "content.file",
        "another file at the path of what runs",
        "/opt/x/server.old",
        _RUNS,
        content_hit("miner.xmrig", "/opt/x/server.old"),
    ),
    _of(_RUNS, "content.own-rule", "a program", content_hit("own:mine", "/opt/x/server", of=_MINER)),
    _file("content.own-rule", "a file", "/tmp/a", content_hit("own:mine", "/tmp/a")),
)

SPARED: Final = (
    _none("content.image", "a file that nobody runs", _RUNS, content_hit("miner.xmrig", "/tmp/a")),
    _none(
        "content.image", "Davy itself", _RUNS, content_hit("miner.xmrig", "/opt/x/server", of=_MINER), own_pids=(700,)
    ),
    _none("content.image", "a rule of the owner's", _RUNS, content_hit("own:mine", "/opt/x/server", of=_MINER)),
    _none(
        "content.image",
        "a rule that this version does not have",
        _RUNS,
        content_hit("miner.renamed", "/opt/x/server", of=_MINER),
    ),
    _none(
        "content.image",
        "a capsule's hit where the rule is not looked for",
        _RUNS,
        content_hit("stratum.daemon", "/opt/x/server", of=_MINER),
    ),
    _none(
        "content.image", "a configuration", _RUNS, content_hit(_CONFIG, "/opt/x/server", of=_MINER, place=Place.FILE)
    ),
    _none(
        "content.configuration",
        "an editor and a search that are given it",
        _EDITOR,
        _SEARCH,
        detail(_EDITOR),
        detail(_SEARCH),
        content_hit(_CONFIG, "/opt/etc/k.conf", place=Place.FILE),
    ),
    _none(
        "content.configuration",
        "somebody else's file in a folder where anyone writes",
        _IN_TMP,
        content_hit(_CONFIG, "/tmp/config.json", place=Place.FILE),
    ),
    _none(
        "content.configuration",
        "a script beside it, run by an interpreter",
        _PYTHON,
        content_hit(_CONFIG, "/opt/x/config.json", place=Place.FILE),
    ),
    _none("content.configuration", "a miner's program", _RUNS, content_hit("miner.xmrig", "/opt/x/other")),
    _none("content.file", "a program that runs", _RUNS, content_hit("miner.xmrig", "/opt/x/server", of=_MINER)),
    _none("content.file", "a text that quotes one", content_hit(_CONFIG, "/tmp/notes/README.md", place=Place.FILE)),
    _none("content.file", "a rule of the owner's", content_hit("own:mine", "/tmp/a")),
    _none("content.file", "a rule that this version does not have", content_hit("miner.renamed", "/tmp/a")),
    _none("content.file", "a capsule's hit where the rule is not looked for", content_hit("stratum.daemon", "/tmp/a")),
    _none("content.own-rule", "one of Davy's rules", content_hit("miner.xmrig", "/tmp/a")),
)
