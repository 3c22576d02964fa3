"""The one way in which every reader of autostarts looks at a host.

`Files` finds what patterns match, for all users and in every home, each file once whatever leads to it; reads it within
bounds; and makes autostarts of the entries that a parser finds in its text.  A parser is pure: it cuts a text into an
`Entry` for each, by its `rows`, or by a `Span` where entries do not keep to lines.

    files = Files(host, "udev", AutostartKind.UDEV)
    yield from files.autostarts(udev_entries, "/etc/udev/rules.d/*.rules", "/usr/lib/udev/rules.d/*.rules", user="root")
"""

from davy.collect.autostarts.reading.entries import ENTRIES_LIMIT, Entry, Found, Span
from davy.collect.autostarts.reading.files import FILE_BYTES, File, Files
from davy.collect.autostarts.reading.homes import Home
from davy.collect.autostarts.reading.rows import Row, rows

__all__ = [
    "ENTRIES_LIMIT",
    "FILE_BYTES",
    "Entry",
    "File",
    "Files",
    "Found",
    "Home",
    "Row",
    "Span",
    "rows",
]
