"""Samples of `davy.detect.news`: what was not there before, or was another."""

from __future__ import annotations

from typing import Final

import msgspec
from tests.unit.detect.sample import Sample
from tests.unit.snapshots import cron, service, snapshot

from davy.model.autostarts import News

_RULE: Final = "persistence.new-autostart"
_NEW: Final = msgspec.structs.replace(cron("/opt/x"), news=News.NEW)
_CHANGED: Final = msgspec.structs.replace(service("/opt/x"), news=News.CHANGED)
_INSTALLED: Final = msgspec.structs.replace(service("/usr/sbin/nginx", vendor="nginx"), news=News.NEW)
_TAMPERED: Final = msgspec.structs.replace(_INSTALLED, news=News.CHANGED, unmodified=False)

MATCHING: Final = (
    Sample(_RULE, "a line that was not there", snapshot(_NEW), _NEW.subject),
    Sample(_RULE, "a unit that was another", snapshot(_CHANGED), _CHANGED.subject),
    Sample(_RULE, "a package's unit that somebody changed", snapshot(_TAMPERED), _TAMPERED.subject),
)

SPARED: Final = (
    Sample(_RULE, "a host that is looked at for the first time", snapshot(cron("/opt/x"), service("/opt/y"))),
    Sample(_RULE, "a unit of a package that was just installed", snapshot(_INSTALLED)),
)
