"""Prints what is measured, and brings the sections of the page up to date."""

from __future__ import annotations

import argparse
import os
import platform
import signal
import sys

from bench.autostarts import accused, coverage, debian, kinds, page, peers
from bench.autostarts.cost import Cost, cost
from bench.figures import row

_ROUNDS = 5


def _cost(options: argparse.Namespace) -> str:
    measured = cost(options.root or str(debian.ready()), options.rounds)
    lines = [row("", "best", "median", "budget"), *map(str, measured.figures())]
    about = _about(measured, None if options.root else debian.size())
    print("\n".join([about, *lines]), flush=True)
    return f"{about}\n\n```\n" + "\n".join(line.rstrip() for line in lines) + "\n```\n"


def _about(measured: Cost, size: str | None) -> str:
    where = f"{size}: " if size else ""
    return (
        f"{where}{measured.autostarts:,} autostarts of {measured.kinds} kinds."
        f"  {os.cpu_count()} CPUs, Linux {platform.release().split('-')[0]}, Python {platform.python_version()}."
    )


def _peers(options: argparse.Namespace) -> str:
    debian.ready()
    found = []
    for one in peers.rows(tuple(options.only.split(",")) if options.only else ()):
        print(f"{one.tool.name}: {len(one.found)} found, {one.ran.seconds:.1f} s, {one.alarms} false", flush=True)
        found.append(one)
    print(peers.by_kind(found))
    return peers.by_kind(found)


def _clean(options: argparse.Namespace) -> None:
    debian.ready()
    for line in (f"{debian.size()}", *accused.at_rest(record=options.record), *accused.booted()):
        print(line, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.autostarts", description=__doc__)
    parser.add_argument(
        "what", nargs="?", choices=("debian", "cost", "peers", "coverage", "kinds"),
        help="make the Debian and see who is accused there; what reading costs; what others find; what is covered;"
        " what kinds there are (all but the first)",
    )  # fmt: skip
    parser.add_argument("--write", action="store_true", help=f"write it into {page.PAGE.name}")
    parser.add_argument("--record", action="store_true", help=f"with debian: its facts into {accused.CAPSULE.name}")
    parser.add_argument("--rounds", type=int, default=_ROUNDS, help=f"of what is timed ({_ROUNDS})")
    parser.add_argument("--root", help="measure the cost on another root than the Debian")
    parser.add_argument("--only", default="", help="programs by the beginning of their names, such as davy,lynis")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that no Debian is left running
    if options.what == "debian":
        return _clean(options)
    sections = {
        "cost": _cost, "peers": _peers, coverage.SECTION: lambda _: coverage.page(),
        kinds.SECTION: lambda _: kinds.page(),
    }  # fmt: skip
    for name, measured in sections.items():
        if options.what in (None, name):
            text = measured(options)
            if options.write:
                page.write(name, text)
    return None


main()
