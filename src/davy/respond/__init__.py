"""Plan, carry out, verify, undo: what is done about an incident, so that it is never half done.

Incidents come in; a `Plan` is made before anything is touched; every step is journalled before it is done; what
comes back is learned from and evicted in a further round; `undo_entries` puts everything back.
"""

from davy.respond.carry_out import described, not_put_back, undo_entries
from davy.respond.evict import Finished, Interest, Outcome, evict, finish, needs_a_name
from davy.respond.plan import plan

__all__ = [
    "Finished", "Interest", "Outcome", "described", "evict", "finish", "needs_a_name", "not_put_back", "plan",
    "undo_entries",
]  # fmt: skip
