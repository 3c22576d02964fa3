"""Content: what a command line says of mining."""

from __future__ import annotations

from collections.abc import Iterator

from davy.detect.rule import Observation, detector
from davy.knowledge.words import mining_words
from davy.model.findings import Aspect
from davy.model.snapshot import Snapshot


@detector("content.mining-words", aspect=Aspect.CONTENT, technique="T1496.001")
def mining_command_line(snapshot: Snapshot) -> Iterator[Observation]:
    """The command line tells a miner what to do: a stratum address, an algorithm, a wallet.

    A reader of such words (an editor, grep, this tool) is not meant.
    """
    for process in snapshot.processes:
        matches = mining_words(process.cmdline, process.exe_path) if len(process.cmdline) > 1 else ()
        if not matches:
            continue
        strong = [match for match in matches if match.strong]
        yield Observation(
            subject=process.subject,
            degree="several" if len(strong) > 1 else "one" if strong else "hint",
            summary="its command line speaks of mining: " + ", ".join(match.id for match in matches[:4]),
            evidence=tuple(match.text for match in matches[:8]),
        )
