"""Containers, by the state files of their runtimes and by the control groups of processes; no client is run.

In comes a host, and its processes if it is live; out come `Container` facts and gaps.  One file per runtime; `living`
says which of them run, by whom they are inhabited, and whose the user ids in them are.
"""

from davy.collect.containers.containers import containers
from davy.collect.containers.living import with_own_users

__all__ = ["containers", "with_own_users"]
