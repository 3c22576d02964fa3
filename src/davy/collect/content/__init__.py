"""Contents: what the rules of `davy.knowledge.matching` find in program images, scripts and the hot folders.

In goes the host and the snapshot with its details; out come `ContentHit`s, and a `Gap` for what could not be searched.
"""

from davy.collect.content.hits import contents

__all__ = ["contents"]
