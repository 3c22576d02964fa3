"""The formats of logs that are known, one file each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from davy.collect.logs.formats import log4j
from davy.collect.logs.record import Records, TimeOf
from davy.knowledge.services import LogFormat

TEXT: Final[Mapping[LogFormat, TimeOf]] = {LogFormat.LOG4J: log4j.time_of}
BINARY: Final[Mapping[LogFormat, Records]] = {}
