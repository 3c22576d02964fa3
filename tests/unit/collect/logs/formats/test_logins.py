"""wtmp, btmp and lastlog: each record one line that no name can forge."""

from __future__ import annotations

import sqlite3
import struct
from contextlib import closing
from datetime import UTC
from ipaddress import ip_address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davy.collect.logs.formats import BINARY, COVERS
from davy.collect.logs.record import Clock, Record
from davy.host.root import MemoryRoot
from davy.knowledge.services import LogFormat
from davy.model.facts import Gap
from davy.model.logs import Span

START = 1602904664
CLOCK = Clock(UTC, START)
X86, ARM64 = "hxxi32s4s32s256shhiii16s20x", "hxxi32s4s32s256shhqqq16s20x4x"


def record(
    kind: int, time: float = START, *, line: bytes = b"", user: bytes = b"", host: bytes = b"", address: str = "",
    pid: int = 8421, layout: str = f"<{X86}",
) -> bytes:  # fmt: skip
    packed = ip_address(address).packed if address else b""
    return struct.pack(
        layout, kind, pid, line, b"ts/0", user, host, 0, 0, 0, int(time), round(time % 1 * 1e6), packed.ljust(16, b"\0")
    )


def read(content: bytes, span: Span | None = None, form: LogFormat = LogFormat.UTMP) -> list[Record | Gap]:
    with MemoryRoot({"/var/log/x": content}).opened("/var/log/x") as file:
        return list(BINARY[form](file, file.size, CLOCK, span))


def texts(found: list[Record | Gap]) -> list[str]:
    return [each.text for each in found if isinstance(each, Record)]


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (record(7, line=b"pts/0", user=b"ada", host=b"192.0.2.7", address="192.0.2.7"),
         "login user ada from 192.0.2.7 on pts/0"),
        (record(7, line=b"pts/0", user=b"ada", host=b"host.example", address="2001:db8::7"),
         "login user ada from 2001:db8::7 (host.example) on pts/0"),
        (record(7, line=b"pts/0", user=b"ada", host=b"host.example"), "login user ada from host.example on pts/0"),
        (record(7, line=b"tty1", user=b"root"), "login user root on tty1"),
        (record(8, line=b"pts/0"), "logout on pts/0"),
        (record(6, line=b"ssh:notty", user=b"root", host=b"192.0.2.7", address="192.0.2.7"),
         "failed login user root from 192.0.2.7 on ssh:notty"),
        (record(6, line=b"ssh:notty", user=b"LOGIN", host=b"192.0.2.7", address="192.0.2.7"),
         "failed login user LOGIN from 192.0.2.7 on ssh:notty"),
        (record(6, line=b"tty1", user=b"LOGIN"), "getty on tty1"),
        (record(5, line=b"tty1"), "init on tty1"),
        (record(2, line=b"~", user=b"reboot", host=b"6.1.0-13-amd64"), "boot 6.1.0-13-amd64"),
        (record(1, line=b"~", user=b"shutdown", host=b"6.1.0-13-amd64", pid=0), "shutdown"),
        (record(1, line=b"~", user=b"runlevel", pid=ord("5")), "runlevel 5"),
        (record(4, line=b"|", user=b"date"), "old time"),
        (record(3, line=b"{", user=b"date"), "new time"),
        (record(6, line=b"ssh:notty", user=b"ada from 203.0.113.9 on x\nlogin", host=b"192.0.2.7"),
         r"failed login user ada\x20from\x20203.0.113.9\x20on\x20x\x0alogin from 192.0.2.7 on ssh:notty"),
        (record(6, line=b"ssh:notty", user=rb"a\x20b", host=b"192.0.2.7"),
         r"failed login user a\x5cx20b from 192.0.2.7 on ssh:notty"),
    ],
)  # fmt: skip
def test_a_record_is_told_as_one_line(content: bytes, text: str) -> None:
    assert read(content) == [Record(START, 0, text)]


