"""What web servers and PHP load into themselves, and the programs that their settings run.

A line of ``/etc/apache2/mods-available/dir.load``: ``LoadModule dir_module /usr/lib/apache2/modules/mod_dir.so``.  Of
``/etc/nginx/modules-enabled/50-mod-http-geoip.conf``: ``load_module modules/ngx_http_geoip_module.so;``.  Of
``/etc/php/8.2/mods-available/curl.ini``: ``extension=curl``, of a ``.user.ini``: ``auto_prepend_file=x.php``.

Source: httpd.apache.org/docs (mod_so, core), nginx.org/docs (ngx_core_module), php.net/manual (php.ini directives).
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator
from typing import Final

from davy.collect.autostarts.formats.server_settings import ServerSetting, server_settings, unquoted
from davy.collect.autostarts.reading import File, Files, Span
from davy.host import Host
from davy.model.autostarts import Autostart, AutostartKind
from davy.model.facts import Gap

_APACHE: Final = (
    "/etc/apache2/*.conf", "/etc/apache2/*-enabled/*", "/etc/apache2/conf.d/*.conf", "/etc/apache2/sysconfig.d/*.conf",
    "/etc/apache2/vhosts.d/*.conf", "/etc/httpd/conf/*.conf", "/etc/httpd/conf.d/*.conf",
    "/etc/httpd/conf.modules.d/*.conf", "/etc/httpd/conf/extra/*.conf", "/usr/local/apache2/conf/*.conf",
)  # fmt: skip
_NGINX: Final = (
    "/etc/nginx/*.conf", "/etc/nginx/*-enabled/*", "/etc/nginx/conf.d/*.conf", "/etc/nginx/http.d/*.conf",
    "/etc/nginx/modules/*.conf", "/etc/nginx/default.d/*.conf", "/etc/nginx/vhosts.d/*.conf",
    "/usr/share/nginx/modules/*.conf", "/usr/local/nginx/conf/*.conf",
)  # fmt: skip
_PHP: Final = (
    "/etc/php.ini", "/etc/php.d/*.ini", "/etc/php/php.ini", "/etc/php/conf.d/*.ini", "/etc/php/*/*/php.ini",
    "/etc/php/*/*/conf.d/*.ini", "/etc/php/*/fpm/pool.d/*.conf", "/etc/php-fpm.d/*.conf", "/etc/php[5-9]*/php.ini",
    "/etc/php[5-9]*/*/php.ini", "/etc/php[5-9]*/conf.d/*.ini", "/etc/php[5-9]*/php-fpm.d/*.conf",
    "/usr/local/etc/php/php.ini", "/usr/local/etc/php/conf.d/*.ini",
)  # fmt: skip
_SITES: Final = (
    "/var/www",
    "/var/www/*",
    "/var/www/*/*",
    "/srv/www",
    "/srv/www/*",
    "/srv/www/*/*",
    "/usr/share/nginx/html",
)
_OWN_SITES: Final = ("public_html", "public_html/*", "www", "htdocs")

_LOG_PROGRAMS: Final = frozenset({"customlog", "errorlog", "transferlog", "globallog", "forensiclog"})
_PHP_LOADING: Final = frozenset({
    "extension", "zend_extension", "auto_prepend_file", "auto_append_file", "opcache.preload", "ffi.preload",
})  # fmt: skip
_PHP_COMMANDS: Final = frozenset({"sendmail_path", "pcov.initial.command"})
_PHP_POOL: Final = re.compile(r"php(?:_admin)?_(?:value|flag)\[(?P<key>[\w.]+)\]")
_PHP_VALUE: Final = frozenset({"php_value", "php_admin_value"})
_NGINX_SETTING: Final = re.compile(
    r"""
      (?<![^\s;{}]) (?: \#[^\n]* | "(?:[^"\\]|\\.)*" | '(?:[^'\\]|\\.)*' )
    | (?: (?m:^) | (?<=[;{}]) ) [ \t]* (?P<setting>
        (?P<key> load_module | perl_require | js_import | js_include | \w+_by_lua_file )
        \s+ (?P<value> (?: "[^"]*" | '[^']*' | [^\s;"'{}\#] ) [^;{}\n]* ) ;
      )
    """,
    re.VERBOSE | re.DOTALL,
)
_INCLUDE: Final = re.compile(r"""^[ \t]*Include(?:Optional)?[ \t]+["']?([^\s"';]+)""", re.MULTILINE | re.IGNORECASE)
_WORD: Final = re.compile(r""""((?:[^"\\]|\\.)*)"|'([^']*)'|(\S+)""", re.DOTALL)
_WORDS_LIMIT: Final = 64


def apache_entries(text: str, folder: str) -> Iterator[Span]:
    """What Apache's directives load or run; relative paths are below its ``folder``."""
    for setting in server_settings(text, joined=True):
        key, words = setting.key.lower(), _words(setting.value)
        last = words[-1] if words else ""
        if key in ("loadmodule", "loadfile") and words:
            files = words[1:] if key == "loadmodule" else words
            if files:
                yield _entry(setting, " ".join(files), "apache: load", _absolute(files, folder))
        elif key in _LOG_PROGRAMS and (piped := next((word for word in words if word.startswith("|")), None)):
            yield _entry(setting, piped.lstrip("|$"), "apache: log", None)
        elif key == "rewritemap" and len(words) > 1 and words[1].startswith("prg:"):
            yield _entry(setting, words[1].removeprefix("prg:"), "apache: rewrite", None)
        elif key == "sslpassphrasedialog" and last.startswith(("exec:", "|")):
            yield _entry(setting, last.removeprefix("exec:").lstrip("|"), "apache: key", None)
        elif key == "extfilterdefine" and (found := re.search(r'\bcmd=(?:"([^"]+)"|(\S+))', setting.value)):
            yield _entry(setting, found[1] or found[2], "apache: filter", None)
        elif key.startswith("lua") and words and last.startswith("/"):
            yield _entry(setting, last, f"apache: {setting.key}", (last,))
        elif key in _PHP_VALUE and len(words) > 1 and words[0].lower() in _PHP_LOADING:
            yield from _php(setting, words[0].lower(), words[1], folder)


def php_entries(text: str, folder: str) -> Iterator[Span]:
    """What a php.ini, a pool of php-fpm or a ``.user.ini`` has PHP load or run; paths may be relative to ``folder``."""
    for setting in server_settings(text):
        pool = _PHP_POOL.fullmatch(setting.key)
        yield from _php(setting, (pool["key"] if pool else setting.key).lower(), unquoted(setting.value, ";"), folder)


def _php(setting: ServerSetting, key: str, value: str, folder: str) -> Iterator[Span]:
    if not value or value.lower() == "none":
        return
    if key in _PHP_COMMANDS:
        yield _entry(setting, value, f"php: {key}", None)
    elif key in _PHP_LOADING:
        file = value.endswith((".so", ".php")) or "/" in value
        inside = () if key.endswith("extension") and not value.startswith("/") else _absolute([value], folder)
        yield _entry(setting, value, f"php: {key}", inside if file else ())


def nginx_entries(text: str, folder: str) -> Iterator[Span]:
    """The modules and scripts that nginx loads by their path; Lua and Perl within its own files are not read."""
    for found in _NGINX_SETTING.finditer(text):
        if found["setting"]:
            value = found["value"].strip().strip("\"'")
            yield Span(
                value, found.start("setting"), found.end("setting"), schedule=f"nginx: {found['key']}",
                programs=_absolute([value.split(" from ")[-1]], folder),
            )  # fmt: skip


def _words(value: str) -> list[str]:
    found = (double or single or plain for double, single, plain in _WORD.findall(value))
    return [word for _, word in zip(range(_WORDS_LIMIT), found, strict=False)]


def _entry(setting: ServerSetting, command: str, schedule: str, programs: tuple[str, ...] | None) -> Span:
    return Span(command.strip(), setting.start, setting.end, schedule=schedule, programs=programs)


def _absolute(files: list[str], folder: str) -> tuple[str, ...]:
    return tuple(posixpath.normpath(posixpath.join(folder, file)) for file in files if file and "\0" not in file)


def _server_root(path: str) -> str:
    """The folder that relative paths in a server's files begin at."""
    for root in ("/etc/httpd", "/etc/apache2", "/usr/local/apache2", "/usr/local/nginx"):
        if path.startswith(f"{root}/"):
            return root
    return "/etc/nginx" if path.startswith("/etc/nginx/") else posixpath.dirname(path)


def _included(file: File) -> Iterator[str]:
    """What ``Include`` of Apache and ``include`` of nginx name."""
    for found in _INCLUDE.finditer(file.content):
        yield posixpath.normpath(posixpath.join(_server_root(file.path), found[1]))


def web_modules(host: Host) -> Iterator[Autostart | Gap]:
    """What Apache, nginx and PHP load and run by their settings, in the files that are enabled and in sites' folders.

    What a server loads it loads as root; what PHP prepends to pages runs as whoever serves them.
    """
    files = Files(host, "web modules", AutostartKind.WEB_MODULE)
    for places, parse in ((_APACHE, apache_entries), (_NGINX, nginx_entries)):
        for file in files.texts(*places, includes=_included):
            if isinstance(file, Gap):
                yield file
            else:
                entries = parse(file.content, _server_root(file.path))
                yield from files.entries(file, entries, user="root")
    yield from _pages(files, "", (*_PHP, *(f"{site}/.user.ini" for site in _SITES)), php_entries)
    yield from _pages(files, "", tuple(f"{site}/.htaccess" for site in _SITES), apache_entries)
    for home in files.homes():
        if isinstance(home, Gap):
            yield home
            continue
        yield from _pages(files, home.path, tuple(f"{site}/.user.ini" for site in _OWN_SITES), php_entries)
        yield from _pages(files, home.path, tuple(f"{site}/.htaccess" for site in _OWN_SITES), apache_entries)


def _pages(
    files: Files, below: str, places: tuple[str, ...], parse: Callable[[str, str], Iterator[Span]]
) -> Iterator[Autostart | Gap]:
    """What is loaded for pages, by whoever serves them; paths may be relative to the folder of the file."""
    for file in files.texts(*places, below=below):
        if isinstance(file, Gap):
            yield file
        else:
            yield from files.entries(file, parse(file.content, file.folder))
