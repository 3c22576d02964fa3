"""Real nginx and PHP-FPM in a booted Debian: open and closed, the right fix, and what an entry leaves behind."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.live.doors.servers import MINER, Lab, exposed, incident, sign

from davy.knowledge.services import known_services

pytestmark = pytest.mark.live

CLIENT = Path(__file__).with_name("fastcgi.py")
FROM = "192.0.2.7"
"""An address of documentation that the lab gives itself: the client speaks from it."""
PAGES = "/var/www/html"
POOL = "/etc/php/8.2/fpm/pool.d/www.conf"
ACCESS = "/var/log/php-fpm.access.log"
SITE = f"""\
server {{
    listen 80 default_server;
    root {PAGES};
    location ~ \\.php$ {{
        include fastcgi.conf;
        fastcgi_pass unix:/run/php/php8.2-fpm.sock;
    }}
}}
"""
SECONDS = "4242"
"""By which the process that stands for the intruder's is told from others."""


@pytest.fixture
def web(servers: Lab) -> Lab:
    servers.run("ip", "address", "add", f"{FROM}/32", "dev", "lo")
    servers.write(f"{PAGES}/index.php", "<?php echo 'here';")
    servers.write(f"{PAGES}/stays.php", f"<?php exec('sleep {SECONDS}');")
    servers.write("/etc/nginx/sites-enabled/default", SITE)
    servers.run("systemctl", "restart", "nginx.service")
    return servers


def listening(lab: Lab, *lines: str) -> None:
    """Have the pool say how it listens, and PHP-FPM begin anew."""
    kept = [line for line in lab.run("cat", POOL).stdout.splitlines() if not re.match(r"listen *=", line)]
    lab.write(POOL, "\n".join((*kept, *lines, f"access.log = {ACCESS}", "")))
    lab.run("systemctl", "restart", "php8.2-fpm.service")


def asked(lab: Lab, page: str) -> str:
    """What PHP-FPM answers somebody who speaks FastCGI to it from outside."""
    return str(lab.run(sys.executable, str(CLIENT), FROM, "9000", f"{PAGES}/{page}", check=False).stdout)


def got(lab: Lab, page: str) -> None:
    """Ask nginx for a page, and wait for the answer for two seconds at most."""
    address = f"http://127.0.0.1/{page}"
    code = "import sys, urllib.request as u; print(u.urlopen(sys.argv[1], timeout=2).status)"
    lab.run(sys.executable, "-c", code, address, check=False)


def lines_of(lab: Lab, path: str, *, having: str) -> Sequence[str]:
    deadline = time.monotonic() + 10
    while True:
        written = lab.run("cat", path, check=False).stdout.splitlines()
        if found := [line for line in written if having in line]:
            return found
        assert time.monotonic() < deadline, written[-5:]
        time.sleep(0.05)


def ancestry(lab: Lab) -> tuple[list[str], str]:
    """The programs above the process that stands for the intruder's, nearest first, and its control group."""
    pid = lab.run("pgrep", "--full", "--oldest", f"^sleep {SECONDS}$").stdout.strip()
    group = lab.run("cat", f"/proc/{pid}/cgroup").stdout
    above = []
    while (pid := lab.run("ps", "-o", "ppid=", "-p", pid).stdout.strip()) not in ("0", "1"):
        above.append(lab.run("readlink", f"/proc/{pid}/exe").stdout.strip())
    return above, group


def test_a_pool_that_listens_to_all_is_said_with_the_line_that_ends_it(web: Lab) -> None:
    listening(web, "listen = 0.0.0.0:9000")
    one = exposed(web, "php-fpm")["scripts-by-anybody"]
    assert one["severity"] == "critical"
    assert one["address"] == "0.0.0.0:9000"
    assert one["evidence"] == ["listens on 0.0.0.0:9000, reached from anywhere: a socket of its own"]
    assert one["change"]["path"] == POOL
    assert one["change"]["before"] == "listen = 0.0.0.0:9000"
    assert one["change"]["after"] == "listen = 127.0.0.1:9000"
    assert any(line.startswith(f"{POOL}: listen = 127.0.0.1:9000") for line in one["fix"])
    assert one["fix"][-1] == "systemctl restart php8.2-fpm.service"


@pytest.mark.parametrize(
    "lines",
    [
        ("listen = /run/php/php8.2-fpm.sock",),
        ("listen = 127.0.0.1:9000",),
        ("listen = 0.0.0.0:9000", "listen.allowed_clients = 127.0.0.1"),
    ],
)
def test_a_pool_that_hears_only_its_web_server_opens_nothing(web: Lab, lines: Sequence[str]) -> None:
    listening(web, *lines)
    assert exposed(web, "php-fpm") == {}


