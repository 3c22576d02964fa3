"""What udev runs as devices come and go."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davy.collect.autostarts.events.udev import udev_entries, udev_rules
from davy.collect.autostarts.reading import ENTRIES_LIMIT, FILE_BYTES
from davy.host import Entry, Host, MemoryRoot
from davy.model.autostarts import Autostart, AutostartKind
from davy.model.facts import Gap

PATH = "/etc/udev/rules.d/99-x.rules"


def read(files: dict[str, bytes | str | Entry]) -> list[Autostart | Gap]:
    return list(udev_rules(Host(MemoryRoot(files))))


def test_a_rule_is_read_with_its_place_command_and_times() -> None:
    rule = 'ACTION=="add", SUBSYSTEM=="net", RUN+="/usr/local/bin/up %k"'
    assert read({PATH: Entry(f"# a\n\n{rule}\n".encode(), mtime=12.5)}) == [
        Autostart(
            kind=AutostartKind.UDEV, path=PATH, line=3, text=rule, command="/usr/local/bin/up %k",
            schedule="RUN on add", user="root", programs=("/usr/local/bin/up",), mtime=12.5, ctime=12.5,
        )
    ]  # fmt: skip


@pytest.mark.parametrize("folder", ["/etc", "/run", "/usr/local/lib", "/usr/lib", "/lib"])
def test_every_folder_is_read(folder: str) -> None:
    (found,) = read({f"{folder}/udev/rules.d/1.rules": 'RUN+="/tmp/x"\n'})
    assert isinstance(found, Autostart)


def test_a_merged_usr_is_read_once_and_a_mask_not_at_all() -> None:
    files = {
        "/usr/lib/udev/rules.d/1.rules": 'RUN+="/tmp/x"\n',
        "/lib": Entry(target="usr/lib"),
        "/etc/udev/rules.d/1.rules": Entry(target="/dev/null"),
    }
    assert [fact.path for fact in read(files) if isinstance(fact, Autostart)] == ["/usr/lib/udev/rules.d/1.rules"]


def test_a_file_that_links_lead_to_is_read_once_with_them() -> None:
    link = "/etc/udev/rules.d/2.rules"
    (found,) = read({"/tmp/evil": 'RUN+="/tmp/x"\n', link: Entry(target="../../../tmp/evil")})
    assert isinstance(found, Autostart)
    assert (found.path, found.links) == ("/tmp/evil", (link,))


@pytest.mark.parametrize(
    ("rule", "command", "schedule", "programs"),
    [
        ('RUN="/a/b"', "/a/b", "RUN on every event", ("/a/b",)),
        ('RUN{program}+="/a/b", RUN+="/c d"', "/a/b; /c d", "RUN on every event", ("/a/b", "/c")),
        ('ACTION!="remove", PROGRAM=="/a/b $name"', "/a/b $name", "PROGRAM on !remove", ("/a/b",)),
        ('IMPORT{program}="ata_id --export $devnode"', "ata_id --export $devnode", "IMPORT on every event",
         ("/usr/lib/udev/ata_id",)),
        ('RUN += "/bin/sh -c \\"/tmp/x\\""', '/bin/sh -c "/tmp/x"', "RUN on every event", ("/bin/sh", "/tmp/x")),
        ('RUN+=e"/bin/sh -c \\x2ftmp/x"', "/bin/sh -c /tmp/x", "RUN on every event", ("/bin/sh", "/tmp/x")),
        ('ACTION=="add|change",RUN+="/tmp/x"', "/tmp/x", "RUN on add|change", ("/tmp/x",)),
    ],
)  # fmt: skip
def test_what_runs_is_read_as_udev_reads_it(rule: str, command: str, schedule: str, programs: tuple[str, ...]) -> None:
    (found,) = udev_entries(rule + "\n")
    assert (found.command, found.schedule, found.programs) == (command, schedule, programs)


@pytest.mark.parametrize(
    "rule",
    [
        '# RUN+="/tmp/x"',
        'IMPORT{builtin}="path_id"',
        'RUN{builtin}+="kmod load x"',
        'ENV{RUN}="1"',
        'SYMLINK+="disk/x"',
        "RUN+=/tmp/x",
        'IMPORT{db}="ID_X"',
    ],
)
def test_what_runs_no_program_is_no_autostart(rule: str) -> None:
    assert list(udev_entries(rule + "\n")) == []


def test_a_rule_that_has_systemd_start_units_names_them_and_activates_the_first() -> None:
    (found,) = udev_entries('ACTION=="add", ENV{SYSTEMD_WANTS}+="a.service b.service", RUN+="/tmp/x"')
    assert (found.command, found.schedule) == ("a.service b.service; /tmp/x", "unit/RUN on add")
    assert (found.activates, found.programs) == ("a.service", ("/tmp/x",))
    assert list(udev_entries('ENV{SYSTEMD_WANTS}=="a.service", TAG+="x"')) == []


def test_a_rule_over_several_lines_is_one_entry_and_comments_in_it_are_its_own() -> None:
    (found,) = udev_entries('A=="b"\nACTION=="add", \\\n# RUN+="/no"\n RUN+="/tmp/x"\nC=="d"\n')
    assert (found.line, found.end_line, found.command) == (2, 4, "/tmp/x")
    assert found.text == 'ACTION=="add", \\\n# RUN+="/no"\n RUN+="/tmp/x"'


def test_a_comment_that_ends_in_a_backslash_does_not_hide_the_rule_after_it() -> None:
    assert [entry.line for entry in udev_entries('# hidden \\\nRUN+="/tmp/x"\n')] == [2]


def test_a_nul_ends_a_line_for_udev_so_what_follows_it_is_read() -> None:
    assert [entry.command for entry in udev_entries('# comment\0RUN+="/tmp/x"\n')] == ["/tmp/x"]


@pytest.mark.parametrize(
    ("rule", "remains"),
    [
        ('KERNEL=="sda", RUN+="/tmp/x"', None),
        ('KERNEL=="sda", SYMLINK+="disk", RUN+="/tmp/x", MODE="0660"', 'KERNEL=="sda", SYMLINK+="disk", MODE="0660"'),
        ('LABEL="end", RUN+="/tmp/x"', 'LABEL="end"'),
        ('TAG+="systemd", ENV{SYSTEMD_WANTS}="x.service"', 'TAG+="systemd"'),
        ('KERNEL=="sda", RUN+="/tmp/x", GOTO="end"', 'KERNEL=="sda", GOTO="end"'),
        ('PROGRAM=="/tmp/x", SYMLINK+="%c"', None),
        ('LABEL="end", PROGRAM=="/tmp/x", SYMLINK+="%c"', 'LABEL="end"'),
    ],
)
def test_what_else_a_rule_does_remains(rule: str, remains: str | None) -> None:
    (found,) = udev_entries(rule)
    assert found.remains == remains


def test_large_files_and_many_rules_are_bounded_and_said() -> None:
    many = read({PATH: 'RUN+="/tmp/x"\n' * (ENTRIES_LIMIT + 1)})
    assert sum(isinstance(fact, Autostart) for fact in many) == ENTRIES_LIMIT
    assert sum(isinstance(fact, Gap) for fact in many) == 1
    large = read({PATH: "#" * FILE_BYTES + '\nRUN+="/tmp/x"\n'})
    assert [type(fact) for fact in large] == [Gap]


def test_a_fifo_and_a_loop_of_links_are_gaps() -> None:
    assert [type(fact) for fact in read({PATH: Entry(mode=0o010644)})] == [Gap]
    assert [type(fact) for fact in read({PATH: Entry(target=PATH)})] == [Gap]


@given(st.text(alphabet=st.sampled_from('ab \t\\\r\n#\0"/RUNPROGIMT{}=+:-!e\udcff'), max_size=200))
def test_any_text_is_read(content: str) -> None:
    lines = content.split("\n")
    for entry in udev_entries(content):
        assert entry.line is not None
        first = lines[entry.line - 1 : entry.end_line or entry.line]
        assert entry.text == "\n".join(line.removesuffix("\r") for line in first)


@given(st.text(alphabet=st.sampled_from('ab \\\n"#'), max_size=60), st.text(alphabet='ab\\"#', max_size=9))
def test_a_rule_that_was_taken_out_runs_nothing_any_more(before: str, value: str) -> None:
    content = f'{before}\nTAG+="x", RUN+="{value}"\n'
    for entry in udev_entries(content):
        assert entry.remains is None or list(udev_entries(entry.remains)) == []
