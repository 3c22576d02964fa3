"""What message buses start."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davy.collect.autostarts.events.dbus import dbus_entries, dbus_services
from davy.host import Entry, Host, MemoryRoot
from davy.model.autostarts import Autostart, AutostartKind
from davy.model.facts import Gap

SERVICE = "[D-BUS Service]\nName=org.example.A\nExec=/usr/libexec/a --bus\nSystemdService=a.service\n"


def read(files: dict[str, bytes | str | Entry]) -> list[Autostart | Gap]:
    passwd = "ada:x:1000:1000::/home/ada:/bin/bash\n"
    return list(dbus_services(Host(MemoryRoot({"/etc/passwd": passwd, **files}))))


def test_a_service_says_what_starts_as_whom_on_what_name() -> None:
    path = "/usr/share/dbus-1/system-services/org.example.A.service"
    assert read({path: Entry(SERVICE.encode(), mtime=2.0)}) == [
        Autostart(
            kind=AutostartKind.DBUS, path=path, command="/usr/libexec/a --bus", schedule="message to org.example.A",
            user="root", activates="a.service", programs=("/usr/libexec/a",), mtime=2.0, ctime=2.0,
        )
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "user"),
    [
        ("/usr/share/dbus-1/services/a.service", None),
        ("/usr/local/share/dbus-1/services/a.service", None),
        ("/run/dbus-1/system-services/a.service", "root"),
        ("/home/ada/.local/share/dbus-1/services/a.service", "ada"),
    ],
)
def test_every_place_is_read(path: str, user: str | None) -> None:
    (found,) = read({path: SERVICE})
    assert isinstance(found, Autostart)
    assert (found.path, found.user) == (path, user)


def test_the_file_may_name_a_user_or_only_a_unit() -> None:
    (found,) = dbus_entries("[D-BUS Service]\nUser=www-data\nSystemdService=b.service\n")
    assert (found.user, found.command, found.activates, found.programs) == ("www-data", "b.service", "b.service", ())


def test_a_second_value_hides_none_from_a_reader_that_takes_the_first() -> None:
    group = "[D-BUS Service]\nExec=/tmp/x\n"
    for content in (f"{group}Exec=/bin/false\n", f"{group}[D-BUS Service]\nExec=/bin/false\n"):
        (found,) = dbus_entries(content)
        assert found.command == "/tmp/x; /bin/false"


def test_other_groups_and_names_start_nothing() -> None:
    assert list(dbus_entries("[Other]\nExec=/x\n")) == []
    assert read({"/usr/share/dbus-1/services/README": SERVICE}) == []


def test_a_loop_of_links_is_a_gap() -> None:
    path = "/usr/share/dbus-1/services/a.service"
    assert [type(fact) for fact in read({path: Entry(target="a.service")})] == [Gap]


@given(st.text(alphabet=st.sampled_from("ab[]=E \r\n#\0\udcff"), max_size=120))
def test_any_text_is_read(content: str) -> None:
    for entry in dbus_entries(f"[D-BUS Service]\nExec={content}"):
        assert entry.command


def test_a_file_that_both_buses_read_is_one_entry_with_its_link() -> None:
    path = "/usr/share/dbus-1/system-services/a.service"
    link, own = "/usr/share/dbus-1/services/a.service", "/home/ada/.local/share/dbus-1/services/a.service"
    (found,) = read({path: SERVICE, link: Entry(target="../system-services/a.service"), own: Entry(target=path)})
    assert isinstance(found, Autostart)
    assert (found.path, found.user, found.links) == (path, "root", (link, own))
