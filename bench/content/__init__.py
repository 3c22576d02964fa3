"""What searching a tree and a log by all content rules costs, beside ripgrep and YARA with the same patterns.

``python -m bench.content``: as whole processes, in one run, with a warm cache, on a copy of a gigabyte of ``/usr`` and
on a log of a gigabyte.  Needs Debian's ripgrep and yara.
"""
