"""Davy's search of one tree or file as a process of its own: ``python -m bench.content.ours STATE PATH``."""

from __future__ import annotations

import os
import sys
import time

from davy.collect.content.searching import Search, Target
from davy.host import DirectoryRoot
from davy.host.walking import Walk
from davy.knowledge.matching import matcher

_FOR_EVER = 3600.0


def main(state: str, path: str) -> None:
    root = DirectoryRoot(os.path.dirname(path))
    inside = f"/{os.path.basename(path)}"
    deadline = time.monotonic() + _FOR_EVER
    if os.path.isdir(path):
        found = [each.path for each in Walk(root, inside, depth=99, deadline=deadline, names_limit=1 << 30)]
    else:
        found = [inside]
    search = Search(matcher(state), deadline=deadline, bytes_limit=1 << 40, file_limit=1 << 40, everything=True)
    hits = list(search.run(Target(name, lambda name=name: root.open_regular(name)) for name in found))  # type: ignore[misc]
    print(search.files, search.bytes, len(hits), *sorted({hit.rule_id for each in hits for hit in each.hits}))


if __name__ == "__main__":
    main(*sys.argv[1:])
