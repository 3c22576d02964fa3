"""The verbs.  Thin: each reads its options, calls one road, and shows what came of it."""

from __future__ import annotations

import gc
import io
import math
import os
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click

from davy import __version__

if TYPE_CHECKING:
    from davy.host import Host
    from davy.journal import Eviction, Journal
    from davy.model.allowance import Allowance
    from davy.model.facts import Gap
    from davy.model.incidents import Incident, Judgement
    from davy.respond import Finished

INCIDENT = 1
NOT_DONE = 2
_NICE = -5


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


_state_option = click.option(
    "--state", envvar="DAVY_STATE", metavar="DIR", help="Where Davy keeps its journal, quarantine and scans."
)
_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead.")
_rules_option = click.option(
    "--rules", metavar="DIR", help="Look for your own YARA rules, too: *.yar in a folder that only root writes."
)
_ptrace_option = click.option(
    "--no-ptrace", is_flag=True, envvar="DAVY_NO_PTRACE",
    help="Stop no thread, not even for the tenth of a millisecond it takes to read its registers.",
)  # fmt: skip
_yes_option = click.option("--yes", is_flag=True, help="Do not ask.")


def _progress(quiet: bool) -> Any:
    """A status line on a terminal; nothing otherwise."""
    if quiet or not sys.stderr.isatty():
        return _Silent()
    return _Status()


class _Silent:
    def __enter__(self) -> _Silent:
        return self

    def __exit__(self, *_: object) -> None: ...

    def update(self, words: str) -> None: ...


class _Status:
    """A line that says what is done now.  The words may hold an enemy's file names: no markup, no escapes."""

    def __init__(self) -> None:
        from rich.console import Console

        self._line = Console(stderr=True).status("")

    def __enter__(self) -> _Status:
        self._line.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._line.stop()

    def update(self, words: str) -> None:
        from rich.text import Text

        from davy.model.text import printable

        self._line.update(Text(printable(words, 200)))


def _journal(folder: str | None) -> Journal:
    """The journal in ``folder``, or in the usual place.  Raises `StateError`."""
    from davy.journal import Journal
    from davy.journal.state import State, default_folder

    return Journal(State(folder or default_folder()))


def _journal_if_any(folder: str | None) -> Journal | None:
    """The same for a verb that can do without: None when there is no place for one and none was asked for."""
    from davy.journal.state import StateError

    try:
        return _journal(folder)
    except StateError:
        if folder is not None:
            raise
        return None


def _remember(journal: Journal | None, judgement: Judgement, needed: bool = False) -> None:
    """Keep a scan, so that its incidents can be named; where there is no room for it that must be ``needed``."""
    from davy.journal.state import StateError

    if journal is not None and judgement.live:
        try:
            journal.remember(judgement)
        except StateError:
            if needed:
                raise


def _host(root: str | None) -> Host:
    from davy.host import HostError, at, live

    try:
        return at(root) if root is not None else live()
    except HostError as error:
        raise CannotError(f"root {error}") from None


def _decided(state: str | None, root: str | None) -> tuple[Allowance | Gap, ...]:
    """What the owner of this host has allowed; nothing of it holds for a tree that is read instead."""
    from davy.journal.allowances import decided
    from davy.journal.state import default_folder

    return decided(state or default_folder()) if root is None else ()


def _with_unfinished(judgement: Judgement, journal: Journal | None) -> Judgement:
    """What an eviction that is not finished has stopped burns nothing, and may look innocent."""
    import msgspec

    from davy.journal.state import StateError
    from davy.model.facts import Gap

    try:
        eviction = journal.unfinished() if journal is not None and judgement.live else None
    except StateError:
        return judgement
    if eviction is None:
        return judgement
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(eviction.started))
    gap = Gap("processes", f"what the eviction of {when} stopped", "not finished: davy evict finishes it")
    return msgspec.structs.replace(judgement, complete=False, gaps=(gap, *judgement.gaps))


def _for_one_look() -> None:
    """Make this process fit for a look that is short, and may have to be taken while everything burns.

    What it reads it keeps to its end, so it does not look for garbage.  Root asks for three times the share of CPU
    that a burner gets, for the half second it needs; a priority that somebody gave Davy stays.  Source: setpriority(2).
    """
    gc.disable()
    if os.getpriority(os.PRIO_PROCESS, 0) == 0:
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, 0, _NICE)


