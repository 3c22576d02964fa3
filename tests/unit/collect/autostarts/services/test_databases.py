"""What databases load, and the commands that they run."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.collect.autostarts.taking_out import found, without

from davy.collect.autostarts.services.databases import databases, mysql_entries, postgres_entries, redis_entries


@pytest.mark.parametrize(
    ("line", "command", "programs"),
    [
        ("archive_command = 'cp %p /srv/%f'  # c", "cp %p /srv/%f", None),
        ("archive_command='sh -c ''a b'''", "sh -c 'a b'", None),
        ("restore_command '/tmp/x'", "/tmp/x", None),
        ("Archive_Command = /tmp/x", "/tmp/x", None),
        ("ssl_passphrase_command = '/tmp/x %p'", "/tmp/x %p", None),
        ("shared_preload_libraries = 'pg_stat_statements,/tmp/x.so'", "pg_stat_statements,/tmp/x.so", ("/tmp/x.so",)),
        ("dynamic_library_path = '$libdir:/tmp/x'", "$libdir:/tmp/x", ("/tmp/x",)),
        ("dynamic_library_path = '$libdir'", None, None),
        ("archive_command = ''", None, None),
        ("#archive_command = '/tmp/x'", None, None),
        ("port = 5432", None, None),
        ("x = y\\\narchive_command = /tmp/x", "/tmp/x", None),
    ],
)
def test_what_postgresql_loads_or_runs_is_found(
    line: str, command: str | None, programs: tuple[str, ...] | None
) -> None:
    read = [(entry.command, entry.programs) for entry in postgres_entries(f"port = 1\n{line}\n")]
    assert read == ([(command, programs)] if command else [])


@pytest.mark.parametrize(
    ("line", "command", "programs"),
    [
        ("plugin-load-add=x.so", "x.so", ()),
        ("plugin_load = a=/tmp/a.so;b=b.so", "a=/tmp/a.so;b=b.so", ("/tmp/a.so",)),
        ("plugin_dir = /tmp/x", "/tmp/x", ("/tmp/x",)),
        ("loose-init-file = /tmp/x.sql", "/tmp/x.sql", ("/tmp/x.sql",)),
        ("init_connect='SET NAMES utf8'", "SET NAMES utf8", ()),
        ("wsrep_notify_cmd=/tmp/x", "/tmp/x", None),
        ("# plugin_load=x", None, None),
        ("user = mysql", None, None),
        ("skip-name-resolve", None, None),
    ],
)
def test_what_mysql_loads_or_runs_is_found(line: str, command: str | None, programs: tuple[str, ...] | None) -> None:
    read = [(entry.command, entry.programs) for entry in mysql_entries(f"[mysqld]\n{line}\n")]
    assert read == ([(command, programs)] if command else [])


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("loadmodule /tmp/x.so a b", "/tmp/x.so a b"),
        ('LOADMODULE "/tmp/x.so"', "/tmp/x.so"),
        ("dir /var/spool/cron/crontabs", "dir /var/spool/cron/crontabs"),
        ('dir "/root/.ssh/"', "dir /root/.ssh/"),
        ("dir /etc/cron.d", "dir /etc/cron.d"),
        ("dir /var/lib/redis", None),
        ("dir ./", None),
        ("dir /var/lib/redis/.sshx", None),
        ("dbfilename root", None),
        ("# loadmodule /tmp/x.so", None),
    ],
)
def test_what_redis_loads_and_where_it_must_not_dump_is_found(line: str, command: str | None) -> None:
    assert [entry.command for entry in redis_entries(f"port 6379\n{line}\n")] == ([command] if command else [])


@pytest.mark.parametrize(
    ("path", "line", "user"),
    [
        ("/etc/postgresql/15/main/postgresql.conf", "archive_command = a", "postgres"),
        ("/etc/postgresql/15/main/conf.d/x.conf", "archive_command = a", "postgres"),
        ("/var/lib/postgresql/15/main/postgresql.auto.conf", "archive_command = a", "postgres"),
        ("/var/lib/pgsql/data/postgresql.conf", "archive_command = a", "postgres"),
        ("/var/lib/pgsql/15/data/postgresql.auto.conf", "archive_command = a", "postgres"),
        ("/etc/my.cnf.d/server.cnf", "init_file = a", "mysql"),
        ("/etc/mysql/mariadb.conf.d/50-server.cnf", "init_file = a", "mysql"),
        ("/etc/redis/redis.conf", "loadmodule a", "redis"),
        ("/etc/redis.conf", "loadmodule a", "redis"),
    ],
)
def test_every_place_is_read_and_only_the_line_goes(path: str, line: str, user: str) -> None:
    text = f"first = 1\n{line}\nlast = 1\n"
    (entry,) = found(databases, {path: text})
    assert (entry.path, entry.line, entry.user) == (path, 2, user)
    assert without(text, [entry]) == "first = 1\nlast = 1\n"


def test_files_that_are_included_are_read() -> None:
    entries = found(databases, {
        "/etc/postgresql/15/main/postgresql.conf": "include_dir = 'more'\ninclude_if_exists '/srv/pg.conf'\n",
        "/etc/postgresql/15/main/more/x.conf": "archive_command = a\n",
        "/srv/pg.conf": "archive_command = b\n",
        "/etc/my.cnf": "!includedir /srv/my/\n!include /srv/my.conf\n",
        "/srv/my/x.cnf": "init_file = c\n",
        "/srv/my.conf": "init_file = d\n",
        "/etc/redis.conf": "include /srv/redis.conf\n",
        "/srv/redis.conf": "loadmodule e\n",
    })  # fmt: skip
    assert [entry.command for entry in entries] == ["a", "b", "c", "d", "e"]


@given(
    st.lists(
        st.sampled_from(
            ["archive_command", "init_file", "loadmodule", "dir", " ", "=", "'", '"', "\\", "\n", "\0", "#", "/x"]
        )
    ).map("".join)
)
def test_whatever_the_text_entries_are_parts_of_it(text: str) -> None:
    for entry in [*postgres_entries(text), *mysql_entries(text), *redis_entries(text)]:
        assert 0 <= entry.start < entry.end <= len(text)
