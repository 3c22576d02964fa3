"""`davy.host.packages`: who owns a file, by Debian's package database in a tree in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davy.host import Entry, HostError, MemoryRoot, Refused
from davy.host.digests import Digest, SumKind, digest_of_bytes
from davy.host.packages import NoPackages, PackageDatabase, packages

INFO = "/var/lib/dpkg/info/"
MERGED = {"/bin": Entry(target="usr/bin"), "/lib": Entry(target="usr/lib")}


def md5(content: str) -> str:
    return hashlib.md5(content.encode()).hexdigest()


def digest(content: str) -> Digest:
    return digest_of_bytes(content.encode(), SumKind)


DEBIAN = {
    INFO + "coreutils.list": "/.\n/bin\n/bin/sleep\n/usr/bin\n/usr/bin/sort\n",
    INFO + "coreutils.md5sums": f"{md5('sleep')}  bin/sleep\n{md5('sort')}  usr/bin/sort\n",
    INFO + "coreutils.postinst": "/usr/bin/not-owned\n",
    INFO + "libc6:amd64.list": "/.\n/usr/lib/x86_64-linux-gnu/libc.so.6\n/etc/ld.so.conf.d/x.conf\n",
    INFO + "libc6:amd64.md5sums": f"{md5('libc')}  usr/lib/x86_64-linux-gnu/libc.so.6\n",
    INFO + "meta.list": "/.\n",
}


def database(files: Mapping[str, str | Entry]) -> PackageDatabase:
    return packages(MemoryRoot(files))


def test_an_owner_is_the_package_that_lists_the_path() -> None:
    asked = ["/usr/bin/sort", "/usr/lib/x86_64-linux-gnu/libc.so.6", "/tmp/sort", "/usr/bin/not-owned"]
    assert database(DEBIAN).owners(asked) == {
        "/usr/bin/sort": "coreutils",
        "/usr/lib/x86_64-linux-gnu/libc.so.6": "libc6:amd64",
    }


@pytest.mark.parametrize(
    "path",
    ["/usr/bin/sor", "usr/bin/sort", "/bin/sort\n", "/usr/bin\n/usr/bin/sort", "", "/", "/usr/bin/sort/", "sort"],
)
def test_part_of_a_line_or_more_than_a_line_owns_nothing(path: str) -> None:
    assert database(DEBIAN | MERGED).owners([path]) == {}


@given(st.text(alphabet="/abnorstu\n.", max_size=16))
def test_only_whole_listed_lines_are_owned(path: str) -> None:
    listed = path in DEBIAN[INFO + "coreutils.list"].split("\n") and path.startswith("/")
    assert (path in database(DEBIAN).owners([path])) == listed


def test_with_a_merged_usr_either_name_of_a_file_finds_its_owner() -> None:
    files = DEBIAN | {INFO + "new.list": "/usr/bin/new\n", INFO + "new.md5sums": f"{md5('new')}  usr/bin/new\n"}
    names = ["/bin/sleep", "/usr/bin/sleep", "/bin/new", "/usr/bin/new", "/lib/x86_64-linux-gnu/libc.so.6"]
    merged = database(files | MERGED)
    assert merged.owners(names) == dict(
        zip(names, ["coreutils", "coreutils", "new", "new", "libc6:amd64"], strict=True)
    )
    assert [merged.unmodified(name, "coreutils", digest("sleep")) for name in names[:2]] == [True, True]
    assert [merged.unmodified(name, "new", digest("new")) for name in names[2:4]] == [True, True]


def test_without_a_merged_usr_they_are_two_files() -> None:
    assert database(DEBIAN).owners(["/bin/sleep", "/usr/bin/sleep", "/bin/sort"]) == {"/bin/sleep": "coreutils"}
    elsewhere = {"/bin": Entry(target="/opt/bin")}
    assert database(DEBIAN | elsewhere).owners(["/usr/bin/sleep"]) == {}


def test_a_file_is_unmodified_by_its_content_and_nothing_is_said_of_what_has_no_sum() -> None:
    debian = database(DEBIAN)
    assert debian.unmodified("/usr/bin/sort", "coreutils", digest("sort")) is True
    assert debian.unmodified("/usr/bin/sort", "coreutils", digest("miner")) is False
    assert debian.unmodified("/etc/ld.so.conf.d/x.conf", "libc6:amd64", digest("")) is None
    assert debian.unmodified("/bin/sort", "coreutils", digest("sort")) is None
    assert debian.unmodified("/usr/bin/x", "meta", digest("")) is None


def test_a_name_with_two_spaces_is_not_taken_for_another() -> None:
    sums = f"{md5('trap')}  usr/bin/trap  usr/bin/x\n{md5('x')}  usr/bin/x\n"
    assert database({INFO + "a.md5sums": sums}).unmodified("/usr/bin/x", "a", digest("x")) is True


def test_a_copy_of_a_packaged_file_has_a_twin() -> None:
    debian = database(DEBIAN)
    assert debian.twin(digest("sleep")) == "/bin/sleep"
    assert debian.twin(digest("libc")) == "/usr/lib/x86_64-linux-gnu/libc.so.6"
    assert debian.twin(digest("miner")) is None


@pytest.mark.parametrize(
    "sum_", ["", "\n", "usr/bin/sort", md5("sort")[:31], md5("sort")[1:], md5("sort").upper(), md5("")]
)
def test_what_is_no_sum_of_a_file_has_no_twin(sum_: str) -> None:
    files = DEBIAN | {INFO + "empty.md5sums": f"{md5('')}  usr/lib/empty\n"}
    assert database(files).twin(Digest(md5=sum_)) is None


DIVERTED = {
    "/var/lib/dpkg/diversions": "/usr/bin/tool\n/usr/bin/tool.real\nwrapper\n/bin/sh\n/bin/sh.old\n:\n",
    INFO + "tool.list": "/usr/bin/tool\n",
    INFO + "tool.md5sums": f"{md5('tool')}  usr/bin/tool\n",
    INFO + "wrapper:all.list": "/usr/bin/tool\n",
    INFO + "wrapper:all.md5sums": f"{md5('wrapper')}  usr/bin/tool\n",
    INFO + "dash.list": "/bin/sh\n",
    INFO + "dash.md5sums": f"{md5('dash')}  bin/sh\n",
}


@pytest.mark.parametrize("merged", [{}, MERGED])
def test_a_diverted_file_belongs_to_its_package_where_it_was_put(merged: dict[str, Entry]) -> None:
    diverted = database(DIVERTED | merged)
    assert diverted.owners(["/usr/bin/tool", "/usr/bin/tool.real", "/bin/sh", "/bin/sh.old"]) == {
        "/usr/bin/tool": "wrapper:all",
        "/usr/bin/tool.real": "tool",
        "/bin/sh.old": "dash",
    }
    assert diverted.unmodified("/usr/bin/tool.real", "tool", digest("tool")) is True
    assert diverted.unmodified("/usr/bin/tool", "wrapper:all", digest("wrapper")) is True
    assert diverted.unmodified("/usr/bin/tool", "tool", digest("tool")) is None
    assert diverted.twin(digest("tool")) == "/usr/bin/tool.real"
    assert diverted.twin(digest("wrapper")) == "/usr/bin/tool"
    assert diverted.twin(digest("dash")) in ("/bin/sh.old", "/usr/bin/sh.old")


def test_a_list_that_cannot_be_read_owns_nothing_and_stops_nothing() -> None:
    files = DEBIAN | {INFO + "a-trap.list": Entry(mode=0o010644), INFO + "a-trap.md5sums": Entry(mode=0o010644)}
    assert database(files).owners(["/usr/bin/sort"]) == {"/usr/bin/sort": "coreutils"}
    assert database(files).twin(digest("sort")) == "/usr/bin/sort"


def test_the_last_line_of_a_file_needs_no_end() -> None:
    debian = database({INFO + "a.list": "/usr/bin/x", INFO + "a.md5sums": f"{md5('x')}  usr/bin/x"})
    assert debian.owners(["/usr/bin/x"]) == {"/usr/bin/x": "a"}
    assert debian.unmodified("/usr/bin/x", "a", digest("x")) is True
    assert debian.twin(digest("x")) == "/usr/bin/x"


def test_a_list_cut_at_the_limit_does_not_own_by_its_last_half_line() -> None:
    filling = "/usr/lib/filling\n" * 1_000_000
    files = {INFO + "big.list": filling[: (16 << 20) - len("\n/usr/bin/x")] + "\n/usr/bin/xmrig\n"}
    assert database(files).owners(["/usr/bin/x"]) == {}


def test_every_line_of_a_long_list_counts() -> None:
    lines = [f"/usr/share/long/{number}" for number in range(120_000)]
    asked = lines[::7]
    assert database({INFO + "long.list": "\n".join(lines)}).owners(asked) == dict.fromkeys(asked, "long")


def test_a_database_larger_than_davy_reads_is_refused() -> None:
    entry = Entry(b"/x\n" * 5_000_000)
    debian = database({f"{INFO}{n}.list": entry for n in range(5)})
    for _ in range(2):
        with pytest.raises(Refused, match="64 MiB"):
            debian.owners(["/usr/bin/x"])


def test_answers_are_remembered() -> None:
    class Counting(MemoryRoot):
        listings = 0

        def names(self, path: str) -> list[str]:
            self.listings += 1
            return super().names(path)

    root = Counting(DEBIAN)
    debian = packages(root)
    debian.owners(["/usr/bin/sort", "/tmp/x"])
    assert debian.owners(["/usr/bin/sort"]) == {"/usr/bin/sort": "coreutils"}
    assert debian.owners(["/tmp/x"]) == {}
    assert root.listings == 1


def test_a_root_without_a_known_database_has_no_packages() -> None:
    none = database({"/etc/passwd": ""})
    assert isinstance(none, NoPackages)
    assert (none.owners(["/bin/sh"]), none.unmodified("/bin/sh", "dash", digest("")), none.twin(digest("x"))) == (
        {},
        None,
        None,
    )


def test_a_database_that_cannot_be_looked_at_is_an_error() -> None:
    with pytest.raises(HostError):
        database({"/var/lib/dpkg/info": Entry(target="/var/lib/dpkg/info")})


CONFFILES = {
    "/var/lib/dpkg/status": (
        "Package: cron\nStatus: install ok installed\nArchitecture: amd64\nConffiles:\n"
        f" /etc/crontab {md5('crontab')}\n"
        f" /etc/cron.d/two words {md5('words')}\n"
        f" /etc/old {md5('old')} obsolete\n"
        f" /etc/going {md5('going')} remove-on-upgrade\n"
        " /etc/new newconffile\n"
        "Description: x\n"
        f" /etc/described {md5('described')}\n\n"
        "Package: libx\nStatus: install ok installed\nArchitecture: i386\nMulti-Arch: same\nConffiles:\n"
        f" /etc/libx.conf {md5('i386')}\n\n"
        "Package: libx\nStatus: install ok installed\nArchitecture: amd64\nMulti-Arch: same\nConffiles:\n"
        f" /etc/libx.conf {md5('amd64')}\nVersion: 1\n\n"
    ),
    INFO + "cron.list": "/etc/crontab\n/etc/cron.d/two words\n/etc/old\n/etc/going\n/etc/new\n/etc/described\n",
    INFO + "libx:amd64.list": "/etc/libx.conf\n",
    INFO + "libx:i386.list": "",
}


def test_a_configuration_file_is_unmodified_until_its_administrator_changes_it() -> None:
    debian = database(CONFFILES)
    assert debian.unmodified("/etc/crontab", "cron", digest("crontab")) is True
    assert debian.unmodified("/etc/crontab", "cron", digest("* * * * * root miner")) is False
    assert debian.unmodified("/etc/cron.d/two words", "cron", digest("words")) is True
    assert debian.unmodified("/etc/cron.d/two", "cron", digest("words")) is None


@pytest.mark.parametrize(("name", "optional"), [("crontab", False), ("old", True), ("going", True)])
def test_marks_of_configuration_files_are_heeded(name: str, optional: bool) -> None:
    told = database(CONFFILES).expected(f"/etc/{name}")
    assert told is not None
    assert (told.configuration, told.optional) == (True, optional)
    assert told.sum is not None
    assert told.sum.agrees(digest(name)) is True


def test_a_new_configuration_file_has_no_sum_yet() -> None:
    debian = database(CONFFILES)
    told = debian.expected("/etc/new")
    assert told is not None
    assert (told.configuration, told.sum) == (True, None)
    assert debian.unmodified("/etc/new", "cron", digest("")) is None


def test_what_a_description_says_is_no_configuration_file() -> None:
    debian = database(CONFFILES)
    assert debian.unmodified("/etc/described", "cron", digest("described")) is None


def test_each_architecture_has_its_own_configuration_files() -> None:
    debian = database(CONFFILES)
    assert debian.unmodified("/etc/libx.conf", "libx:amd64", digest("amd64")) is True
    assert debian.unmodified("/etc/libx.conf", "libx:amd64", digest("i386")) is False
    assert debian.unmodified("/etc/libx.conf", "libx:i386", digest("i386")) is True


def test_a_diverted_configuration_file_is_its_packages_where_it_was_put() -> None:
    diverted = CONFFILES | {"/var/lib/dpkg/diversions": "/etc/crontab\n/etc/crontab.cron\nother\n"}
    debian = database(diverted)
    assert debian.unmodified("/etc/crontab.cron", "cron", digest("crontab")) is True
    assert debian.unmodified("/etc/crontab", "cron", digest("crontab")) is None


def test_a_missing_program_is_named_by_either_name_of_its_folder() -> None:
    files = DEBIAN | MERGED | {"/usr/bin/sort": "sort"}
    names = ["/bin/sleep", "/usr/bin/sleep", "/bin/sort", "/usr/bin/sort"]
    assert database(files).missing(names) == {"/bin/sleep": "coreutils", "/usr/bin/sleep": "coreutils"}
