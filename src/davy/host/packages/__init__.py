"""Which installed package a file belongs to, read from the package databases themselves; no package tool is run.

In comes a root, out comes what answers: who owns a path, whether what is there is what the package installed, whether
something is missing.  dpkg, rpm, apk and pacman are read, and where a root has several, each is asked.

What it says is worth as much as root's own files are: whoever was root can have changed it as well.
"""

from __future__ import annotations

from davy.host.errors import HostError
from davy.host.packages.apk import apk_catalogue
from davy.host.packages.database import CatalogueDatabase
from davy.host.packages.dpkg import dpkg_catalogue
from davy.host.packages.pacman import pacman_catalogue
from davy.host.packages.protocol import Expected, NoPackages, PackageDatabase, Provenance, Sum
from davy.host.packages.rpm import rpm_catalogue
from davy.host.packages.several import SeveralDatabases
from davy.host.packages.static import static_catalogue
from davy.host.root import Root

__all__ = ["Expected", "NoPackages", "PackageDatabase", "Provenance", "Sum", "packages"]

_FORMATS = (dpkg_catalogue, static_catalogue, rpm_catalogue, apk_catalogue, pacman_catalogue)


def packages(root: Root, *, forgiving: bool = False) -> PackageDatabase:
    """The package databases of ``root``, or `NoPackages` when it has none that Davy knows.  Raises `HostError`.

    A ``forgiving`` one raises nothing, now or later, and names in ``unread`` what it could not read: for who goes on
    with what can be known.  Who is about to change what a package may own had better hear of it.
    """
    databases: list[CatalogueDatabase] = []
    unread: list[str] = []
    for catalogue in _FORMATS:
        try:
            found = catalogue(root)
        except HostError as error:
            if not forgiving:
                raise
            unread.append(str(error))
        else:
            databases += [CatalogueDatabase(root, found)] if found else []
    if len(databases) > 1 or (forgiving and (databases or unread)):
        return SeveralDatabases(databases, unread, forgiving=forgiving)
    return databases[0] if databases else NoPackages()
