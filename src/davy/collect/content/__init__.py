"""Contents: what the rules of `davy.knowledge.matching` find in program images, scripts and the hot folders.

In go the host and what was read of it so far; out come `ContentHit`s, and a `Gap` for what could not be searched.
"""

from davy.collect.content.hot_files import hot_files
from davy.collect.content.images import images

__all__ = ["hot_files", "images"]
