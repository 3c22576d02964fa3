"""Asking the person at the terminal."""

from __future__ import annotations

import sys

import click

from davy.cli.options import CannotError


def agreed(question: str, as_json: bool) -> bool:
    """Ask a person; without one to ask, the answer is no."""
    if as_json or not sys.stdin.isatty():
        raise CannotError("nobody to ask: say --yes")
    try:
        return click.confirm(question, default=False)
    except click.Abort:
        click.echo(err=True)  # what is said next is not to stand behind the question
        raise
