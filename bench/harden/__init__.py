"""What a look at the doors costs: ``python -m bench.harden``."""
