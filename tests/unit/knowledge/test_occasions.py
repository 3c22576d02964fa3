"""Occasions in words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davy.knowledge import occasions
from davy.knowledge.schedules import in_words


@pytest.mark.parametrize(
    ("occasion", "words"),
    [
        ("RUN on add", "when a device is added"),
        ("PROGRAM/RUN on add|change", "when a device is added or changed"),
        ("IMPORT on every event", "when a device comes, changes or goes"),
        ("RUN on !remove", "when a device's event is !remove"),
        ("message to org.example.A", "when somebody sends org.example.A a message on D-Bus"),
        ("network if-up", "when the network changes (if-up)"),
        ("wireguard PostUp", "when a tunnel changes (wireguard PostUp)"),
        ("rotation postrotate", "when logs are rotated (postrotate)"),
        ("boot init-bottom", "when the machine starts (init-bottom)"),
        ("core dump", "when a process dumps core"),
        ("program of format x, flags C", "when a program of format x, flags C is run"),
        ("authorization asked: YES to everybody", "when somebody asks to do what only root may: YES to everybody"),
        ("logout", "when somebody logs out"),
        ("session", "when a session begins or ends"),
        ("respawn 2345", "whenever it ends, in the runlevels 2345"),
        ("docker: restart=always", "whenever it ends (always)"),
        ("containerd: restart=unless-stopped", "whenever it ends (unless-stopped)"),
        ("podman: restart=on-failure", "whenever it fails (on-failure)"),
        ("containerd: restart=on-failure:3", "whenever it fails (on-failure:3)"),
        ("docker: restart=no", "docker: restart=no"),
        ("apt: DPkg::Post-Invoke", "when packages are installed (apt: DPkg::Post-Invoke)"),
        ("git: post-checkout", "when somebody uses git (git: post-checkout)"),
        ("php: auto_prepend_file", "when a service does its work (php: auto_prepend_file)"),
    ],
)
def test_occasions(occasion: str, words: str) -> None:
    assert in_words(occasion) == words


def test_the_time_of_a_table_is_no_occasion() -> None:
    assert occasions.in_words("*/5 * * * *") is None
    assert in_words("boot") == "when the machine starts"


@given(st.text(max_size=80))
def test_braces_and_whatever_else_a_name_holds_stay_as_they_are(name: str) -> None:
    assert occasions.in_words(f"message to x{name.replace(chr(10), '')}") is not None
