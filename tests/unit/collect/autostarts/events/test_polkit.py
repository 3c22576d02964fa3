"""Rules of polkit, and what it runs to decide."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davy.collect.autostarts.events.polkit import (
    ASKED,
    YES_TO_EVERYBODY,
    authority_entries,
    polkit_rules,
    rules_entries,
)
from davy.host import Entry, Host, MemoryRoot
from davy.model.autostarts import Autostart, AutostartKind
from davy.model.facts import Gap

PATH = "/etc/polkit-1/rules.d/10-x.rules"
RULE = "polkit.addRule(function(action, subject) {\n    return polkit.Result.YES;\n});"


def read(files: dict[str, bytes | str | Entry]) -> list[Autostart | Gap]:
    return list(polkit_rules(Host(MemoryRoot(files))))


def test_a_rule_is_one_entry_over_its_lines() -> None:
    assert read({PATH: Entry(f"// why\n{RULE}\n".encode(), mtime=1.0)}) == [
        Autostart(
            kind=AutostartKind.POLKIT, path=PATH, line=2, end_line=4, text=RULE,
            command="polkit.addRule(function(action, subject) { return polkit.Result.YES; });",
            schedule=YES_TO_EVERYBODY, user="polkitd", mtime=1.0, ctime=1.0,
        )
    ]  # fmt: skip


@pytest.mark.parametrize("folder", ["/etc", "/run", "/usr/local/share", "/usr/share"])
def test_every_folder_is_read(folder: str) -> None:
    assert len(read({f"{folder}/polkit-1/rules.d/x.rules": RULE})) == 1
    assert read({f"{folder}/polkit-1/rules.d/x.rules.dpkg-old": RULE}) == []


def test_what_a_rule_runs_is_its_command() -> None:
    (found,) = rules_entries('polkit.addRule(function(a, s) { polkit.spawn(["/bin/sh", \'-c\', "a \\"b\\" | c"]); });')
    assert found.command == "/bin/sh -c 'a \"b\" | c'"
    assert found.programs == ("/bin/sh",)


@pytest.mark.parametrize(
    ("body", "schedule"),
    [
        ('return "yes";', YES_TO_EVERYBODY),
        ("if (true) return polkit.Result.YES;", YES_TO_EVERYBODY),
        ("if (s.user == 'ada') return polkit.Result.YES;", ASKED),
        ("if (a.id == 'x') { return polkit.Result.YES; }", ASKED),
        ("return polkit.Result.AUTH_ADMIN;", ASKED),
        ("// return polkit.Result.YES", ASKED),
        ("polkit.log('polkit.Result.YES');", ASKED),
    ],
)
def test_a_rule_that_says_yes_to_everybody_is_told(body: str, schedule: str) -> None:
    (found,) = rules_entries(f"polkit.addRule(function(a, s) {{\n{body}\n}});\n")
    assert found.schedule == schedule


@pytest.mark.parametrize(
    "content",
    [
        '// polkit.addRule(function() { return "yes"; });',
        '/* polkit.spawn(["/tmp/x"]) */',
        'var a = "polkit.addRule(";',
        "polkit.log('x');",
    ],
)
def test_comments_and_strings_are_no_rules(content: str) -> None:
    assert list(rules_entries(content)) == []


@pytest.mark.parametrize(
    ("content", "remains"),
    [
        ("var x = 1; polkit.addRule(function() { return 1; });", "var x = 1; "),
        ("if (x) { polkit.addRule(f); }", "if (x) { null; }"),
        ('polkit.log(polkit.spawn(["/tmp/x"]));', 'polkit.log("");'),
        ("  polkit.addRule(f);", None),
        ("polkit.addRule(f); var x = 1; polkit.addRule(g);", " var x = 1; "),
    ],
)
def test_what_else_is_on_its_lines_remains(content: str, remains: str | None) -> None:
    (found,) = rules_entries(content)
    assert found.remains == remains


def test_a_rule_that_never_ends_goes_to_the_end() -> None:
    (found,) = rules_entries("polkit.addRule(function(a) {\n return 1;\n")
    assert (found.line, found.end_line) == (1, 2)


def test_groups_of_the_old_authority_that_say_yes_are_entries() -> None:
    content = (
        "[no]\nIdentity=unix-user:*\nAction=*\nResultAny=no\n[all]\nIdentity=unix-user:*\nAction=*\nResultAny=yes\n"
    )
    (found,) = authority_entries(content)
    assert (found.line, found.end_line, found.schedule) == (5, 8, YES_TO_EVERYBODY)
    assert found.command == "Identity=unix-user:*; Action=*; ResultAny=yes"
    files: dict[str, bytes | str | Entry] = {"/etc/polkit-1/localauthority/50-local.d/x.pkla": content}
    assert [fact.line for fact in read(files) if isinstance(fact, Autostart)] == [5]


def test_a_fifo_is_a_gap() -> None:
    assert [type(fact) for fact in read({PATH: Entry(mode=0o010644)})] == [Gap]


@given(
    st.lists(st.sampled_from([*"(){}[];,'\"`/*\\\n\r \0", "polkit.addRule", "polkit.spawn", "x", "//"])).map("".join)
)
def test_any_text_is_read(content: str) -> None:
    lines = content.split("\n")
    for entry in rules_entries(content):
        assert entry.line is not None
        whole = "\n".join(lines[entry.line - 1 : entry.end_line or entry.line])
        assert entry.text == whole.replace("\r\n", "\n").removesuffix("\r")


def test_brackets_without_end_and_rules_without_number_are_read_in_time() -> None:
    began = time.process_time()
    for content in ("polkit.addRule(polkit.spawn([" * 9_000, "polkit.addRule();" * 15_000):
        assert len(list(rules_entries(content))) == 1
    assert time.process_time() - began < 4
