"""Every language of configuration files: its settings with their lines, and what hostile text does to its reader."""

from __future__ import annotations

import sys

import pytest

from davy.collect.services.formats import READERS, pairs
from davy.collect.services.formats.pairs import LINE_CHARACTERS, PAIRS_LIMIT
from davy.knowledge.services import ConfigFormat

SAMPLES: dict[ConfigFormat, tuple[str, list[tuple[str, str, int]]]] = {
    ConfigFormat.DIRECTIVES: (
        'bind 127.0.0.1 -::1\n# bind *\nrequirepass "a # b"  \nPort=22 # ssh\nuser default on nopass\nuser x off\n'
        "Match User git\n  PasswordAuthentication yes\nMatch all\nUseDNS no\n",
        [
            ("bind", "127.0.0.1 -::1", 1), ("requirepass", "a # b", 3), ("Port", "22", 4),
            ("user", "default on nopass", 5), ("user", "x off", 6), ("Match.PasswordAuthentication", "yes", 8),
            ("UseDNS", "no", 10),
        ],
    ),
    ConfigFormat.PROPERTIES: (
        "a.b=c\nx: y\n! no\n# no\nexport Q=\"z\"\nlong = a \\\n  b\nlisteners.tcp.1 = 0.0.0.0:5672\nempty=\n",
        [
            ("a.b", "c", 1), ("x", "y", 2), ("Q", "z", 5), ("long", "a b", 6), ("listeners.tcp.1", "0.0.0.0:5672", 8),
            ("empty", "", 9),
        ],
    ),
    ConfigFormat.INI: (
        "[mysqld]\nbind-address = 0.0.0.0 ; all\nskip-networking\n!includedir /etc/mysql/conf.d/\n[www]\n"
        "listen = 127.0.0.1:9000\nphp_admin_value[open_basedir] = \"/srv;x\"\n",
        [
            ("mysqld.bind-address", "0.0.0.0", 2), ("mysqld.skip-networking", "1", 3),
            ("!includedir", "/etc/mysql/conf.d/", 4), ("www.listen", "127.0.0.1:9000", 6),
            ("www.php_admin_value[open_basedir]", "/srv;x", 7),
        ],
    ),
    ConfigFormat.POSTGRESQL: (
        "listen_addresses = '*'  # all\nport 5433\n#port = 1\ninclude_dir = 'conf.d'\nx = 'it''s'\n",
        [("listen_addresses", "*", 1), ("port", "5433", 2), ("include_dir", "conf.d", 4), ("x", "it's", 5)],
    ),
    ConfigFormat.HBA: (
        '# TYPE DATABASE\nlocal all all peer\nhost\t"a b"  all, x 0.0.0.0/0   trust # no\ninclude_dir more.d\n',
        [("hba", "local all all peer", 2), ("hba", 'host "a b" all,x 0.0.0.0/0 trust', 3),
         ("include_dir", "more.d", 4)],
    ),
    ConfigFormat.YAML: (
        "a:\n- x\n- y: 1\n  z: 2\n- - q\nb: {c: 1, d: [e, \"f: g\"]}\nrest.port: 8081 # c\ns: |\n  one\n  two\n"
        "\"q k\": 'v'\nh: [1,\n  2]\nurl: http://x:80/y\nan: &x 5\nal: *x\nt: !!str 6\nnothing:\nlast: true\n",
        [
            ("a.0", "x", 2), ("a.1.y", "1", 3), ("a.1.z", "2", 4), ("a.2.0", "q", 5), ("b.c", "1", 6),
            ("b.d.0", "e", 6), ("b.d.1", "f: g", 6), ("rest.port", "8081", 7), ("s", "one\ntwo", 8), ("q k", "v", 11),
            ("h.0", "1", 12),
            ("h.1", "2", 12), ("url", "http://x:80/y", 14), ("an", "5", 15), ("al", "*x", 16), ("t", "6", 17),
            ("last", "true", 19),
        ],
    ),
    ConfigFormat.JSON: (
        '{"a": {"b": [1,\n {"c": null}, "x\\u0041"], "d": true},\n "hosts": ["tcp://0.0.0.0:2375",], // so\n "e": "f"}',
        [
            ("a.b.0", "1", 1), ("a.b.1.c", "", 2), ("a.b.2", "xA", 2), ("a.d", "true", 2),
            ("hosts.0", "tcp://0.0.0.0:2375", 3), ("e", "f", 4),
        ],
    ),
    ConfigFormat.TOML: (
        '[a.b]\nk = "v" # c\nl = [1,\n 2]\n[[x]]\ny = 1\n[[x]]\ny = 2\nt = {a = 1, b = "c"}\n'
        '[plugins."io.x"]\nz = true\n',
        [
            ("a.b.k", "v", 2), ("a.b.l.0", "1", 3), ("a.b.l.1", "2", 3), ("x.0.y", "1", 6), ("x.1.y", "2", 8),
            ("x.1.t.a", "1", 9), ("x.1.t.b", "c", 9), ("plugins.io.x.z", "true", 11),
        ],
    ),
    ConfigFormat.HADOOP: (
        "<configuration>\n<property><name>a.b</name>\n<!-- <value>no</value> --><value>0.0.0.0</value></property>\n"
        "<property><name>c</name><value></value></property></configuration>",
        [("a.b", "0.0.0.0", 3), ("c", "", 4)],
    ),
    ConfigFormat.XML: (
        '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x "y">]>\n<Server port="1"><Service>\n<Connector port=\'8080\' />'
        "<a>t &amp; &x;</a><b><![CDATA[<c>]]></b></Service></Server>",
        [
            ("Server@port", "1", 2), ("Server.Service.Connector@port", "8080", 3), ("Server.Service.a", "t & &x;", 3),
            ("Server.Service.b", "<c>", 3),
        ],
    ),
    ConfigFormat.NGINX: (
        "user x;\nhttp { server { listen 80;\n listen [::]:80 default_server; # no\n location ~ \\.php$ {\n"
        '  fastcgi_pass unix:/run/p.sock; add_header X "a;b"; } }\n include /etc/nginx/sites/*; }\n',
        [
            ("user", "x", 1), ("http.server.listen", "80", 2), ("http.server.listen", "[::]:80 default_server", 3),
            ("http.server.location.fastcgi_pass", "unix:/run/p.sock", 5),
            ("http.server.location.add_header", "X a;b", 5), ("http.include", "/etc/nginx/sites/*", 6),
        ],
    ),
    ConfigFormat.APACHE: (
        "Listen 80\n<IfModule ssl_module>\n  Listen 443\n</IfModule>\n<VirtualHost *:80>\nServerName a \\\n b\n"
        "</VirtualHost>\n# no\nIncludeOptional x/*.conf\n",
        [("Listen", "80", 1), ("Listen", "443", 3), ("VirtualHost.ServerName", "a  b", 6),
         ("IncludeOptional", "x/*.conf", 10)],
    ),
    ConfigFormat.PYTHON: (
        "c.ServerApp.token = ''\nc.NotebookApp.ip = u'*' # all\nc.A.b = True\nc.A.l = ['a',\n 'b']\nif x == 1: pass\n"
        "c.C = None\nc.D = compute()\nc.E = {'k': 'v'}\n",
        [
            ("ServerApp.token", "", 1), ("NotebookApp.ip", "*", 2), ("A.b", "True", 3), ("A.l.0", "a", 4),
            ("A.l.1", "b", 4), ("C", "", 7), ("E.k", "v", 9),
        ],
    ),
    ConfigFormat.ERLANG: (
        '%% no\n[{rabbit, [{tcp_listeners, [{"127.0.0.1", 5672}, 5673]},\n {loopback_users, []},\n'
        ' {default_user, <<"guest">>}]}].',
        [
            ("rabbit.tcp_listeners.0", "127.0.0.1:5672", 2), ("rabbit.tcp_listeners.1", "5673", 2),
            ("rabbit.loopback_users", "", 3), ("rabbit.default_user", "guest", 4),
        ],
    ),
    ConfigFormat.NATS: (
        'port: 4222\nhost = "0.0.0.0" # all\nauthorization { user: a, password: "b"\n users = [ {user: x,'
        ' password: y}\n {user: z} ] }\ncluster { listen: 0.0.0.0:6222 } // no\nhttp: "0.0.0.0:8222"\ninclude "./x"\n',
        [
            ("port", "4222", 1), ("host", "0.0.0.0", 2), ("authorization.user", "a", 3),
            ("authorization.password", "b", 3), ("authorization.users.0.user", "x", 4),
            ("authorization.users.0.password", "y", 4), ("authorization.users.1.user", "z", 5),
            ("cluster.listen", "0.0.0.0:6222", 6), ("http", "0.0.0.0:8222", 7), ("include", "./x", 8),
        ],
    ),
    ConfigFormat.UNIT: (
        "[Unit]\nDescription=x\n[Service]\nExecStart=/usr/bin/dockerd \\\n  -H tcp://0.0.0.0\n; no\nExecStart=\n",
        [
            ("Unit.Description", "x", 2), ("Service.ExecStart", "/usr/bin/dockerd -H tcp://0.0.0.0", 4),
            ("Service.ExecStart", "", 7),
        ],
    ),
    ConfigFormat.COMPOSE: (
        "services:\n  db:\n    image: postgres:16\n    ports:\n      - \"127.0.0.1:5432:5432\"\n      - target: 80\n"
        "        published: 8080\n    environment:\n    - A=b\n",
        [
            ("services.db.image", "postgres:16", 3), ("services.db.ports.0", "127.0.0.1:5432:5432", 5),
            ("services.db.ports.1.target", "80", 6), ("services.db.ports.1.published", "8080", 7),
            ("services.db.environment.0", "A=b", 9),
        ],
    ),
    ConfigFormat.TEXT: ("a\nb", [("", "a\nb", 1)]),
}  # fmt: skip

