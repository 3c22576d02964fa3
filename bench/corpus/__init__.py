"""Records the cases of ``tests/corpus`` as capsules, in a clean throw-away Debian.  Run: ``python -m bench.corpus``."""
