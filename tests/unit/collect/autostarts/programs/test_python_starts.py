"""What every Python runs as it starts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.collect.autostarts.taking_out import found, without

from davy.collect.autostarts.programs.python_starts import pth_entries, python_starts
from davy.host import Entry
from davy.model.autostarts import AutostartKind


@pytest.mark.parametrize(
    "folder",
    [
        "/usr/lib/python3/dist-packages",
        "/usr/lib/python2.7/site-packages",
        "/usr/lib64/python3.9/site-packages",
        "/usr/local/lib/python3.12/site-packages",
        "/opt/tool/lib/python3.11/site-packages",
        "/opt/conda/envs/x/lib/python3.11/site-packages",
        "/home/ada/.local/lib/python3.11/site-packages",
        "/home/ada/miniconda3/lib/python3.11/site-packages",
        "/home/ada/miniconda3/envs/x/lib/python3.11/site-packages",
        "/home/ada/.pyenv/versions/3.11.7/lib/python3.11/site-packages",
        "/home/ada/work/.venv/lib/python3.11/site-packages",
    ],
)
def test_every_place_is_read(folder: str) -> None:
    entries = found(python_starts, {f"{folder}/x.pth": "import x\n", f"{folder}/usercustomize.py": "import y\n"})
    user = "ada" if folder.startswith("/home/ada/") else None
    assert sorted((entry.path, entry.line, entry.user) for entry in entries if entry.line) == [
        (f"{folder}/x.pth", 1, user)
    ]
    assert [(entry.path, entry.user) for entry in entries if not entry.line] == [(f"{folder}/usercustomize.py", user)]


def test_only_lines_that_begin_with_import_are_run() -> None:
    text = "# import no\n/srv/lib\nimport a\n import no\nimportant\nimport\tb\r\nimport c; x = 1"
    assert [entry.command for entry in pth_entries(text)] == ["import a", "import\tb", "import c; x = 1"]


@pytest.mark.parametrize(
    ("line", "programs"),
    [
        ("import os; os.system('/tmp/x -a &')", ("/tmp/x",)),
        ('import subprocess; subprocess.Popen(["/tmp/x", "-a"])', ("/tmp/x",)),
        ("import os; os.popen('cd /tmp && ./y')", ("/tmp/y",)),
        ("import os; var = 'SETUPTOOLS_USE_DISTUTILS'; enabled = os.environ.get(var, '/tmp/x')", ()),
    ],
)
def test_what_a_line_hands_to_a_shell_is_followed(line: str, programs: tuple[str, ...]) -> None:
    (entry,) = pth_entries(line)
    assert entry.programs == programs


def test_a_line_is_taken_out_and_the_folders_stay() -> None:
    text = "/srv/lib\r\nimport os; os.system('x')\r\n/srv/more\n"
    (entry,) = found(python_starts, {"/usr/lib/python3/dist-packages/x.pth": text})
    assert without(text, [entry]) == "/srv/lib\r\n/srv/more\n"


def test_a_module_that_is_a_link_is_one_file_enabled_by_its_link() -> None:
    files: dict[str, bytes | str | Entry] = {
        "/etc/python3.11/sitecustomize.py": "pass\n",
        "/usr/lib/python3.11/sitecustomize.py": Entry(target="/etc/python3.11/sitecustomize.py"),
        "/usr/lib/python3.11/site-packages/notsitecustomize.py": "pass\n",
        "/usr/lib/python3.11/site.py": "pass\n",
    }
    (entry,) = found(python_starts, files)
    assert (entry.kind, entry.path, entry.links) == (
        AutostartKind.PYTHON, "/etc/python3.11/sitecustomize.py", ("/usr/lib/python3.11/sitecustomize.py",),
    )  # fmt: skip


@given(st.text(st.sampled_from("import \t\r\n\0#(')[\"os.system")))
def test_whatever_the_text_entries_are_its_lines(text: str) -> None:
    for entry in pth_entries(text):
        assert text[entry.start : entry.end].startswith("import")
