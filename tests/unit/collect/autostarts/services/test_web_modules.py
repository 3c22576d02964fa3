"""What web servers and PHP load and run."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.collect.autostarts.taking_out import found, without

from davy.collect.autostarts.services.web_modules import apache_entries, nginx_entries, php_entries, web_modules
from davy.host import Entry


@pytest.mark.parametrize(
    ("line", "command", "programs"),
    [
        ("LoadModule x_module /usr/lib/x.so", "/usr/lib/x.so", ("/usr/lib/x.so",)),
        ("  loadmodule x_module modules/x.so", "modules/x.so", ("/etc/httpd/modules/x.so",)),
        ('LoadModule x_module \\\n  "/tmp/x.so"', "/tmp/x.so", ("/tmp/x.so",)),
        ("LoadFile /tmp/a.so /tmp/b.so", "/tmp/a.so /tmp/b.so", ("/tmp/a.so", "/tmp/b.so")),
        ('CustomLog "|/tmp/x -a" combined', "/tmp/x -a", ("/tmp/x",)),
        ('ErrorLog "|$/tmp/x | sh"', "/tmp/x | sh", ("/tmp/x",)),
        ("RewriteMap m prg:/tmp/x", "/tmp/x", ("/tmp/x",)),
        ("SSLPassPhraseDialog exec:/tmp/x", "/tmp/x", ("/tmp/x",)),
        ('ExtFilterDefine m mode=output cmd="/tmp/x -a"', "/tmp/x -a", ("/tmp/x",)),
        ("LuaHookFixups f /tmp/x.lua", "/tmp/x.lua", ("/tmp/x.lua",)),
        ("php_value auto_prepend_file x.php", "x.php", ("/etc/httpd/x.php",)),
        ("php_admin_value auto_append_file /tmp/x", "/tmp/x", ("/tmp/x",)),
        ("php_value auto_prepend_file none", None, ()),
        ("# LoadModule x_module /tmp/x.so", None, ()),
        ("CustomLog ${APACHE_LOG_DIR}/access.log combined", None, ()),
        ("RewriteMap m txt:/srv/map", None, ()),
        ("LoadModule x_module", None, ()),
    ],
)
def test_what_apache_loads_or_runs_is_found(line: str, command: str | None, programs: tuple[str, ...]) -> None:
    (entry, *more) = found(web_modules, {"/etc/httpd/conf.d/x.conf": f"ServerName x\n{line}\n"}) or [None]
    assert more == []
    assert (entry and entry.command) == command
    assert (entry.programs if entry else ()) == programs


@pytest.mark.parametrize(
    ("text", "commands"),
    [
        ("load_module modules/x.so;", ["modules/x.so"]),
        ('load_module "/tmp/x.so" ;', ["/tmp/x.so"]),
        ("load_module /a.so; load_module /b.so;", ["/a.so", "/b.so"]),
        ("http { perl_require /tmp/x.pm; }", ["/tmp/x.pm"]),
        ("location / { content_by_lua_file /tmp/x.lua; }", ["/tmp/x.lua"]),
        ("js_import main from /tmp/x.js;", ["main from /tmp/x.js"]),
        ("# load_module /tmp/x.so;", []),
        ("# no; load_module /tmp/x.so;", []),
        ('x "#"; load_module /tmp/x.so;', ["/tmp/x.so"]),
        ("lua_package_path '/x/?.lua;;';", []),
        ("include modules-enabled/*.conf;", []),
    ],
)
def test_what_nginx_loads_is_found(text: str, commands: list[str]) -> None:
    assert [entry.command for entry in nginx_entries(text, "/etc/nginx")] == commands


@pytest.mark.parametrize(
    ("line", "command", "programs"),
    [
        ("extension=curl", "curl", ()),
        ("extension=/tmp/x.so", "/tmp/x.so", ("/tmp/x.so",)),
        ("extension=x.so ; c", "x.so", ()),
        ("zend_extension = opcache.so", "opcache.so", ()),
        ('auto_prepend_file = "x.php"', "x.php", ("/var/www/x.php",)),
        ("auto_prepend_file =", None, None),
        ("auto_prepend_file = none", None, None),
        ("; extension=x", None, None),
        ("sendmail_path = /usr/sbin/sendmail -t -i", "/usr/sbin/sendmail -t -i", None),
        ("php_admin_value[auto_append_file] = /tmp/x.php", "/tmp/x.php", ("/tmp/x.php",)),
        ("memory_limit = 128M", None, None),
    ],
)
def test_what_php_loads_or_runs_is_found(line: str, command: str | None, programs: tuple[str, ...] | None) -> None:
    read = list(php_entries(f"[PHP]\n{line}\nengine = On\n", "/var/www"))
    assert [(entry.command, entry.programs) for entry in read] == ([(command, programs)] if command else [])


@pytest.mark.parametrize(
    ("path", "line", "user"),
    [
        ("/etc/apache2/apache2.conf", "LoadModule a b", "root"),
        ("/etc/httpd/conf.modules.d/00-base.conf", "LoadModule a b", "root"),
        ("/etc/nginx/nginx.conf", "load_module a;", "root"),
        ("/usr/share/nginx/modules/x.conf", "load_module a;", "root"),
        ("/etc/php.d/20-x.ini", "extension=a", None),
        ("/etc/php/8.2/cli/php.ini", "extension=a", None),
        ("/etc/php83/conf.d/x.ini", "extension=a", None),
        ("/etc/php/8.2/fpm/pool.d/www.conf", "php_value[auto_prepend_file] = a", None),
        ("/var/www/html/.user.ini", "auto_prepend_file=a", None),
        ("/var/www/html/blog/.htaccess", "php_value auto_prepend_file a", None),
        ("/home/ada/public_html/.htaccess", "php_value auto_prepend_file a", None),
    ],
)
def test_every_place_is_read(path: str, line: str, user: str | None) -> None:
    (entry,) = found(web_modules, {path: f"{line}\nother x\n"})
    assert (entry.path, entry.line, entry.user) == (path, 1, user)
    assert without(f"{line}\nother x\n", [entry]) == "other x\n"


def test_what_is_not_enabled_is_not_read_and_what_is_included_is() -> None:
    entries = found(web_modules, {
        "/etc/apache2/mods-available/a.load": "LoadModule a /a.so\n",
        "/etc/apache2/mods-available/b.load": "LoadModule b /b.so\n",
        "/etc/apache2/mods-enabled/a.load": Entry(target="../mods-available/a.load"),
        "/etc/apache2/apache2.conf": "IncludeOptional /srv/conf/*.conf\n",
        "/srv/conf/x.conf": "LoadModule x /x.so\n",
    })  # fmt: skip
    assert [entry.path for entry in entries] == ["/etc/apache2/mods-available/a.load", "/srv/conf/x.conf"]


@given(
    st.lists(
        st.sampled_from(
            ["LoadModule", "load_module", "extension", "php_value", " ", "=", '"', "|", ";", "\\", "\n", "\0", "x"]
        )
    ).map("".join)
)
def test_whatever_the_text_entries_are_parts_of_it(text: str) -> None:
    for entry in [*apache_entries(text, "/"), *nginx_entries(text, "/"), *php_entries(text, "/")]:
        assert 0 <= entry.start < entry.end <= len(text)
