"""The verbs.  Thin: each reads its options, calls one road, and shows what came of it."""

from __future__ import annotations

import io
import os
import signal
import sys
from contextlib import suppress

import click

from davy import __version__
from davy.cli.acting import evict, undo
from davy.cli.allowing import allow
from davy.cli.baseline import baseline
from davy.cli.hardening import harden
from davy.cli.looking import explain, scan, snapshot
from davy.cli.options import NOT_DONE
from davy.cli.rehearsing import drill

__all__ = ["main", "verbs"]


class _Verbs(click.Group):
    """``davy`` alone, or with options only, is ``davy scan``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        own = {"--help", "-h", "--version"}
        rest = [word for word in args if word != "--debug"]
        if not rest or (rest[0].startswith("-") and rest[0] not in own):
            rest = ["scan", *rest]
        return super().parse_args(ctx, [*(word for word in args if word == "--debug"), *rest])


@click.group(cls=_Verbs, context_settings={"help_option_names": ["--help", "-h"], "max_content_width": 100})
@click.version_option(__version__, prog_name="davy")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def verbs(debug: bool) -> None:
    """Find cryptominers on this host, explain them, evict them so that they stay out."""


for verb in (scan, explain, allow, baseline, evict, undo, harden, drill, snapshot):
    verbs.add_command(verb)


class _Output(io.TextIOWrapper):
    """Standard output whose reader may leave: what nobody reads is dropped, and the verb, an eviction say, goes on."""

    def write(self, text: str, /) -> int:
        try:
            return super().write(text)
        except BrokenPipeError:
            self._drop()
            return len(text)

    def flush(self) -> None:
        try:
            super().flush()
        except BrokenPipeError:
            self._drop()

    def _drop(self) -> None:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.fileno())
        os.close(nowhere)


def _open_standard_streams() -> None:
    """Have nothing stand in for a standard stream that was closed.

    Else the next file that is opened, the journal say, has its number, and what is printed goes there.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            with suppress(OSError):
                os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # the lowest free number


def main() -> None:
    """The entry point: one clear line and status 2 for whatever could not be done."""
    from davy.host.clean_start import ensure_clean

    _open_standard_streams()
    ensure_clean()
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:  # so that what was stopped goes on, as after Ctrl-C
            signal.signal(number, signal.default_int_handler)
    if isinstance(sys.stdout, io.TextIOWrapper):
        encoding, lines = sys.stdout.encoding, sys.stdout.line_buffering
        sys.stdout = _Output(sys.stdout.detach(), encoding, "backslashreplace", line_buffering=lines)
    status = _run(sys.argv[1:])
    if sys.stdout is not None:
        sys.stdout.flush()
    sys.exit(status)


def _run(arguments: list[str]) -> int:
    try:
        return int(verbs.main(arguments, prog_name="davy", standalone_mode=False) or 0)
    except click.exceptions.Exit as error:
        return error.exit_code
    except click.ClickException as error:
        message = error.format_message()
    except click.Abort:
        message = "stopped"
    except Exception as error:
        if "--debug" in arguments:
            import traceback

            traceback.print_exc()
        message = str(error) or type(error).__name__
    from davy.model.text import printable

    click.echo(f"davy: {printable(message.strip(), 500)}", err=True)
    return NOT_DONE
