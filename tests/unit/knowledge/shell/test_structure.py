"""Shell text cut into its command lines, with what holds them together."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davy.knowledge.shell.structure import CommandLine, command_lines

PIECES = st.sampled_from([
    "if", "then", "else", "elif", "fi", "while", "until", "do", "done", "for x in", "case x in", "esac", "{", "}", "(",
    ")", ";", ";;", "&&", "||", "|", "&", "\n", "\\\n", " ", "'", '"', "`", "$(", "${", "$", "<<E", "E", "<(", ">x",
    "#",     "[[", "]]", "((", "))", "f()", "function", "!", "a=(", "a", "\r\n", "\0",
])  # fmt: skip


def parts(text: str) -> list[list[str]]:
    return [[text[part.start : part.end] for part in line.parts] for line in command_lines(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a b; c | d\n", [["a b", "c", "d"]]),
        ("a\nb # c\n# d\n\n", [["a"], ["b"]]),
        ("a \\\n b\nc", [["a \\\n b"], ["c"]]),
        ("a &&\nb ||\n# x\nc\nd\n", [["a", "b", "c"], ["d"]]),
        ("a 'b\nc' \"d\ne\" `f\ng` $(h\ni)\nj", [["a 'b\nc' \"d\ne\" `f\ng` $(h\ni)"], ["j"]]),
        ('a "$(b "c)" # d\n)"\ne', [['a "$(b "c)" # d\n)"'], ["e"]]),
        ("a ${b#c} ${d:-'e}'} $#\nf#g", [["a ${b#c} ${d:-'e}'} $#"], ["f#g"]]),
        ("cat <<E >x\nif a; then\n'\nE\nb", [["cat <<E >x"], ["b"]]),
        ("cat <<-'E' | sh\n\ta\n\tE\nb", [["cat <<-'E'", "sh"], ["b"]]),
        ("a <<A <<B\n1\nA\n2\nB\nb", [["a <<A <<B"], ["b"]]),
        ("cat <<E ||\n'\nE\nb\nc", [["cat <<E", "b"], ["c"]]),
        ("if a; then b; elif c; then d; else e; fi\nf", [["a", "b", "c", "d", "e"], ["f"]]),
        ("for x in a $(b); do c; done; d", [["a $(b)", "c", "d"]]),
        ("for x\ndo c; done", [["c"]]),
        ("for ((i=0;i<3;i++)); do c; done", [["c"]]),
        ("case $x in\n  a|b) c;;\n  (d) e\n;;\n *) ;;\nesac\nf", [["$x"], ["c"], ["e"], ["f"]]),
        ("f() { a; }\nfunction g { b; }\nfunction h() {\n c\n}\nd", [["a"], ["b"], ["c"], ["d"]]),
        ("(a; b) | c\n{ d; } > e", [["a", "b", "c"], ["d", "> e"]]),
        ("[[ a == b && (c || d) ]] && e\n((x > 1)) || f", [["[[ a == b && (c || d) ]]", "e"], ["((x > 1))", "f"]]),
        ("a=(b\nc)\nA=1 B=2 c\nd 2>&1 >/dev/null &", [["a=(b\nc)"], ["A=1 B=2 c"], ["d 2>&1 >/dev/null"]]),
        ("while read x; do a; done < <(b)", [["read x", "a", "< <(b)"]]),
        ("! a && b", [["a", "b"]]),
        ("echo if then fi\nthen", [["echo if then fi"], ["then"]]),
        ("if (a) then b; fi; c", [["a", "b", "c"]]),
        ("if ((a > 1)) then b; fi\nwhile [[ a ]] do c; done", [["((a > 1))", "b"], ["[[ a ]]", "c"]]),
        ("case x in\n3:<3-> | <<a) b;;\nesac", [["x"], ["b"]]),
        ("a=~/x*(N) ls *(.) \"$@\"", [["a=~/x*(N) ls *(.) \"$@\""]]),
        ("$'it\\'s' a\nb", [["$'it\\'s' a"], ["b"]]),
    ],
)  # fmt: skip
def test_command_lines_are_what_the_shell_reads_before_it_runs_anything(text: str, expected: list[list[str]]) -> None:
    assert [found for found in parts(text) if found] == expected


def test_a_line_knows_its_place_and_whether_it_can_be_taken_out_as_it_is() -> None:
    text = "a\nif b; then\n  c &&\n  d\nfi\nwhile\n e\ndo f; done\n"
    assert [(line.line, line.end_line, line.whole, line.instead) for line in command_lines(text)] == [
        (1, 1, True, None),
        (2, 2, False, None),
        (3, 4, True, ":"),
        (5, 5, False, ":"),
        (6, 6, False, None),
        (7, 7, True, "false"),
        (8, 8, False, "false"),
    ]


@pytest.mark.parametrize(
    ("text", "instead"),
    [
        ("if a; then\nfi", "false"),
        ("if ! a; then\nfi", ":"),
        ("while a; do\ndone", "false"),
        ("while ! a; do\ndone", ":"),
        ("until a; do\ndone", ":"),
        ("until ! a; do\ndone", "false"),
        ("case a in\nesac", ":"),
        ("for x in a; do\ndone", ""),
        ("{\n} < a", "</dev/null"),
        ("a", ":"),
    ],
)
def test_nothing_that_takes_a_command_s_place_begins_a_loop_without_an_end(text: str, instead: str) -> None:
    assert [part.instead for line in command_lines(text) for part in line.parts] == [instead]


@pytest.mark.parametrize("open_end", ["'", '"', "`", "$(", "${x", "<(", "a=(", "\\"])
def test_what_never_ends_is_a_line_of_its_own(open_end: str) -> None:
    text = f"a\nb {open_end}\nc\nd\n" if open_end != "\\" else "a\nb\nc\nd \\"
    lines = [text[line.start : line.end] for line in command_lines(text)]
    assert lines[0] == "a"
    assert len(lines) == 4


@pytest.mark.parametrize("text", ["a \\\n", "a\\\n", "a >\\\n", "a <<E\\\n"])
def test_a_line_that_goes_on_at_the_end_of_the_text_ends_there(text: str) -> None:
    (line,) = command_lines(text)
    assert (line.end_line, line.end) == (1, len(text) - 1)
    assert line.code_end <= line.end


@given(st.one_of(st.text(max_size=200), st.lists(PIECES, max_size=60).map("".join)))
def test_any_text_is_cut_into_lines_that_follow_each_other(text: str) -> None:
    end = 0
    last: CommandLine | None = None
    for line in command_lines(text):
        assert end <= line.start <= line.code_end <= line.end <= len(text)
        assert text.count("\n", 0, line.start) + 1 == line.line <= line.end_line
        assert text.count("\n", 0, line.end) + 1 == line.end_line
        assert last is None or last.end_line < line.line
        here = line.start
        for part in line.parts:
            assert here <= part.start <= part.end <= line.end
            here = part.end
        end, last = line.end, line


def test_hostile_texts_take_less_than_two_seconds() -> None:
    started = time.process_time()
    for piece in (
        "\n", "(", "(\n", "$(", "${", '"', "'", "`", "\\", "\\\n", "<<E\n", "[[ a\n", "((", "((a", "case x in\n",
        "if a\n", "f()\n", "a=(", "!", "a |\n", "$(\n'", '"$(', "<(", "{\n", "a;", "#", "for x in\n", "\0",
        "\x0b", "\u2003",
    ):  # fmt: skip
        list(command_lines(piece * ((32 << 10) // len(piece))))
    assert time.process_time() - started < 2.0
