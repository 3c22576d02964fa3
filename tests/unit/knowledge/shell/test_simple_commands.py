"""Shell text: cut where a shell would cut it."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davy.knowledge.shell.simple_commands import ShellText, command_words

PIECES = [
    "a", "'", '"', "\\", "$(", ")", "`", "${", "}", "$X", "~", "*", "#", ">", "2>&1", "<<", "<(", ";", "&&", "\n", " ",
]  # fmt: skip


def words(text: str) -> list[list[str]]:
    return [list(command.words) for command in ShellText(text, str).commands()]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a b\tc", [["a", "b", "c"]]),
        ("a 'b c' \"d e\" f\\ g", [["a", "b c", "d e", "f g"]]),
        ("a'b'\"c\"d", [["abcd"]]),
        ('a "\\$\\"\\\\\\x\\\ny"', [["a", '$"\\\\xy']]),
        ("a '' \"\"", [["a", "", ""]]),
        ("a $'b' $\"c\" $", [["a", "b", "c", "$"]]),
        ("a \\\n b c\\\nd", [["a", "b", "cd"]]),
        ("a # b ; c\nd#e 'f'#g", [["a"], ["d#e", "f#g"]]),
        ("a&&b||c;d|e&f\ng|&h", [["a"], ["b"], ["c"], ["d"], ["e"], ["f"], ["g"], ["h"]]),
        ("(a; b)", [["a"], ["b"]]),
        (">x a 2>&1 <y b >>z c&>d e 3<&- f >'g h' i", [["a", "b", "c", "e", "f", "i"]]),
        ("a 2 >b c2>d", [["a", "2", "c2"]]),
        ("a <<< b c <<EOF", [["a", "c"]]),
        ("A=1 B+=2 a C=3", [["a", "C=3"]]),
        ("if ! a; then b; else c; fi", [["a"], ["b"], ["c"], []]),
        ("for x in a b; do c; done", [[], ["c"], []]),
        ("a $X ${Y:-b c}d \"$Z\" *.e f[12]", [["a", "$X", "${Y:-b c}d", "$Z", "*.e", "f[12]"]]),
        ("~ ~/a ~b c~", [["~", "~/a", "~b", "c~"]]),
        ("", []),
        (" \n;", []),
    ],
)  # fmt: skip
def test_words_are_those_a_shell_would_give(text: str, expected: list[list[str]]) -> None:
    assert words(text) == expected


def test_each_command_tells_the_operator_before_it() -> None:
    found = ShellText("a && b || c\nd", str).commands()
    assert [command.operator for command in found] == ["", "&&", "||", "\n"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('a $(b) `c` "$(d)" e<(f)', [(["a", "$()", "$()", "$()", "e$()"], ["b", "c", "d", "f"])]),
        ("a $(b $(c ')'))d", [(["a", "$()d"], ["b $(c ')')"])]),
        ("a `b \\`c\\``", [(["a", "$()"], ["b `c`"])]),
        ("a $((1 + 2))", [(["a", "$()"], ["(1 + 2)"])]),
        ("A=$(a)", [([], ["a"])]),
        ("a > $(b); c > >(d)", [(["a"], ["b"]), (["c"], ["d"])]),
        ("a $() ``", [(["a", "$()", "$()"], [])]),
    ],
)
def test_substitutions_are_told_beside_the_words(text: str, expected: list[tuple[list[str], list[str]]]) -> None:
    found = ShellText(text, str).commands()
    assert [(list(command.words), list(command.substitutions)) for command in found] == expected


@pytest.mark.parametrize("text", ["a 'b", 'a "b', "a b\\", "a b'", "a b${", "a b`", "a b$(", 'a b"$(', "a b <"])
def test_bad_quoting_ends_where_the_text_does(text: str) -> None:
    ((first, second, *_),) = words(text)
    assert (first, second[:1]) == ("a", "b")


def test_what_only_the_running_shell_knows_is_what_the_reader_says() -> None:
    text = "$A/${B} \"$C\" '$D' ~ ~e/f *? \\* $(g)"
    (command,) = ShellText(text, lambda written: f"<{written}>").commands()
    assert command.words == ["<$A>/<${B}>", "<$C>", "$D", "<~>", "<~e>/f", "<*?>", "*", "<$()>"]


def test_what_stands_before_a_program_is_taken_off() -> None:
    assert command_words(["then", "A=1", "!", "x", "if"]) == ["x", "if"]
    assert command_words(["do", "case", "x"]) == ()
    assert command_words([]) == []


@pytest.mark.parametrize("piece", [*PIECES, "a$(", "''", '"$(', "$(`", "`\\", "`a`", "<(", "\\`", "a'b", '"a$'])
def test_hostile_text_costs_little_time(piece: str) -> None:
    start = time.process_time()
    list(ShellText((piece * (1 << 16))[: 1 << 16], str).commands())
    assert time.process_time() - start < 1.0


@given(st.text() | st.lists(st.sampled_from(PIECES)).map("".join))
def test_any_text_is_taken(text: str) -> None:
    for command in ShellText(text, str).commands():
        assert all(part in text for part in command.substitutions if "`" not in text)
        assert sum(map(len, command.words)) <= 3 * len(text)