@verbs.command()
@click.argument("capsule", required=False)
@_json_option
@click.option("--root", metavar="DIR", help="Read this tree, or this capsule, instead of the live host.")
@click.option(
    "--window",
    type=Seconds(0.1, 60),
    default=1.0,
    show_default=True,
    help="Seconds over which CPU use is sampled.",
)
@click.option("--deep", is_flag=True, help="Ask for every pid there can be, and all threads.  Takes seconds.")
@click.option("--views", is_flag=True, help="Show which view of the kernel sees which process and module.")
@_rules_option
@_ptrace_option
@_state_option
def scan(
    capsule: str | None, as_json: bool, root: str | None, window: float, deep: bool, views: bool, rules: str | None,
    no_ptrace: bool, state: str | None,
) -> int:  # fmt: skip
    """Look for miners, on this host or in CAPSULE.  Ends 0 when nothing was found, 1 when an incident was."""
    _for_one_look()
    from davy.model.reach import Reach
    from davy.scan import replay
    from davy.scan import scan as road

    if capsule is not None and root is not None:
        raise CannotError("one of: a capsule, --root")
    if rules is not None:
        _check_rules(rules)
    saved = capsule or _capsule_in(root)
    if saved:
        _, judgement = replay(saved)
    else:
        host = _host(root)
        journal = _journal_if_any(state) if root is None or state is not None else None
        kept = journal.state.folder if journal is not None else None
        reach = Reach(deep=deep, ptrace=not no_ptrace, rules=rules, state=kept)
        with _progress(as_json) as status:
            _, judgement = road(
                host,
                window,
                lambda words: status.update(f"reading {words}"),
                reach=reach,
                decided=_decided(state, root),
            )
        judgement = _with_unfinished(judgement, journal)
        _remember(journal, judgement, needed=state is not None)
    if as_json:
        from davy.present.contract import as_json as encoded
        from davy.present.contract import scan_object

        found = scan_object(judgement)
        if views:
            from davy.present.contract import tables_object

            found["tables"] = tables_object(judgement)
        click.echo(encoded(found))
    else:
        from davy.present.terminal import console, show_judgement

        if views:
            from davy.present.views import show_views

            show_views(console(), judgement)
        show_judgement(console(), judgement, here=not saved)
    return INCIDENT if judgement.incidents else 0


def _capsule_in(root: str | None) -> str | None:
    """The capsule that stands where a tree's folder may."""
    from davy.capsule import SUFFIX

    return root if root is not None and root.endswith(SUFFIX) and not os.path.isdir(root) else None


@verbs.command()
@click.argument("file")
@click.option(
    "--window", type=Seconds(0.1, 60), default=1.0, show_default=True, help="Seconds over which CPU use is sampled."
)
@click.option("--deep", is_flag=True, help="Ask for every pid there can be, and all threads.  Takes seconds.")
@_ptrace_option
def snapshot(file: str, window: float, deep: bool, no_ptrace: bool) -> int:
    """Save all facts of this host to FILE, a capsule, which davy scan FILE judges anywhere."""
    _for_one_look()
    from davy.capsule import write
    from davy.model.reach import Reach
    from davy.scan import scan as road

    reach = Reach(deep=deep, ptrace=not no_ptrace)
    with _progress(False) as status:
        taken, _ = road(
            _host(None), window, lambda words: status.update(f"reading {words}"),
            reach=reach, decided=_decided(None, None),
        )  # fmt: skip
    write(taken, file)
    click.echo(f"{file}: {len(taken.processes)} processes, {len(taken.gaps)} gaps")
    return 0


def _check_rules(folder: str) -> None:
    """Whether the owner's rules can be used, before anything is looked at."""
    from davy.collect.content.own_rules import OwnRulesError, own_rules

    try:
        own_rules(folder)
    except OwnRulesError as error:
        raise CannotError(str(error)) from None


def _last_scan(folder: str | None) -> Judgement:
    from davy.journal.state import default_folder

    judgement = _journal(folder).last_scan()
    if judgement is None:
        raise CannotError(f"no scan is kept in {folder or default_folder()}: run davy scan first")
    return judgement


