"""The page of accuracy: every figure with every case it comes from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final

from msgspec import Struct

from bench.accuracy.counts import Counts
from bench.accuracy.measure import Outcome
from davy.knowledge.weights import weights
from davy.model.incidents import Verdict

PAGE: Final = Path(__file__).parents[2] / "docs" / "accuracy.md"
_BINS: Final = (0.0, 0.1, 0.5, 0.9, 0.99, 1.0)


class Figures(Struct, frozen=True, kw_only=True):
    """What the cases come to."""

    recall: float
    """Of the cases that must be confirmed, those that are."""
    precision: float
    """Of the cases with an incident, those in which somebody mines."""
    subject_recall: float
    """Of what belongs to a gang, what an incident names."""
    subject_precision: float
    """Of the actors named, those that the truth names."""
    left_out: float
    """Of the cases of a known family, those confirmed without all that is known of it."""


def figures(outcomes: Sequence[Outcome], left_out: dict[str, Verdict]) -> Figures:
    """Precision and recall, of cases and of subjects."""
    wanted = [one for one in outcomes if one.case.truth.verdict is Verdict.CONFIRMED]
    alarmed = [one for one in outcomes if one.got is not Verdict.CLEAN]
    gang = sum(one.found + len(one.missed) for one in outcomes)
    actors = sum(one.right + len(one.wrong) for one in outcomes)
    return Figures(
        recall=_share(sum(one.got is Verdict.CONFIRMED for one in wanted), len(wanted)),
        precision=_share(sum(one.case.truth.verdict is not Verdict.CLEAN for one in alarmed), len(alarmed)),
        subject_recall=_share(sum(one.found for one in outcomes), gang),
        subject_precision=_share(sum(one.right for one in outcomes), actors),
        left_out=_share(sum(got is Verdict.CONFIRMED for got in left_out.values()), len(left_out)),
    )


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 1.0


def page(outcomes: Sequence[Outcome], left_out: dict[str, Verdict], counts: Counts) -> str:
    """The whole page."""
    found = figures(outcomes, left_out)
    wanted = sum(one.case.truth.verdict is Verdict.CONFIRMED for one in outcomes)
    alarmed = sum(one.got is not Verdict.CLEAN for one in outcomes)
    mining = [one for one in outcomes if one.kind == "mining"]
    honest = [one for one in outcomes if one.kind == "honest"]
    return "\n".join([
        "# How true the verdict is",
        "",
        "Written by `python -m bench.accuracy --write`; the tests hold it to the corpus.  Each case was really run",
        "in a clean throw-away Debian (`tests/corpus`), its facts saved to a capsule, and the capsule is judged as a",
        "live host is.  Those that mine are stand-ins: they behave as miners do and mine nothing.",
        "",
        *_table(("", "share"), (
            (f"recall: of {wanted} cases with a miner, confirmed",
             f"{found.recall:.3f}"),
            (f"precision: of {alarmed} cases with an incident, those with a miner",
             f"{found.precision:.3f}"),
            ("of what belongs to a gang, named", f"{found.subject_recall:.3f}"),
            ("of the actors named, those that belong to a gang", f"{found.subject_precision:.3f}"),
            (f"of {len(left_out)} cases of a known family, still confirmed with all that is known of it taken away",
             f"{found.left_out:.3f}"),
        )),
        "",
        "## Calibration",
        "",
        "Everybody judged: the incidents, and the processes that were looked at and let go.",
        "",
        *_table(("confidence", "judged", "said on average", "mine"), _calibration(outcomes)),
        "",
        "## Cases with a miner",
        "",
        "Without: what is said when the family's file is taken away, and its names in the facts are replaced.",
        "",
        *_table(("case", "expected", "got", "bits", "family", "without", "what runs"), (
            (one.name, one.case.truth.verdict, one.got, f"{one.bits:.1f}", one.case.family or "",
             left_out.get(one.name, ""), one.case.summary)
            for one in mining
        )),
        "",
        f"## Honest work: {len(honest)} kinds",
        "",
        "Bits: of the worst that was looked at and let go; from 6 on, out of two aspects, it would be suspect.",
        "",
        *_table(("case", "expected", "got", "bits", "what runs"), (
            (one.name, one.case.truth.verdict, one.got, f"{one.bits:.1f}", one.case.summary) for one in honest
        )),
        "",
        "## Weights",
        "",
        "In how many cases with a miner each stood against one of the gang, and of how many honest subjects.",
        "",
        *_table(("rule", "degree", "bits", "mining", "honest"), (
            (weight.rule, weight.degree, f"{weight.bits:+.1f}", *map(str, counts[key]))
            for key, weight in sorted(weights().items())
        )),
        "",
    ])  # fmt: skip


def _calibration(outcomes: Sequence[Outcome]) -> Iterator[tuple[str, ...]]:
    everybody = [each for one in outcomes for each in one.sure]
    for low, high in pairwise(_BINS):
        judged = [each for each in everybody if low <= each[0] < high or (high == 1.0 and each[0] == 1.0)]
        if judged:
            said = sum(sure for sure, _ in judged) / len(judged)
            yield (
                f"{low:g} to {high:g}",
                str(len(judged)),
                f"{said:.3f}",
                f"{sum(true for _, true in judged) / len(judged):.3f}",
            )


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield "| " + " | ".join(head) + " |"
    yield "|" + " --- |" * len(head)
    for row in rows:
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"
