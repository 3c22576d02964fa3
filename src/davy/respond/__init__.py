"""Plan, carry out, verify, undo: what is done about an incident, so that it is never half done.

Incidents come in; a `Plan` is made before anything is touched; every step is journalled before it is done; what
comes back is learned from and evicted in a further round; `undo_entries` puts everything back.
"""

from davy.respond.evict import Finished, Interest, Outcome, evict, finish, needs_a_name
from davy.respond.keys import named
from davy.respond.plan import plan
from davy.respond.undo import not_put_back, undo_entries
from davy.respond.words import described

__all__ = [
    "Finished", "Interest", "Outcome", "described", "evict", "finish", "named", "needs_a_name", "not_put_back", "plan",
    "undo_entries",
]  # fmt: skip