@verbs.command()
@click.argument("number", type=int, required=False)
@_json_option
@_state_option
def explain(number: int | None, as_json: bool, state: str | None) -> int:
    """Why: the findings of incident NUMBER of the last scan, their sum, and what would have changed the verdict.

    Without a number also what was looked at and let go, and what is allowed.
    """
    judgement = _last_scan(state)
    if number is not None and not 1 <= number <= len(judgement.incidents):
        raise CannotError(f"the last scan has {len(judgement.incidents)} incidents, and no number {number}")
    if as_json:
        from davy.present.contract import as_json as encoded
        from davy.present.contract import explanation_object

        chosen = judgement.incidents[number - 1] if number is not None else judgement.considered
        click.echo(encoded(explanation_object(chosen)))
        return 0
    from davy.present.terminal import console, show_considered, show_explanation, show_permitted

    if number is None and judgement.incidents:
        for each in range(1, len(judgement.incidents) + 1):
            show_explanation(console(), judgement, each)
    if number is None:
        show_considered(console(), judgement.considered)
        show_permitted(console(), judgement)
    else:
        show_explanation(console(), judgement, number)
    return 0


@verbs.command()
@click.argument("what", required=False, metavar="[NUMBER|PID|PATH]")
@click.option("--unit", metavar="UNIT", help="With PATH: the systemd service that runs it; else it runs in none.")
@click.option("--user", metavar="USER", help="With PATH: who runs it; else anybody.")
@click.option("--reason", metavar="TEXT", help="Why it is wanted; every later report shows it.")
@click.option("--list", "listing", is_flag=True, help="Say what is allowed.")
@click.option("--forget", type=int, metavar="ID", help="Allow it no longer.")
@_json_option
@_state_option
def allow(
    what: str | None,
    unit: str | None,
    user: str | None,
    reason: str | None,
    listing: bool,
    forget: int | None,
    as_json: bool,
    state: str | None,
) -> int:
    """Record that a program is wanted: the miners of incident NUMBER, the process PID, or the program at PATH.

    A number is an incident of the last scan if it has that many, and else a process.  Counts for this very content,
    run by this unit and user, while it hides nothing; nobody else of the incident is excused.
    """  # fmt: skip
    if sum((what is not None, listing, forget is not None)) != 1:
        raise CannotError("one of: what to allow, --list, --forget ID")
    if what is None and (unit is not None or user is not None or reason is not None):
        raise CannotError("--unit, --user and --reason say how and why something is allowed")
    from davy.journal import allowances
    from davy.model.allowance import Allowance
    from davy.present.allowances import show_allowances
    from davy.present.contract import allowance_object
    from davy.present.contract import as_json as encoded
    from davy.present.terminal import console

    if listing:
        known = _decided(state, None)
        for gap in known:
            if not isinstance(gap, Allowance):
                raise CannotError(f"{gap.what}: {gap.why}")
        kept = [one for one in known if isinstance(one, Allowance)]
    elif forget is not None:
        with allowances.held(_journal(state).state) as place:
            found = allowances.forget(place, forget)
        if found is None:
            raise CannotError(f"nothing is allowed under {forget}: davy allow --list")
        kept = [found]
    else:
        wanted = _wanted(what or "", unit, user, reason, state)
        with allowances.held(_journal(state).state) as place:
            kept = [allowances.allow(place, one) for one in wanted]
    if as_json:
        click.echo(encoded({"schema": 1, "allowances": [allowance_object(one) for one in kept]}))
    elif forget is not None:
        console().print("no longer allowed:")
        show_allowances(console(), kept)
    else:
        show_allowances(console(), kept)
    return 0


def _wanted(what: str, unit: str | None, user: str | None, reason: str | None, state: str | None) -> list[Allowance]:
    """The decision that a person asks for.  Raises `CannotError` in one line."""
    from davy import allow as road

    words = " ".join((reason or "").split())
    if not words:
        raise CannotError("say why it is wanted: --reason TEXT")
    if len(words) > 300:
        raise CannotError("the reason is longer than 300 characters")
    number = int(what) if what.isascii() and what.isdigit() and len(what) < 10 else None
    if number is not None and (unit is not None or user is not None):
        raise CannotError("--unit and --user go with a path: a process tells its own")
    if number is None and not what.startswith("/"):
        raise CannotError(f"{what} is neither an incident's number, nor a process, nor a path from /")
    if unit is not None and (not unit.endswith(".service") or len(unit) > 255):
        raise CannotError(f"{unit} is no name of a service, such as xmrig.service")
    host, now, by = _host(None), time.time(), _decider()
    try:
        if number is None:
            return [road.of_path(host, what, unit, user, words, now, by)]
        judgement = _journal(state).last_scan()
        if judgement is not None and 1 <= number <= len(judgement.incidents):
            return road.of_incident(host, judgement.incidents[number - 1], words, now, by)
        return road.of_process(host, number, words, now, by)
    except road.NotAllowedError as error:
        raise CannotError(str(error)) from None


