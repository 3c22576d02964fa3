"""What boot loaders are configured by, and what runs when a kernel is installed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davy.collect.autostarts.boot.grub import defaults_entries, grub_scripts, parameters_entries
from davy.collect.autostarts.formats.kernel_parameters import started_by, without_started
from davy.host import Entry, Host, MemoryRoot
from davy.model.autostarts import Autostart, AutostartKind
from davy.model.facts import Gap

RUN = Entry(b"#!/bin/sh\n", mode=0o100755, mtime=4.0)


def read(files: dict[str, bytes | str | Entry]) -> list[Autostart | Gap]:
    return list(grub_scripts(Host(MemoryRoot(files))))


def test_a_script_is_an_entry_of_its_own_that_root_runs() -> None:
    path = "/etc/grub.d/40_custom"
    assert read({path: RUN, "/etc/grub.d/README": "text"}) == [
        Autostart(
            kind=AutostartKind.GRUB, path=path, command=path, schedule="GRUB configured", user="root", programs=(path,),
            mtime=4.0, ctime=4.0,
        )
    ]  # fmt: skip


@pytest.mark.parametrize(
    "path",
    [
        "/etc/kernel/postinst.d/dkms",
        "/etc/kernel/postrm.d/zz-update-grub",
        "/etc/kernel/postinst.d/6.1.0-13-amd64/x",
        "/usr/lib/kernel/install.d/50-depmod.install",
        "/etc/kernel/install.d/90-x.install",
    ],
)
def test_hooks_of_kernel_installations_are_read(path: str) -> None:
    (found,) = read({path: RUN})
    assert isinstance(found, Autostart)
    assert (found.path, found.schedule) == (path, "kernel installed")


def test_settings_of_grub_are_shell_text_that_may_run_something() -> None:
    content = 'GRUB_TIMEOUT=5\nGRUB_DISTRIBUTOR="$(. /etc/os-release; echo ${NAME})"\n# curl x\n/tmp/x &\n'
    found = list(defaults_entries(content))
    assert [entry.line for entry in found] == [2, 4]
    assert found[1].programs == ("/tmp/x",)


def test_a_program_in_the_command_line_is_taken_out_of_it_alone() -> None:
    line = 'GRUB_CMDLINE_LINUX="quiet init=/tmp/x splash"'
    (found,) = defaults_entries(f"A=1\n{line}\n")
    assert (found.line, found.text, found.command, found.schedule) == (2, line, "/tmp/x", "boot")
    assert found.remains == 'GRUB_CMDLINE_LINUX="quiet splash"'


@pytest.mark.parametrize(
    ("text", "command", "rest"),
    [
        ("root=/dev/sda1 init=/tmp/x", "/tmp/x", "root=/dev/sda1 "),
        ("rdinit=/a quiet", "/a", "quiet"),
        ('systemd.run="/tmp/x --y" quiet', "/tmp/x --y", "quiet"),
        ("init=/a systemd.run=/b", "/a; /b", ""),
        ("A='init=/a'", "/a", "A=''"),
        ("sysinit=/a xinit=/b init=", "", "sysinit=/a xinit=/b init="),
    ],
)
def test_parameters_that_start_something_are_told_from_others(text: str, command: str, rest: str) -> None:
    assert (started_by(text), without_started(text)) == (command, rest)


@pytest.mark.parametrize(
    "path",
    ["/boot/grub/grub.cfg", "/boot/grub2/custom.cfg", "/boot/loader/entries/x.conf", "/etc/kernel/cmdline"],
)
def test_menus_are_read_for_what_the_kernel_starts(path: str) -> None:
    found = read({path: "menuentry x {\n  linux /vmlinuz quiet\n  linux /vmlinuz init=/tmp/x\n# init=/tmp/y\n}\n"})
    assert [(fact.path, fact.line) for fact in found if isinstance(fact, Autostart)] == [(path, 3)]


def test_a_fifo_is_a_gap() -> None:
    assert [type(fact) for fact in read({"/etc/default/grub": Entry(mode=0o010644)})] == [Gap]


@given(st.text(alphabet=st.sampled_from("rdinit=/ \"'\t\r\n#;\0$()\udcff"), max_size=120))
def test_any_text_is_read(content: str) -> None:
    lines = content.split("\n")
    for entry in (*defaults_entries(content), *parameters_entries(content)):
        assert entry.line is not None
        whole = lines[entry.line - 1 : entry.end_line or entry.line]
        assert entry.text == "\n".join(line.removesuffix("\r") for line in whole)
    assert started_by(without_started(content.replace("\n", " "))) == ""
