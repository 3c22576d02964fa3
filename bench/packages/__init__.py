"""What it costs to know whom a file belongs to: ``python -m bench.packages``, on a Debian; ``--verify`` asks dpkg, too.

Everything is measured warm, in CPU time, in one run on one machine: the owners of 5,000 paths, four fifths of which
some package put there; whether what starts programs is as its package brought it; whose copy an unknown program is.
Beside them what ``dpkg -S`` takes for the same paths, and ``dpkg --verify`` for the same packages.
"""
