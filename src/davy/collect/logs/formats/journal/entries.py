"""What an entry of the journal says, as a line of text."""

from __future__ import annotations

from typing import Final

from davy.collect.logs.formats.journal.compressed import DamagedError
from davy.collect.logs.formats.journal.objects import Entry, JournalFile

_NAMES: Final = frozenset({
    b"MESSAGE", b"SYSLOG_IDENTIFIER", b"SYSLOG_PID", b"_PID", b"_COMM", b"_UID", b"_TRANSPORT", b"_SYSTEMD_UNIT",
    b"UNIT", b"_EXE",
})  # fmt: skip
_LONGEST: Final = max(map(len, _NAMES))
_KEPT_LIMIT: Final = 1 << 16
_SMALL: Final = 256
_GUARDED: Final = frozenset({
    b"sshd", b"sshd-session", b"sshd-auth", b"CRON", b"cron", b"crond", b"anacron", b"sudo", b"su", b"login",
    b"systemd-logind", b"chronyd", b"ntpd",
})  # fmt: skip
"""Names by which logins, commands and set clocks are told: only root and these programs themselves speak so."""
_SYSTEM: Final = (b"/usr/", b"/bin/", b"/sbin/", b"/lib/", b"/nix/store/")
"""Where programs lie that root alone installs."""
_PARTING: Final = (b"Received disconnect from ", b"Disconnected from ")
"""What sshd says as the user who logged in, when nobody may see any more which program it is; nobody gains by it."""


class Fields:
    """Reads entries' fields, and remembers those that many have."""

    def __init__(self, journal: JournalFile) -> None:
        self._journal = journal
        self._kept: dict[int, tuple[bytes, bytes] | None] = {}
        self.fault: str | None = None
        """What kept a value from being read."""

    def of(self, entry: Entry) -> dict[bytes, bytes]:
        """Those that are asked for.  Raises `DamagedError` if there is no telling where they stand."""
        found: dict[bytes, bytes] = {}
        for offset in self._journal.items(entry):
            field = self._kept[offset] if offset in self._kept else self._read(offset)
            if field is not None:
                found.setdefault(*field)
        return found

    def _read(self, offset: int) -> tuple[bytes, bytes] | None:
        try:
            data = self._journal.data(offset)
            if not data.flags and self._journal.value(offset, data, _LONGEST + 1).partition(b"=")[0] not in _NAMES:
                field = None
            else:
                name, _, value = self._journal.value(offset, data).partition(b"=")
                field = (name, value) if name in _NAMES else None
        except DamagedError as error:
            self.fault = str(error)
            return None
        if data.entries > 1 and data.size < _SMALL:
            if len(self._kept) >= _KEPT_LIMIT:
                self._kept.clear()
            self._kept[offset] = field
        return field


def sources_of(fields: dict[bytes, bytes]) -> set[bytes]:
    """By what an entry may be asked for: what it calls itself, its program's name, its unit."""
    names = (b"SYSLOG_IDENTIFIER", b"_COMM", b"_SYSTEMD_UNIT", b"UNIT")
    return {fields[name] for name in names if name in fields}


def text_of(fields: dict[bytes, bytes]) -> str | None:
    """``IDENTIFIER[PID]: MESSAGE``; None without a message.

    Anybody may write to the journal and call himself ``sshd``; the fields that begin with ``_`` are journald's own
    knowledge.  So who pretends is named first: ``logger as sshd[8421]: Accepted password ...``.
    """
    message = fields.get(b"MESSAGE")
    if message is None:
        return None
    called = fields.get(b"SYSLOG_IDENTIFIER") or fields.get(b"_COMM") or b"unknown"
    pid = fields.get(b"_PID") or fields.get(b"SYSLOG_PID")
    pretended = b"%b as " % (fields.get(b"_COMM") or b"somebody") if _pretends(called, fields) else b""
    line = b"%b%b%b: %b" % (pretended, called, b"[%b]" % pid if pid else b"", message)
    return line.decode("utf-8", "surrogateescape")


def _pretends(called: bytes, fields: dict[bytes, bytes]) -> bool:
    if called == b"kernel":
        return fields.get(b"_TRANSPORT", b"kernel") != b"kernel"
    if called not in _GUARDED or fields.get(b"_UID", b"0") == b"0":
        return False
    if fields.get(b"_COMM") == called and fields[b"MESSAGE"].startswith(_PARTING):
        return False
    folder, _, name = fields.get(b"_EXE", b"").rpartition(b"/")
    return name not in _GUARDED or not (folder + b"/").startswith(_SYSTEM)