HOSTILE = {
    "one line of a megabyte": "key = " + "x" * (1 << 20),
    "a megabyte of keys": "k = v\n" * 200_000,
    "deep blocks": "a { " * 50_000,
    "deep lists": "a: " + "[" * 50_000,
    "deep json": '{"a":' * 50_000,
    "deep elements": "<a>" * 50_000,
    "deep indents": "\n".join(" " * depth + "k:" for depth in range(3_000)),
    "dashes": "- " * 50_000 + "x",
    "quotes that stay open": "k = \"" * 50_000,
    "quotes with escapes": "k = \"" + "\\\"" * 50_000,
    "comments that stay open": "<!-- " * 50_000,
    "entities": "<!DOCTYPE a [" + "".join(f'<!ENTITY e{n} "&e{n - 1};&e{n - 1};">' for n in range(99))
    + "]><a>&e98;</a>",
    "anchors": "a: &a [x, x]\n" + "".join(f"k{n}: &k{n} [*a, *a]\n" for n in range(5_000)),
    "zeros": "\0" * (1 << 20),
    "lines that go on": "k = v \\\n" * 100_000,
    "brackets and blanks": "[ " * 100_000,
    "colons": ":" * 200_000,
    "bytes of no text": bytes(range(256)).decode("utf-8", "surrogateescape") * 2_000,
    "carriage returns": "k = v\r" * 100_000,
    "angles": "<" * 200_000,
    "attributes": "<a " + "b='c' " * 50_000 + ">",
    "backslashes": "\\" * 200_000,
    "markup that stays open": "<!" * 100_000,
    "json comments that stay open": "/* " * 100_000,
    "data that stays open": "<![CDATA[" * 50_000,
    "apostrophes": "k: [it's, " * 50_000,
    "a list of many lines": "k: [\n" + "1,\n" * 100_000,
    "a list of many lines in toml": "k = [\n" + "1,\n" * 100_000,
    "blanks": "\n".join("k" + " " * 8_000 + "v" for _ in range(60)),
    "blanks before a sign": "\n".join("k" + " " * 8_000 + "=" for _ in range(60)),
    "long names": "<" + "b" * 8_000 + " " + "c" * 8_000 + ">" ,
    "long attributes": ("<a " + "b" * 8_000 + ">") * 60,
    "percents": "%" * 200_000 + "\n" + "{" * 100_000,
}  # fmt: skip


def test_every_language_has_a_reader_and_a_sample() -> None:
    assert set(READERS) == set(ConfigFormat) == set(SAMPLES)


@pytest.mark.parametrize("format_", list(ConfigFormat))
def test_a_reader_gives_the_settings_with_their_lines(format_: ConfigFormat) -> None:
    text, expected = SAMPLES[format_]
    assert [tuple(pair) for pair in pairs(format_, text)] == expected


@pytest.mark.parametrize("format_", list(ConfigFormat))
def test_a_reader_says_in_its_docstring_what_it_reads(format_: ConfigFormat) -> None:
    module = sys.modules[READERS[format_].__module__]
    if format_ is not ConfigFormat.TEXT:
        assert "Source:" in (module.__doc__ or "")
        assert "``" in (module.__doc__ or "")


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("format_", list(ConfigFormat))
def test_a_reader_bears_hostile_text(format_: ConfigFormat, name: str) -> None:
    found = list(pairs(format_, HOSTILE[name][: 128 << 10]))
    assert len(found) <= PAIRS_LIMIT
    if format_ is not ConfigFormat.TEXT:
        assert all(len(pair.value) <= 2 * LINE_CHARACTERS for pair in found)
