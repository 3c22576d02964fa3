"""System tools that are not as their package installed them; honest ones are let be."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from davy.collect.system_tools import TEXT_BYTES, system_tools
from davy.host import Entry, Host, MemoryRoot, at
from davy.host.packages import packages
from davy.model.facts import Gap
from davy.model.tools import SystemTool, Tampering

PS, TOP, CURL = b"\x7fELF ps", b"\x7fELF top", b"\x7fELF curl"
FILTER = b'#!/bin/sh\n/usr/bin/.ps "$@" | grep -v kinsing\n'
Files = dict[str, Entry | str | bytes]


def program(content: bytes, mode: int = 0o100755) -> Entry:
    return Entry(content, mode=mode)


def host_files(**changes: Entry | bytes | None) -> Files:
    """A host with procps and curl; ``changes`` are of the files by the tools' names."""
    own: Files = {"/usr/bin/ps": program(PS), "/usr/bin/top": program(TOP), "/usr/bin/curl": program(CURL)}
    lists = {"procps": {"ps": PS, "top": TOP}, "curl": {"curl": CURL}}
    files: Files = {"/var/lib/dpkg/status": ""}
    for package, tools in lists.items():
        files[f"/var/lib/dpkg/info/{package}.list"] = "".join(f"/usr/bin/{name}\n" for name in tools)
        files[f"/var/lib/dpkg/info/{package}.md5sums"] = "".join(
            f"{hashlib.md5(content, usedforsecurity=False).hexdigest()}  usr/bin/{name}\n"
            for name, content in tools.items()
        )
    for name, changed in changes.items():
        if changed is None:
            del own[f"/usr/bin/{name}"]
        else:
            own[f"/usr/bin/{name}"] = changed if isinstance(changed, Entry) else program(changed)
    return files | own


def found(files: Files) -> list[SystemTool]:
    host = Host(MemoryRoot(files), None)
    facts = list(system_tools(host, packages(host.root)))
    assert not [fact for fact in facts if isinstance(fact, Gap)]
    return [fact for fact in facts if isinstance(fact, SystemTool)]


def one(files: Files) -> SystemTool:
    (tool,) = found(files)
    return tool


def test_tools_as_their_packages_installed_them_are_let_be() -> None:
    assert found(host_files()) == []


def test_a_replaced_program_and_a_script_in_its_place_are_told_apart() -> None:
    tool = one(host_files(ps=b"\x7fELF another"))
    assert (tool.path, tool.package, tool.tampering, tool.database) == (
        "/usr/bin/ps", "procps", Tampering.REPLACED, "dpkg",
    )  # fmt: skip
    tool = one(host_files(ps=FILTER + b"#" * 9000))
    assert (tool.tampering, (tool.text or "")[:9], len(tool.text or "")) == (
        Tampering.WRAPPED, "#!/bin/sh", TEXT_BYTES,
    )  # fmt: skip


def test_a_wrapped_program_is_found_where_it_lies_now() -> None:
    tool = one(host_files(ps=FILTER) | {"/usr/bin/.ps": program(PS)})
    assert (tool.tampering, tool.renamed_to) == (Tampering.WRAPPED, "/usr/bin/.ps")


def test_a_renamed_program_is_told_and_one_that_is_only_missing_too() -> None:
    assert found(host_files(curl=None)) == []
    assert one(host_files(top=None)).tampering is Tampering.MISSING
    renamed = one(host_files(top=None) | {"/usr/bin/tp": program(TOP)})
    assert (renamed.path, renamed.tampering, renamed.renamed_to) == ("/usr/bin/top", Tampering.RENAMED, "/usr/bin/tp")


def test_the_only_tool_of_a_package_that_was_renamed_is_told_though_no_other_is_left() -> None:
    renamed = one(host_files(curl=None) | {"/usr/bin/cur": program(CURL)})
    assert (renamed.path, renamed.tampering, renamed.renamed_to) == ("/usr/bin/curl", Tampering.RENAMED, "/usr/bin/cur")


def test_a_program_that_was_made_not_executable_is_told() -> None:
    assert one(host_files(curl=program(CURL, 0o100644))).tampering is Tampering.LOCKED


def test_links_of_busybox_and_of_the_alternatives_are_nobodys_content() -> None:
    files: Files = {
        "/var/lib/dpkg/status": "",
        "/var/lib/dpkg/info/busybox.list": "/bin/busybox\n",
        "/bin/busybox": program(b"\x7fELF busybox"),
        "/bin/ps": Entry(target="/bin/busybox"),
        "/usr/bin/top": Entry(target="/etc/alternatives/top"),
    }
    assert found(files) == []


def test_what_its_owner_diverted_is_no_tampering() -> None:
    files = host_files(ps=FILTER) | {
        "/usr/bin/ps.distrib": program(PS),
        "/var/lib/dpkg/diversions": "/usr/bin/ps\n/usr/bin/ps.distrib\n:\n",
    }
    assert found(files) == []


def test_a_program_that_stands_before_a_tool_in_the_search_path_is_told() -> None:
    tool = one(host_files() | {"/usr/local/bin/ps": program(FILTER), "/usr/local/bin/backup": program(b"#!/bin/sh\n")})
    assert (tool.path, tool.package, tool.tampering) == ("/usr/local/bin/ps", "procps", Tampering.SHADOWED)
    assert tool.text


def test_a_host_without_a_database_claims_nothing() -> None:
    assert found({"/usr/bin/ps": program(PS)}) == []


@pytest.mark.parametrize("name", ["loop", "fifo", "folder"])
def test_what_is_no_file_in_a_tools_place_is_missing_or_nothing(tmp_path: Path, name: str) -> None:
    for path, content in host_files().items():
        place = tmp_path / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content.content if isinstance(content, Entry) else os.fsencode(content))
        place.chmod(0o755)
    tool = tmp_path / "usr/bin/ps"
    tool.unlink()
    {"loop": lambda: tool.symlink_to("ps"), "fifo": lambda: os.mkfifo(tool), "folder": tool.mkdir}[name]()
    host = at(str(tmp_path))
    for fact in system_tools(host, packages(host.root)):
        assert isinstance(fact, Gap) or fact.tampering is Tampering.MISSING