@pytest.mark.parametrize("layout", [f"{order}{form}" for order in "<>" for form in (X86, ARM64)])
def test_every_layout_is_recognised(layout: str) -> None:
    content = b"".join(
        record(kind, START + number + 0.25, line=b"pts/0", user=b"ada", address="192.0.2.7", layout=layout)
        for number, kind in enumerate((7, 8, 7, 8))
    )

    found = read(content)

    assert texts(found) == ["login user ada from 192.0.2.7 on pts/0", "logout on pts/0"] * 2
    assert [each.time for each in found if isinstance(each, Record)] == [START + n + 0.25 for n in range(4)]
    with MemoryRoot({"/x": content}).opened("/x") as file:
        assert COVERS[LogFormat.UTMP](file, file.size) == Span(START + 0.25, START + 3.25)


def test_records_that_were_wiped_are_told() -> None:
    content = record(7, user=b"ada") + bytes(384 * 3) + record(8, START + 9, line=b"pts/0") + bytes(384)

    assert [(each.time, each.offset, each.text) for each in read(content) if isinstance(each, Record)] == [
        (START, 0, "login user ada"),
        (None, 384, "3 blank records"),
        (START + 9, 384 * 4, "logout on pts/0"),
        (None, 384 * 5, "blank record"),
    ]


def test_a_span_of_a_long_file_is_found_without_reading_it_all() -> None:
    count = 100_000
    content = b"".join(
        record(6, START + number, line=b"ssh:notty", user=b"u%d" % number, host=b"192.0.2.7") for number in range(count)
    )

    class Counted:
        size, bytes_read = len(content), 0

        def pread(self, size: int, offset: int) -> bytes:
            self.bytes_read += size
            return content[offset : offset + size]

    file = Counted()
    found = list(BINARY[LogFormat.UTMP](file, file.size, CLOCK, Span(START + 70_000, START + 70_002)))

    assert texts(found) == [f"failed login user u{70_000 + n} from 192.0.2.7 on ssh:notty" for n in range(3)]
    assert file.bytes_read < len(content) / 10


def test_a_clock_that_was_set_back_hides_no_login() -> None:
    times = [START, START + 9000, START + 9001, START + 10, START + 20, START + 30]
    content = b"".join(record(7, time, user=b"ada", line=b"pts/%d" % n) for n, time in enumerate(times))

    assert texts(read(content, Span(START + 5, START + 25))) == ["login user ada on pts/3", "login user ada on pts/4"]


@pytest.mark.parametrize("content", [b"not a wtmp at all" * 100, record(99), record(7, 0)])
def test_what_is_no_such_file_is_a_gap(content: bytes) -> None:
    assert read(content) == [Gap("logs", "utmp", "its records are of no known layout")]


def test_an_empty_file_says_nothing() -> None:
    assert read(b"") == []
    assert read(b"", form=LogFormat.LASTLOG) == []


@pytest.mark.parametrize(("layout", "size"), [("<I32s256s", 292), ("<Q32s256s", 296)])
def test_the_last_logins_are_told_by_user_number(layout: str, size: int) -> None:
    content = bytes(size * 1000) + struct.pack(layout, START, b"pts/0", b"192.0.2.7") + bytes(size * 9)
    content += struct.pack(layout, START + 9, b"tty1", b"x y\n")

    assert read(content, form=LogFormat.LASTLOG) == [
        Record(START, size * 1000, "last login of uid 1000 from 192.0.2.7 on pts/0"),
        Record(START + 9, size * 1010, r"last login of uid 1010 from x\x20y\x0a on tty1"),
    ]
    assert len(read(content, Span(START + 1, START + 10), LogFormat.LASTLOG)) == 1