def test_who_speaks_to_a_pool_past_the_web_server_is_named_by_its_own_line(web: Lab) -> None:
    listening(web, "listen = 0.0.0.0:9000")
    assert asked(web, "index.php").endswith("here")
    said = [sign("php-fpm", "spoken-to-from-outside").said(line) for line in lines_of(web, ACCESS, having="POST")]
    assert said == [{"address": FROM, "detail": "/index.php"}]


def test_a_page_that_nginx_passes_on_is_nobody_from_outside(web: Lab) -> None:
    listening(web, "listen = /run/php/php8.2-fpm.sock")
    got(web, "index.php")
    written = lines_of(web, ACCESS, having="GET")
    assert [sign("php-fpm", "spoken-to-from-outside").said(line) for line in written] == [None]


def test_who_is_refused_by_address_is_only_an_attempt(web: Lab) -> None:
    listening(web, "listen = 0.0.0.0:9000", "listen.allowed_clients = 127.0.0.1", "catch_workers_output = yes")
    assert asked(web, "index.php") == ""
    written = lines_of(web, "/var/log/php8.2-fpm.log", having=FROM)
    assert [sign("php-fpm", "refused-by-address").said(line) for line in written] == [{"address": FROM}] * len(written)


def test_what_a_script_starts_is_php_fpm_s_by_descent_and_by_its_control_group(web: Lab) -> None:
    listening(web, "listen = 0.0.0.0:9000")
    assert asked(web, "stays.php") == ""
    above, group = ancestry(web)
    assert any(program.endswith("/php-fpm8.2") for program in above)
    assert "/php8.2-fpm.service" in group


def test_a_pool_that_ran_an_intruder_s_script_is_the_door_by_its_own_line(web: Lab) -> None:
    listening(web, "listen = 0.0.0.0:9000")
    web.write(f"{PAGES}/index.php", f"<?php exec({json.dumps(MINER)}); echo 'here';")
    assert asked(web, "index.php").endswith("here")
    (line,) = lines_of(web, ACCESS, having="POST")
    door = incident(web)["door"]
    assert door["kind"] == "php-fpm"
    assert door["address"] == "0.0.0.0:9000"
    assert door["confidence"] > 0.95
    assert door["evidence"][0] == line
    assert any("/php8.2-fpm.service" in said for said in door["evidence"])
    assert any(fix.startswith(f"{POOL}: listen = 127.0.0.1:9000") for fix in door["fix"])


def test_a_page_that_ran_what_it_was_sent_is_the_door_and_not_the_web_server(web: Lab) -> None:
    listening(web, "listen = /run/php/php8.2-fpm.sock")
    page = "vendor/phpunit/phpunit/src/Util/PHP/eval-stdin.php"
    web.write(f"{PAGES}/{page}", f"<?php exec({json.dumps(MINER)}); // where the real one evaluates php://input\n")
    got(web, page)
    (line,) = lines_of(web, "/var/log/nginx/access.log", having="eval-stdin")
    found = incident(web)
    door = found["door"]
    assert door["kind"] == "phpunit"
    assert door["evidence"][0] == line
    assert "composer install --no-dev" in door["fix"][0]


def test_a_user_agent_that_imitates_lines_gives_nothing(web: Lab) -> None:
    listening(web, "listen = /run/php/php8.2-fpm.sock")
    imitated = (
        '" 200 1 "-" "-"\t192.0.2.9 - - [17/Oct/2020:03:17:44 +0000] "POST /Util/PHP/eval-stdin.php HTTP/1.1" 200 1'
    )
    code = (
        "import socket, sys; s = socket.create_connection(('127.0.0.1', 80));"
        "s.sendall(b'GET /index.php HTTP/1.0\\r\\nUser-Agent: ' + sys.argv[1].encode() + b'\\r\\n\\r\\n'); s.recv(9999)"
    )
    web.run(sys.executable, "-c", code, imitated)
    written = lines_of(web, "/var/log/nginx/access.log", having="eval-stdin")
    for service in known_services().values():
        for each in service.sign:
            assert [each.said(line) for line in written] == [None] * len(written), (service.id, each.id)


def test_nginx_s_own_lines_tell_a_script_s_success_from_an_attempt(web: Lab) -> None:
    listening(web, "listen = /run/php/php8.2-fpm.sock")
    folder = f"{PAGES}/vendor/phpunit/phpunit/src/Util/PHP"
    got(web, "vendor/phpunit/phpunit/src/Util/PHP/eval-stdin.php")
    web.write(f"{folder}/eval-stdin.php", "<?php echo 'a stand-in that runs nothing';")
    got(web, "vendor/phpunit/phpunit/src/Util/PHP/eval-stdin.php")
    refused, taken = lines_of(web, "/var/log/nginx/access.log", having="eval-stdin")
    assert sign("phpunit", "code-refused").said(refused)
    assert sign("phpunit", "code-taken").said(refused) is None
    assert sign("phpunit", "code-taken").said(taken)
    assert sign("phpunit", "code-refused").said(taken) is None
