"""Replays the corpus: every case, precision, recall, calibration; fails where any case is not as it should be."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from bench.accuracy import counts as counting
from bench.accuracy.forgetting import forgotten, without_names
from bench.accuracy.measure import Outcome, Played, judged, outcome, played
from bench.accuracy.page import PAGE, figures, page
from davy.capsule import CapsuleError
from davy.model.incidents import Verdict

LEFT_OUT_SHARE = 0.9
"""Of the cases of a known family so many must be confirmed without all that is known of it."""


def left_out(everything: Sequence[Played]) -> dict[str, Verdict]:
    """What is said of each case that a known family's miner is in, when nothing is known of that family."""
    said = {}
    bearing = [one for one in everything if one.case.family and one.case.truth.verdict is Verdict.CONFIRMED]
    for family in sorted({one.case.family for one in bearing if one.case.family}):
        with forgotten(family):
            for one in bearing:
                if one.case.family == family:
                    said[one.name] = judged(without_names(one.snapshot, family), family).verdict
    return said


def _show(outcomes: Sequence[Outcome], without: dict[str, Verdict]) -> None:
    for one in outcomes:
        mark = "  " if one.good else "! "
        print(f"{mark}{one.name:34} {one.case.truth.verdict:10} {one.got:10} {one.bits:6.1f} bits", end="")
        print(f"   without its family: {without[one.name]}" if one.name in without else "")
        for pattern in one.missed:
            print(f"      not named: {pattern}")
        for actor in one.wrong:
            print(f"      accused, and not of the gang: {actor}")
    found = figures(outcomes, without)
    print(f"{len(outcomes)} cases: recall {found.recall:.3f}, precision {found.precision:.3f}; of subjects", end=" ")
    print(f"{found.subject_recall:.3f}, {found.subject_precision:.3f}; without its family {found.left_out:.3f}")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.accuracy", description=__doc__)
    parser.add_argument("--write", action="store_true", help="write docs/accuracy.md")
    parser.add_argument("--update-counts", action="store_true", help="write the counts into knowledge/weights")
    options = parser.parse_args()
    try:
        everything = list(played())
    except CapsuleError as error:
        print(f"bench.accuracy: {error}: python -m bench.corpus record", file=sys.stderr)
        return 2
    outcomes = [outcome(one) for one in everything]
    without = left_out(everything)
    _show(outcomes, without)
    counts = counting.counted(outcomes)
    if options.update_counts:
        counting.write(counts)
    if options.write:
        PAGE.write_text(page(outcomes, without, counts))
    found = figures(outcomes, without)
    return 0 if min(found.recall, found.precision) == 1.0 and found.left_out >= LEFT_OUT_SHARE else 1


if __name__ == "__main__":
    sys.exit(main())
