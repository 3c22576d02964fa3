"""Which settings are in force: arguments before the environment before files before defaults, each with its place."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from tests.unit.collect.services.sample import instance

from davy.collect.services.configuration import files_of, named, read
from davy.collect.services.instance import Instance, image_name, is_image_of
from davy.collect.services.settings import settings
from davy.host import Entry
from davy.knowledge.services import ConfigFile, ConfigFormat, KnownService, KnownSetting, known_services
from davy.model.containers import Container
from davy.model.services import Setting, SettingSource


def told(found: Instance) -> dict[str, list[Setting]]:
    configuration = read(found.ground, files_of(found, lambda *_: True), found.cwd)
    in_force: dict[str, list[Setting]] = {}
    for setting in settings(found, configuration):
        in_force.setdefault(setting.name, []).append(setting)
    return in_force


def values(found: Instance) -> dict[str, list[str]]:
    return {name: [one.value for one in several] for name, several in told(found).items()}


CONF = {"/etc/stored/stored.conf": "# all\nmode filed\npassword hunter2\n"}


@pytest.mark.parametrize(
    ("line", "environment", "value", "place"),
    [
        ("stored --mode said", {"STORED_MODE": "set"}, "said", "its command line"),
        ("stored", {"STORED_MODE": "set"}, "set", "its environment"),
        ("stored", {}, "filed", "/etc/stored/stored.conf line 2"),
    ],
)
def test_arguments_outrank_the_environment_and_that_the_files(
    line: str, environment: Mapping[str, str], value: str, place: str
) -> None:
    (mode,) = told(instance(CONF, line, environment))["mode"]
    assert (mode.value, mode.place) == (value, place)


def test_what_nothing_says_is_as_usual_and_what_has_no_usual_value_is_absent() -> None:
    found = told(instance({}))
    assert [(one.value, one.source) for one in found["mode"]] == [("safe", SettingSource.DEFAULT)]
    assert "password" not in found


def test_an_image_of_the_services_own_may_be_built_otherwise() -> None:
    own = Container(runtime="docker", id="1", name="db", image="docker.io/library/stored:7")
    other = Container(runtime="docker", id="2", name="web", image="example.org/web/shop:1")
    assert values(instance({}, container=own))["mode"] == ["open"]
    assert values(instance({}, container=other))["mode"] == ["safe"]


def test_a_secret_is_never_told_but_whether_it_is_there() -> None:
    (password,) = told(instance(CONF))["password"]
    assert (password.value, password.text, password.line) == ("(set)", None, 3)
    (password,) = told(instance(CONF, environment={"STORED_PASSWORD": ""}))["password"]
    assert password.value == ""


def test_a_line_is_told_as_it_stands() -> None:
    (mode,) = told(instance({"/etc/stored/stored.conf": "  mode   filed  \n"}))["mode"]
    assert mode.text == "  mode   filed  "


def test_of_what_stands_many_times_those_count_that_are_said_to() -> None:
    found = values(instance({"/etc/stored/stored.conf": "answer a\nanswer b\nbind 10.0.0.1\nanswer c\nbind ::1\n"}))
    assert (found["first"], found["every"], found["last"]) == (["a"], ["a", "b", "c"], ["c"])
    assert found["bind"] == ["10.0.0.1", "::1"]


def test_keys_with_a_wildcard_have_each_their_own_value() -> None:
    text = "pool.a.listen 1\npool.b.listen 2\npool.a.listen 3\npool.listen 4\n"
    assert values(instance({"/etc/stored/stored.conf": text}))["pools"] == ["3", "2"]


def test_an_expression_takes_its_part_of_a_value_or_leaves_it() -> None:
    assert values(instance({"/etc/stored/stored.conf": "pair one two"}))["part"] == ["two"]
    assert "part" not in values(instance({"/etc/stored/stored.conf": "pair one"}))


def test_the_case_of_a_key_counts_where_that_of_its_language_does() -> None:
    assert values(instance({"/etc/stored/stored.conf": "MODE filed"}))["mode"] == ["filed"]
    known = KnownService(
        id="x", name="X", basis="seen", config=(ConfigFile(format=ConfigFormat.YAML, places=("/x.yaml",)),),
        setting=(KnownSetting(name="mode", keys=("mode",)),),
    )  # fmt: skip
    assert values(instance({"/x.yaml": "MODE: filed\n"}, known=known)) == {}


@pytest.mark.parametrize(
    ("line", "environment", "files", "expected"),
    [
        ("stored /a.conf", {"STORED_CONF": "/b.conf"}, ("/a.conf", "/b.conf", "/etc/stored/stored.conf"), ["/a.conf"]),
        ("stored", {"STORED_CONF": "/b.conf"}, ("/b.conf", "/srv/stored/stored.conf"), ["/b.conf"]),
        ("stored", {"STORED_CONF": "rel/b.conf"}, ("/srv/stored/rel/b.conf",), ["/srv/stored/rel/b.conf"]),
        ("stored", {}, ("/srv/stored/stored.conf", "/etc/stored/stored.conf"), ["/srv/stored/stored.conf"]),
        ("stored", {}, ("/srv/stored/bin/stored.conf", "/etc/stored/stored.conf"), ["/srv/stored/bin/stored.conf"]),
        ("stored", {}, ("/root/.stored.conf", "/home/u/.stored.conf"), ["/home/u/.stored.conf", "/root/.stored.conf"]),
        ("stored /gone.conf", {}, ("/etc/stored/stored.conf",), []),
    ],
)
def test_files_are_those_it_names_else_those_beside_it_else_the_usual_ones(
    line: str, environment: Mapping[str, str], files: tuple[str, ...], expected: list[str]
) -> None:
    found = instance(dict.fromkeys((*files, "/etc/passwd"), "mode filed\n"), line, environment)
    assert sorted(path for _, path in files_of(found, lambda *_: True)) == expected


def test_a_file_is_not_read_out_of_proc_or_from_a_device() -> None:
    tree = {"/proc/1/x.conf": "mode proc\n", "/x/l.conf": Entry(target="/proc/1/x.conf")}
    assert values(instance(tree, "stored /proc/1/x.conf"))["mode"] == ["safe"]
    assert values(instance(tree, "stored /x/l.conf"))["mode"] == ["safe"]


def test_a_fifo_in_the_place_of_a_file_is_passed_over() -> None:
    found = instance({"/etc/stored/stored.conf": Entry(mode=0o010644)})
    assert values(found)["mode"] == ["safe"]


def test_what_a_file_includes_stands_in_its_place() -> None:
    tree = {
        "/etc/stored/stored.conf": "mode one\ninclude more.conf\ninclude_dir conf.d\n",
        "/etc/stored/more.conf": "mode two\n",
        "/etc/stored/conf.d/1.conf": "mode three\n",
        "/etc/stored/conf.d/2.txt": "mode four\n",
    }
    (mode,) = told(instance(tree))["mode"]
    assert (mode.value, mode.path) == ("three", "/etc/stored/conf.d/1.conf")


def test_what_is_included_below_a_match_holds_for_some_alone() -> None:
    tree = {
        "/etc/stored/stored.conf": "Match User git\n include git.conf\nMatch all\nmode mine\n",
        "/etc/stored/git.conf": "answer git\nmode theirs\n",
    }
    found = values(instance(tree))
    assert found["mode"] == ["mine"]
    assert "first" not in found


def test_files_that_include_themselves_end() -> None:
    tree = {"/etc/stored/stored.conf": "include stored.conf\ninclude b.conf\nmode a\n",
            "/etc/stored/b.conf": "include stored.conf\nmode b\n"}  # fmt: skip
    assert values(instance(tree))["mode"] == ["a"]


def test_a_file_that_is_too_large_is_read_as_far_as_that_goes_and_said() -> None:
    found = instance({"/etc/stored/stored.conf": "mode first\n" + "# x\n" * 200_000 + "mode last\n"})
    assert values(found)["mode"] == ["first"]
    assert [gap.why for gap in found.ground.gaps] == ["larger than 512 KiB"]


def test_the_version_is_in_the_name_of_a_file_of_the_program() -> None:
    (version,) = told(instance({"/srv/stored/lib/stored-2.3.0.jar": b"PK\3\4"}))["version"]
    assert (version.value, version.path) == ("2.3.0", "/srv/stored/lib/stored-2.3.0.jar")
    line = "java -cp /x/lib/other.jar:/opt/s/lib/stored-1.9.jar Main"
    assert values(instance({}, line))["version"] == ["1.9"]


def test_the_version_is_in_the_text_of_a_file_of_the_program() -> None:
    known = KnownService(
        id="x", name="X", basis="seen",
        setting=(KnownSetting(name="version", program="VERSION", expression=r"version=(\S+)", gives="version"),),
    )  # fmt: skip
    assert values(instance({"/srv/stored/VERSION": "a\nversion=4.5\n"}, known=known))["version"] == ["4.5"]
    assert values(instance({"/srv/stored/VERSION": b"\x7fELF\0version=4.5\n"}, known=known)) == {}


def test_the_version_of_a_container_is_what_its_image_is_tagged_with() -> None:
    tagged = Container(runtime="docker", id="1", name="db", image="stored:6.2-alpine")
    untagged = Container(runtime="docker", id="1", name="db", image="localhost:5000/library/stored")
    assert values(instance({}, container=tagged))["version"] == ["6.2-alpine"]
    assert "version" not in values(instance({}, container=untagged))


@pytest.mark.parametrize(
    ("image", "name"),
    [
        ("redis", "redis"), ("redis:7", "redis"), ("docker.io/library/redis:7@sha256:aa", "library/redis"),
        ("localhost:5000/team/redis", "team/redis"), ("bitnami/redis:latest", "bitnami/redis"),
        ("registry.example.org:443/a/b/c:1", "a/b/c"),
    ],
)  # fmt: skip
def test_an_images_name_is_without_registry_and_tag(image: str, name: str) -> None:
    assert image_name(image) == name


def test_whose_an_image_is() -> None:
    redis = known_services()["redis"]
    assert is_image_of(redis, "redis:7")
    assert is_image_of(redis, "docker.io/library/redis")
    assert is_image_of(redis, "redis/redis-stack-server:latest")
    assert not is_image_of(redis, "evil/redis")
    assert not is_image_of(redis, None)


def test_a_text_is_searched_for_what_it_says() -> None:
    known = KnownService(
        id="x", name="X", basis="seen", config=(ConfigFile(format=ConfigFormat.TEXT, places=("/etc/x.sh",)),),
        setting=(KnownSetting(name="token", expression=r"TOKEN=(\S*)", keys=("-",)),),
    )  # fmt: skip
    (token,) = told(instance({"/etc/x.sh": "a\nb TOKEN=z\n"}, known=known))["token"]
    assert (token.value, token.line, token.text) == ("z", 2, "b TOKEN=z")


def test_sections_of_nginx_are_kept_through_what_they_include() -> None:
    known = KnownService(
        id="x", name="X", basis="seen", config=(ConfigFile(format=ConfigFormat.NGINX, places=("/etc/n/nginx.conf",)),),
        setting=(KnownSetting(name="listen", keys=("http.server.listen",), gives="address"),),
    )  # fmt: skip
    tree = {
        "/etc/n/nginx.conf": "http {\n include sites/*;\n}\n",
        "/etc/n/sites/a": "server {\n listen 80;\n}\n",
        "/etc/n/sites/b": "server {\n listen 127.0.0.1:81;\n}\n",
    }
    assert values(instance(tree, known=known))["listen"] == ["80", "127.0.0.1:81"]


def test_nothing_is_named_where_the_line_is_of_another_shape() -> None:
    found = instance({}, "stored --help")
    assert named(found, found.known.config[0]) is None