def test_a_lastlog_that_claims_to_be_endless_is_read_to_a_bound() -> None:
    class Hole:
        size = 292 << 32

        def pread(self, size: int, offset: int) -> bytes:
            return bytes(min(size, self.size - offset))

    file = Hole()
    assert list(BINARY[LogFormat.LASTLOG](file, file.size, CLOCK, None)) == [
        Gap("logs", "lastlog", "users with numbers from 1048576 on were not looked at")
    ]


@given(
    st.one_of(
        st.binary(max_size=2000),
        st.lists(st.tuples(st.binary(min_size=40, max_size=40), st.integers(0, 9)), max_size=5).map(
            lambda pieces: b"".join(
                record(kind, START, user=piece[:32], line=piece[8:], host=piece) for piece, kind in pieces
            )
        ),
    ),
    st.one_of(st.none(), st.builds(Span, st.floats(), st.floats())),
)
def test_any_bytes_come_to_single_lines(content: bytes, span: Span | None) -> None:
    for form in (LogFormat.UTMP, LogFormat.LASTLOG):
        for each in read(content, span, form):
            assert isinstance(each, Gap) or (each.text.isascii() and each.text.isprintable())


def database(folder: Path, *statements: str) -> bytes:
    with closing(sqlite3.connect(folder / "x.db")) as made:
        for statement in statements:
            made.execute(statement)
        made.commit()
    return (folder / "x.db").read_bytes()


WTMPDB = (
    "CREATE TABLE wtmp(ID INTEGER PRIMARY KEY, Type INTEGER, User TEXT NOT NULL, Login INTEGER, Logout INTEGER,"
    " TTY TEXT, RemoteHost TEXT, Service TEXT) STRICT",
    f"INSERT INTO wtmp VALUES(1, 1, 'reboot', {START}000000, {START + 99}000000, '~', '6.12.38+deb13-amd64', NULL)",
    f"INSERT INTO wtmp VALUES(2, 3, 'ada', {START + 1}250000, {START + 9}000000, 'pts/0', '192.0.2.7', 'sshd')",
    f"INSERT INTO wtmp VALUES(3, 3, 'x y' || char(10), {START + 2}000000, NULL, 'tty1', NULL, 'login')",
)


def test_a_wtmp_that_is_a_database_is_told_in_the_same_words(tmp_path: Path) -> None:
    content = database(tmp_path, *WTMPDB)

    assert [(each.time, each.text) for each in read(content) if isinstance(each, Record)] == [
        (START, "boot 6.12.38+deb13-amd64"),
        (START + 99, "shutdown"),
        (START + 1.25, "login user ada from 192.0.2.7 on pts/0"),
        (START + 9, "logout on pts/0"),
        (START + 2, r"login user x\x20y\x0a on tty1"),
    ]
    assert texts(read(content, Span(START + 1, START + 1.5))) == ["login user ada from 192.0.2.7 on pts/0"]


def test_a_lastlog_that_is_a_database_is_told_by_name(tmp_path: Path) -> None:
    content = database(
        tmp_path,
        "CREATE TABLE Lastlog2(Name TEXT PRIMARY KEY, Time INTEGER, TTY TEXT, RemoteHost TEXT, Service TEXT)",
        f"INSERT INTO Lastlog2 VALUES('ada', {START}, 'pts/0', '192.0.2.7', 'sshd')",
    )

    assert [(each.time, each.text) for each in read(content, form=LogFormat.LASTLOG) if isinstance(each, Record)] == [
        (START, "last login of ada from 192.0.2.7 on pts/0")
    ]


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return database(tmp_path_factory.mktemp("wtmpdb"), *WTMPDB)


@given(changes=st.lists(st.tuples(st.integers(16, 8191), st.integers(0, 255)), min_size=1, max_size=8))
def test_a_damaged_database_comes_to_lines_and_gaps(sound: bytes, changes: list[tuple[int, int]]) -> None:
    content = bytearray(sound)
    for at, byte in changes:
        content[at] = byte

    for each in read(bytes(content)):
        assert isinstance(each, Gap) or each.text.isprintable()
