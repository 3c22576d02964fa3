"""What a sweep of the pid space costs: ``python -m bench.sweep``, and as root ``--unhide --pid-max``.

Everything is measured in one run on one machine, in rounds that take turns: a C loop of pidfd_open over 4,194,304 ids,
Davy's sweep with native steps and with those in Python, and ``unhide quick``.
"""
