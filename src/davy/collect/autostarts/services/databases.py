"""What databases load, and the commands that they run by their settings.

A line of ``/etc/postgresql/15/main/postgresql.conf``: ``archive_command = 'cp %p /srv/wal/%f'``.  Of ``my.cnf``:
``plugin_load_add = auth_socket.so``.  Of ``redis.conf``: ``loadmodule /usr/lib/redis/x.so``.
What an intruder's ``COPY ... TO PROGRAM`` leaves behind is a crontab of the user ``postgres``, which is cron's to read.

Source: postgresql.org/docs (server configuration), mysqld(8), mariadb.com/kb (plugin-load-add), redis.io (redis.conf).
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator
from typing import Final

from davy.collect.autostarts.formats.server_settings import server_settings, unquoted
from davy.collect.autostarts.reading import File, Files, Span
from davy.host import Host
from davy.model.autostarts import Autostart, AutostartKind
from davy.model.facts import Gap

_POSTGRES_FOLDERS: Final = (
    "/etc/postgresql/*/*", "/var/lib/postgresql/*/*", "/var/lib/postgresql/data", "/var/lib/postgresql/*/data",
    "/var/lib/pgsql/data", "/var/lib/pgsql/*/data", "/var/lib/postgres/data", "/usr/local/pgsql/data",
)  # fmt: skip
_POSTGRES_FILES: Final = ("postgresql.conf", "postgresql.auto.conf", "recovery.conf", "conf.d/*.conf")
_POSTGRES: Final = tuple(f"{folder}/{name}" for folder in _POSTGRES_FOLDERS for name in _POSTGRES_FILES)
_MYSQL: Final = (
    "/etc/my.cnf", "/etc/my.cnf.d/*.cnf", "/etc/mysql/my.cnf", "/etc/mysql/*.cnf", "/etc/mysql/*.conf.d/*.cnf",
    "/etc/mysql/conf.d/*.cnf", "/usr/local/etc/my.cnf", "/var/lib/mysql/my.cnf",
)  # fmt: skip
_REDIS: Final = (
    "/etc/redis.conf", "/etc/redis*/*.conf", "/etc/redis-*.conf", "/etc/redis/*/*.conf", "/etc/valkey/*.conf",
    "/usr/local/etc/redis*.conf", "/usr/local/etc/redis/*.conf", "/opt/redis/*.conf",
)  # fmt: skip

_POSTGRES_COMMANDS: Final = frozenset({
    "archive_command", "archive_cleanup_command", "restore_command", "recovery_end_command", "ssl_passphrase_command",
})  # fmt: skip
_POSTGRES_LIBRARIES: Final = frozenset({
    "shared_preload_libraries", "session_preload_libraries", "local_preload_libraries", "archive_library",
    "dynamic_library_path", "jit_provider",
})  # fmt: skip
_POSTGRES_USUAL: Final = frozenset({"$libdir", "llvmjit"})
_MYSQL_FILES: Final = frozenset({
    "plugin_load", "plugin_load_add", "early_plugin_load", "init_file", "plugin_dir", "malloc_lib", "ledir",
})  # fmt: skip
_MYSQL_COMMANDS: Final = frozenset({"wsrep_notify_cmd", "init_connect", "init_replica", "init_slave"})
_REDIS_MODULE: Final = re.compile(r"""["']?(?P<path>[^\s"']+)["']?(?P<arguments>.*)""", re.DOTALL)
_REDIS_STRANGE: Final = re.compile(
    r"/(?:etc|var/spool)/(?:cron|anacron|at\b|incron|profile\.d|init\.d|systemd|ld\.so|pam\.d|sudoers|udev)\S*|\S*/\.ssh\b\S*"
)
"""Folders into which no database belongs: what Redis dumps there is run, or lets somebody in."""
_INCLUDE: Final = re.compile(
    r"^[ \t]*!?include(?P<folder>_?dir)?(?:_if_exists)?[ \t]*=?[ \t]+(?P<path>\S[^\n]*)", re.MULTILINE
)


def postgres_entries(text: str) -> Iterator[Span]:
    """The settings of PostgreSQL that run a command or load a library; empty ones do nothing."""
    for setting in server_settings(text):
        key, value = setting.key.lower(), unquoted(setting.value)
        if not value or value in _POSTGRES_USUAL:
            continue
        if key in _POSTGRES_COMMANDS:
            yield Span(value, setting.start, setting.end, schedule=f"postgresql: {key}")
        elif key in _POSTGRES_LIBRARIES:
            yield _loading(value, re.split(r"[,:]", value), setting.start, setting.end, f"postgresql: {key}")


def mysql_entries(text: str) -> Iterator[Span]:
    """The options of MySQL and MariaDB that load a plugin, read a file of statements or run a command."""
    for setting in server_settings(text):
        key, value = setting.key.lower().replace("-", "_"), unquoted(setting.value)
        key = key.removeprefix("loose_")
        if not value:
            continue
        if key in _MYSQL_COMMANDS:
            programs = None if key == "wsrep_notify_cmd" else ()
            yield Span(value, setting.start, setting.end, schedule=f"mysql: {key}", programs=programs)
        elif key in _MYSQL_FILES:
            files = [part.rpartition("=")[2] for part in re.split(r"[;:]", value)]
            yield _loading(value, files, setting.start, setting.end, f"mysql: {key}")


def _loading(value: str, files: list[str], start: int, end: int, schedule: str) -> Span:
    """An entry that loads files; those without a path lie in a folder that the program knows."""
    paths = (file.strip(" \t'\"") for file in files)
    return Span(value, start, end, schedule=schedule, programs=tuple(p for p in paths if p.startswith("/")))


def redis_entries(text: str) -> Iterator[Span]:
    """The modules that Redis loads, and a folder for its dumps in which they would be run or let somebody in."""
    for setting in server_settings(text):
        key, value = setting.key.lower(), setting.value
        if key == "loadmodule" and (module := _REDIS_MODULE.match(value)):
            path = module["path"]
            command = f"{path}{module['arguments'].rstrip()}"
            yield Span(
                command, setting.start, setting.end, schedule="redis: loadmodule",
                programs=(path,) if path.startswith("/") else (),
            )  # fmt: skip
        elif key == "dir" and _REDIS_STRANGE.fullmatch(unquoted(value)):
            yield Span(f"dir {unquoted(value)}", setting.start, setting.end, schedule="redis: save", programs=())


def _included(file: File) -> Iterator[str]:
    """``include_dir 'conf.d'`` of PostgreSQL, ``!includedir /etc/mysql/conf.d/`` of MySQL, ``include x`` of Redis."""
    for found in _INCLUDE.finditer(file.content):
        path = posixpath.normpath(posixpath.join(posixpath.dirname(file.path), unquoted(found["path"].strip())))
        yield f"{path}/*" if found["folder"] else path


_SERVERS: Final[tuple[tuple[tuple[str, ...], Callable[[str], Iterator[Span]], str], ...]] = (
    (_POSTGRES, postgres_entries, "postgres"),
    (_MYSQL, mysql_entries, "mysql"),
    (_REDIS, redis_entries, "redis"),
)


def databases(host: Host) -> Iterator[Autostart | Gap]:
    """What PostgreSQL, MySQL, MariaDB and Redis load and run by their settings, as the server's usual user."""
    files = Files(host, "databases", AutostartKind.DATABASE)
    for places, parse, user in _SERVERS:
        yield from files.autostarts(parse, *places, user=user, includes=_included)
