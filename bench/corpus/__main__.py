"""Records cases and judges capsules: ``python -m bench.corpus record|judge [CASE ...]``."""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
import time

from bench.corpus import tree
from bench.corpus.case import capsule_of, cases
from bench.corpus.record import record
from davy.correlate.verdict import total_bits
from davy.scan import replay


def _record(names: list[str], everything: bool) -> int:
    chosen = [(path, case) for path, case in cases(names) if names or everything or not capsule_of(path).is_file()]
    held = tree.LAB.lock()
    tree.ready()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.default_int_handler)
    failed = 0
    for number, (path, case) in enumerate(chosen, 1):
        began = time.monotonic()
        try:
            said = f"{record(path, case) / 1024:.1f} kB"
        except (RuntimeError, subprocess.SubprocessError) as error:
            failed += 1
            said = f"FAILED: {error}"
        print(f"{number}/{len(chosen)} {path.stem}: {said}, {time.monotonic() - began:.1f} s", flush=True)
    held.close()
    return 1 if failed else 0


def _judge(names: list[str]) -> int:
    for path, case in cases(names):
        _, judgement = replay(str(capsule_of(path)))
        print(f"{path.stem}: {judgement.verdict} (expected {case.truth.verdict})")
        for incident in judgement.incidents:
            print(f"  {incident.verdict} {incident.bits:.1f} bits, family {incident.family}: {incident.summary}")
            for actor in incident.actors:
                print(f"    {actor.role} {actor.kind} {actor.cmdline or actor.path or actor.name}")
            for finding in incident.findings:
                print(f"      {finding.bits:+.1f} {finding.rule} {finding.subject}: {finding.summary}")
        for one in judgement.considered:
            print(f"  let go, {total_bits(one.findings):.1f} bits: {one.name}")
            for finding in one.findings:
                print(f"      {finding.bits:+.1f} {finding.rule}: {finding.summary}")
        for gap in judgement.gaps:
            print(f"  gap {gap.collector}: {gap.what}: {gap.why}")
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.corpus", description=__doc__)
    parser.add_argument("verb", choices=("record", "judge"))
    parser.add_argument("cases", nargs="*", metavar="CASE")
    parser.add_argument("--all", action="store_true", dest="everything", help="record every case again")
    options = parser.parse_args()
    try:
        if options.verb == "judge":
            return _judge(options.cases)
        return _record(options.cases, options.everything)
    except LookupError as error:
        print(f"bench.corpus: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
