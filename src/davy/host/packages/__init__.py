"""Which installed package a file belongs to, read from the package databases themselves; no package tool is run.

In comes a root, out comes what answers: who owns a path, whether what is there is what the package installed, whether
something is missing.  dpkg, rpm, apk and pacman are read, and where a root has several, each is asked.

What it says is worth as much as root's own files are: whoever was root can have changed it as well.
"""

from __future__ import annotations

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


def packages(root: Root) -> PackageDatabase:
    """The package databases of ``root``, or `NoPackages` when it has none that Davy knows.  Raises `HostError`."""
    catalogues = [catalogue for found in _FORMATS if (catalogue := found(root))]
    databases = [CatalogueDatabase(root, catalogue) for catalogue in catalogues]
    if len(databases) > 1:
        return SeveralDatabases(databases)
    return databases[0] if databases else NoPackages()
