"""Conditions mean what they say, and what cannot be read is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davy.knowledge.matching.condition import ConditionError, condition

NAMES = ("login", "job", "keep-alive", "keep-away")


@pytest.mark.parametrize(
    ("text", "enough", "too_little"),
    [
        ("any", {"job"}, set()),
        ("all", {*NAMES}, {"login", "job", "keep-alive"}),
        ("2", {"login", "job"}, {"login"}),
        ("login", {"login"}, {"job"}),
        ("keep*", {"keep-away"}, {"job"}),
        ("2 of (login, keep*)", {"login", "keep-away"}, {"login", "job"}),
        ("all of (keep*)", {"keep-alive", "keep-away"}, {"keep-alive"}),
        ("any of (login, job)", {"job"}, {"keep-alive"}),
        ("login and job", {"login", "job"}, {"login"}),
        ("login or job and keep-away", {"login"}, {"job"}),
        ("(login or job) and keep-away", {"job", "keep-away"}, {"login"}),
        ("((login))", {"login"}, {"job"}),
    ],
)
def test_a_condition_means_what_it_says(text: str, enough: set[str], too_little: set[str]) -> None:
    meaning = condition(text, NAMES)
    assert meaning(enough)
    assert not meaning(too_little)


@pytest.mark.parametrize(
    "text",
    ["", "login job", "not login", "2 of", "2 of (", "2 of (login", "5", "0", "3 of (login, job)", "unknown", "other*",
     "login and", "or", "(login", "login)", "__import__('os')", "login; job", "2 of ()", "LOGIN", "of",
     "login of (job)"],
)  # fmt: skip
def test_what_is_no_condition_is_refused(text: str) -> None:
    with pytest.raises(ConditionError):
        condition(text, NAMES)


@given(st.text(alphabet="login job()and or2,*of ", max_size=40))
def test_any_text_is_a_condition_or_refused(text: str) -> None:
    try:
        meaning = condition(text, NAMES)
    except ConditionError:
        return
    assert meaning({*NAMES})


@given(st.sets(st.sampled_from(NAMES)), st.sets(st.sampled_from(NAMES)))
def test_more_that_is_found_never_makes_a_condition_fail(found: set[str], more: set[str]) -> None:
    meaning = condition("2 of (login, keep*) and job or all of (keep*)", NAMES)
    assert meaning(found) <= meaning(found | more)
