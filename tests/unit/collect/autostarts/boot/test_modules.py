"""What loads kernel modules when the machine starts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davy.collect.autostarts.boot.modules import (
    modprobe_entries,
    modprobe_lines,
    modules_load_entries,
    modules_load_lines,
)
from davy.collect.autostarts.reading import ENTRIES_LIMIT, FILE_BYTES
from davy.host import Entry, Host, MemoryRoot
from davy.model.autostarts import Autostart, AutostartKind
from davy.model.facts import Gap


def host(files: dict[str, bytes | str | Entry]) -> Host:
    return Host(MemoryRoot(files))


def test_a_line_of_modules_load_names_the_module_it_loads() -> None:
    path = "/etc/modules-load.d/usb.conf"
    assert list(modules_load_lines(host({path: Entry(b"# none\n\niptable-mac x=1 # y\n", mtime=12.5)}))) == [
        Autostart(
            kind=AutostartKind.MODULE, path=path, line=3, text="iptable-mac x=1 # y",
            command="modprobe iptable-mac x=1", schedule="boot", user="root", activates="iptable_mac",
            mtime=12.5, ctime=12.5,
        )
    ]  # fmt: skip


@pytest.mark.parametrize(
    "path",
    ["/etc/modules", "/etc/initramfs-tools/modules", *(f"/{top}/modules-load.d/x.conf" for top in ("run", "usr/lib"))],
)
def test_every_place_is_read(path: str) -> None:
    assert [fact.path for fact in modules_load_lines(host({path: "loop\n"})) if isinstance(fact, Autostart)] == [path]


def test_debians_link_to_the_old_file_is_one_file() -> None:
    files = {"/etc/modules": "loop\n", "/etc/modules-load.d/modules.conf": Entry(target="../modules")}
    assert [fact.path for fact in modules_load_lines(host(files)) if isinstance(fact, Autostart)] == ["/etc/modules"]


def test_comments_and_files_of_other_names_name_nothing() -> None:
    assert list(modules_load_entries("# a\n; b\n\n  \n\t# c\n")) == []
    assert list(modules_load_lines(host({"/etc/modules-load.d/README": "loop\n"}))) == []


def test_an_install_line_is_a_command_with_its_programs() -> None:
    path, text = "/etc/modprobe.d/usb.conf", "install iptable_mac /sbin/insmod /lib/udev/usb_control/iptable_mac.ko"
    (found,) = modprobe_lines(host({path: f"options snd x=1\n{text}\n"}))
    assert isinstance(found, Autostart)
    assert (found.kind, found.line, found.text, found.activates) == (AutostartKind.MODPROBE, 2, text, "iptable_mac")
    assert found.command == "/sbin/insmod /lib/udev/usb_control/iptable_mac.ko"
    assert found.programs[0] == "/sbin/insmod"


@pytest.mark.parametrize(
    "line",
    [
        "install usb-storage /bin/true",
        "install dccp /usr/bin/false",
        "install x true",
        "#install x /tmp/y",
        "options x install=/tmp/y",
        "alias install x",
        "blacklist pcspkr",
        "install x",
    ],
)
def test_what_only_forbids_or_configures_is_no_autostart(line: str) -> None:
    assert list(modprobe_entries(line + "\n")) == []


def test_a_command_over_several_lines_is_one_entry() -> None:
    (found,) = modprobe_entries("alias a b\ninstall x \\\n  /tmp/y; \\\r\n modprobe -i x\nalias c d\n")
    assert (found.line, found.end_line, found.text) == (2, 4, "install x \\\n  /tmp/y; \\\n modprobe -i x")
    assert found.command.split() == ["/tmp/y;", "modprobe", "-i", "x"]


def test_large_files_and_many_lines_are_bounded_and_said() -> None:
    path = "/etc/modules"
    many = [*modules_load_lines(host({path: "x\n" * (ENTRIES_LIMIT + 1)}))]
    assert len([fact for fact in many if isinstance(fact, Autostart)]) == ENTRIES_LIMIT
    assert isinstance(many[-1], Gap)
    large = [*modules_load_lines(host({path: "# " + "x" * FILE_BYTES + "\nloop\n"}))]
    assert [type(fact) for fact in large] == [Gap]


def test_what_cannot_be_read_is_a_gap() -> None:
    assert [type(fact) for fact in modules_load_lines(host({"/etc/modules": Entry(mode=0o010644)}))] == [Gap]


@given(st.text(alphabet=st.sampled_from("ab \t\\\r\n#;\0/installremove-_é"), max_size=200))
def test_any_text_is_read(content: str) -> None:
    rows = [row.removesuffix("\r") for row in content.split("\n")]
    for entry in (*modules_load_entries(content), *modprobe_entries(content)):
        assert entry.line
        assert "\n".join(rows[entry.line - 1 : entry.end_line or entry.line]) == entry.text
        assert entry.activates
        assert "-" not in entry.activates
