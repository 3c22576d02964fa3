"""Arguments: what an interpreter runs, and what is behind a wrapper."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davy.knowledge.arguments import commands, interpreter, opened, script_argument, shell, wrapper


@pytest.mark.parametrize(
    ("exe", "argv", "expected"),
    [
        ("python3", ["python3", "-u", "train.py"], ("train.py", None)),
        ("sh", ["sh", "-c", "while :; do :; done"], (None, "while :; do :; done")),
        ("python3", ["python3", "-m", "http.server"], (None, None)),
        ("dash", ["/bin/sh", "/etc/cron.hourly/x"], ("/etc/cron.hourly/x", None)),
        ("busybox", ["sh", "/opt/x.sh"], ("/opt/x.sh", None)),
        ("busybox", ["busybox", "sh", "-c", "true"], (None, "true")),
        ("busybox", ["busybox", "httpd", "-f"], (None, None)),
        ("busybox", ["busybox"], (None, None)),
        ("bash", ["-bash"], (None, None)),
        ("bash", ["bash", "-ec", "a", "name", "arg"], (None, "a")),
        ("bash", ["bash", "-c"], (None, None)),
        ("bash", ["bash", "+x", "-o", "pipefail", "s"], ("s", None)),
        ("sh", ["sh", "-", "s"], ("s", None)),
        ("perl", ["perl", "-we", "1", "x.pl"], (None, "1")),
        ("perl", ["perl", "-pi.bak", "-e", "s/a/b/", "f"], (None, "s/a/b/")),
        ("node", ["node", "--inspect", "app.js", "-e", "x"], ("app.js", None)),
        ("nodejs", ["node", "-pe", "1"], (None, "1")),
        ("php8.2", ["php", "-r", "1;"], (None, "1;")),
        ("python3.11", ["anything at all", "/srv/x.py"], ("/srv/x.py", None)),
        ("python3.11", ["python3", ""], (None, None)),
        ("java", ["java", "-jar", "a.jar"], ("a.jar", None)),
        ("ls", ["ls", "x.py"], (None, None)),
        ("python3", [], (None, None)),
        ("python3", ["python3", "-c"], (None, None)),
    ],
)
def test_script_argument(exe: str, argv: list[str], expected: tuple[str | None, str | None]) -> None:
    assert script_argument(exe, argv) == expected


@pytest.mark.parametrize(
    "name", ["python3", "python3.11", "pypy3", "bash", "dash", "perl5.36.0", "node", "php8.2", "java"]
)
def test_interpreters(name: str) -> None:
    assert interpreter(name)


@pytest.mark.parametrize("name", ["pythonista", "ssh", "push", "nodemon", "phpunit", "javac", "minerd", "shasum", ""])
def test_no_interpreters(name: str) -> None:
    assert not interpreter(name)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('a \'b c\' "d\\"e" f\\ g', [("a", "b c", 'd"e', "f g")]),
        ("a>x 2>&1 b", [("a", "b")]),
        ("a >& /tmp/log; b", [("a",), ("b",)]),
        ("a &> /tmp/log && b", [("a",), ("b",)]),
        ("a|b||c;d&e\nf", [("a",), ("b",), ("c",), ("d",), ("e",), ("f",)]),
        ("x $(a b) `c`", [("x",), ("a", "b"), ("c",)]),
        ("sh -c 'a; sh -c \"b c\"'", [("a",), ("b", "c")]),
        ("timeout 5 sudo -u x sh -c 'nice a'", [("a",)]),
        ("a '", [("a",)]),
        ("sudo", []),
        ("nice -n $(nproc) a `b`", [("a",), ("nproc",), ("b",)]),
        ("diff <(a b) c", [("diff", "$()", "c"), ("a", "b")]),
        ("$X/a -u $Y.$(b)", [("$X/a", "-u", "$Y.$()"), ("b",)]),
        ("for x in a b; do c $x; done", [("c", "$x")]),
        ("find . -exec a {} \\; -o -execdir nice b {} + -print", [("a", "{}"), ("b", "{}")]),
        ("find . -name -exec", []),
        ("time { a; }", [("a",)]),
        ("su bob -c 'a; b'", [("a",), ("b",)]),
        ("csh -c 'nice a'", [("a",)]),
        ("command -v a", []),
        ("taskset -cp 0 1", []),
        ("screen -S a -X quit", []),
    ],
)
def test_commands_of_a_text(text: str, expected: list[tuple[str, ...]]) -> None:
    assert list(commands(text)) == expected


@pytest.mark.parametrize("path", ["/tmp/x86_64", "./screen", "/root/.cache/screen", "/tmp/busybox", "/opt/nohup"])
def test_a_wrapper_outside_the_systems_folders_is_a_command_too(path: str) -> None:
    assert list(opened([path, "a", "b"])) == [(path, "a", "b"), ("a", "b")]
    assert list(opened([path])) == [(path,)]


def test_what_no_shell_reads_has_no_reserved_words() -> None:
    assert list(opened(["if", "-o", "x"])) == [("if", "-o", "x")]
    assert list(opened(["A=1", "x"])) == [("A=1", "x")]
    assert list(opened(["env", "A=1", "x"])) == [("x",)]


def test_shells_and_wrappers() -> None:
    assert all(map(shell, ["sh", "bash", "ksh93", "fish", "tcsh"]))
    assert not any(map(shell, ["python3", "sudo", "ssh", ""]))
    assert all(map(wrapper, ["sh", "sudo", "find", "ld-linux-x86-64.so.2"]))
    assert not any(map(wrapper, ["python3", "grep", ""]))


def test_nesting_ends() -> None:
    argv: tuple[str, ...] = ("x",)
    for _ in range(50):
        argv = ("eval", *argv)
    assert list(opened(argv)) == []


@given(
    st.sampled_from(["sh", "python3", "perl", "node", "php", "lua", "java", "busybox"]), st.lists(st.text(max_size=8))
)
def test_any_command_line_is_taken(exe: str, argv: list[str]) -> None:
    script, inline = script_argument(exe, argv)
    assert script is None or script in "".join(argv)
    assert inline is None or inline in "".join(argv)
    list(opened([exe, *argv]))
