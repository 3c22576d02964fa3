"""The containers that a tree in memory tells of."""

from __future__ import annotations

from collections.abc import Mapping

from davy.collect.containers import containers
from davy.host import Entry, Host, MemoryRoot
from davy.model.containers import Container
from davy.model.facts import Gap

PASSWD = "root:x:0:0:root:/root:/bin/bash\nada:x:1000:1000:Ada:/home/ada:/bin/bash\n"


def told(files: Mapping[str, bytes | str | Entry]) -> list[Container | Gap]:
    return list(containers(Host(MemoryRoot({"/etc/passwd": PASSWD, **files}))))


def found(files: Mapping[str, bytes | str | Entry]) -> list[Container]:
    facts = told(files)
    assert not [fact for fact in facts if isinstance(fact, Gap)]
    return [fact for fact in facts if isinstance(fact, Container)]