def _decider() -> str | None:
    """Who decides: whoever became root, if they did so by sudo."""
    import pwd

    with suppress(KeyError):
        return os.environ.get("SUDO_USER") or pwd.getpwuid(os.getuid()).pw_name
    return None


def _chosen(judgement: Judgement, names: Sequence[str], finished: Sequence[str]) -> list[Incident]:
    """The incidents to act on: those named, or else those confirmed.  Those ``finished`` before need not be there."""
    from davy.model.incidents import Verdict

    if not names:
        return [one for one in judgement.incidents if one.verdict is Verdict.CONFIRMED]
    by_name = {one.id: one for one in judgement.incidents}
    for name in names:
        if name not in by_name and name not in finished:
            raise CannotError(f"a fresh scan has no incident {name}")
    return [by_name[name] for name in dict.fromkeys(names) if name in by_name]


@verbs.command()
@click.option("--dry-run", is_flag=True, help="Show the plan and do nothing.")
@_yes_option
@click.option("--id", "names", multiple=True, metavar="ID", help="Act on this incident, suspect or confirmed.")
@click.option(
    "--verify-for", type=Seconds(0, 86400), default=60.0, show_default=True, metavar="SECONDS",
    help="How long to watch that nothing comes back.",
)  # fmt: skip
@_json_option
@_rules_option
@_ptrace_option
@_state_option
def evict(
    dry_run: bool, yes: bool, names: tuple[str, ...], verify_for: float, as_json: bool, rules: str | None,
    no_ptrace: bool, state: str | None,
) -> int:  # fmt: skip
    """Evict what a fresh scan confirms: show the plan, ask, do it, watch that it stays gone."""
    from davy.model.reach import Reach
    from davy.present.contract import as_json as encoded
    from davy.present.contract import outcome_object, plan_object
    from davy.present.terminal import console, show_outcome, show_passed, show_plan
    from davy.respond import Interest, needs_a_name, plan
    from davy.respond import evict as road
    from davy.scan import scan as look

    if rules is not None:
        _check_rules(rules)
    host, journal, out = _host(None), _journal(state), console()
    reach = Reach(ptrace=not no_ptrace, rules=rules, state=journal.state.folder)
    with journal.state.lock():
        cut_short, finished = journal.unfinished(), None
        if cut_short is not None:
            when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(cut_short.started))
            if not dry_run:
                finished = _finish(host, journal, cut_short, as_json)
            if not as_json:
                doing = "davy evict finishes it first" if dry_run else "it is finished first"
                out.print(f"An eviction of {when} was cut short: {doing}.")
        with _progress(as_json) as status:
            snapshot, judgement = look(
                host, progress=lambda words: status.update(f"reading {words}"), reach=reach,
                decided=_decided(state, None),
            )  # fmt: skip
        journal.remember(judgement)
        chosen = _chosen(judgement, names, cut_short.plan.incidents if cut_short else ())
        passed = [one for one in judgement.incidents if one not in chosen]
        spared = journal.state.keys()
        made = plan(host, snapshot, chosen, spared_files=spared)
        if not as_json:
            show_plan(out, made)
            for one in passed:
                show_passed(out, one)
        if dry_run or not (made.steps or finished):
            if as_json:
                click.echo(encoded(plan_object(made, passed, cut_short is not None)))
            elif not chosen and not passed and cut_short is None:
                out.print("Nothing to evict.")
            return INCIDENT if made.left or passed or (dry_run and (made.steps or cut_short)) else 0
        if made.steps:
            why = needs_a_name(made)
            if yes and why and not names:
                raise CannotError(f"{why}: name the incident with --id {chosen[0].id}")
            if not yes and not _agreed("Evict?", as_json):
                raise CannotError("not agreed to: nothing " + ("more " if finished else "") + "was touched")
        with _progress(as_json) as status:
            interest = Interest(
                step=status.update,
                watch=lambda left: status.update(f"watching that nothing comes back, {left:.0f} s left"),
            )
            outcome = road(
                host, journal, made,
                watch_seconds=verify_for, interest=interest, spared_files=spared, finished=finished,
                passed=frozenset(one.id for one in passed), reach=reach,
            )  # fmt: skip
        _remember(journal, outcome.judgement)
    if as_json:
        click.echo(encoded(outcome_object(outcome, passed)))
    else:
        show_outcome(out, outcome)
    return 0 if outcome.clean and not passed else INCIDENT


