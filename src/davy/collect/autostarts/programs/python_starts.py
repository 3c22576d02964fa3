"""What every Python runs as it starts: lines of ``*.pth``, ``sitecustomize`` and ``usercustomize``.

A line of ``/usr/lib/python3/dist-packages/distutils-precedence.pth``: ``import os; var = 'SETUPTOOLS_USE_DISTUTILS'``.
Source: site (documentation of the Python standard library).
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from typing import Final

from davy.collect.autostarts.reading import Files, Home, Span
from davy.collect.commands import programs_of
from davy.host import Host
from davy.model.autostarts import Autostart, AutostartKind
from davy.model.facts import Gap

_PYTHONS: Final = tuple(
    f"{lib}/python[23]*" for lib in ("/usr/lib", "/usr/lib64", "/usr/local/lib", "/usr/local/lib64")
)
_PREFIXES: Final = tuple(f"{prefix}/lib*/python[23]*" for prefix in ("/opt/*", "/opt/*/envs/*", "/srv/*"))
"""Where conda, virtual environments and Pythons of one's own are put for all users."""
_HOME_PREFIXES: Final = tuple(
    f"{prefix}/lib*/python[23]*"
    for prefix in (
        ".local",
        "*conda*",
        "*conda*/envs/*",
        "miniforge3",
        "miniforge3/envs/*",
        "mambaforge",
        "mambaforge/envs/*",
        ".pyenv/versions/*",
        ".virtualenvs/*",
        ".local/share/virtualenvs/*",
        ".local/pipx/venvs/*",
        "venv",
        ".venv",
        "*/venv",
        "*/.venv",
        "*/env",
    )
)  # fmt: skip
_PACKAGES: Final = ("", "site-packages/", "dist-packages/")
_LINES: Final = tuple(f"{folder}*.pth" for folder in _PACKAGES)
_MODULES: Final = tuple(f"{folder}*customize*" for folder in _PACKAGES)
_CUSTOMIZE: Final = re.compile(r"(?:site|user)customize(?:\.\w+|\.[\w-]+\.so)?")
_IMPORT: Final = re.compile(r"^import[ \t][^\n]*", re.MULTILINE)
_CALL: Final = re.compile(
    r"""\b(?:system|popen|Popen|run|call|check_call|check_output|getoutput|spawn\w*|exec[lv]\w*)[ \t]*\([ \t]*\[?[ \t]*
    (?P<quote>['"])(?P<command>.{1,2000}?)(?P=quote)""",
    re.VERBOSE,
)
"""A text that Python hands to a shell, or the program that it starts."""


def pth_entries(text: str) -> Iterator[Span]:
    """The lines of a ``.pth`` that are run; the others only name folders."""
    for match in _IMPORT.finditer(text.replace("\r\n", " \n")):
        line = match[0].rstrip()
        called = (program for call in _CALL.finditer(line) for program in programs_of(call["command"]))
        yield Span(line, match.start(), match.end(), schedule="python start", programs=tuple(dict.fromkeys(called)))


def python_starts(host: Host) -> Iterator[Autostart | Gap]:
    """What Python runs by itself as it starts, in its folders of packages: the system's, in ``/opt``, in homes.

    Whoever starts Python runs it; in a home that is the home's user.
    """
    files = Files(host, "python starts", AutostartKind.PYTHON)
    yield from _below(files, "", (*_PYTHONS, *_PREFIXES), None)
    for home in files.homes():
        yield from (home,) if isinstance(home, Gap) else _below(files, home.path, _HOME_PREFIXES, home)


def _below(files: Files, folder: str, pythons: tuple[str, ...], home: Home | None) -> Iterator[Autostart | Gap]:
    """What stands in the folders of packages of the Pythons below a folder."""
    for python in files.paths(*pythons, below=folder):
        if isinstance(python, Gap):
            yield python
            continue
        for file in files.texts(*_LINES, below=python, home=home):
            yield from (file,) if isinstance(file, Gap) else files.entries(file, pth_entries(file.content))
        for file in files.found(*_MODULES, below=python, home=home):
            if isinstance(file, Gap):
                yield file
            elif file.stat.regular and _CUSTOMIZE.fullmatch(posixpath.basename(file.place)):
                yield files.whole(file, schedule="python start")
