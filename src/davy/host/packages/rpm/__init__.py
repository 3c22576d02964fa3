"""rpm's packages, named without version and architecture, by which several may be installed at once.

In comes a root, out comes a catalogue: `stores` says what a file of headers is asked, a module per format answers it,
and `header` says what a header means.  Files that a package does not have on this host (documentation that was left
out, the other architecture's) it lists all the same, but nothing is expected of them.
"""

from __future__ import annotations

from davy.host.errors import Gone
from davy.host.packages.rpm.berkeley import BerkeleyStore
from davy.host.packages.rpm.catalogue import RpmCatalogue
from davy.host.packages.rpm.ndb import NdbStore
from davy.host.packages.rpm.sqlite import SqliteStore
from davy.host.root import Root

__all__ = ["RpmCatalogue", "rpm_catalogue"]

_FOLDERS = ("/usr/lib/sysimage/rpm", "/var/lib/rpm", "/usr/share/rpm")
_STORES = (("rpmdb.sqlite", SqliteStore), ("Packages.db", NdbStore), ("Packages", BerkeleyStore))


def rpm_catalogue(root: Root) -> RpmCatalogue | None:
    for folder in _FOLDERS:
        for name, store in _STORES:
            try:
                root.stat(f"{folder}/{name}")
            except Gone:
                continue
            return RpmCatalogue(store(root, f"{folder}/{name}"))
    return None