def _finish(host: Host, journal: Journal, cut_short: Eviction, as_json: bool) -> Finished | None:
    """An eviction that was begun and not ended is finished before anything new is planned."""
    from davy.respond import Interest, finish

    if host.kernel is None:
        return None
    with _progress(as_json) as status:
        return finish(host.kernel, journal, cut_short, Interest(step=status.update))


def _agreed(question: str, as_json: bool) -> bool:
    """Ask a person; without one to ask, the answer is no."""
    if as_json or not sys.stdin.isatty():
        raise CannotError("nobody to ask: say --yes")
    try:
        return click.confirm(question, default=False)
    except click.Abort:
        click.echo(err=True)  # what is said next is not to stand behind the question
        raise


@verbs.command()
@_yes_option
@_json_option
@_state_option
def undo(yes: bool, as_json: bool, state: str | None) -> int:
    """Put back every file, line and unit that the last eviction changed.  What it ended stays ended."""
    from davy.present.contract import as_json as encoded
    from davy.present.contract import undo_object
    from davy.present.terminal import console, show_undo, show_undoing
    from davy.respond import not_put_back, undo_entries

    host, journal, out = _host(None), _journal(state), console()
    if host.kernel is None:
        raise CannotError("only on a live host can an eviction be undone")
    with journal.state.lock():
        evictions = journal.last_operation()
        if not evictions:
            if as_json:
                click.echo(encoded(undo_object((), ())))
            else:
                out.print("Nothing to undo.")
            return 0
        if not as_json:
            show_undoing(out, evictions)
        if not yes and not _agreed("Put it back?", as_json):
            raise CannotError("not agreed to: nothing was touched")
        kept_off = not_put_back(evictions)
        put_back, left = undo_entries(host.kernel, journal, evictions)
    if as_json:
        click.echo(encoded(undo_object(put_back, left, kept_off)))
    else:
        show_undo(out, put_back, left)
    return INCIDENT if left else 0


@verbs.command()
@click.argument("name", required=False)
@click.option("--list", "listing", is_flag=True, help="Say what can be rehearsed.")
@click.option("--stop", is_flag=True, help="End every drill and clean up after it.")
@click.option("--for", "seconds", type=Seconds(1, 86400), default=600.0, show_default=True, metavar="SECONDS")
@click.option("--cores", type=click.IntRange(1, 64), default=1, show_default=True, help="How many cores to burn.")
def drill(name: str | None, listing: bool, stop: bool, seconds: float, cores: int) -> int:
    """Rehearse: start something harmless that behaves like a family, to try scan and evict on."""
    from davy import drill as stage

    if sum((name is not None, listing, stop)) != 1:
        raise CannotError("one of: a drill's name, --list, --stop")
    if listing:
        for rehearsal in stage.names():
            click.echo(f"{rehearsal.name:12} {rehearsal.description}")
    elif stop:
        for line in stage.stop() or ("no drill runs",):
            click.echo(line)
    elif name is not None:
        started = stage.start(name, seconds, cores)
        for running in started.processes:
            click.echo(f"runs     {running.program} ({running.pid})")
        for path in started.files:
            click.echo(f"file     {path}")
        for entry in started.lines:
            click.echo(f"cron     {entry.path} ({entry.user}): {entry.text}")
        for skipped in started.skipped:
            click.echo(f"skipped  {skipped}")
        click.echo(f"until {time.strftime('%H:%M:%S', time.localtime(started.until))}, or: davy drill --stop")
    return 0


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
