"""What package managers run around their work."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.collect.autostarts.taking_out import found, without

from davy.collect.autostarts.programs.apt import apt_entries, dpkg_entries
from davy.collect.autostarts.programs.package_hooks import actions5_entries, package_hooks
from davy.host import Entry
from davy.model.autostarts import Autostart, AutostartKind

PACKAGEKIT = """\
// THIS FILE IS USED TO INFORM PACKAGEKIT
DPkg::Post-Invoke {
"/usr/bin/test -e /x && /usr/bin/gdbus call > /dev/null; /bin/echo > /dev/null";
};
APT::Update::Post-Invoke-Success { "a"; "b"; };
"""


def apt(text: str) -> list[tuple[str, str]]:
    return [(entry.command, entry.schedule) for entry in apt_entries(text)]


@pytest.mark.parametrize(
    ("text", "commands"),
    [
        ('DPkg::Pre-Invoke {"x";};', ["x"]),
        ('DPkg::Pre-Invoke {"x"};', ["x"]),
        ('dpkg { pre-invoke { "x"; "y"; }; };', ["x", "y"]),
        ('DPkg::Post-Invoke:: "x";', ["x"]),
        ('DPkg::Post-Invoke "x";', ["x"]),
        ("APT::Update::Pre-Invoke:: /tmp/x;", ["/tmp/x"]),
        ('DPkg::Pre-Install-Pkgs {"/x --apt || true";};', ["/x --apt || true"]),
        ('AptCli::Hooks::Upgrade:: "x";', ["x"]),
        ('Acquire::http::Proxy-Auto-Detect "/tmp/x";', ["/tmp/x"]),
        ('Acquire::http { ProxyAutoDetect "/tmp/x"; };', ["/tmp/x"]),
        ('Dir::Bin::dpkg "/tmp/x";', ["/tmp/x"]),
        ('DPkg::Pre-Invoke {"echo \\"a\\" // no comment";};', ['echo "a" // no comment']),
        ('DPkg::Pre-Invoke\n{\n\t"x" ;\n}', ["x"]),
        ('DPkg::Pre-Invoke {"x', ["x"]),
        ('// DPkg::Pre-Invoke {"x";};', []),
        ('/* DPkg::Pre-Invoke {"x";}; */', []),
        ('# DPkg::Pre-Invoke {"x";};', []),
        ('#clear DPkg::Pre-Invoke;\nDPkg::Pre-Invoke {"y";};', ["y"]),
        ('APT::Periodic::Enable "1"; APT { NeverAutoRemove { "^linux"; }; };', []),
        ('DPkg::Pre-Invoke "";', []),
        ('DPkg::Options { "--force-confold"; };', []),
    ],
)  # fmt: skip
def test_commands_of_apt_are_found_in_every_form(text: str, commands: list[str]) -> None:
    assert [command for command, _ in apt(text)] == commands


def test_an_entry_of_apt_bears_the_option_it_belongs_to() -> None:
    assert [schedule for _, schedule in apt(PACKAGEKIT)] == [
        "apt: DPkg::Post-Invoke",
        "apt: APT::Update::Post-Invoke-Success",
        "apt: APT::Update::Post-Invoke-Success",
    ]


def hooks(path: str, content: str) -> list[Autostart]:
    return found(package_hooks, {path: content})


@pytest.mark.parametrize("chosen", [[0], [1], [2], [0, 1], [0, 2]])
def test_what_is_left_without_some_commands_runs_the_others(chosen: list[int]) -> None:
    entries = hooks("/etc/apt/apt.conf.d/x", PACKAGEKIT)
    after = without(PACKAGEKIT, [entries[index] for index in chosen])
    kept = [entry.command for index, entry in enumerate(entries) if index not in chosen]
    assert [command for command, _ in apt(after)] == kept


@pytest.mark.skipif(shutil.which("apt-config") is None, reason="no apt on this machine")
@pytest.mark.parametrize("chosen", range(3))
def test_apt_itself_reads_what_is_left(tmp_path: Path, chosen: int) -> None:
    entries = hooks("/etc/apt/apt.conf.d/x", PACKAGEKIT)
    after = tmp_path / "after.conf"
    after.write_text(without(PACKAGEKIT, [entries[chosen]]))
    shown = subprocess.run(
        ["apt-config", "dump", "--format", "%v%n"], env=dict(os.environ, APT_CONFIG=str(after)), check=True,
        capture_output=True, text=True,
    ).stdout  # fmt: skip
    assert entries[chosen].command not in shown.splitlines()
    assert all(entry.command in shown.splitlines() for entry in entries if entry is not entries[chosen])


@given(st.text(st.sampled_from('DPkg:-{}";/*#\n\\ ')))
def test_whatever_the_text_entries_of_apt_and_dpkg_are_parts_of_it(text: str) -> None:
    for entry in [*apt_entries(text), *dpkg_entries(text)]:
        assert 0 <= entry.start < entry.end <= len(text)


@pytest.mark.parametrize(
    ("line", "commands"),
    [
        ("post-invoke=/tmp/x", ["/tmp/x"]),
        ("pre-invoke /tmp/x -a", ["/tmp/x -a"]),
        ("--post-invoke='/tmp/x -a'", ["/tmp/x -a"]),
        ("status-logger=/tmp/x", ["/tmp/x"]),
        ("# post-invoke=/tmp/x", []),
        ("log /var/log/dpkg.log", []),
    ],
)
def test_commands_of_dpkg_are_found_in_every_form(line: str, commands: list[str]) -> None:
    assert [entry.command for entry in dpkg_entries(f"no-debsig\n{line}\n")] == commands


def test_actions_of_dnf_are_lines() -> None:
    path = "/etc/dnf/plugins/post-transaction-actions.d/x.action"
    entries = hooks(path, "# *:in:/no\n*:in:/tmp/x\nkernel*::/tmp/y ${state}\nnonsense\n*:any:/tmp/z a:b\n")
    assert [(entry.line, entry.command) for entry in entries] == [
        (2, "/tmp/x"),
        (3, "/tmp/y ${state}"),
        (5, "/tmp/z a:b"),
    ]


def test_actions_of_libdnf5_have_five_fields_and_blanks_within_words() -> None:
    text = "# c\npost_transaction:bash:in:mode=json:/bin/sh -c /tmp/x\\ -a\npre_base_setup::::/tmp/y\n"
    assert [(entry.command, entry.schedule) for entry in actions5_entries(text)] == [
        ("/bin/sh -c '/tmp/x -a'", "dnf: post_transaction"),
        ("/tmp/y", "dnf: pre_base_setup"),
    ]


def test_a_hook_of_pacman_is_its_file_and_one_without_a_command_is_none() -> None:
    files: dict[str, bytes | str | Entry] = {
        "/etc/pacman.d/hooks/x.hook": "[Trigger]\nType = Package\n[Action]\nWhen = PreTransaction\nExec = /tmp/x -a\n",
        "/usr/share/libalpm/hooks/y.hook": "[Trigger]\nExec = /tmp/no\n",
        "/etc/pacman.d/hooks/masked.hook": Entry(target="/dev/null"),
    }
    assert [(fact.path, fact.line, fact.command, fact.schedule) for fact in found(package_hooks, files)] == [
        ("/etc/pacman.d/hooks/x.hook", None, "/tmp/x -a", "pacman: PreTransaction")
    ]


@pytest.mark.parametrize(
    ("path", "schedule"),
    [
        ("/etc/apk/commit_hooks.d/x", "apk: commit_hooks"),
        ("/usr/lib/zypp/plugins/commit/x", "zypper: commit"),
        ("/etc/needrestart/hook.d/x", "needrestart: hook"),
        ("/usr/lib/python3.9/site-packages/dnf-plugins/x.py", "dnf: plugin"),
    ],
)
def test_scripts_and_plugins_are_entries_as_files(path: str, schedule: str) -> None:
    (entry,) = found(package_hooks, {path: Entry(b"#", mode=0o100755)})
    assert (entry.kind, entry.line, entry.command, entry.programs, entry.schedule) == (
        AutostartKind.PACKAGE_HOOK, None, path, (path,), schedule,
    )  # fmt: skip
