"""What the verbs have in common: their options, their exit statuses, and the error that ends one in a line."""

from __future__ import annotations

import math
from typing import Any, Final

import click

INCIDENT: Final = 1
NOT_DONE: Final = 2


class CannotError(Exception):
    """The verb could not be done; the message is one clear line for standard error."""


class Seconds(click.FloatRange):
    """A number of seconds within bounds, and a number at all."""

    name = "seconds"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        seconds = float(super().convert(value, param, ctx))
        if math.isnan(seconds):
            self.fail(f"{value} is not a number of seconds.", param, ctx)
        return seconds


state_option = click.option(
    "--state", envvar="DAVY_STATE", metavar="DIR", help="Where Davy keeps its journal, quarantine and scans."
)


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead.")


rules_option = click.option(
    "--rules", metavar="DIR", help="Look for your own YARA rules, too: *.yar in a folder that only root writes."
)


ptrace_option = click.option(
    "--no-ptrace", is_flag=True, envvar="DAVY_NO_PTRACE",
    help="Stop no thread, not even for the tenth of a millisecond it takes to read its registers.",
)  # fmt: skip


yes_option = click.option("--yes", is_flag=True, help="Do not ask.")
