"""System tools: what a wrapper that filters looks like, and what puts a tool back."""

from __future__ import annotations

import time

import pytest

from davy.knowledge.system_tools import filters, fix, tools


@pytest.mark.parametrize("text", tools().must_match)
def test_a_wrapper_that_leaves_lines_out_is_told(text: str) -> None:
    assert filters(text)


@pytest.mark.parametrize("text", tools().must_not_match)
def test_a_wrapper_that_shows_everything_is_let_be(text: str) -> None:
    assert not filters(text)


def test_the_fix_is_in_the_words_of_the_hosts_package_manager() -> None:
    assert fix("procps", "dpkg") == "reinstall procps: apt-get install --reinstall procps"
    assert fix("libc6:amd64", "dpkg").endswith("--reinstall libc6")
    assert fix("procps-ng", "rpm") == "reinstall procps-ng: dnf reinstall procps-ng"
    assert fix("x", "") == "reinstall x"


@pytest.mark.parametrize("piece", ["grep ", "grep -a -b -c ", "sed ", "awk ", "-v", "!", "/"])
def test_hostile_text_costs_little_time(piece: str) -> None:
    start = time.process_time()
    filters((piece * (1 << 16))[: 1 << 16])
    assert time.process_time() - start < 2.0
