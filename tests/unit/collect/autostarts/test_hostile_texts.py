"""Files that an enemy writes to keep a reader busy."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from itertools import islice

import pytest

from davy.collect.autostarts.programs.apt import apt_entries, dpkg_entries
from davy.collect.autostarts.programs.git import git_entries
from davy.collect.autostarts.programs.package_hooks import action_entries, actions5_entries
from davy.collect.autostarts.programs.python_starts import pth_entries
from davy.collect.autostarts.reading import ENTRIES_LIMIT, FILE_BYTES, Span
from davy.collect.autostarts.reading.entries import in_lines
from davy.collect.autostarts.services.containers import lxc_entries
from davy.collect.autostarts.services.databases import mysql_entries, postgres_entries, redis_entries
from davy.collect.autostarts.services.monit import monit_entries
from davy.collect.autostarts.services.pm2 import dump_entries
from davy.collect.autostarts.services.supervisor import program_entries
from davy.collect.autostarts.services.web_modules import apache_entries, nginx_entries, php_entries

PIECES = (
    " ", "\n", '"', "'", "{", "[", "\\\n", "/*", "#", "\n ", '[a "', "[core]pager=a\n", 'DPkg::Pre-Invoke{"a";}',
    "DPkg::Pre-Invoke{", "exec ", "start = ", "check program a with path ", "[program:x]\ncommand=a\n", "command=\n ",
    "LoadModule a ", "LoadModule a b\n", "load_module a;", "load_module ", "extension=a\n", "archive_command='",
    "lxc.hook.a=/a\n", '{"a":', '[{"pm_exec_path":"a"},', "import os.system('",
)  # fmt: skip
PARSERS: tuple[Callable[[str], Iterable[Span]], ...] = (
    apt_entries, dpkg_entries, action_entries, actions5_entries, pth_entries, git_entries, program_entries,
    monit_entries, dump_entries, postgres_entries, mysql_entries, redis_entries, lambda text: lxc_entries(text, "x"),
    lambda text: apache_entries(text, "/"), lambda text: nginx_entries(text, "/"), lambda text: php_entries(text, "/"),
)  # fmt: skip


@pytest.mark.parametrize("parse", PARSERS)
def test_no_text_keeps_a_reader_busy_for_long(parse: Callable[[str], Iterable[Span]]) -> None:
    for piece in PIECES:
        text = piece * (FILE_BYTES // 8 // len(piece))
        started = time.process_time()
        list(in_lines(text, list(islice(parse(text), ENTRIES_LIMIT))))
        assert time.process_time() - started < 0.4, piece
